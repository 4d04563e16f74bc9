"""POST /api/system/version/import_github: what comes of a release on GitHub, asked of a server on loopback that plays it."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from pytest_django import Settings

from sage_platform.accounts.models import LimitedAct
from sage_platform.api.errors import TooManyRequests
from tests.answers import assert_forbidden, assert_logged_out, success
from tests.people import Caller, envelope
from tests.provider_rows import exhaust_rate
from tests.versions.asset_lists import STYLES, signed
from tests.versions.github_server import LIST, REPOSITORY, FakeGitHub, playing_github, signature_of
from tests.versions.minisigning import SIGNER
from tests.versions.rows import MAC, PATH, make_release, refusals, stored
from versions.models import Artifact, Release, Source
from versions.updater_key import UpdaterKey

pytestmark = pytest.mark.django_db
IMPORT = f"{PATH}/import_github"
UPDATE = "Sage_aarch64.app.tar.gz"
FILES = [*signed(UPDATE), "Sage_1.2.0_aarch64.dmg"]
WHEN = datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)


@pytest.fixture
def github(settings: Settings) -> Iterator[FakeGitHub]:
    with playing_github(settings) as fake:
        yield fake


def imported(caller: Caller) -> str:
    """The version that was."""
    told = envelope(caller.post(IMPORT))
    assert told["code"] == 200, told
    return str(told["data"]["version"])


# -- Whole releases ----------------------------------------------------------------------------------------------------------


def test_a_release(as_admin: Caller, github: FakeGitHub, settings: Settings) -> None:
    settings.SAGE_UPDATER_PUBKEY = UpdaterKey.read(SIGNER.public_key)
    github.publish("v1.2.0", FILES)
    told = envelope(as_admin.post(IMPORT))
    dmg, update = (github.address("v1.2.0", name) for name in ("Sage_1.2.0_aarch64.dmg", UPDATE))
    none = {"installer_url": "", "updater_url": "", "updater_signature": ""}
    both = {"platform": "darwin-aarch64", "installer_url": dmg, "updater_url": update, "updater_signature": signature_of(UPDATE)}
    plain = "This address begins with http://, so that on the way others can see and change what is downloaded."
    fields = {
        "artifacts.0.installer_url": "darwin-aarch64, installer",
        "artifacts.0.updater_url": "darwin-aarch64, update",
        "artifacts.1.updater_url": "darwin-aarch64-app, update",
    }
    assert told == success(
        {
            "version": "1.2.0",
            "release_notes": "# New\n\nFaster.",
            "pub_date": "2026-02-03T04:05:06Z",
            "artifacts": [both, none | {**both, "platform": "darwin-aarch64-app", "installer_url": ""}],
            "warnings": [{"field": field, "message": f"{place}: {plain}"} for field, place in fields.items()],
        }
    )
    release = Release.objects.get()
    assert (release.state, release.source, release.made_by, release.pub_date) == ("published", "github", "admin", WHEN)
    assert envelope(as_admin.get(f"{PATH}/latest"))["data"]["version"] == "1.2.0"
    assert github.paths == [f"{LIST}?per_page=50", f"/{REPOSITORY}/releases/download/v1.2.0/{UPDATE}.sig"]
    assert not refusals()


@pytest.mark.parametrize("style", STYLES)
def test_the_files_of_real_projects(style: str, as_admin: Caller, github: FakeGitHub) -> None:
    names, platforms = STYLES[style]
    github.publish("v1.2.0", names)
    assert imported(as_admin) == "1.2.0"
    found = {
        row.platform: tuple(address.rpartition("/")[2] for address in (row.installer_url, row.updater_url))
        for row in Artifact.objects.all()
    }
    assert found == platforms
    signatures = dict(Artifact.objects.exclude(updater_url="").values_list("updater_url", "updater_signature"))
    assert {url: text == signature_of(url.rpartition("/")[2]) for url, text in signatures.items()} == dict.fromkeys(
        signatures, True
    )
    # Each signature is fetched once, also where the update is for several platforms.
    assert len(github.paths) == 1 + len(signatures)


def test_the_address_is_the_one_that_github_gives(as_admin: Caller, github: FakeGitHub) -> None:
    """A product's name with spaces has dots as a file; no address is ever made of the product's name."""
    row = github.publish("v1.2.0", signed("Quota.Float_x64-setup.exe"))
    row["assets"][0]["browser_download_url"] = f"{github.url}/elsewhere/1?name=Quota+Float"
    assert imported(as_admin) == "1.2.0"
    assert set(Artifact.objects.values_list("updater_url", flat=True)) == {f"{github.url}/elsewhere/1?name=Quota+Float"}


def test_the_highest_stable_version_counts(as_admin: Caller, github: FakeGitHub) -> None:
    github.publish("v1.10.0", FILES)
    github.publish("v1.9.0", FILES)
    github.publish("v2.0.0-rc.1", FILES)
    github.publish("v3.0.0", FILES, prerelease=True)
    github.publish("untagged-4", FILES, draft=True, published_at=None)
    github.publish("nightly", FILES)
    github.publish("app-v9.0.0", FILES)
    assert imported(as_admin) == "1.10.0"


def test_a_prefix_of_tags(as_admin: Caller, github: FakeGitHub, settings: Settings) -> None:
    settings.SAGE_GITHUB_TAG_PREFIX = "desktop-"
    github.publish("desktop-v1.2.0", FILES)
    github.publish("server-v8.0.0", FILES)
    github.publish("v9.0.0", FILES)
    assert imported(as_admin) == "1.2.0"


def test_a_former_import_is_replaced(as_admin: Caller, github: FakeGitHub) -> None:
    """A platform came late, and the notes were mended."""
    row = github.publish("v1.2.0", FILES)
    assert imported(as_admin) == "1.2.0"
    late = signed("Sage_1.2.0_x64-setup.exe")
    row["assets"] += [github.asset("v1.2.0", name) for name in late]
    row["body"] = None
    github.files[late[1]] = signature_of(late[0]).encode()
    github.etag = 'W/"2"'
    assert imported(as_admin) == "1.2.0"
    release = Release.objects.get()
    assert (release.release_notes, release.pub_date) == ("", WHEN)
    platforms = ["darwin-aarch64", "darwin-aarch64-app", "windows-x86_64", "windows-x86_64-nsis"]
    assert list(release.artifacts.values_list("platform", flat=True)) == platforms


def test_a_draft_of_this_version_is_replaced(as_admin: Caller, github: FakeGitHub) -> None:
    make_release("1.2.0", MAC, state="draft")
    github.publish("v1.2.0", FILES)
    assert imported(as_admin) == "1.2.0"
    assert (Release.objects.get().state, Release.objects.get().pub_date) == ("published", WHEN)


def test_what_no_updater_takes_is_for_people_alone(as_admin: Caller, github: FakeGitHub) -> None:
    github.publish("v1.2.0", ["sage_1.2.0_amd64.deb"])
    assert imported(as_admin) == "1.2.0"
    assert list(Artifact.objects.values_list("platform", "updater_url")) == [("linux-x86_64", "")]


# -- The same again ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("etag", ['"é"', '"a\tb"', "none", '"' + "x" * 256 + '"'])
def test_an_etag_that_cannot_be_sent_back(etag: str, as_admin: Caller, github: FakeGitHub) -> None:
    """It is not kept, so that the next import asks without one."""
    github.publish("v1.2.0", FILES)
    github.etag = etag
    assert [imported(as_admin), imported(as_admin)] == ["1.2.0", "1.2.0"]
    assert [headers.get("if-none-match") for path, headers in github.asked if path.startswith(f"{LIST}?")] == [None, None]


def test_nothing_new(as_admin: Caller, github: FakeGitHub) -> None:
    """GitHub is asked for what it has newer, and the answer is the record as it is."""
    github.publish("v1.2.0", FILES)
    first = envelope(as_admin.post(IMPORT))
    before, asked = stored(), len(github.asked)
    assert envelope(as_admin.post(IMPORT)) == first
    assert stored() == before
    [(path, headers)] = github.asked[asked:]
    assert (path, headers["if-none-match"]) == (f"{LIST}?per_page=50", 'W/"1"')


def test_the_same_under_another_etag(as_admin: Caller, github: FakeGitHub) -> None:
    """GitHub changes it with each download that it counts. Nothing is written, and desktops are told nothing anew."""
    github.publish("v1.2.0", [*FILES, *signed("Sage_1.2.0_x64-setup.exe")])
    first = envelope(as_admin.post(IMPORT))
    before = stored()
    github.etag = 'W/"2"'
    assert envelope(as_admin.post(IMPORT)) == first
    assert stored() == before
    asked = len(github.asked)
    assert imported(as_admin) == "1.2.0"
    [(_path, headers)] = github.asked[asked:]
    assert headers["if-none-match"] == 'W/"2"'


@pytest.mark.parametrize("changed", ["notes", "time", "a signature", "an address"])
def test_what_differs_is_written(changed: str, as_admin: Caller, github: FakeGitHub) -> None:
    row = github.publish("v1.2.0", FILES)
    assert imported(as_admin) == "1.2.0"
    before, changed_at = stored(), Release.objects.get().changed_at
    github.etag = 'W/"2"'
    match changed:
        case "notes":
            row["body"] = "Better."
        case "time":
            row["published_at"] = "2026-02-03T04:05:07Z"
        case "a signature":
            github.files[f"{UPDATE}.sig"] = signature_of("another").encode()
        case "an address":
            row["assets"][2]["browser_download_url"] += "?2"
    assert imported(as_admin) == "1.2.0"
    assert Release.objects.get().changed_at > changed_at
    assert stored() != before


def test_what_another_way_published_becomes_github_s(as_admin: Caller, github: FakeGitHub) -> None:
    github.publish("v1.2.0", FILES)
    assert imported(as_admin) == "1.2.0"
    Release.objects.update(source=Source.API, made_by="a-program")
    github.etag = 'W/"2"'
    assert imported(as_admin) == "1.2.0"
    assert (Release.objects.get().source, Release.objects.get().made_by) == ("github", "admin")


def test_what_was_changed_here_is_asked_for_again(as_admin: Caller, github: FakeGitHub, settings: Settings) -> None:
    """Then the record is not what GitHub's answer made."""
    github.publish("v1.2.0", FILES)
    assert imported(as_admin) == "1.2.0"
    as_admin.send("DELETE", f"{PATH}/1.2.0")
    assert imported(as_admin) == "1.2.0"
    assert "if-none-match" not in github.asked[-2][1]
    settings.SAGE_GITHUB_TAG_PREFIX = "v"
    assert imported(as_admin) == "1.2.0"
    assert "if-none-match" not in github.asked[-2][1]


# -- Who may, and how often ------------------------------------------------------------------------------------------------


def test_who_may(anyone: Caller, as_alice: Caller, github: FakeGitHub) -> None:
    github.publish("v1.2.0", FILES)
    assert_logged_out(anyone.post(IMPORT))
    assert_forbidden(as_alice.post(IMPORT))
    assert (github.asked, Release.objects.count(), refusals()) == ([], 0, [])


def test_no_address_is_taken_from_who_asks(as_admin: Caller, github: FakeGitHub) -> None:
    github.publish("v1.2.0", FILES)
    told = envelope(as_admin.post(IMPORT, {"repository": "evil/desktop", "api_base": "http://169.254.169.254"}))
    assert told["code"] == 200
    assert all(REPOSITORY in path for path in github.paths)


def test_how_often(as_admin: Caller, github: FakeGitHub) -> None:
    github.publish("v1.2.0", FILES)
    exhaust_rate(as_admin.user)
    response = as_admin.post(IMPORT)
    assert (response.status_code, envelope(response)["message"]) == (429, str(TooManyRequests.default_detail))
    assert int(response.headers["Retry-After"]) > 0
    assert (github.asked, Release.objects.count()) == ([], 0)
    assert LimitedAct.objects.filter(limit="outbound-call").exists()
