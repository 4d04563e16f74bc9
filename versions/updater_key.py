"""The public key of the desktop application's updater. It knows no Django, since the settings read it."""

from base64 import b64decode
from dataclasses import dataclass
from typing import Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from minisign import PublicKey

COMMENT = "untrusted comment:"
# In the packed lines of minisign two bytes name the algorithm, eight the key, and what is behind them depends on the line.
KEY_ID, REST = slice(2, 10), slice(10, None)
SECRET_KEY_BYTES = 158


@dataclass(frozen=True)
class UpdaterKey:
    minisign: PublicKey

    @classmethod
    def read(cls, text: str) -> Self:
        """From `plugins.updater.pubkey` of tauri.conf.json, which is base64 of minisign's .pub file; or that file's own text,
        or its second line alone. ValueError for anything else.
        """
        lines = text if text.startswith(COMMENT) else _unpacked(text)
        return cls(PublicKey.from_bytes(lines.encode()) if lines.startswith(COMMENT) else PublicKey.from_base64(text))

    @property
    def id(self) -> bytes:
        return self._packed[KEY_ID]

    def has_signed(self, data: bytes, signature: bytes) -> bool:
        try:
            Ed25519PublicKey.from_public_bytes(self._packed[REST]).verify(signature, data)
        except InvalidSignature:
            return False
        return True

    @property
    def _packed(self) -> bytes:
        return b64decode(self.minisign.to_base64())


def shown(key_id: bytes) -> str:
    """A key's id as minisign and Tauri print it in the comment of the .pub file."""
    return key_id[::-1].hex().upper()


def is_public_key(text: str) -> bool:
    try:
        UpdaterKey.read(text)
    except ValueError:
        return False
    return True


def is_secret_key(text: str) -> bool:
    """In any of the forms in which `UpdaterKey.read` takes a public one."""
    try:
        lines = text if text.startswith(COMMENT) else _unpacked(text)
        line = lines.splitlines()[1] if lines.startswith(COMMENT) else text
        return len(b64decode(line, validate=True)) == SECRET_KEY_BYTES
    except (ValueError, IndexError):
        return False


def _unpacked(text: str) -> str:
    """ValueError for what is no base64. What is no text has its strange bytes replaced."""
    return b64decode(text, validate=True).decode(errors="replace")
