"""Each field that the updater would fail at: what is answered, that nothing is stored, and that the old release still stands."""

from base64 import urlsafe_b64encode

import pytest
from pytest_django import Settings

from sage_platform.api.errors import RefusedForm
from tests.people import Caller, envelope
from tests.uploads.kept import kept
from tests.versions.judged import candidate
from tests.versions.minisigning import SIGNER, STRANGER, packed, unpacked
from tests.versions.rows import MAC, PATH, SIGNATURE, body, make_release, refusals, stored
from uploads.stores import StoreUnavailable
from uploads.stores.disk import DiskStore
from versions.models import Source
from versions.services.releases import Author, draft
from versions.updater_key import UpdaterKey

pytestmark = pytest.mark.django_db

VERSION = "version: Give a version by Semantic Versioning, such as 1.4.0 or 2.0.0-rc.1."
PLATFORM = "{}, platform: Give a platform such as darwin-aarch64, windows-x86_64 or linux-x86_64-deb."
ADDRESS = "darwin-aarch64, {}: Give a whole address that begins with https:// or http://."
SIGNED = "darwin-aarch64, signature of the update: "
NO_SIGNATURE = SIGNED + "An update needs its signature: the content of the .sig file."
NONE = (
    SIGNED + "This is no signature of an update. Give the content of the .sig file that Tauri made beside the update, as it is."
)
CUT = SIGNED + "This is no whole base64, so a part of it is missing or too much. Give the whole content of the .sig file."
SECRET = SIGNED + (
    "This is a secret key and no signature. Whoever has it can sign updates: if others may have seen it, replace it. "
    "Give the content of the .sig file."
)
PUBLIC = SIGNED + "This is a public key and no signature. Give the content of the .sig file."
LINES = SIGNED + "A signature is one line. Take the line breaks and spaces out of it, or make it by: base64 -w 0 FILE"
URL_SAFE = urlsafe_b64encode(unpacked(SIGNATURE).replace("file:", "file:~~~???").encode()).decode()

# Of the release, or of its one artifact: what is sent in the place of a good value, and the sentence for the field.
TABLE: list[tuple[str, str, str]] = [
    *(("version", given, VERSION) for given in ["", "1.2", "1.2.0.0", "01.2.0", "1.2.0-01", "latest", "vv1.2.0", "1.2.0_1"]),
    ("version", "18446744073709551616.0.0", VERSION),
    ("version", "1.2.0-" + "a" * 95, VERSION),
    ("version", "１.2.0", VERSION),
    ("release_notes", "x" * 100_001, "release notes: The release notes are too long: 100000 characters at most."),
    ("platform", "", PLATFORM.format("Artifact 1")),
    ("platform", "macos", PLATFORM.format("Artifact 1")),
    ("platform", "Darwin-aarch64", PLATFORM.format("Artifact 1")),
    ("platform", "linux-x86_64-deb-2", PLATFORM.format("Artifact 1")),
    ("platform", "{{target}}-{{arch}}", PLATFORM.format("Artifact 1")),
    *(
        (name, given, ADDRESS.format(label))
        for name, label in [("installer_url", "installer"), ("updater_url", "update")]
        for given in [
            "/files/0/app.tar.gz",
            "dl.sage.example/app.tar.gz",
            "ftp://dl.sage.example/app.tar.gz",
            "file:///app.tar.gz",
            "javascript:alert(1)",
            "https:///app.tar.gz",
            "https://dl.sage.example:99999/app.tar.gz",
            "https://dl sage.example/app.tar.gz",
            "https://xn--a-ecp.example/app.tar.gz",
            "https://1.2.3.400/app.tar.gz",
            "https://[::g]/app.tar.gz",
            "https://alice:secret@dl.sage.example/app.tar.gz",
        ]
    ),
    ("updater_url", "https://a.example/" + "x" * 2031, "darwin-aarch64, update: This is too long: 2048 characters at most."),
    (
        "installer_url",
        "http://127.0.0.1:8000/files/0/Sage.dmg",
        "darwin-aarch64, installer: There is no file at this address of ours. Upload it again.",
    ),
    ("updater_url", "", "darwin-aarch64, update: There is a signature, and no update that it belongs to."),
    ("updater_signature", "", NO_SIGNATURE),
    ("updater_signature", " \n", NO_SIGNATURE),
    ("updater_signature", "A" * 4097, SIGNED + "This is too long: 4096 characters at most."),
    ("updater_signature", "none yet", NONE),
    ("updater_signature", packed(b"none yet"), NONE),
    ("updater_signature", "none", NONE),
    ("updater_signature", unpacked(SIGNATURE).splitlines()[1], NONE),
    ("updater_signature", SIGNER.secret_key, SECRET),
    ("updater_signature", unpacked(SIGNER.secret_key), SECRET),
    (
        "updater_signature",
        SIGNER.public_key,
        SIGNED + "This is a public key and no signature. Give the content of the .sig file.",
    ),
    ("updater_signature", SIGNATURE.rstrip("=") + "A" * (5 - len(SIGNATURE.rstrip("=")) % 4), CUT),
    ("updater_signature", SIGNATURE[:-1], CUT),
    (
        "updater_signature",
        "<!DOCTYPE html><title>Not Found</title>",
        SIGNED + "This is a web page and no signature: the download of the .sig file failed.",
    ),
    (
        "updater_signature",
        unpacked(SIGNATURE),
        SIGNED + "This is a signature as minisign writes it. The updater takes it as base64 on one line, such as from: "
        "base64 -w 0 FILE.minisig",
    ),
    (
        "updater_signature",
        packed(SIGNATURE.encode()),
        SIGNED + "This is base64 of base64. The content of Tauri's .sig file is base64 already: give it as it is.",
    ),
    ("updater_signature", f"{SIGNATURE[:76]}\r\n{SIGNATURE[76:]}", LINES),
    (
        "updater_signature",
        URL_SAFE,
        SIGNED + "This is base64 of the URL-safe kind. The updater takes the standard kind, with + and / instead of - and _.",
    ),
    (
        "updater_signature",
        packed(unpacked(SIGNATURE).replace("\n", "\r\n").encode()),
        SIGNED + "The lines inside this signature end in CR, as on Windows. Make it of the .minisig file as minisign wrote it.",
    ),
]


def as_served(caller: Caller) -> list[object]:
    """What updaters, the download page and people are answered."""
    check = caller.get(f"{PATH}/check")
    assert b'"version":"1.1.0"' in check.content
    return [check.content, *(envelope(caller.get(path)) for path in (f"{PATH}/latest", PATH))]


def refused(caller: Caller, sent: dict[str, object], field: str, message: str) -> None:
    make_release("1.1.0", MAC)
    before = stored()
    served = as_served(caller)
    response = caller.post(PATH, sent)
    expected = {"code": 422, "message": message, "data": {"errors": [{"field": field, "message": message}]}}
    assert (response.status_code, envelope(response)) == (200, expected)
    assert stored() == before
    assert as_served(caller) == served
    (row,) = refusals()
    assert [fault["field"] for fault in row["faults"]] == [field]


@pytest.mark.parametrize(("name", "given", "message"), TABLE)
def test_a_field(name: str, given: str, message: str, as_admin: Caller) -> None:
    if name in MAC:
        refused(as_admin, body("1.2.0", MAC | {name: given}), f"artifacts.0.{name}", message)
    else:
        refused(as_admin, body("1.2.0", MAC) | {name: given}, name, message)


def test_no_address(as_admin: Caller) -> None:
    message = "linux-x86_64, installer: Give the address of the installer, that of the update, or both."
    refused(as_admin, body("1.2.0", {"platform": "linux-x86_64"}), "artifacts.0.installer_url", message)


def test_a_platform_twice(as_admin: Caller) -> None:
    message = "darwin-aarch64, platform: The platform darwin-aarch64 is there twice."
    refused(as_admin, body("1.2.0", MAC, MAC), "artifacts.1.platform", message)


# With the updater's key: how the update was signed, and the sentence.
COMMENT = "timestamp:1700000000\tfile:app.tar.gz\tversion:1.2.0"
LINES_OF_ANOTHER = unpacked(SIGNER.sign(b"an update", COMMENT.replace("1.2.0", "1.1.0"))).replace("1.1.0", "1.2.0")
OTHER_KEY = (
    "This signature was made with the key 0000000000000002. The updater takes the key 0000000000000001 alone "
    "(SAGE_UPDATER_PUBKEY)."
)
BY_KEY = [
    (
        STRANGER.sign(b"an update", COMMENT),
        OTHER_KEY,
    ),
    (
        packed(LINES_OF_ANOTHER.encode()),
        "The trusted comment of this signature is not the one that was signed. Sign the update again.",
    ),
    (
        SIGNER.sign(b"an update", COMMENT.replace("1.2.0", "1.1.0")),
        "This signature was made for another version, and updaters refuse it for this one. Sign the update for this version.",
    ),
]


@pytest.mark.parametrize(("signature", "sentence"), BY_KEY)
def test_a_signature_that_the_updaters_key_did_not_make(
    signature: str, sentence: str, as_admin: Caller, settings: Settings
) -> None:
    settings.SAGE_UPDATER_PUBKEY = UpdaterKey.read(SIGNER.public_key)
    refused(as_admin, body("1.2.0", MAC | {"updater_signature": signature}), "artifacts.0.updater_signature", SIGNED + sentence)


def test_with_the_updaters_key_a_good_release_is_taken(as_admin: Caller, settings: Settings) -> None:
    settings.SAGE_UPDATER_PUBKEY = UpdaterKey.read(SIGNER.public_key)
    good = MAC | {"updater_signature": SIGNER.sign(b"an update", COMMENT) + "\n"}
    told = envelope(as_admin.post(PATH, body("1.2.0", good)))
    assert (told["code"], told["data"]["warnings"]) == (200, [])
    assert told["data"]["artifacts"][0]["updater_signature"] == SIGNER.sign(b"an update", COMMENT)


def test_a_store_that_does_not_answer(as_admin: Caller, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody knows then whether the update is the one that was signed: the program may come again."""
    settings.SAGE_UPDATER_PUBKEY = UpdaterKey.read(SIGNER.public_key)
    row = kept(b"an update", "app.tar.gz", key="bundle/1.2.0/app.tar.gz")
    sent = body("1.2.0", MAC | {"updater_url": row.url, "updater_signature": SIGNER.sign(b"an update", COMMENT)})
    monkeypatch.setattr(DiskStore, "open_object", unavailable)
    response = as_admin.post(PATH, sent)
    assert (response.status_code, envelope(response)["data"]) == (503, None)
    assert int(response.headers["Retry-After"]) > 0
    assert (stored(), refusals()) == ([[], [], 0], [])
    monkeypatch.undo()
    assert envelope(as_admin.post(PATH, sent))["code"] == 200


def unavailable(self: DiskStore, key: str) -> None:
    raise StoreUnavailable(cause="the disk: Input/output error")


def test_a_secret_key_is_not_even_kept_in_a_draft() -> None:
    """Other staff would see it, and every backup would have it."""
    for artifact in (MAC, MAC | {"updater_url": ""}):
        with pytest.raises(RefusedForm) as caught:
            draft(candidate(body("1.2.0", artifact | {"updater_signature": SIGNER.secret_key})), Author("alice", Source.ADMIN))
        assert [field for field, _message in caught.value.errors] == ["artifacts.0.updater_signature"]
    assert stored() == [[], [], 0]
