"""What comes back: whole, limited, unfolded piece by piece, and never trusted to be HTTP."""

import gzip
import socket
import tracemalloc
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sage_platform.outbound import Answer, AnswerTooLarge, ConnectionFailed, Deadline, OutboundError
from tests.outbound.doors import DEVELOPMENT, door_of, get
from tests.outbound.servers import Server, answer, says, serving

MIB = 1024 * 1024
CHUNKED = "Transfer-Encoding: chunked"


def chunked(*chunks: bytes, end: bytes = b"0\r\n\r\n", headers: str = CHUNKED) -> bytes:
    body = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    return f"HTTP/1.1 200 OK\r\n{headers}\r\n\r\n".encode() + body + end


def fetched(data: bytes, *, max_bytes: int = 100_000) -> Answer:
    """What the door makes of a server that answers so and hangs up."""
    with serving(says(data)) as server:
        try:
            return get(door_of(DEVELOPMENT), f"{server.url}/v1", max_bytes=max_bytes)
        finally:
            assert server.connections == 1  # Nothing is tried twice.


def test_the_whole_answer() -> None:
    with serving(
        says(answer(b'{"ok":true}', "Content-Type: application/json", "X-Twice: a", "X-Twice: b", status="418 Teapot"))
    ) as server:
        found = get(door_of(DEVELOPMENT), f"{server.url}/v1?x=1")
    assert (found.status, found.content, found.url) == (418, b'{"ok":true}', f"{server.url}/v1?x=1")
    assert found.headers["content-type"] == found.headers["Content-Type"] == "application/json"
    assert dict(found.headers) == {"Content-Length": "11", "Content-Type": "application/json", "X-Twice": "a, b"}
    assert repr(found) == "Answer(status=418)"


GOOD = {
    "length": (answer(b"hello"), b"hello"),
    "nothing": (answer(b""), b""),
    "no content": (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
    "a length that is none": ("HTTP/1.1 200 OK\r\nContent-Length: 2²\r\n\r\nhello".encode("latin-1"), b"hello"),
    "until the end": (b"HTTP/1.1 200 OK\r\n\r\nhello", b"hello"),
    "HTTP 1.0": (b"HTTP/1.0 200 OK\r\n\r\nhello", b"hello"),
    "chunks": (chunked(b"he", b"l", b"lo"), b"hello"),
    "chunks with extensions": (chunked(end=b"5;x=y\r\nhello\r\n0;z\r\nX-Trailer: 1\r\n\r\n"), b"hello"),
    "gzip": (answer(gzip.compress(b"hello"), "Content-Encoding: gzip"), b"hello"),
    "GZIP": (answer(gzip.compress(b"hello"), "Content-Encoding: GZIP"), b"hello"),
    "x-gzip": (answer(gzip.compress(b"hello"), "Content-Encoding: x-gzip"), b"hello"),
    "empty gzip": (answer(b"", "Content-Encoding: gzip"), b""),
    "gzip of nothing": (answer(gzip.compress(b""), "Content-Encoding: gzip"), b""),
    "gzip members": (answer(gzip.compress(b"he") + gzip.compress(b"llo"), "Content-Encoding: gzip"), b"hello"),
    "gzip with padding": (answer(gzip.compress(b"hello") + bytes(9), "Content-Encoding: gzip"), b"hello"),
    "gzip in chunks": (
        chunked(*(bytes([byte]) for byte in gzip.compress(b"hello")), headers=f"{CHUNKED}\r\nContent-Encoding: gzip"),
        b"hello",
    ),
    "identity": (answer(b"hello", "Content-Encoding: identity"), b"hello"),
    "an interim answer first": (b"HTTP/1.1 100 Continue\r\n\r\n" + answer(b"hello"), b"hello"),
    "more than it says": (answer(b"hello, and more", length=5), b"hello"),
}


@pytest.mark.parametrize(("data", "content"), GOOD.values(), ids=GOOD.keys())
def test_good_answers(data: bytes, content: bytes) -> None:
    assert fetched(data).content == content


def test_a_large_gzip_comes_back_whole() -> None:
    content = b"".join(b"%d," % number for number in range(300_000))
    data = answer(gzip.compress(content), "Content-Encoding: gzip")
    assert fetched(data, max_bytes=len(content)).content == content


@pytest.mark.parametrize("method", ["HEAD", "DELETE", "PUT", "PATCH", "OPTIONS"])
def test_other_methods(method: str) -> None:
    data = answer(b"" if method == "HEAD" else b"hello", "Content-Encoding: identity", length=5)
    with serving(says(data)) as server:
        found = door_of(DEVELOPMENT).request(method, server.url, deadline=Deadline.after(5), max_bytes=5)
    assert found.content == (b"" if method == "HEAD" else b"hello")


def test_the_size_of_what_a_head_does_not_bring_does_not_count() -> None:
    with serving(says(answer(b"", length=10**12))) as server:
        found = door_of(DEVELOPMENT).request("HEAD", server.url, deadline=Deadline.after(5), max_bytes=5)
    assert found.headers["content-length"] == str(10**12)


# -- Not HTTP, or not to its end ------------------------------------------------------------------------------------------

BROKE, UNREADABLE = "The connection to the server broke.", "The server's answer could not be read."
BAD = {
    "nothing at all": (b"", BROKE),
    "another protocol": (b"SSH-2.0-OpenSSH_9.6\r\n", UNREADABLE),
    "no version": (b"hello\r\n\r\n", UNREADABLE),
    "no status": (b"HTTP/1.1 \r\n\r\n", UNREADABLE),
    "a status out of range": (b"HTTP/1.1 99999 OK\r\n\r\n", UNREADABLE),
    "a status that is no number": (b"HTTP/1.1 OK 200\r\n\r\n", UNREADABLE),
    "a hundred headers too many": (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n", UNREADABLE),
    "cut in the body": (answer(b"hel", length=5), BROKE),
    "cut before the body": (answer(b"", length=5), BROKE),
    "cut before a chunk": (chunked(b"hello", end=b""), BROKE),
    "cut in a chunk": (chunked(b"hello", end=b"5\r\nhe"), BROKE),
    "a chunk without a length": (chunked(b"hello", end=b"xyz\r\n"), BROKE),
    "a chunk of a negative length": (chunked(b"hello", end=b"-5\r\nhello"), UNREADABLE),
    "a chunk to the end": (chunked(b"hello", end=b"-1\r\nhello"), UNREADABLE),
    "two lengths": (answer(b"hello", "Content-Length: 4"), BROKE),
    "gzip cut": (answer(gzip.compress(b"hello")[:-9], "Content-Encoding: gzip"), BROKE),
    "gzip without its end": (answer(gzip.compress(b"hello")[:-1], "Content-Encoding: gzip"), BROKE),
    "gzip that is none": (answer(b"hello", "Content-Encoding: gzip"), UNREADABLE),
    "gzip with a wrong sum": (answer(gzip.compress(b"hello")[:-8] + bytes(8), "Content-Encoding: gzip"), UNREADABLE),
    "gzip and then something": (answer(gzip.compress(b"hello") + b"x", "Content-Encoding: gzip"), BROKE),
    "an encoding nobody asked for": (answer(b"hello", "Content-Encoding: br"), UNREADABLE),
    "deflate": (answer(zlib.compress(b"hello"), "Content-Encoding: deflate"), UNREADABLE),
    "gzip twice": (answer(gzip.compress(gzip.compress(b"hello")), "Content-Encoding: gzip, gzip"), UNREADABLE),
}


@pytest.mark.parametrize(("data", "sentence"), BAD.values(), ids=BAD.keys())
def test_bad_answers(data: bytes, sentence: str) -> None:
    with pytest.raises(ConnectionFailed) as caught:
        fetched(data)
    assert str(caught.value) == sentence


def test_a_connection_that_is_reset_in_the_body() -> None:
    def resets(connection: socket.socket, server: Server) -> None:
        connection.sendall(answer(b"hel", length=5))
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    with serving(resets) as server:
        with pytest.raises(ConnectionFailed) as caught:
            get(door_of(DEVELOPMENT), server.url)
        assert server.connections == 1
    assert str(caught.value) == BROKE


@settings(max_examples=60, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=200),
        st.binary(max_size=200).map(lambda tail: b"HTTP/1.1 200 OK\r\n" + tail),
        st.binary(max_size=200).map(lambda tail: chunked(end=tail)),
        st.binary(max_size=200).map(lambda tail: answer(b"\x1f\x8b\x08\x00" + tail, "Content-Encoding: gzip")),
        st.binary(max_size=60).map(lambda name: b"HTTP/1.1 302 Found\r\nLocation: " + name + b"\r\n\r\n"),
    )
)
def test_whatever_a_server_says_is_an_answer_or_a_failure(data: bytes) -> None:
    with serving(says(data)) as server:
        door = door_of(DEVELOPMENT)
        try:
            found = door.request("GET", server.url, deadline=Deadline.after(5), max_bytes=50, max_redirects=1)
            assert len(found.content) <= 50
        except OutboundError:
            pass


# -- Too large ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 5])
def test_the_limit_is_met_to_the_byte(size: int) -> None:
    body = b"x" * size
    for data in (answer(body), chunked(body) if body else answer(body), answer(gzip.compress(body), "Content-Encoding: gzip")):
        if b"gzip" not in data:
            assert fetched(data, max_bytes=size).content == body
        assert fetched(data, max_bytes=100).content == body
    too_large = b"x" * (size + 1)
    for data in (answer(too_large), chunked(too_large), b"HTTP/1.1 200 OK\r\n\r\n" + too_large):
        with pytest.raises(AnswerTooLarge) as caught:
            fetched(data, max_bytes=size)
        assert str(caught.value) == "The server's answer is too large."


def test_the_limit_counts_what_was_unfolded() -> None:
    data = answer(gzip.compress(b"x" * 1000), "Content-Encoding: gzip")
    assert fetched(data, max_bytes=1000).content == b"x" * 1000
    with pytest.raises(AnswerTooLarge):
        fetched(data, max_bytes=999)


@contextmanager
def memory(*, most: int) -> Iterator[None]:
    """What the block takes at its peak, the server on its thread included."""
    tracemalloc.start()
    try:
        yield
        _now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < most


def floods(head: bytes, piece: bytes, times: int) -> Iterator[Server]:
    sent = 0

    def behave(connection: socket.socket, server: Server) -> None:
        nonlocal sent
        connection.sendall(head)
        for _ in range(times):
            connection.sendall(piece)
            sent += len(piece)

    with serving(behave) as server:
        yield server
    assert sent < times * len(piece)  # It was cut off.


FLOODS = {
    "with its length": (answer(b"", length=100 * MIB), bytes(65536)),
    "without a length": (b"HTTP/1.1 200 OK\r\n\r\n", bytes(65536)),
    "in chunks": (chunked(end=b""), b"10000\r\n" + bytes(65536) + b"\r\n"),
    "in a chunk to the end": (chunked(end=b"-1\r\n"), bytes(65536)),
    "in one chunk": (chunked(end=b"6400000\r\n"), bytes(65536)),
    "in chunks of a byte": (chunked(end=b""), b"1\r\nx\r\n" * 10000),
    "one header": (b"HTTP/1.1 200 OK\r\nX: ", b"x" * 65536),
    "headers": (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 10000),
    "the status line": (b"HTTP/1.1 200 ", b"x" * 65536),
    "interim answers": (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 2000),
    "the length of a chunk": (chunked(end=b""), b"0" * 65536),
    "the extension of a chunk": (chunked(end=b"1;"), b"x" * 65536),
    "trailers": (chunked(b"x", end=b"0\r\n"), b"X: y\r\n" * 10000),
}


@pytest.mark.parametrize(("head", "piece"), FLOODS.values(), ids=FLOODS.keys())
def test_a_flood_of_100_megabytes_is_cut_off_and_memory_stays_flat(head: bytes, piece: bytes) -> None:
    for server in floods(head, piece, 100 * MIB // len(piece)):
        with memory(most=MIB), pytest.raises(OutboundError) as caught:
            get(door_of(DEVELOPMENT), server.url, max_bytes=MIB // 10)
        assert isinstance(caught.value, AnswerTooLarge | ConnectionFailed)


def test_a_declared_size_is_refused_before_the_body_is_read() -> None:
    with serving(says(answer(b"", length=MIB + 1))) as server, pytest.raises(AnswerTooLarge):
        get(door_of(DEVELOPMENT), server.url, max_bytes=MIB)


def bomb(size: int) -> bytes:
    """Zeros by the hundred megabytes in some hundred kilobytes."""
    packer = zlib.compressobj(9, wbits=31)
    return b"".join(packer.compress(bytes(MIB)) for _ in range(size // MIB)) + packer.flush()


@pytest.mark.parametrize("form", ["with its length", "in chunks", "many members"])
def test_a_gzip_bomb_does_not_unfold(form: str) -> None:
    packed = gzip.compress(bytes(MIB)) * 100 if form == "many members" else bomb(100 * MIB)
    data = (
        chunked(packed, headers=f"{CHUNKED}\r\nContent-Encoding: gzip")
        if form == "in chunks"
        else answer(packed, "Content-Encoding: gzip")
    )
    assert len(packed) < MIB
    with serving(says(data)) as server, memory(most=4 * MIB), pytest.raises(AnswerTooLarge):
        get(door_of(DEVELOPMENT), server.url, max_bytes=MIB)


def test_gzip_that_unfolds_to_nothing_for_ever_is_cut_off() -> None:
    """Empty blocks: no byte comes out, so that only what comes in can be counted."""
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + gzip.compress(b"")[:10]
    for server in floods(head, b"\x00\x00\x00\xff\xff" * 13000, 1000):
        with memory(most=4 * MIB), pytest.raises(AnswerTooLarge):
            get(door_of(DEVELOPMENT), server.url, max_bytes=MIB)


def test_a_stream_of_100_megabytes_takes_no_memory() -> None:
    def flood(connection: socket.socket, server: Server) -> None:
        connection.sendall(answer(b"", length=100 * MIB))
        for _ in range(1600):
            connection.sendall(block)

    block = bytes(65536)
    with serving(flood) as server, memory(most=2 * MIB):
        deadline = Deadline.after(30)
        with door_of(DEVELOPMENT).stream("GET", server.url, deadline=deadline, max_bytes=100 * MIB) as incoming:
            assert sum(map(len, incoming.chunks)) == 100 * MIB
