"""Signatures of updates by themselves: what is read, what is refused and in which words, and what a key and a file tell."""

import base64
from io import BytesIO

import pytest

from tests.versions.minisigning import LEGACY, SIGNER, STRANGER, packed, unpacked
from versions import signatures
from versions.faults import FaultKind
from versions.signatures import BadSignature, Signature
from versions.updater_key import UpdaterKey

UPDATE = b"an update"
COMMENT = "timestamp:1700000000\tfile:Sage_1.2.0.AppImage\tversion:1.2.0"
GOOD = SIGNER.sign(UPDATE, COMMENT)
FOUR = unpacked(GOOD)
KEY = UpdaterKey.read(SIGNER.public_key)


def refusal(given: str) -> FaultKind:
    with pytest.raises(BadSignature) as caught:
        Signature.read(given)
    return caught.value.kind


def with_line(number: int, line: str) -> str:
    lines = FOUR.splitlines()
    lines[number] = line
    return packed(("\n".join(lines) + "\n").encode())


def with_bits_beyond_the_end(text: str) -> str:
    """The same bytes in base64 that Python's decoder takes and the updater's does not."""
    body = text.rstrip("=")
    assert len(body) < len(text)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    changed = body[:-1] + alphabet[alphabet.index(body[-1]) + 1] + text[len(body) :]
    assert changed != text
    assert base64.b64decode(changed) == base64.b64decode(text)
    return changed


def test_what_a_signature_says() -> None:
    signature = Signature.read(GOOD)
    assert (signature.signed_version, signature.signed_name) == ("1.2.0", "Sage_1.2.0.AppImage")
    silent = Signature.read(SIGNER.sign(UPDATE, "timestamp:1700000000\tfile:a-version:2.zip"))
    assert (silent.signed_version, silent.signed_name) == (None, "a-version:2.zip")
    # As the updater reads it: the first counts, and letters `v` before it do not.
    assert Signature.read(SIGNER.sign(UPDATE, "version:vv1.0.0\tversion:2.0.0")).signed_version == "1.0.0"
    assert Signature.read(SIGNER.sign(UPDATE, "")).signed_version is None


def test_the_end_of_the_fourth_line_may_be_missing() -> None:
    assert Signature.read(packed(FOUR.removesuffix("\n").encode())).signed_version == "1.2.0"


URL_SAFE = base64.urlsafe_b64encode(FOUR.replace("file:", "file:~~~???").encode()).decode()
PAGE = "<!DOCTYPE html>\n<html><title>Not Found</title></html>"
WRONG: dict[str, tuple[str, FaultKind]] = {
    "empty": ("", FaultKind.SIGNATURE),
    "a word": ("signature", FaultKind.SIGNATURE),
    "words": ("no signature, I fear", FaultKind.SIGNATURE),
    "words that could be base64": ("no signature yet", FaultKind.SIGNATURE),
    "words that could be base64 for addresses": ("no-signature-yet", FaultKind.SIGNATURE),
    "other letters": ("подпись", FaultKind.SIGNATURE),
    "a surrogate": ("\ud800", FaultKind.SIGNATURE),
    "a zero": (GOOD + "\x00", FaultKind.SIGNATURE),
    "a page": (PAGE, FaultKind.SIGNATURE_PAGE),
    "a page in base64": (packed(PAGE.encode()), FaultKind.SIGNATURE_PAGE),
    "a secret key": (SIGNER.secret_key, FaultKind.SIGNATURE_SECRET_KEY),
    "a secret key's file": (unpacked(SIGNER.secret_key), FaultKind.SIGNATURE_SECRET_KEY),
    "a secret key's line": (unpacked(SIGNER.secret_key).splitlines()[1], FaultKind.SIGNATURE_SECRET_KEY),
    "a secret key in several lines": (SIGNER.secret_key.replace("c", "c\n"), FaultKind.SIGNATURE_SECRET_KEY),
    "a public key": (SIGNER.public_key, FaultKind.SIGNATURE_PUBLIC_KEY),
    "a public key's file": (SIGNER.public_file, FaultKind.SIGNATURE_PUBLIC_KEY),
    "a public key's line": (SIGNER.public_line, FaultKind.SIGNATURE_PUBLIC_KEY),
    "four lines": (FOUR, FaultKind.SIGNATURE_RAW),
    "four lines of Windows": (FOUR.replace("\n", "\r\n"), FaultKind.SIGNATURE_RAW),
    "base64 twice": (packed(GOOD.encode()), FaultKind.SIGNATURE_TWICE),
    "base64 twice, with the line's end": (packed(GOOD.encode() + b"\n"), FaultKind.SIGNATURE_TWICE),
    "several lines": (f"{GOOD[:76]}\n{GOOD[76:]}", FaultKind.SIGNATURE_LINES),
    "a space in the middle": (f"{GOOD[:76]} {GOOD[76:]}", FaultKind.SIGNATURE_LINES),
    "base64 for addresses": (URL_SAFE, FaultKind.SIGNATURE_URLSAFE),
    "a length that base64 cannot have": (GOOD.rstrip("=") + "A" * (4 - len(GOOD.rstrip("=")) % 4 + 1), FaultKind.SIGNATURE_CUT),
    "no padding": (packed(FOUR.replace("file:", "file:x").encode()).rstrip("="), FaultKind.SIGNATURE_CUT),
    "bits beyond the end": (with_bits_beyond_the_end(packed((FOUR + "x").encode())), FaultKind.SIGNATURE_CUT),
    "bytes that are no text": (packed(b"\xff\xfe" * 40), FaultKind.SIGNATURE),
    "three lines": (packed("\n".join(FOUR.splitlines()[:3]).encode()), FaultKind.SIGNATURE),
    "five lines": (packed((FOUR + "\n").encode()), FaultKind.SIGNATURE),
    "the second line alone": (FOUR.splitlines()[1], FaultKind.SIGNATURE),
    "Windows' line ends inside": (packed(FOUR.replace("\n", "\r\n").encode()), FaultKind.SIGNATURE_LINE_ENDS),
    "an unknown algorithm": (with_line(1, packed(b"Xy" + bytes(72))), FaultKind.SIGNATURE),
    "a short second line": (with_line(1, packed(b"ED" + bytes(71))), FaultKind.SIGNATURE),
    "a short fourth line": (with_line(3, packed(bytes(63))), FaultKind.SIGNATURE),
    "bits beyond the end of the second line": (with_line(1, with_bits_beyond_the_end(FOUR.splitlines()[1])), FaultKind.SIGNATURE),
    "bits beyond the end of the fourth line": (with_line(3, with_bits_beyond_the_end(FOUR.splitlines()[3])), FaultKind.SIGNATURE),
    "another word for the trusted comment": (with_line(2, "a trusted comment: x"), FaultKind.SIGNATURE),
    "a trusted comment that is no text": (packed(FOUR.encode().replace(b"file", b"\xff")), FaultKind.SIGNATURE),
}


@pytest.mark.parametrize(("given", "expected"), WRONG.values(), ids=WRONG.keys())
def test_what_is_no_signature(given: str, expected: FaultKind) -> None:
    assert refusal(given) == expected


SENTENCES = {
    FaultKind.SIGNATURE: (
        "This is no signature of an update. Give the content of the .sig file that Tauri made beside the update, as it is."
    ),
    FaultKind.SIGNATURE_PAGE: "This is a web page and no signature: the download of the .sig file failed.",
    FaultKind.SIGNATURE_SECRET_KEY: (
        "This is a secret key and no signature. Whoever has it can sign updates: if others may have seen it, replace it. "
        "Give the content of the .sig file."
    ),
    FaultKind.SIGNATURE_PUBLIC_KEY: "This is a public key and no signature. Give the content of the .sig file.",
    FaultKind.SIGNATURE_RAW: (
        "This is a signature as minisign writes it. The updater takes it as base64 on one line, such as from: "
        "base64 -w 0 FILE.minisig"
    ),
    FaultKind.SIGNATURE_TWICE: "This is base64 of base64. The content of Tauri's .sig file is base64 already: give it as it is.",
    FaultKind.SIGNATURE_LINES: (
        "A signature is one line. Take the line breaks and spaces out of it, or make it by: base64 -w 0 FILE"
    ),
    FaultKind.SIGNATURE_URLSAFE: (
        "This is base64 of the URL-safe kind. The updater takes the standard kind, with + and / instead of - and _."
    ),
    FaultKind.SIGNATURE_CUT: (
        "This is no whole base64, so a part of it is missing or too much. Give the whole content of the .sig file."
    ),
    FaultKind.SIGNATURE_LINE_ENDS: (
        "The lines inside this signature end in CR, as on Windows. Make it of the .minisig file as minisign wrote it."
    ),
}


def test_each_refusal_says_what_to_do() -> None:
    assert {kind: str(kind.label) for _given, kind in WRONG.values()} == SENTENCES


def test_a_good_signature() -> None:
    signature = Signature.read(GOOD)
    signature.check(KEY)
    signature.check_file(KEY, BytesIO(UPDATE))


def bad(given: str, content: bytes | None = None) -> tuple[FaultKind, dict[str, str]]:
    """What is found, with the file where one is given."""
    signature = Signature.read(given)
    with pytest.raises(BadSignature) as caught:
        signature.check(KEY) if content is None else signature.check_file(KEY, BytesIO(content))
    return caught.value.kind, caught.value.details


def test_another_key() -> None:
    ids = {"signed_by": "0000000000000002", "expected": "0000000000000001"}
    assert bad(STRANGER.sign(UPDATE)) == (FaultKind.OTHER_KEY, ids)


def test_another_key_under_the_id_of_ours() -> None:
    forged = unpacked(STRANGER.sign(UPDATE)).splitlines()
    forged[1] = packed(b"ED" + SIGNER.id + base64.b64decode(forged[1])[10:])
    given = packed("\n".join(forged).encode())
    assert bad(given) == (FaultKind.TRUSTED_COMMENT, {})
    assert bad(given, UPDATE) == (FaultKind.OTHER_FILE, {})


def test_a_trusted_comment_that_was_changed() -> None:
    assert bad(with_line(2, "trusted comment: " + COMMENT.replace("1.2.0", "9.0.0"))) == (FaultKind.TRUSTED_COMMENT, {})


def test_the_signature_of_another_file() -> None:
    assert bad(GOOD, UPDATE + b"!") == (FaultKind.OTHER_FILE, {})
    assert bad(GOOD, b"") == (FaultKind.OTHER_FILE, {})


def test_a_signature_of_one_file_under_the_trusted_comment_of_another() -> None:
    lines, others = FOUR.splitlines(), unpacked(SIGNER.sign(b"other", "file:other")).splitlines()
    assert bad(packed("\n".join([*lines[:2], *others[2:]]).encode())) == (FaultKind.TRUSTED_COMMENT, {})


class Endless(BytesIO):
    """A file whose pieces are counted."""

    asked: list[int]

    def read(self, size: int | None = -1) -> bytes:
        self.asked.append(size or -1)
        return super().read(size)


def test_a_large_file_is_read_in_pieces() -> None:
    content = bytes(1024 * 1024)
    file = Endless(content)
    file.asked = []
    Signature.read(SIGNER.sign(content)).check_file(KEY, file)
    assert 0 < max(file.asked) <= 1024 * 64
    assert min(file.asked) > 0


def test_a_legacy_signature(monkeypatch: pytest.MonkeyPatch) -> None:
    """The file itself is signed, so that it is read at once; the updater takes it."""
    legacy = SIGNER.sign(UPDATE, algorithm=LEGACY)
    Signature.read(legacy).check(KEY)
    Signature.read(legacy).check_file(KEY, BytesIO(UPDATE))
    assert bad(legacy, UPDATE + b"!") == (FaultKind.OTHER_FILE, {})
    monkeypatch.setattr(signatures, "MOST_LEGACY_BYTES", len(UPDATE))
    Signature.read(legacy).check_file(KEY, BytesIO(UPDATE))
    assert bad(legacy, UPDATE + b"!") == (FaultKind.LEGACY_TOO_LARGE, {"most": "64"})


@pytest.mark.parametrize("given", [SIGNER.public_key, SIGNER.public_file, SIGNER.public_file.strip(), SIGNER.public_line])
def test_a_public_key_in_each_form(given: str) -> None:
    assert UpdaterKey.read(given).id == SIGNER.id
    Signature.read(GOOD).check(UpdaterKey.read(given))


NO_KEYS = {
    "empty": "",
    "words": "no key",
    "a secret key": SIGNER.secret_key,
    "a signature": GOOD,
    "a cut line": SIGNER.public_line[:-4],
    "one line": packed(b"untrusted comment: minisign public key"),
    "another algorithm": packed(b"ED" + bytes(40)),
    "a surrogate": "untrusted comment: \ud800\nx",
}


@pytest.mark.parametrize("given", NO_KEYS.values(), ids=NO_KEYS.keys())
def test_what_is_no_public_key(given: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  The settings say in their own words what was expected.
        UpdaterKey.read(given)
