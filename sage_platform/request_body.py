"""The body of a request as the server hands it over: read by turns, counted, and what nobody wants of it dropped.

An answer that is given before the body has come makes the server close the connection at once. What the client still sends then
meets a closed door: the client sees a broken connection in the place of the answer, and a proxy in between makes it a 502. So the
rest is read first, as long as it is small and comes soon.
"""

import sys
import time
from collections.abc import Callable, Iterator
from threading import Thread
from typing import Protocol

from sage_platform.turns import turns

PIECE = 64 * 1024


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
        self._dropping: Thread | None = None
        self._after_drop: Callable[[], None] | None = None

    def read(self, *size: int) -> bytes:
        """A client may take its time, so whoever reads lends their turn."""
        with turns.lent():
            return self._counted(self._stream.read(*size), wanted=size != (0,))

    def readline(self, *size: int) -> bytes:
        with turns.lent():
            return self._counted(self._stream.readline(*size), wanted=size != (0,))

    def readlines(self, hint: int = -1) -> list[bytes]:
        return list(self)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.readline, b"")

    @property
    def has_ended(self) -> bool:
        return self._ended

    def is_left_more_than(self, most: int) -> bool:
        """Whether it is known that more than this is still to come."""
        return self._left is not None and self._left > most

    def let_drop(self, *, afterwards: Callable[[], None]) -> None:
        """Allow it. A read cannot be broken off: where the client sends nothing, the thread that reads stays until they leave.

        So there must not be any number of such threads, and who allows one is told when it is gone.
        """
        self._after_drop = afterwards

    def drop(self, *, most: int, seconds: float) -> bool:
        """Read on and keep nothing, within so many bytes and seconds, where it is allowed. Whether the body has ended."""
        if self._ended or self._after_drop is None:
            return self._ended
        if self._dropping is None:
            self._dropping = Thread(target=self._drop, args=(most, time.monotonic() + seconds), daemon=True, name="drop")
            self._dropping.start()
        with turns.lent():
            self._dropping.join(seconds)
        return self._ended

    def close(self) -> None:
        """Nobody reads any more."""
        if self._dropping is None and self._after_drop is not None:
            self._after_drop()
        self._after_drop = None

    def _drop(self, most: int, until: float) -> None:
        after_drop = self._after_drop
        try:
            while not self._ended and most > 0 and time.monotonic() < until:
                most -= len(self._counted(self._stream.read(PIECE), wanted=True))
        except OSError:
            self._ended = True  # The client has left.
        finally:
            if after_drop is not None:
                after_drop()

    def _counted(self, piece: bytes, *, wanted: bool) -> bytes:
        if self._left is not None:
            self._left = max(0, self._left - len(piece))
        if self._left == 0 or (wanted and not piece):
            self._ended = True
        return bytes(piece)


class LingeringAnswer:
    """An answer after which the connection is closed: what still comes is dropped for a moment, so that the client can read it.

    Were it closed at once, the kernel would throw away the part of the answer that it has not delivered yet (RFC 9112 §9.6).
    """

    def __init__(self, parts: Iterator[bytes], body: RequestBody, *, seconds: float) -> None:
        self._parts = parts
        self._body = body
        self._seconds = seconds

    def __iter__(self) -> Iterator[bytes]:
        yield from self._parts
        self._body.drop(most=sys.maxsize, seconds=self._seconds)  # However much it is: the time alone is the limit.

    def close(self) -> None:
        self._body.close()
        if (close := getattr(self._parts, "close", None)) is not None:
            close()
