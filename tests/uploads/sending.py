"""Sending files as clients do."""

from hashlib import sha256
from pathlib import Path
from typing import Any

from tests.people import Caller, Response, envelope

TYPE = "multipart/form-data; boundary=edge"
END = b"--edge--\r\n"


def part(name: str, content: bytes, filename: str | None = None) -> bytes:
    """One part of a multipart form (RFC 7578 §4.2)."""
    file = "" if filename is None else f'; filename="{filename}"\r\nContent-Type: image/png'
    return f'--edge\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'.encode() + content + b"\r\n"


def send(caller: Caller, *parts: bytes, end: bytes = END) -> Response:
    return caller.send("POST", "/api/oss/upload", b"".join(parts) + end, Content_Type=TYPE)


def stored(caller: Caller, content: bytes, filename: str = "a.txt", *, path: str = "") -> dict[str, Any]:
    """What the platform says of a file that it has stored."""
    given = [part("path", path.encode())] if path else []
    answer = envelope(send(caller, *given, part("file", content, filename)))
    assert answer["code"] == 200, answer
    told: dict[str, Any] = answer["data"]
    return told


def sum_of(content: bytes) -> str:
    return sha256(content).hexdigest()


def files_in(root: Path) -> dict[str, bytes]:
    """All that is in the media root, by its path; drafts too."""
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}
