"""The body of a request as the server hands it over: read by turns, counted, and what nobody wants of it dropped.

An answer that is given before the body has come makes the server close the connection at once. What the client still sends then
meets a closed door: the client sees a broken connection in the place of the answer, and a proxy in between makes it a 502. So the
rest is read after the answer, for a moment.

The request's own thread reads it, and no other: while one thread waits in the server's read, the end of the request in another
thread waits for it with the interpreter in its hands, and the whole worker stands still. So a rest that does not come occupies
its thread and its place, like every other body that stalls.
"""

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from typing import Protocol

from sage_platform.stopping import under_way
from sage_platform.turns import turns

# A read lasts until so much has come or the client has ended, so that only between two of them the time can be looked at.
PIECE = 4 * 1024
NOTHING = BytesIO()


def declared_length(environ: Mapping[str, object]) -> int:
    """The body's length in bytes by its header, 0 where there is none. A chunked body needs none: ask `is_chunked` too."""
    raw = str(environ.get("CONTENT_LENGTH") or "0")
    if not (raw.isascii() and raw.isdigit()):
        return 0
    return int(raw) if len(raw) < 19 else sys.maxsize  # Python refuses to convert thousands of digits.


def is_chunked(environ: Mapping[str, object]) -> bool:
    """Whether the body comes in chunks, whose length no header states (RFC 9112 §6.1). WSGI would take such a body as empty."""
    return "HTTP_TRANSFER_ENCODING" in environ


def has_body(environ: Mapping[str, object]) -> bool:
    return declared_length(environ) > 0 or is_chunked(environ)


class IncompleteBodyError(OSError):
    """The client ended before the length that it had announced (RFC 9112 §6.3). Nothing may be made of a half."""


class Stream(Protocol):
    """What PEP 3333 asks of `wsgi.input`."""

    def read(self, size: int = -1, /) -> bytes: ...

    def readline(self, size: int = -1, /) -> bytes: ...


class RequestBody:
    """`length` is the Content-Length; None for a chunked body, whose end nobody knows before it has come."""

    def __init__(self, stream: Stream, length: int | None) -> None:
        self._stream = stream
        self._left = length
        self._ended = length == 0
        # Set where the answer is given already, and the rest is to be dropped after it.
        self.lingers = False

    def read(self, size: int = -1, /) -> bytes:
        """So many bytes, or all that are left. A client may take its time, so whoever reads lends their turn.

        Raises IncompleteBodyError where the client ends before.
        """
        if self._left is None:
            with self._coming():
                return self._counted(self._stream.read(size)) if size else b""
        wanted = self._left if size < 0 else min(size, self._left)
        pieces = []
        with self._coming():
            while wanted > 0:
                pieces.append(self._counted(self._stream.read(wanted)))
                wanted -= len(pieces[-1])
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def readline(self, size: int = -1, /) -> bytes:
        with self._coming():
            return self._counted(self._stream.readline(size)) if size else b""

    def readlines(self, hint: int = -1, /) -> list[bytes]:
        return list(self)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.readline, b"")

    @contextmanager
    def _coming(self) -> Iterator[None]:
        """While the client takes its time, others have the turn, and a stop need not wait for it."""
        with turns.lent(), under_way.reading():
            yield

    @property
    def has_ended(self) -> bool:
        return self._ended

    def is_left_more_than(self, most: int) -> bool:
        """Whether it is known that more than this is still to come."""
        return self._left is not None and self._left > most

    def drop(self, *, most: int, seconds: float) -> bool:
        """Read on and keep nothing, until so many bytes or seconds are over. Whether the body has ended."""
        until = time.monotonic() + seconds
        try:
            while not self._ended and most > 0 and time.monotonic() < until:
                most -= len(self.read(min(PIECE, most)))
        except OSError:
            self._ended = True  # The client has left.
        return self._ended

    def release(self) -> None:
        """Once the request is over: give back the server's stream, which holds up to half a megabyte that has come.

        Request and view point to each other, so that the request itself stays in memory until Python next looks for such circles,
        which on a calm worker can take long.
        """
        self._stream, self._left, self._ended = NOTHING, 0, True

    def _counted(self, piece: bytes) -> bytes:
        if not piece and self._left:
            self._ended = True
            raise IncompleteBodyError
        if self._left is not None:
            self._left = max(0, self._left - len(piece))
        self._ended = self._left == 0 or not piece
        return piece


class LingeringAnswer:
    """An answer before the end of its request: once its last part is sent, the rest of the request is dropped.

    So the connection can go on. Where too much is coming it is closed in the end, but not at once: the kernel would throw away
    the part of the answer that it has not delivered yet (RFC 9112 §9.6).
    """

    def __init__(self, parts: Iterator[bytes], body: RequestBody, *, seconds: float) -> None:
        self._parts = parts
        self._body = body
        self._seconds = seconds

    def __iter__(self) -> Iterator[bytes]:
        yield from self._parts
        self._body.drop(most=1 << 62, seconds=self._seconds)

    def close(self) -> None:
        if (close := getattr(self._parts, "close", None)) is not None:
            close()
