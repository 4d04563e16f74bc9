"""A request's body is counted as it is read, and dropped within bounds."""

import io
import time
from collections.abc import Callable
from threading import Event

import pytest

from sage_platform.request_body import IncompleteBodyError, LingeringAnswer, RequestBody
from sage_platform.turns import turns


class Slow:
    """A body whose pieces come when they are let go."""

    def __init__(self, *pieces: bytes) -> None:
        self.pieces = list(pieces)
        self.let_go = Event()

    def read(self, size: int = -1, /) -> bytes:
        self.let_go.wait(5)
        return self.pieces.pop(0) if self.pieces else b""

    def readline(self, size: int = -1, /) -> bytes:
        return self.read(size)


def test_it_ends_with_its_last_byte() -> None:
    body = RequestBody(io.BytesIO(b"0123456789"), 10)
    assert (body.read(4), body.has_ended, body.is_left_more_than(5), body.is_left_more_than(6)) == (b"0123", False, True, False)
    assert (body.read(6), body.has_ended) == (b"456789", True)


def test_by_lines() -> None:
    body = RequestBody(io.BytesIO(b"one\ntwo\nthree"), 13)
    assert body.readline() == b"one\n"
    assert body.readlines() == [b"two\n", b"three"]
    assert body.has_ended


def test_a_chunked_one_ends_where_nothing_comes() -> None:
    body = RequestBody(io.BytesIO(b"0123"), None)
    assert (body.read(4), body.has_ended) == (b"0123", False)
    assert (body.read(0), body.has_ended) == (b"", False)
    assert not body.is_left_more_than(0)
    assert (body.read(1), body.has_ended) == (b"", True)


def test_none_at_all() -> None:
    assert RequestBody(io.BytesIO(), 0).has_ended


def test_one_that_breaks_off_is_no_body() -> None:
    """RFC 9112 §6.3: what was announced and did not come makes the whole incomplete, however it is read."""
    reads: list[Callable[[RequestBody], object]] = [RequestBody.read, RequestBody.readlines, lambda body: body.read(10)]
    for read in reads:
        with pytest.raises(IncompleteBodyError):
            read(RequestBody(io.BytesIO(b'{"a": 1}'), 20))


def test_what_is_there_is_dropped() -> None:
    stream = io.BytesIO(b"x" * 300_000)
    assert RequestBody(stream, 300_000).drop(most=300_000, seconds=5)
    assert stream.read() == b""


def test_no_more_than_so_many_bytes() -> None:
    stream = io.BytesIO(b"x" * 300_000)
    assert not RequestBody(stream, 300_000).drop(most=100_000, seconds=5)
    assert len(stream.read()) == 200_000


def test_no_longer_than_so_many_seconds() -> None:
    class Dripping(Slow):
        def read(self, size: int = -1, /) -> bytes:
            time.sleep(0.02)
            return b"x" * 1024

    began = time.monotonic()
    assert not RequestBody(Dripping(), 1_000_000).drop(most=1_000_000, seconds=0.1)
    assert 0.1 <= time.monotonic() - began < 2


def test_a_client_that_has_left_sends_no_more() -> None:
    class Gone(Slow):
        def read(self, size: int = -1, /) -> bytes:
            raise ConnectionResetError

    assert RequestBody(Gone(), 4).drop(most=100, seconds=5)
    assert RequestBody(io.BytesIO(b"half"), 8).drop(most=100, seconds=5)


def test_whoever_waits_for_a_body_lends_their_turn() -> None:
    class Watching(Slow):
        free = 0

        def read(self, size: int = -1, /) -> bytes:
            self.free = turns._free
            return self.pieces.pop(0)

    turns.set_amount(1)
    stream = Watching(b"here")
    try:
        with turns.taken():
            assert RequestBody(stream, 4).read(4) == b"here"
        assert stream.free == 1
    finally:
        turns.set_amount(0)


def test_an_answer_lingers_after_its_last_part_and_is_closed() -> None:
    stream, closed = io.BytesIO(b"x" * 1000), list[bool]()

    class Parts:
        def __iter__(self) -> "Parts":
            self.left = [b"a", b"b"]
            return self

        def __next__(self) -> bytes:
            if not self.left:
                raise StopIteration
            return self.left.pop(0)

        def close(self) -> None:
            closed.append(True)

    answer = LingeringAnswer(iter(Parts()), RequestBody(stream, 1000), seconds=5)
    parts = iter(answer)
    assert [next(parts), next(parts)] == [b"a", b"b"]
    assert stream.tell() == 0
    assert list(parts) == []
    assert stream.tell() == 1000
    answer.close()
    assert closed == [True]
