"""Bodies of multipart forms, made and taken apart by hand."""

import io
from dataclasses import dataclass

from django.http import UnreadablePostError

from sage_platform.api.bodies import UnreadForm

BOUNDARY = "----sage-boundary"


def part(name: str, content: bytes = b"", *, filename: str | None = None, headers: str = "") -> bytes:
    named = f'Content-Disposition: form-data; name="{name}"' + (f'; filename="{filename}"' if filename is not None else "")
    return f"--{BOUNDARY}\r\n{named}\r\n{headers}\r\n".encode() + content + b"\r\n"


def form(*parts: bytes, end: bytes = b"\r\n") -> bytes:
    return b"".join(parts) + f"--{BOUNDARY}--".encode() + end


def file_form(content: bytes, *, filename: str = "a.txt") -> bytes:
    return form(part("file", content, filename=filename))


@dataclass
class Body:
    """What a client sends, and how much it has announced; it gives so many bytes at a read at most."""

    content: bytes
    announced: int | None = None
    most_a_read: int = 1 << 30
    boundary: str = BOUNDARY

    def opened(self) -> UnreadForm:
        stream = io.BytesIO(self.content)
        announced = len(self.content) if self.announced is None else self.announced

        def read(size: int) -> bytes:
            piece = stream.read(min(size, self.most_a_read))
            if not piece and stream.tell() < announced:
                raise UnreadablePostError
            return piece

        return UnreadForm(self.boundary, announced, read)
