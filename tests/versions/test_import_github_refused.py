"""What is not imported from GitHub: for each a sentence that says what to do, the old record as it was, and a row for staff."""

import json
import logging
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pytest_django import Settings

from sage_platform.outbound import AllowedNetwork, using_resolver
from tests.answers import assert_refused
from tests.outbound.doors import Names
from tests.outbound.servers import Behaviour, answer, says, serving
from tests.people import Caller, envelope
from tests.versions.asset_lists import TAURI_2, signed
from tests.versions.github_server import LIST, REPOSITORY, FakeGitHub, Request, playing_github, signature_of
from tests.versions.minisigning import SIGNER, STRANGER
from tests.versions.rows import PATH, make_release, refusals, stored
from versions.github import source
from versions.models import Artifact, Release
from versions.updater_key import UpdaterKey

pytestmark = pytest.mark.django_db
IMPORT = f"{PATH}/import_github"
UPDATE = "Sage_aarch64.app.tar.gz"
FILES = [*signed(UPDATE), "Sage_1.2.0_aarch64.dmg"]
MAC = {
    "platform": "darwin-aarch64",
    "installer_url": "https://dl.sage.example/1.1.0/Sage.dmg",
    "updater_url": "https://dl.sage.example/1.1.0/app.tar.gz",
    "updater_signature": signature_of("app.tar.gz"),
}
REDIRECTED = "The server redirected to an address that is not allowed."
BROKE = "The connection to the server broke."
SIGNATURE_AT = "darwin-aarch64, signature of the update"


@pytest.fixture
def github(settings: Settings) -> Iterator[FakeGitHub]:
    with playing_github(settings) as fake:
        yield fake


def assert_not_imported(caller: Caller, message: str, *kinds: str, version: str = "1.2.0") -> None:
    before = stored()
    assert_refused(caller.post(IMPORT), 500, message)
    assert stored() == before
    [row] = refusals()
    assert (row["source"], row["made_by"], row["version"]) == ("github", "admin", version)
    assert tuple(fault["kind"] for fault in row["faults"]) == kinds


# -- What is not whole ------------------------------------------------------------------------------------------------------


def test_one_platform_is_not_there_yet(as_admin: Caller, github: FakeGitHub) -> None:
    """A race with the pipeline: the file for Windows is being built. The one before stands, and once it is there all goes in."""
    github.publish("v1.1.0", [*FILES, *signed("Sage_1.1.0_x64-setup.exe")])
    assert envelope(as_admin.post(IMPORT))["data"]["version"] == "1.1.0"
    row = github.publish("v1.2.0", FILES)
    github.etag = 'W/"2"'
    sentences = [
        f"Release 1.1.0 has an update for {platform} and this one has none. Wait for its files. Where the platform was dropped: "
        f"manage.py import_release --allow-missing {platform}"
        for platform in ("windows-x86_64", "windows-x86_64-nsis")
    ]
    assert_not_imported(as_admin, " ".join(sentences), *["github_missing_platform"] * 2)
    late = signed("Sage_1.2.0_x64-setup.exe")
    row["assets"] += [github.asset("v1.2.0", name) for name in late]
    github.files[late[1]] = signature_of(late[0]).encode()
    assert envelope(as_admin.post(IMPORT))["data"]["version"] == "1.2.0"


def test_a_file_is_taken_away_from_a_release_that_was_imported(as_admin: Caller, github: FakeGitHub) -> None:
    row = github.publish("v1.2.0", [*FILES, *signed("Sage_amd64.AppImage")])
    assert envelope(as_admin.post(IMPORT))["code"] == 200
    row["assets"] = row["assets"][:3]
    github.etag = 'W/"2"'
    sentences = [
        f"Release 1.2.0 has an update for {platform} and this one has none. Wait for its files. Where the platform was dropped: "
        f"manage.py import_release --allow-missing {platform}"
        for platform in ("linux-x86_64", "linux-x86_64-appimage")
    ]
    assert_not_imported(as_admin, " ".join(sentences), *["github_missing_platform"] * 2)


@pytest.mark.parametrize("state", ["new", "starter", "open"])
def test_a_file_that_is_being_uploaded(state: str, as_admin: Caller, github: FakeGitHub) -> None:
    make_release("1.1.0", MAC)
    row = github.publish("v1.2.0", FILES)
    row["assets"][0]["state"] = state
    message = f"{UPDATE} is not uploaded in full. Wait for it, or delete it on GitHub and upload it again."
    assert_not_imported(as_admin, message, "github_uploading")
    assert github.paths == [f"{LIST}?per_page=50"]


def test_what_is_missing_and_what_cannot_be_told(as_admin: Caller, github: FakeGitHub) -> None:
    """All of it at once, so that one look at the release mends it."""
    names = [name for name in TAURI_2 if name != "Clash.Verge_x64.app.tar.gz.sig" and not name.endswith("arm64-setup.exe")]
    github.publish("v1.2.0", [*names, *signed("Clash.Verge_2.4.7_x64_fixed_webview2-setup.exe")])
    message = (
        "Clash.Verge_x64.app.tar.gz has no signature. Wait for Clash.Verge_x64.app.tar.gz.sig, or upload it to the release on "
        "GitHub. "
        "Clash.Verge_2.4.7_arm64-setup.exe.sig is there without Clash.Verge_2.4.7_arm64-setup.exe. Wait for that file, or upload "
        "it to the release on GitHub. "
        "Each of these could be for windows-x86_64-nsis: Clash.Verge_2.4.7_x64-setup.exe, "
        "Clash.Verge_2.4.7_x64_fixed_webview2-setup.exe. Leave one of them in the release on GitHub. "
        "There is a file for darwin-x86_64, and no signed update. Wait for it, or upload it to the release on GitHub."
    )
    kinds = ("github_not_signed", "github_only_signature", "github_ambiguous", "github_no_update")
    assert_not_imported(as_admin, message, *kinds)


def test_a_release_without_files(as_admin: Caller, github: FakeGitHub) -> None:
    github.publish("v1.2.0", ["latest.json"])
    message = "The release on GitHub has no file that is known as one for a platform. Wait for the build, or upload them there."
    assert_not_imported(as_admin, message, "github_no_file")


def test_a_version_that_was_withdrawn_here(as_admin: Caller, github: FakeGitHub) -> None:
    make_release("1.2.0", MAC, state="withdrawn", withdrawn_because="It deletes files.")
    github.publish("v1.2.0", FILES)
    good = "If it is good, publish it again in the administration; else publish a newer one on GitHub."
    assert_not_imported(as_admin, f"Version 1.2.0 was withdrawn here. {good}", "github_withdrawn")


# -- Signatures ------------------------------------------------------------------------------------------------------------

PAGE = "This is a web page and no signature: the download of the .sig file failed."
NOT_ONE = "This is no signature of an update. Give the content of the .sig file that Tauri made beside the update, as it is."
SIGNATURES: dict[str, tuple[bytes, str, str]] = {
    "a page": (b"<!DOCTYPE html>\n<title>Sign in</title>", PAGE, "signature_page"),
    "empty": (b"", "An update needs its signature: the content of the .sig file.", "no_signature"),
    "of GnuPG": (b"\x89\x023\x04\x00\x01\x08\x00", NOT_ONE, "signature"),
    "with a NUL": (b"dW50cnVz\x00", NOT_ONE, "signature"),
}


@pytest.mark.parametrize("given", SIGNATURES)
def test_what_is_no_signature(given: str, as_admin: Caller, github: FakeGitHub) -> None:
    content, sentence, kind = SIGNATURES[given]
    make_release("1.1.0", MAC)
    github.publish("v1.2.0", FILES)
    github.files[f"{UPDATE}.sig"] = content
    places = [f"{platform}, signature of the update: {sentence}" for platform in ("darwin-aarch64", "darwin-aarch64-app")]
    assert_not_imported(as_admin, " ".join(places), kind, kind)


def test_a_signature_by_another_key(as_admin: Caller, github: FakeGitHub, settings: Settings) -> None:
    settings.SAGE_UPDATER_PUBKEY = UpdaterKey.read(STRANGER.public_key)
    github.publish("v1.2.0", FILES)
    before = stored()
    told = envelope(as_admin.post(IMPORT))
    assert (told["code"], told["data"]) == (500, None)
    assert told["message"].startswith(f"{SIGNATURE_AT}: This signature was made with the key {SIGNER.seed:016X}.")
    assert stored() == before
    assert [fault["kind"] for fault in refusals()[0]["faults"]] == ["other_key", "other_key"]


def download(name: str = f"{UPDATE}.sig") -> str:
    return f"/{REPOSITORY}/releases/download/v1.2.0/{name}"


def replies(status: int, body: bytes = b"", **headers: str) -> Callable[[Request], None]:
    return lambda request: request.reply(status, body, **headers)


PUBLIC = "The files of the release have to be public, since updaters download them without signing in."
DOWNLOADS: dict[str, tuple[Callable[[Request], None], str, str]] = {
    "gone": (replies(404, b"Not Found"), f"could not be downloaded: status 404. {PUBLIC}", "github_file"),
    "closed": (replies(403), f"could not be downloaded: status 403. {PUBLIC}", "github_file"),
    "broken": (replies(502), f"could not be downloaded: status 502. {PUBLIC}", "github_file"),
    "a redirect without an address": (replies(302), f"could not be downloaded: status 302. {PUBLIC}", "github_file"),
    "round and round": (
        lambda request: request.reply(302, Location=request.path),
        "could not be downloaded: The server redirected too many times. Import again.",
        "github_file_not_reached",
    ),
    "a redirect inside": (
        replies(302, Location="http://169.254.169.254/latest/meta-data/"),
        "could not be downloaded: The server redirected to an address that is not allowed. Import again.",
        "github_file_not_reached",
    ),
    "too large": (
        replies(200, b"x" * (64 * 1024 + 1)),
        "is larger than 64 KiB, and so no signature. Upload the .sig file that Tauri made.",
        "github_file_too_large",
    ),
}


@pytest.mark.parametrize("failure", DOWNLOADS)
def test_a_signature_that_cannot_be_downloaded(failure: str, as_admin: Caller, github: FakeGitHub) -> None:
    hook, sentence, kind = DOWNLOADS[failure]
    make_release("1.1.0", MAC)
    github.publish("v1.2.0", FILES)
    github.hooks[download()] = hook
    assert_not_imported(as_admin, f"{UPDATE}.sig {sentence}", kind, version="")


# -- The token --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def token(settings: Settings) -> str:
    settings.SAGE_GITHUB_TOKEN = "ghp_hunter2"
    return "ghp_hunter2"


def test_the_token_goes_to_the_api_alone(as_admin: Caller, github: FakeGitHub, token: str) -> None:
    """Neither to the downloads, nor to where the API redirects; a former name of the repository is a redirect of its own."""
    github.publish("v1.2.0", FILES)

    def renamed(request: Request) -> None:
        if not request.path.startswith(LIST):
            return request.reply(200, json.dumps(github.releases).encode())
        return request.reply(301, Location=f"{github.url}/repositories/7/releases?per_page=50")

    github.hooks |= {LIST: renamed, "/repositories/7": renamed}
    assert envelope(as_admin.post(IMPORT))["code"] == 200
    sent = {path.partition("?")[0]: headers.get("authorization") for path, headers in github.asked}
    assert sent == {LIST: f"Bearer {token}", "/repositories/7/releases": f"Bearer {token}", download(): None}
    assert github.asked[0][1]["accept"] == "application/vnd.github+json"
    assert github.asked[0][1]["x-github-api-version"] == "2022-11-28"


def test_the_token_follows_no_redirect_to_another_host(as_admin: Caller, github: FakeGitHub, token: str) -> None:
    with serving(says(answer(b"[]"))) as other:
        github.hooks[LIST] = replies(302, Location=f"{other.url}/take")
        assert envelope(as_admin.post(IMPORT))["code"] == 500
    [request] = other.received
    assert (request.path, "authorization" in request.headers) == ("/take", False)


def test_nothing_tells_the_token(
    as_admin: Caller, github: FakeGitHub, token: str, caplog: pytest.LogCaptureFixture, settings: Settings
) -> None:
    caplog.set_level(logging.DEBUG)
    github.hooks[LIST] = replies(401, b'{"message": "Bad credentials"}')
    sentence = "GitHub does not take the token in SAGE_GITHUB_TOKEN. Set a new one that may read the repository, or none."
    assert_not_imported(as_admin, sentence, "github_bad_token", version="")
    with serving(says(b"")) as broken:
        settings.SAGE_GITHUB_API_BASE = broken.url
        assert envelope(as_admin.post(IMPORT))["code"] == 500
    assert broken.received[0].headers["authorization"] == f"Bearer {token}"
    assert token not in caplog.text + json.dumps(refusals())


# -- Networks ---------------------------------------------------------------------------------------------------------------


def test_what_may_be_private(as_admin: Caller, github: FakeGitHub, settings: Settings) -> None:
    """The API's own origin may, since the settings name it. Other hosts may not, even where GitHub names them."""
    settings.SAGE_OUTBOUND_ALLOW_PRIVATE = False
    row = github.publish("v1.2.0", FILES)
    assert envelope(as_admin.post(IMPORT))["code"] == 200
    Release.objects.all().delete()
    with serving(says(answer(signature_of(UPDATE).encode()))) as files:
        row["assets"][1]["browser_download_url"] = f"{files.url}/{UPDATE}.sig"
        refused = f"{UPDATE}.sig could not be downloaded: This address is not allowed. Import again."
        assert_not_imported(as_admin, refused, "github_file_not_reached", version="")
        assert files.connections == 0
        settings.SAGE_OUTBOUND_ALLOWED_NETWORKS = [AllowedNetwork.parse(f"127.0.0.1:{files.port}")]
        assert envelope(as_admin.post(IMPORT))["code"] == 200
    assert "authorization" not in files.received[0].headers


def test_a_download_that_is_redirected(as_admin: Caller, github: FakeGitHub, settings: Settings, token: str) -> None:
    """GitHub redirects each to the host that has the files, whose address is signed for some minutes."""
    settings.SAGE_OUTBOUND_ALLOW_PRIVATE = False
    github.publish("v1.2.0", FILES)
    with serving(says(answer(signature_of(UPDATE).encode()))) as files, using_resolver(Names({"files.example": ["127.0.0.1"]})):
        github.hooks[download()] = replies(302, Location=f"http://files.example:{files.port}/1?signature=2")
        refused = f"{UPDATE}.sig could not be downloaded: The server redirected to an address that is not allowed. Import again."
        assert_not_imported(as_admin, refused, "github_file_not_reached", version="")
        settings.SAGE_OUTBOUND_ALLOWED_NETWORKS = [AllowedNetwork.parse(f"127.0.0.1:{files.port}")]
        assert envelope(as_admin.post(IMPORT))["code"] == 200
    [request] = files.received
    assert (request.path, "authorization" in request.headers) == ("/1?signature=2", False)
    # Updaters are told the address that stays.
    assert set(Artifact.objects.values_list("updater_url", flat=True)) == {github.address("v1.2.0", UPDATE)}


# -- GitHub itself ----------------------------------------------------------------------------------------------------------


def test_no_repository_is_set(as_admin: Caller, settings: Settings) -> None:
    settings.SAGE_GITHUB_REPO = ""
    sentence = "No repository is set. Set SAGE_GITHUB_REPO to its owner and name, such as acme/desktop."
    assert_not_imported(as_admin, sentence, "github_no_repository", version="")


def test_nothing_to_import(as_admin: Caller, github: FakeGitHub, settings: Settings) -> None:
    settings.SAGE_GITHUB_TAG_PREFIX = "desktop-"
    github.publish("desktop-v1.2.0", FILES, prerelease=True)
    sentence = (
        "Of the 50 newest releases of acme/desktop none is published, stable and has a tag such as desktop-v1.4.0. "
        "Publish one on GitHub, or look at SAGE_GITHUB_TAG_PREFIX."
    )
    assert_not_imported(as_admin, sentence, "github_no_release", version="")


UNREADABLE = "What answered at {host} is not GitHub's API, or another version of it. Look at SAGE_GITHUB_API_BASE."
RELEASE = {
    "tag_name": "v1.2.0",
    "draft": False,
    "prerelease": False,
    "body": "",
    "published_at": "2026-02-03T04:05:06Z",
    "assets": [{"name": "a.dmg", "state": "uploaded", "browser_download_url": "https://a.example/a.dmg"}],
}
ASSET: Any = RELEASE["assets"][0]  # type: ignore[index]
ANSWERS: dict[str, tuple[Callable[[Request], None], str, str]] = {
    "not found": (
        replies(404, b'{"message": "Not Found"}'),
        "GitHub shows no repository acme/desktop. Look at SAGE_GITHUB_REPO; the repository has to be public.",
        "github_not_found",
    ),
    "forbidden": (
        replies(403, b'{"message": "Resource not accessible by personal access token"}'),
        "GitHub refused to show the releases of acme/desktop. Let the token in SAGE_GITHUB_TOKEN read the repository.",
        "github_forbidden",
    ),
    "broken": (replies(503), "GitHub answered with status 503. Import again in some minutes.", "github_status"),
    "unchanged, though nobody asked": (
        replies(304),
        "GitHub answered with status 304. Import again in some minutes.",
        "github_status",
    ),
    "a page": (replies(200, b"<html>"), UNREADABLE, "github_unreadable"),
    "not UTF-8": (replies(200, b"[\xff]"), UNREADABLE, "github_unreadable"),
    "nested to exhaust us": (replies(200, b"[" * 200_000), UNREADABLE, "github_unreadable"),
    "an object": (replies(200, b'{"message": "hello"}'), UNREADABLE, "github_unreadable"),
    "too large": (
        replies(200, b" " * (8 * 1024**2 + 1)),
        "GitHub's list of releases is larger than 8 MiB. Import one by its tag: manage.py import_release --tag TAG.",
        "github_too_large",
    ),
    "a redirect inside": (
        replies(302, Location="http://169.254.169.254/"),
        f"GitHub's API could not be asked at {{host}}: {REDIRECTED} Try again, or look at SAGE_GITHUB_API_BASE.",
        "github_not_reached",
    ),
}


@pytest.mark.parametrize("failure", ANSWERS)
def test_an_answer_that_is_none(failure: str, as_admin: Caller, github: FakeGitHub) -> None:
    hook, sentence, kind = ANSWERS[failure]
    make_release("1.1.0", MAC)
    github.hooks[LIST] = hook
    host = github.url.removeprefix("http://")
    assert_not_imported(as_admin, sentence.replace("{host}", host), kind, version="")


@pytest.mark.parametrize(
    "row",
    [
        None, 5, "v1.2.0", [],
        *[{name: value for name, value in RELEASE.items() if name != left} for left in RELEASE],
        *[RELEASE | {name: 5} for name in RELEASE], *[RELEASE | {name: {}} for name in RELEASE],
        *[RELEASE | {"published_at": text} for text in (None, "", "yesterday", "2026-02-03T04:05:06", "2026-02-31T04:05:06Z")],
        *[RELEASE | {"published_at": text} for text in ("0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00")],
        RELEASE | {"assets": [None]}, RELEASE | {"assets": "x"},
        *[RELEASE | {"assets": [ASSET | {name: None}]} for name in ASSET],
        *[RELEASE | {"assets": [ASSET | {"name": name}]} for name in ("a\u0000.dmg", "a\ud800.dmg", "a\n.dmg", "x" * 256)],
    ],
)  # fmt: skip
def test_rows_that_are_no_releases(row: object, as_admin: Caller, github: FakeGitHub) -> None:
    github.hooks[LIST] = replies(200, json.dumps([row]).encode())
    host = github.url.removeprefix("http://")
    assert_not_imported(as_admin, UNREADABLE.replace("{host}", host), "github_unreadable", version="")


@pytest.mark.parametrize(
    ("status", "headers", "minutes"),
    [
        (403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "+3600"}, 60),
        (429, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "+60"}, 1),
        (403, {"Retry-After": "120"}, 2),
        (429, {"Retry-After": "0"}, 0),
        (429, {}, 1),
        (429, {"Retry-After": "soon", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "99999999999999"}, 1),
        (429, {"Retry-After": "99999999"}, 24 * 60),
    ],
)
def test_too_many_questions(status: int, headers: dict[str, str], minutes: int, as_admin: Caller, github: FakeGitHub) -> None:
    now = time.time()
    told = {name: str(int(now) + int(value)) if value.startswith("+") else value for name, value in headers.items()}
    github.hooks[LIST] = lambda request: request.reply(status, b"{}", **told)
    message = envelope(as_admin.post(IMPORT))["message"]
    # The minute may end between here and there.
    possible = [time.strftime("%Y-%m-%d %H:%M", time.gmtime(now + 60 * minutes + late)) for late in (0, 59, 119)]
    sentences = [
        f"GitHub answers no more questions from here until {moment} UTC. Import again then. With a token in SAGE_GITHUB_TOKEN it "
        "answers more."
        for moment in possible
    ]
    assert message in sentences
    assert refusals()[0]["faults"][0]["kind"] == "github_rate_limit"


@pytest.mark.parametrize("where", ["at once", "in the list", "at a signature"])
def test_github_is_too_slow(where: str, as_admin: Caller, github: FakeGitHub, monkeypatch: pytest.MonkeyPatch) -> None:
    """One deadline for all of it."""
    monkeypatch.setattr(source, "SECONDS", 0.4)
    make_release("1.1.0", MAC)
    github.publish("v1.2.0", FILES)

    def waits(request: Request) -> None:
        if where == "in the list":
            request.send_response(200)
            request.end_headers()
            request.wfile.write(b"[")
        github.ended.wait(20)

    github.hooks[download() if where == "at a signature" else LIST] = waits
    began = time.monotonic()
    assert_not_imported(as_admin, "GitHub did not answer in full within 0 seconds. Import again.", "github_too_slow", version="")
    assert time.monotonic() - began < 5


UNREACHABLE: dict[str, tuple[Behaviour, str]] = {
    "no HTTP": (says(b"SSH-2.0-OpenSSH_9.2\r\n"), "The server's answer could not be read."),
    "closed at once": (says(b""), BROKE),
}


@pytest.mark.parametrize("failure", UNREACHABLE)
def test_a_server_that_does_not_speak(failure: str, as_admin: Caller, settings: Settings) -> None:
    behave, reason = UNREACHABLE[failure]
    settings.SAGE_GITHUB_REPO = REPOSITORY
    with serving(behave) as server:
        settings.SAGE_GITHUB_API_BASE = f"{server.url}/api/v3"
        sentence = (
            f"GitHub's API could not be asked at 127.0.0.1:{server.port}: {reason} Try again, or look at SAGE_GITHUB_API_BASE."
        )
        assert_not_imported(as_admin, sentence, "github_not_reached", version="")
    assert server.received[0].path == f"/api/v3{LIST}?per_page=50"


def test_in_chinese(as_admin: Caller, settings: Settings) -> None:
    settings.SAGE_GITHUB_REPO = ""
    told = envelope(as_admin.post(IMPORT, X_Sage_Locale="zh-CN"))
    assert told["message"] == "未设置仓库。请将 SAGE_GITHUB_REPO 设为所有者和名称，例如 acme/desktop。"
