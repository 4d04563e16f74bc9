"""Signatures of updates, in the one form that the updater of Tauri takes.

That is a line of standard base64 (RFC 4648 §4), and in it minisign's four lines: an untrusted comment; base64 of an algorithm,
the id of a key, and a signature of the file; a trusted comment; base64 of a signature of that signature and the trusted comment.
By the last one most can be known without the file.
"""

import re
from base64 import b64decode, b64encode
from dataclasses import dataclass
from typing import BinaryIO, Self

import minisign

from versions.faults import FaultKind
from versions.updater_key import COMMENT, KEY_ID, REST, UpdaterKey, is_public_key, is_secret_key, shown

# A signature of the legacy kind is of the file itself and not of its hash, so that the whole file has to be in memory.
MOST_LEGACY_MIB = 64
MOST_LEGACY_BYTES = MOST_LEGACY_MIB * 1024**2
STANDARD = re.compile(r"[A-Za-z0-9+/]+={0,2}", re.ASCII)
# Of every signature and key in base64.
BEGINNING = b64encode(COMMENT.encode()).decode()
URL_SAFE = re.compile(r"[A-Za-z0-9_-]+={0,2}", re.ASCII)


class BadSignature(Exception):  # noqa: N818  What is raised is a fault of a release, and no error of ours.
    def __init__(self, kind: FaultKind, **details: str) -> None:
        super().__init__(kind)
        self.kind = kind
        self.details = details


@dataclass(frozen=True)
class Signature:
    """One that the updater can read. Whether it is right only a key can tell, and of the file only the file."""

    parsed: minisign.Signature

    @classmethod
    def read(cls, text: str) -> Self:
        """Raises BadSignature, which says what was given instead of one. White space around is the caller's to take away."""
        if (instead := _given_instead(text)) is not None:
            raise BadSignature(instead)
        written = b64decode(text)
        try:
            parsed = minisign.Signature.from_bytes(written)
        except minisign.ParseError:
            raise BadSignature(FaultKind.SIGNATURE) from None
        # The same bytes can be written as base64 in several ways, and the lines can end in several. The updater takes one.
        if bytes(parsed) != written.removesuffix(b"\n"):
            raise BadSignature(FaultKind.SIGNATURE_LINE_ENDS if b"\r" in written else FaultKind.SIGNATURE)
        return cls(parsed)

    @property
    def key_id(self) -> bytes:
        return self._packed[KEY_ID]

    @property
    def signed_version(self) -> str | None:
        """The version that the file was signed for, read as the updater reads it; None where the signer did not say."""
        version = self._said("version")
        return None if version is None else version.lstrip("v")

    @property
    def signed_name(self) -> str | None:
        """The file's name when it was signed; None where the signer did not say."""
        return self._said("file")

    def check(self, key: UpdaterKey) -> None:
        """Without the file: the key, and the trusted comment. Raises BadSignature."""
        if self.key_id != key.id:
            raise BadSignature(FaultKind.OTHER_KEY, signed_by=shown(self.key_id), expected=shown(key.id))
        overall = b64decode(bytes(self.parsed).splitlines()[3])
        if not key.has_signed(self._packed[REST] + self.parsed.trusted_comment.encode(), overall):
            raise BadSignature(FaultKind.TRUSTED_COMMENT)

    def check_file(self, key: UpdaterKey, file: BinaryIO) -> None:
        """The whole. A file of any size is read piece by piece; one of a legacy signature at once. Raises BadSignature."""
        content: BinaryIO | bytes = file
        if not self.parsed.is_prehashed():
            content = file.read(MOST_LEGACY_BYTES + 1)
            if len(content) > MOST_LEGACY_BYTES:
                raise BadSignature(FaultKind.LEGACY_TOO_LARGE, most=str(MOST_LEGACY_MIB))
        try:
            key.minisign.verify(content, self.parsed)
        except minisign.VerifyError:
            raise BadSignature(FaultKind.OTHER_FILE) from None

    @property
    def _packed(self) -> bytes:
        return b64decode(bytes(self.parsed).splitlines()[1])

    def _said(self, name: str) -> str | None:
        """From the trusted comment, where Tauri writes `timestamp:1700000000<tab>file:app.tar.gz<tab>version:1.2.3`."""
        parts = self.parsed.trusted_comment.split("\t")
        return next((part.removeprefix(f"{name}:") for part in parts if part.startswith(f"{name}:")), None)


def _given_instead(text: str) -> FaultKind | None:
    """What this is instead of one line of standard base64 with something of minisign's in it; None where it is that."""
    if is_secret_key(text) or is_secret_key("".join(text.split())):
        return FaultKind.SIGNATURE_SECRET_KEY
    if is_public_key(text):
        return FaultKind.SIGNATURE_PUBLIC_KEY
    if text.startswith("<"):
        return FaultKind.SIGNATURE_PAGE
    if text.startswith(COMMENT):
        return FaultKind.SIGNATURE_RAW
    return _no_base64(text) or _in_base64(b64decode(text))


def _no_base64(text: str) -> FaultKind | None:
    joined = "".join(text.split())
    if STANDARD.fullmatch(text) and _is_whole(text):
        return None
    if not joined.startswith(BEGINNING):
        return FaultKind.SIGNATURE
    if STANDARD.fullmatch(joined):
        return FaultKind.SIGNATURE_CUT if joined == text else FaultKind.SIGNATURE_LINES
    return FaultKind.SIGNATURE_URLSAFE if URL_SAFE.fullmatch(joined) else FaultKind.SIGNATURE


def _is_whole(text: str) -> bool:
    """Bits beyond the last byte have to be zero for the updater, and Python's decoder does not mind them."""
    try:
        return b64encode(b64decode(text, validate=True)).decode() == text
    except ValueError:
        return False


def _in_base64(written: bytes) -> FaultKind | None:
    if written.startswith(b"<"):
        return FaultKind.SIGNATURE_PAGE
    return FaultKind.SIGNATURE_TWICE if written.startswith(BEGINNING.encode()) else None
