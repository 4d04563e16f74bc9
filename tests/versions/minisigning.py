"""A signer of minisign's that says what it signs, so that a test can make each thing that a signer does not."""

from base64 import b64decode, b64encode
from dataclasses import dataclass
from hashlib import blake2b

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

PREHASHED, LEGACY = b"ED", b"Ed"
COMMENT = "timestamp:1700000000\tfile:Sage.AppImage"


def packed(data: bytes) -> str:
    return b64encode(data).decode()


def unpacked(text: str) -> str:
    return b64decode(text).decode()


@dataclass(frozen=True)
class Signer:
    """A key pair that is the same in each run."""

    seed: int = 1

    @property
    def id(self) -> bytes:
        return self.seed.to_bytes(8, "little")

    @property
    def secret(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.seed.to_bytes(32, "little"))

    @property
    def public_line(self) -> str:
        return packed(LEGACY + self.id + self.secret.public_key().public_bytes_raw())

    @property
    def public_file(self) -> str:
        return f"untrusted comment: minisign public key {self.seed:016X}\n{self.public_line}\n"

    @property
    def public_key(self) -> str:
        """As in tauri.conf.json."""
        return packed(self.public_file.encode())

    @property
    def secret_key(self) -> str:
        """As `tauri signer generate` writes it, with a password: nobody can read it here, and by its form it is one."""
        line = packed(b"EdScB2" + bytes(152))
        return packed(f"untrusted comment: rsign encrypted secret key\n{line}\n".encode())

    def lines(self, content: bytes, comment: str, *, algorithm: bytes = PREHASHED) -> list[str]:
        """The four lines of the signature of `content`."""
        signature = self.secret.sign(blake2b(content).digest() if algorithm == PREHASHED else content)
        return [
            "untrusted comment: signature from tauri secret key",
            packed(algorithm + self.id + signature),
            f"trusted comment: {comment}",
            packed(self.secret.sign(signature + comment.encode())),
        ]

    def sign(self, content: bytes, comment: str = COMMENT, *, algorithm: bytes = PREHASHED) -> str:
        """The content of a .sig file as Tauri makes it."""
        return packed(("\n".join(self.lines(content, comment, algorithm=algorithm)) + "\n").encode())


SIGNER = Signer()
STRANGER = Signer(2)
