"""An answer's body in small pieces: decompressed, counted, within the deadline.

The limit counts decompressed bytes, so that a small answer that unfolds into a huge one is cut off at the limit too.
"""

import zlib
from collections.abc import Iterable, Iterator

from sage_platform.outbound.deadline import Deadline
from sage_platform.outbound.errors import BROKEN, UNREADABLE, AnswerTooLarge, ConnectionFailed

PIECE = 64 * 1024


def limited(pieces: Iterable[bytes], most: int, deadline: Deadline) -> Iterator[bytes]:
    """The same pieces, until they are more than `most` bytes together (AnswerTooLarge) or the deadline has passed (TimedOut)."""
    total = 0
    for piece in pieces:
        total += len(piece)
        if total > most:
            raise AnswerTooLarge
        deadline.left()
        yield piece


def decoded(pieces: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """Decompressed. The request asks for gzip alone, so any other encoding raises ConnectionFailed."""
    name = encoding.strip().lower()
    if name in {"gzip", "x-gzip"}:
        return _gunzipped(pieces)
    if name in {"", "identity"}:
        return iter(pieces)
    raise ConnectionFailed(UNREADABLE)


def _gunzipped(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """In pieces of at most PIECE bytes. Several gzip members in a row are one body (RFC 1952 §2.2); zeros may pad them."""
    member = zlib.decompressobj(wbits=31)
    begun = False
    for piece in pieces:
        data = piece
        while True:
            if not begun or member.eof:
                data = data.lstrip(b"\0") if begun else data
                if not data:
                    break
                member, begun = zlib.decompressobj(wbits=31), True
            try:
                unfolded = member.decompress(data, PIECE)
            except zlib.error:
                raise ConnectionFailed(UNREADABLE) from None
            data = member.unused_data if member.eof else member.unconsumed_tail
            if unfolded:
                yield unfolded
            if not data:
                break
    if begun and not member.eof:
        raise ConnectionFailed(BROKEN)
