"""manage.py import_release, against a server on loopback that plays GitHub."""

import io
from collections.abc import Iterator

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from tests.versions.asset_lists import signed
from tests.versions.github_server import LIST, FakeGitHub, playing_github
from tests.versions.rows import MAC, make_release, refusals, stored
from versions.models import Artifact, Release, Revision, Source

pytestmark = pytest.mark.django_db
UPDATE = "Sage_aarch64.app.tar.gz"
FILES = [*signed(UPDATE), "Sage_1.2.0_aarch64.dmg", "latest.json", "SHA256SUMS"]
PLAIN = "This address begins with http://, so that on the way others can see and change what is downloaded."
WARNINGS = [
    f"darwin-aarch64, installer: {PLAIN}",
    f"darwin-aarch64, update: {PLAIN}",
    f"darwin-aarch64-app, update: {PLAIN}",
]


@pytest.fixture
def github(settings: Settings) -> Iterator[FakeGitHub]:
    with playing_github(settings) as fake:
        yield fake


def run(*arguments: str) -> list[str]:
    """The lines that it prints, without white space around them."""
    printed = io.StringIO()
    call_command("import_release", *arguments, stdout=printed)
    return [line.strip() for line in printed.getvalue().splitlines()]


def test_the_newest(github: FakeGitHub) -> None:
    github.publish("v1.2.0", FILES)
    assert run() == [*WARNINGS, "1.2.0 is published, with 2 artifacts."]
    release = Release.objects.get()
    assert (release.version, release.state, release.source, release.made_by) == ("1.2.0", "published", "github", "")


def test_a_dry_run(github: FakeGitHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    github.publish("v1.2.0", FILES)
    before = stored()
    assert run("--dry-run") == [
        "┏━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━┓",
        "┃ platform           ┃ installer              ┃ update                  ┃ signature ┃",
        "┡━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━┩",
        "│ darwin-aarch64     │ Sage_1.2.0_aarch64.dmg │ Sage_aarch64.app.tar.gz │ fetched   │",
        "│ darwin-aarch64-app │                        │ Sage_aarch64.app.tar.gz │ fetched   │",
        "└────────────────────┴────────────────────────┴─────────────────────────┴───────────┘",
        "Not needed: SHA256SUMS, latest.json",
        *WARNINGS,
        "1.2.0 (v1.2.0) would be published, with 2 artifacts.",
    ]
    assert (stored(), refusals()) == (before, [])


def test_a_dry_run_of_what_is_not_whole(github: FakeGitHub) -> None:
    """It is said what is missing, and nothing is kept of it."""
    github.publish("v1.2.0", [name for name in FILES if not name.endswith(".sig")])
    printed = io.StringIO()
    with pytest.raises(CommandError, match=r"^1\.2\.0 \(v1\.2\.0\) would not be imported: 1 fault\.$"):
        call_command("import_release", "--dry-run", stdout=printed)
    told = f"{UPDATE} has no signature. Wait for {UPDATE}.sig, or upload it to the release on GitHub."
    assert printed.getvalue().splitlines()[-1] == told
    assert (Release.objects.count(), refusals()) == (0, [])


def test_one_by_its_tag(github: FakeGitHub) -> None:
    """A pre-release too, and an older one; names of tags may have any signs."""
    github.publish("v1.2.0-rc.1+a/b", FILES, prerelease=True)
    github.publish("v1.2.0-rc.1", FILES, prerelease=True)
    github.publish("v1.3.0", FILES)
    assert run("--tag", "v1.2.0-rc.1")[-1] == "1.2.0-rc.1 is published, with 2 artifacts."
    assert github.paths[0] == f"{LIST}/tags/v1.2.0-rc.1"
    for tag in ("v1.2.0-rc.1+a/b", "v9.9.9", "../../../user"):
        with pytest.raises(CommandError, match=r"^GitHub has no published release with the tag "):
            run("--tag", tag)
    assert github.paths[-1] == f"{LIST}/tags/..%2F..%2F..%2Fuser"
    assert Release.objects.count() == 1


@pytest.mark.parametrize("tag", ["v1.2.0\udcff", "v1.2.0\x1b[31m", "v1.2.0\n"])
def test_a_tag_that_no_release_has(tag: str, github: FakeGitHub) -> None:
    """A terminal gives bytes that are no text as halves of a surrogate pair, which no database keeps."""
    printed = "".join(sign for sign in tag if sign.isprintable())
    said = f"GitHub has no published release with the tag {printed}. Look at the tag again."
    with pytest.raises(CommandError) as refused:
        run("--tag", tag)
    assert str(refused.value) == said
    assert github.paths == []
    kept = {"kind": "github_no_tag", "field": "github", "details": {"tag": printed}}
    assert refusals() == [{"source": "github", "made_by": "", "version": "", "faults": [kept]}]


def test_a_platform_that_was_dropped(github: FakeGitHub) -> None:
    windows = MAC | {"platform": "windows-x86_64"}
    make_release("1.1.0", windows, windows | {"platform": "windows-x86_64-nsis"})
    github.publish("v1.2.0", FILES)
    with pytest.raises(CommandError, match=r"--allow-missing windows-x86_64-nsis$"):
        run("--allow-missing", "windows-x86_64")
    assert Release.objects.count() == 1
    assert run("--allow-missing", "windows-x86_64", "--allow-missing", "windows-x86_64-nsis")[-1].startswith("1.2.0 is published")


def test_what_was_allowed_once_is_no_news(github: FakeGitHub) -> None:
    """An import later, of new notes, asks for none of it again. What the record has must still be there."""
    make_release("1.1.0", MAC | {"platform": "windows-x86_64"})
    row = github.publish("v1.2.0", [*FILES, "Sage_1.2.0_x86-setup.exe"])
    dropped = ["windows-x86_64", "windows-i686"]
    assert run(*(part for platform in dropped for part in ("--allow-missing", platform)))[-1].startswith("1.2.0 is published")
    row["body"], github.etag = "Better.", 'W/"2"'
    assert run()[-1] == "1.2.0 is published, with 3 artifacts."
    assert Release.objects.get(version="1.2.0").release_notes == "Better."
    row["assets"] = [asset for asset in row["assets"] if "app.tar.gz" not in asset["name"]]
    github.etag = 'W/"3"'
    with pytest.raises(CommandError, match=r"^Release 1\.2\.0 has an update for darwin-aarch64 and this one has none\."):
        run()


WINDOWS_LATER = r"^There is a file for windows-x86_64, and no signed update\."


def test_an_installer_that_came_before_any_update_was_nobody_s_leave(github: FakeGitHub) -> None:
    """An import in the middle of the first release's uploads asked nobody, since no platform had an update then."""
    row = github.publish("v1.2.0", ["Sage_1.2.0_x64-setup.exe"])
    assert run()[-1] == "1.2.0 is published, with 1 artifact."
    github.add(row, *signed("Sage_1.2.0_amd64.AppImage"))
    github.etag = 'W/"2"'
    with pytest.raises(CommandError, match=WINDOWS_LATER):
        run()
    assert [artifact.platform for artifact in Release.objects.get().artifacts.all()] == ["windows-x86_64"]


def test_a_release_without_updates_after_one_that_has_some(github: FakeGitHub) -> None:
    make_release("1.1.0", MAC, MAC | {"platform": "linux-x86_64"})
    row = github.publish("v1.2.0", ["Sage_1.2.0_x64-setup.exe"])
    with pytest.raises(CommandError) as refused:
        run()
    for platform in ("darwin-aarch64", "linux-x86_64"):
        assert f"Release 1.1.0 has an update for {platform} and this one has none." in str(refused.value)
    assert not Release.objects.filter(version="1.2.0").exists()
    allowed = [part for platform in ("darwin-aarch64", "linux-x86_64") for part in ("--allow-missing", platform)]
    assert run(*allowed)[-1] == "1.2.0 is published, with 1 artifact."
    row["body"], github.etag = "Better.", 'W/"2"'
    assert run()[-1] == "1.2.0 is published, with 1 artifact."


@pytest.mark.parametrize("source", [Source.API, Source.ADMIN, Source.COMMAND])
def test_what_another_way_published_without_a_platform_was_no_leave(source: Source, github: FakeGitHub) -> None:
    """There a platform that is missing is a warning, and an import refuses it."""
    make_release("1.1.0", MAC, MAC | {"platform": "windows-x86_64"})
    exe = {"platform": "windows-x86_64", "installer_url": github.address("v1.2.0", "Sage_1.2.0_x64-setup.exe")}
    make_release("1.2.0", MAC, exe, source=source)
    row = github.publish("v1.2.0", FILES)
    with pytest.raises(CommandError, match=r"^Release 1\.1\.0 has an update for windows-x86_64 and this one has none\."):
        run()
    github.add(row, "Sage_1.2.0_x64-setup.exe")
    github.etag = 'W/"2"'
    with pytest.raises(CommandError, match=WINDOWS_LATER):
        run()
    assert Release.objects.get(version="1.2.0").source == source


def test_leave_that_is_needed_no_more_is_forgotten(github: FakeGitHub) -> None:
    make_release("1.1.0", MAC, MAC | {"platform": "windows-x86_64"})
    row = github.publish("v1.2.0", FILES)
    run("--allow-missing", "windows-x86_64")
    github.add(row, *signed("Sage_1.2.0_x64-setup.exe"))
    github.etag = 'W/"2"'
    assert run()[-1] == "1.2.0 is published, with 4 artifacts."
    row["assets"] = [asset for asset in row["assets"] if "setup" not in asset["name"]]
    github.etag = 'W/"3"'
    with pytest.raises(CommandError, match=r"^Release 1\.2\.0 has an update for windows-x86_64 and this one has none\."):
        run()


def test_an_update_that_was_added_here_is_not_removed_by_leave_from_before(github: FakeGitHub) -> None:
    make_release("1.1.0", MAC, MAC | {"platform": "windows-x86_64"})
    row = github.publish("v1.2.0", FILES)
    run("--allow-missing", "windows-x86_64")
    Artifact.objects.create(release=Release.objects.get(version="1.2.0"), **MAC | {"platform": "windows-x86_64"})
    row["body"], github.etag = "Better.", 'W/"2"'
    with pytest.raises(CommandError, match=r"^Release 1\.2\.0 has an update for windows-x86_64 and this one has none\."):
        run()
    assert Release.objects.get(version="1.2.0").artifacts.filter(platform="windows-x86_64").exists()


def test_leave_lasts_while_nothing_asks_for_it(github: FakeGitHub) -> None:
    """The release before is withdrawn for a day, and then published again."""
    make_release("1.1.0", MAC, MAC | {"platform": "windows-x86_64"})
    github.publish("v1.2.0", FILES)
    run("--allow-missing", "windows-x86_64")
    for number, state in enumerate((Release.State.WITHDRAWN, Release.State.PUBLISHED), 2):
        Release.objects.filter(version="1.1.0").update(state=state)
        Revision.advance()
        github.etag = f'W/"{number}"'
        assert run()[-1] == "1.2.0 is published, with 2 artifacts."
        assert Release.objects.get(version="1.2.0").allowed_missing == "windows-x86_64"


def test_an_installer_that_comes_later_is_no_part_of_what_was_allowed(github: FakeGitHub) -> None:
    """There was nothing for the platform. Now its pipeline uploads the installer, and then the signature."""
    make_release("1.1.0", MAC, MAC | {"platform": "windows-x86_64"})
    row = github.publish("v1.2.0", FILES)
    run("--allow-missing", "windows-x86_64")
    github.add(row, "Sage_1.2.0_x64-setup.exe")
    github.etag = 'W/"2"'
    with pytest.raises(CommandError, match=WINDOWS_LATER):
        run()


def test_an_installer_that_comes_beside_a_package_without_its_signature(github: FakeGitHub) -> None:
    """The package needs no update. The AppImage that was uploaded after it does, and its signature is on the way."""
    row = github.publish("v1.2.0", [*FILES, "sage_1.2.0_amd64.deb"])
    assert run()[-1].startswith("1.2.0 is published")
    github.add(row, "Sage_1.2.0_amd64.AppImage")
    github.etag = 'W/"2"'
    with pytest.raises(CommandError, match=r"^There is a file for linux-x86_64, and no signed update\."):
        run()


def test_another_platform_that_comes_without_an_update(github: FakeGitHub) -> None:
    """What was allowed for one is not for another."""
    row = github.publish("v1.2.0", [*FILES, "Sage_1.2.0_x86-setup.exe"])
    run("--allow-missing", "windows-i686")
    github.add(row, "Sage_1.2.0_x64-setup.exe")
    github.etag = 'W/"2"'
    with pytest.raises(CommandError, match=WINDOWS_LATER):
        run()


def test_a_platform_that_has_an_installer_alone(github: FakeGitHub) -> None:
    github.publish("v1.2.0", [*FILES, "Sage_1.2.0_x86-setup.exe"])
    with pytest.raises(CommandError, match=r"^There is a file for windows-i686, and no signed update\."):
        run()
    assert run("--allow-missing", "windows-i686")[-1] == "1.2.0 is published, with 3 artifacts."


@pytest.mark.parametrize("platform", ["windows", "", "Windows-x86_64", "a-b-c-d"])
def test_what_is_no_platform(platform: str, github: FakeGitHub) -> None:
    with pytest.raises(CommandError, match=r"is no platform\. Give one such as linux-aarch64 or windows-x86_64-msi\.$"):
        run("--allow-missing", platform)
    assert not github.asked


@pytest.mark.parametrize("arguments", [[], ["--dry-run"]])
def test_no_repository_is_set(arguments: list[str], settings: Settings) -> None:
    settings.SAGE_GITHUB_REPO = ""
    with pytest.raises(CommandError, match=r"^No repository is set\. Set SAGE_GITHUB_REPO to its owner and name"):
        run(*arguments)
