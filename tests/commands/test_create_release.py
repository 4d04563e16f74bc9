"""manage.py create_release"""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from tests.people import Caller, envelope
from tests.versions.rows import LINUX, MAC, NONE, PATH, SIGNATURE, body, make_release, refusals, stored
from versions.models import Release

ALL_IN_FILE = "With --from all of it is in the file: no version, --notes, --installer, --update or --signature."
pytestmark = pytest.mark.django_db


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "app.tar.gz.sig").write_text(f"{SIGNATURE}\n")
    (tmp_path / "notes.md").write_text("# 🎉 Neues\n", encoding="utf-8")
    (tmp_path / "release.json").write_text(json.dumps(body("v1.2.0")))
    return tmp_path


@pytest.fixture
def options(folder: Path) -> list[str]:
    """Of a release that is good."""
    mac = [f"--update=darwin-aarch64={MAC['updater_url']}", f"--signature=darwin-aarch64={folder / 'app.tar.gz.sig'}"]
    linux = [f"--installer=linux-x86_64-deb={LINUX['installer_url']}"]
    return ["v1.2.0", f"--notes={folder / 'notes.md'}", *mac, *linux, f"--installer=darwin-aarch64={MAC['installer_url']}"]


def create(*arguments: str) -> list[str]:
    told = io.StringIO()
    call_command("create_release", *arguments, stdout=told)
    return told.getvalue().splitlines()


def refusal(*arguments: str) -> str:
    with pytest.raises(CommandError) as refused:
        create(*arguments)
    message = str(refused.value)
    assert "\n" not in message
    return message


def test_a_release(options: list[str], as_alice: Caller) -> None:
    assert create(*options) == ["1.2.0 is published."]
    (row,) = envelope(as_alice.get(PATH))["data"]
    assert (row["version"], row["release_notes"], row["artifacts"]) == ("1.2.0", "# 🎉 Neues\n", [MAC, LINUX])
    assert Release.objects.values_list("state", "source", "made_by").get() == ("published", "command", "")


def test_as_json(folder: Path, as_alice: Caller) -> None:
    assert create("--from", str(folder / "release.json")) == ["1.2.0 is published."]
    assert envelope(as_alice.get(PATH))["data"][0]["artifacts"] == [MAC, LINUX]


def test_by_standard_input(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Standard:
        buffer = io.BytesIO(json.dumps(body()).encode())

    monkeypatch.setattr("sys.stdin", Standard)
    assert create("--from=-") == ["1.2.0 is published."]
    Standard.buffer = io.BytesIO(b"# Notes\n")
    assert create("1.3.0", "--notes", "-", f"--installer=linux-x86_64={LINUX['installer_url']}")[-1] == "1.3.0 is published."
    assert list(Release.objects.order_by("version").values_list("release_notes", flat=True)) == ["# What is new", "# Notes\n"]


def test_a_warning(options: list[str]) -> None:
    warning = "Warning: plan9-mips, platform: No updater asks for plan9-mips, unless the application sets it as its own target."
    assert create(*options, "--installer=plan9-mips=https://dl.sage.example/x") == [warning, "1.2.0 is published."]


def test_a_dry_run(options: list[str]) -> None:
    assert create(*options, "--dry-run") == ["1.2.0 would be published."]
    assert create(*options, "--dry-run", "--draft") == ["1.2.0 would be kept as a draft."]
    assert (stored(), refusals()) == ([[], [], 0], [])


def test_a_draft_says_what_is_to_mend(as_admin: Caller, as_alice: Caller) -> None:
    told = create("1.2.0", "--draft", "--installer=macos=https://dl.sage.example/x", "--update=linux-x86_64=sage")
    platform = "Artifact 1, platform: Give a platform such as darwin-aarch64, windows-x86_64 or linux-x86_64-deb."
    address = "linux-x86_64, update: Give a whole address that begins with https:// or http://."
    signature = "linux-x86_64, signature of the update: An update needs its signature: the content of the .sig file."
    assert told[:3] == [f"To mend: {text}" for text in (platform, address, signature)]
    assert told[-1] == "1.2.0 is kept as a draft."
    assert envelope(as_alice.get(PATH))["data"] == []
    (row,) = envelope(as_admin.get(PATH))["data"]
    assert (row["state"], row["pub_date"]) == ("draft", None)
    assert row["artifacts"] == [
        NONE | {"platform": "macos", "installer_url": "https://dl.sage.example/x"},
        NONE | {"platform": "linux-x86_64", "updater_url": "sage"},
    ]


@pytest.mark.parametrize("draft", [[], ["--draft"], ["--dry-run"], ["--draft", "--dry-run"]])
def test_a_version_that_is_taken(draft: list[str], options: list[str]) -> None:
    make_release("1.2.0", MAC, state="withdrawn")
    before = stored()
    assert refusal(*options, *draft) == "This version exists already."
    assert stored() == before


def test_what_the_api_refuses(options: list[str]) -> None:
    told = refusal("1.2", "--update=linux-x86_64=https://dl.sage.example/x")
    assert told == (
        "version: Give a version by Semantic Versioning, such as 1.4.0 or 2.0.0-rc.1. "
        "linux-x86_64, signature of the update: An update needs its signature: the content of the .sig file."
    )
    assert stored() == [[], [], 0]
    (row,) = refusals()
    assert (row["source"], row["version"]) == ("command", "1.2")


@pytest.mark.parametrize(
    "draft",
    [
        {"version": "1.2"},
        {"release_notes": "a\0"},
        {"artifacts": [MAC, MAC]},
        {"artifacts": [MAC | {"updater_url": "https://a.example/" + "x" * 2048}]},
        {"artifacts": [MAC | {"platform": f"linux-{'x' * 100}"}]},
    ],
)
def test_what_not_even_a_draft_can_have(draft: dict[str, Any], folder: Path) -> None:
    (folder / "release.json").write_text(json.dumps(body() | draft))
    for more in ([], ["--dry-run"]):
        assert refusal("--draft", f"--from={folder / 'release.json'}", *more)
    assert stored() == [[], [], 0]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "Give the version, or the whole release by --from FILE."),
        (["1.2.0", "--from=x.json"], ALL_IN_FILE),
        (["--from=no-such-file"], "no-such-file: No such file or directory."),
        (["--from=/dev/null"], "body: The body is not valid JSON in UTF-8."),
        (["1.2.0", "--notes=/"], "/: Is a directory."),
        (["1.2.0", "--notes=/dev/zero"], "/dev/zero is too large: 400000 bytes at most."),
        (["1.2.0", "--signature=linux-x86_64=/no/such"], "/no/such: No such file or directory."),
        (["1.2.0", "--update=a-b=https://a", "--update=a-b=https://b"], "--update is there twice for a-b."),
        (["1.2.0", "--update=a-b"], "Error: argument --update: give it as PLATFORM=VALUE, such as darwin-aarch64=VALUE"),
        (["1.2.0", "--installer==x"], "Error: argument --installer: give it as PLATFORM=VALUE, such as darwin-aarch64=VALUE"),
    ],
)
def test_what_cannot_be_read(arguments: list[str], said: str) -> None:
    assert refusal(*arguments) == said
    assert (stored(), refusals()) == ([[], [], 0], [])


@pytest.mark.parametrize("content", [b"{", b"[]", b"\xff", b'{"version": "1", "version": "2"}', b'{"version": NaN}'])
def test_a_file_that_is_no_release(content: bytes, folder: Path) -> None:
    (folder / "release.json").write_bytes(content)
    assert refusal("--from", str(folder / "release.json")).startswith(("body: ", "version: "))


def test_notes_that_are_no_text(folder: Path) -> None:
    (folder / "notes.md").write_bytes("Größe".encode("latin-1"))
    assert refusal("1.2.0", f"--notes={folder / 'notes.md'}") == f"{folder / 'notes.md'} is no text in UTF-8."
