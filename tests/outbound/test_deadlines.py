"""One deadline for the whole call: whatever a server does, the call ends at it and not much later."""

import gzip
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

import pytest

from sage_platform.outbound import AnswerTooLarge, Deadline, OutboundError, TimedOut
from tests.outbound.doors import DEVELOPMENT, Names, door_of, get
from tests.outbound.servers import Behaviour, Server, answer, drips, hangs, never_accepting, says, serving

SECONDS = 0.25
# What a busy machine may add.
GRACE = 2.0

GZIP_HEAD = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"
CHUNKED_HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
SLOW: dict[str, Behaviour] = {
    "says nothing": hangs,
    "drips the status line": drips(b"HTTP/1.1 2", b"0"),
    "drips one header": drips(b"HTTP/1.1 200 OK\r\nX-Slow: ", b"x"),
    "drips many headers": drips(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"),
    "drips interim answers": drips(b"", b"HTTP/1.1 100 Continue\r\n\r\n", every=0.001),
    "stops in the headers": drips(b"HTTP/1.1 200 OK\r\nContent-Le", b"n", every=60),
    "stops before the body": drips(answer(b"", length=5), b"x", every=60),
    "drips the body": drips(answer(b"", length=5000), b"x"),
    "drips a body without length": drips(b"HTTP/1.1 200 OK\r\n\r\n", b"x"),
    "drips chunks": drips(CHUNKED_HEAD, b"1\r\nx\r\n"),
    "drips the length of a chunk": drips(CHUNKED_HEAD, b"0"),
    "drips the extension of a chunk": drips(CHUNKED_HEAD + b"1;", b"x"),
    "drips trailers": drips(CHUNKED_HEAD + b"0\r\n", b"X: y\r\n"),
    "drips empty gzip": drips(GZIP_HEAD + b"a\r\n" + gzip.compress(b"")[:10] + b"\r\n", b"5\r\n\x00\x00\x00\xff\xff\r\n"),
    "stops before the last byte": drips(answer(b"hell", length=5), b"o", every=60),
}


@contextmanager
def timed(seconds: float = SECONDS) -> Iterator[None]:
    begun = time.monotonic()
    with pytest.raises(TimedOut) as caught:
        yield
    assert seconds - 0.01 <= time.monotonic() - begun < seconds + GRACE
    assert str(caught.value) == "The server did not answer in time."


@pytest.mark.parametrize("behave", SLOW.values(), ids=SLOW.keys())
def test_a_slow_server_is_cut_off(behave: Behaviour) -> None:
    with serving(behave) as server:
        with timed():
            get(door_of(DEVELOPMENT), server.url, seconds=SECONDS)
        assert server.connections == 1  # And nothing was tried again.


def test_a_slow_answer_that_comes_in_time_is_fine() -> None:
    def slow(connection: socket.socket, server: Server) -> None:
        for byte in answer(b"hello"):
            connection.sendall(bytes([byte]))
            server.ended.wait(0.002)

    with serving(slow) as server:
        assert get(door_of(DEVELOPMENT), server.url, seconds=5).content == b"hello"


def test_a_server_that_never_accepts() -> None:
    with never_accepting() as port, timed():
        get(door_of(DEVELOPMENT), f"http://127.0.0.1:{port}/", seconds=SECONDS)


def test_several_addresses_that_never_accept_share_the_time() -> None:
    """So many that the grace would not cover it if each had the whole time."""
    dead = [f"127.0.0.{number}" for number in range(2, 14)]
    assert len(dead) * SECONDS > SECONDS + GRACE
    with ExitStack() as stack:
        port = stack.enter_context(never_accepting(dead[0]))
        for address in dead[1:]:
            stack.enter_context(never_accepting(address, port))
        with timed():
            get(door_of(DEVELOPMENT, resolver=Names({"dead.example": dead})), f"http://dead.example:{port}/", seconds=SECONDS)


def sips(connection: socket.socket, server: Server) -> None:
    while not server.ended.wait(0.05):
        for _ in range(4):
            connection.recv(65536)


@pytest.mark.parametrize("behave", [hangs, sips])
def test_a_server_that_does_not_read_what_is_sent(behave: Behaviour) -> None:
    """The body is more than the system takes off our hands. With each sip of the server some of it goes out."""
    body = "x" * 20_000_000
    with serving(behave, reads=False) as server:
        with timed(1.0):
            door_of(DEVELOPMENT).request("POST", server.url, json=body, deadline=Deadline.after(1.0), max_bytes=99)
        assert server.connections == 1


def test_a_tls_handshake_that_hangs() -> None:
    with serving(hangs, reads=False) as server, timed():
        get(door_of(DEVELOPMENT), f"https://127.0.0.1:{server.port}/", seconds=SECONDS)


def test_a_tls_handshake_has_all_the_time_that_is_left() -> None:
    """Connecting gives each of four addresses a quarter; the first one accepts at once, and nothing is kept for the others."""
    names = Names({"slow.example": ["127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4"]})
    with serving(hangs, reads=False) as server, timed():
        get(door_of(DEVELOPMENT, resolver=names), f"https://slow.example:{server.port}/", seconds=SECONDS)


def test_a_tls_handshake_that_drips() -> None:
    """The header of a record of 16 KiB, and then a byte at a time."""
    with serving(drips(b"\x16\x03\x03\x40\x00", b"\x02"), reads=False) as server, timed():
        get(door_of(DEVELOPMENT), f"https://127.0.0.1:{server.port}/", seconds=SECONDS)


def test_a_resolver_that_hangs() -> None:
    released = threading.Event()

    def hanging(host: str, port: int) -> list[str]:
        released.wait(30)
        return []

    try:
        with timed():
            get(door_of(DEVELOPMENT, resolver=hanging), "http://slow.example/", seconds=SECONDS)
    finally:
        released.set()


def test_the_resolver_and_the_server_share_the_time() -> None:
    """The resolver takes more than the grace, so that a server with the whole time for itself would come too late."""
    seconds = GRACE + 0.5

    def slow(host: str, port: int) -> list[str]:
        time.sleep(GRACE + 0.2)
        return ["127.0.0.1"]

    with serving(hangs) as server:
        with timed(seconds):
            get(door_of(DEVELOPMENT, resolver=slow), f"http://slow.example:{server.port}/", seconds=seconds)
        assert server.connections == 1


def test_a_deadline_that_has_passed_sends_nothing() -> None:
    with serving() as server:
        for _ in range(3):
            with pytest.raises(TimedOut):
                get(door_of(DEVELOPMENT), server.url, seconds=0)
        with pytest.raises(TimedOut):
            get(door_of(DEVELOPMENT), server.url, seconds=-1)
        assert server.received == []


def test_the_clock_is_the_monotonic_one(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    deadline = Deadline.after(20)
    assert deadline.remaining() == 20
    now = 1019.5
    assert deadline.remaining() == 0.5
    now = 1030.0
    assert deadline.remaining() == 0
    with pytest.raises(TimedOut):
        deadline.left()


# -- Streams --------------------------------------------------------------------------------------------------------------


def stream_until_it_ends(url: str, *, seconds: float, max_bytes: int) -> list[bytes]:
    pieces: list[bytes] = []
    with door_of(DEVELOPMENT).stream("GET", url, deadline=Deadline.after(seconds), max_bytes=max_bytes) as incoming:
        assert incoming.status == 200
        pieces.extend(incoming.chunks)
    return pieces


def test_a_stream_has_the_same_deadline() -> None:
    with serving(drips(answer(b"", length=5000), b"x")) as server, timed():
        stream_until_it_ends(server.url, seconds=SECONDS, max_bytes=5000)


def read_slowly(url: str) -> None:
    with door_of(DEVELOPMENT).stream("GET", url, deadline=Deadline.after(SECONDS), max_bytes=1_000_000) as incoming:
        for _piece in incoming.chunks:
            time.sleep(0.1)


@pytest.mark.parametrize(
    "data",
    [answer(bytes(1_000_000)), answer(gzip.compress(bytes(1_000_000)), "Content-Encoding: gzip")],
    ids=["plain", "gzip that came at once"],
)
def test_a_reader_of_a_stream_that_dawdles_is_cut_off_too(data: bytes) -> None:
    with serving(says(data)) as server, timed():
        read_slowly(server.url)


def fail_to_store(url: str) -> None:
    with door_of(DEVELOPMENT).stream("GET", url, deadline=Deadline.after(5), max_bytes=99) as incoming:
        next(incoming.chunks)
        raise OSError("disk full")


def test_an_error_of_the_reader_is_not_taken_for_the_servers() -> None:
    with serving() as server, pytest.raises(OSError, match="disk full"):
        fail_to_store(server.url)


def test_a_stream_that_is_left_early_hangs_up() -> None:
    gone = threading.Event()

    def floods(connection: socket.socket, server: Server) -> None:
        connection.sendall(answer(b"", length=10**9))
        try:
            while not server.ended.is_set():
                connection.sendall(bytes(65536))
        except OSError:
            gone.set()

    with serving(floods) as server:
        with door_of(DEVELOPMENT).stream("GET", server.url, deadline=Deadline.after(9), max_bytes=10**9) as incoming:
            assert next(incoming.chunks)
        assert gone.wait(5)


def test_a_stream_has_the_same_limit() -> None:
    with serving(says(CHUNKED_HEAD + b"6\r\nhello!\r\n0\r\n\r\n")) as server:
        assert stream_until_it_ends(server.url, seconds=5, max_bytes=6) == [b"hello!"]
        with pytest.raises(AnswerTooLarge):
            stream_until_it_ends(server.url, seconds=5, max_bytes=5)


# -- Nobody else waits ----------------------------------------------------------------------------------------------------


def together(calls: Sequence[Callable[[], object]]) -> float:
    """Seconds that the calls took side by side."""
    begun = time.monotonic()
    threads = [threading.Thread(target=call) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    return time.monotonic() - begun


def test_slow_servers_do_not_hold_up_each_other_or_a_good_one() -> None:
    with serving(hangs) as bad, serving() as good:
        ended: list[float] = []

        def slow() -> None:
            with pytest.raises(OutboundError):
                get(door_of(DEVELOPMENT), bad.url, seconds=GRACE)

        def quick() -> None:
            begun = time.monotonic()
            assert get(door_of(DEVELOPMENT), good.url).content == b"hello"
            ended.append(time.monotonic() - begun)

        assert together([slow] * 16 + [quick]) < 2 * GRACE
        assert ended[0] < GRACE
