"""Redirects: followed only when asked, and every hop passes the same test."""

import socket
import threading
from collections.abc import Iterator

import pytest

from sage_platform.outbound import Deadline, RedirectRefused, TimedOut, TooManyRedirects
from tests.outbound.doors import DEVELOPMENT, PRODUCTION, Names, door_of, get
from tests.outbound.servers import Behaviour, Server, answer, redirects, serving
from tests.outbound.spellings import FORBIDDEN, LOOPBACK, PRIVATE, WITHOUT_MEANING

NAMES = {
    "localhost": ["127.0.0.1"],
    "first.example": ["127.0.0.1"],
    "second.example": ["127.0.0.1"],
    "private.example": ["10.0.0.1"],
    "metadata.example": ["169.254.169.254"],
    "mixed.example": ["127.0.0.1", "169.254.169.254"],
}


def router(table: dict[str, bytes]) -> Behaviour:
    """By path; unknown ones say hello."""

    def behave(connection: socket.socket, server: Server) -> None:
        connection.sendall(table.get(server.received[-1].path, answer()))

    return behave


def moved(location: str, status: str = "302 Found") -> bytes:
    return answer(b"moved", f"Location: {location}", status=status)


@pytest.fixture
def other() -> Iterator[Server]:
    """Where some redirects lead."""
    with serving() as server:
        yield server


@pytest.mark.parametrize("status", ["301 x", "302 x", "303 x", "307 x", "308 x"])
def test_a_redirect_is_an_answer_unless_it_is_to_be_followed(status: str, other: Server) -> None:
    with serving(redirects(other.url, status)) as server:
        found = get(door_of(DEVELOPMENT), f"{server.url}/v1")
    assert (found.status, found.content, found.url) == (int(status[:3]), b"moved", f"{server.url}/v1")
    assert found.headers["LOCATION"] == other.url
    assert other.connections == 0


@pytest.mark.parametrize("status", ["301 x", "302 x", "303 x", "307 x", "308 x"])
def test_a_redirect_is_followed_when_asked(status: str, other: Server) -> None:
    with serving(redirects(f"{other.url}/there?x=1#y", status)) as server:
        found = get(door_of(DEVELOPMENT), f"{server.url}/v1", max_redirects=1)
    assert (found.status, found.content, found.url) == (200, b"hello", f"{other.url}/there?x=1")
    assert other.received[0].path == "/there?x=1"


@pytest.mark.parametrize("status", ["300 x", "304 x", "305 x", "306 x", "201 x", "400 x"])
def test_nothing_else_is_followed(status: str, other: Server) -> None:
    with serving(redirects(other.url, status)) as server:
        assert get(door_of(DEVELOPMENT), server.url, max_redirects=3).status == int(status[:3])
    assert other.connections == 0


def test_a_redirect_to_nowhere_is_an_answer() -> None:
    with serving(lambda connection, server: connection.sendall(answer(b"lost", status="302 Found"))) as server:
        assert get(door_of(DEVELOPMENT), server.url, max_redirects=3).content == b"lost"


@pytest.mark.parametrize(
    "location", ["/there", "there", "./there", "../there", "//{}/there", "http://{}/there", "?x=1", "/ü", " /there \t"]
)
def test_relative_locations(location: str) -> None:
    table: dict[str, bytes] = {}
    with serving(router(table)) as server:
        table["/v1"] = moved(location.format(f"127.0.0.1:{server.port}"))
        assert get(door_of(DEVELOPMENT), f"{server.url}/v1", max_redirects=1).content == b"hello"
        wanted = {"?x=1": "/v1?x=1", "/ü": "/%C3%BC"}.get(location, "/there")
        assert [request.path for request in server.received] == ["/v1", wanted]


# These stand for 127.0.0.1, which the test's deployment allows.
ALLOWED = {"[::7f00:1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]"}


def refused_in_production() -> Iterator[str]:
    yield from (f"http://{host}/" for host in (*PRIVATE, *FORBIDDEN) if host not in ALLOWED)
    yield from (f"http://{host}/" for host in ("[::1]", "private.example", "metadata.example", "mixed.example"))
    yield from (
        "//169.254.169.254/latest",
        "///127.0.0.1/",
        "/a\tb",
        "http:///127.0.0.1/",
        "http:/127.0.0.1/",
        "http:127.0.0.1",
        "https://169.254.169.254/",
        "ftp://first.example/x",
        "file:///etc/passwd",
    )
    yield from (
        "gopher://127.0.0.1:6379/_x",
        "http://user:secret@first.example/",
        "http://first.example:0/",
        "\\\\169.254.169.254\\",
    )
    # What cannot travel in a header has been tried as an address already.
    yield from (f"http://{host}/" for host in WITHOUT_MEANING if host.isprintable() and host.isascii() and host.strip() == host)


@pytest.mark.parametrize("location", list(refused_in_production()))
def test_a_redirect_to_where_nobody_may_go(location: str) -> None:
    """The first hop is in an allowed network; the next is judged by itself."""
    names = Names(NAMES)
    with serving(redirects(location)) as server:
        door = door_of(PRODUCTION, "127.0.0.1/32", resolver=names)
        with pytest.raises(RedirectRefused) as caught:
            get(door, server.url, max_redirects=5)
        assert len(server.received) == 1
    assert str(caught.value) == "The server redirected to an address that is not allowed."
    assert caught.value.__context__ is None or caught.value.__suppress_context__


@pytest.mark.parametrize("host", [*FORBIDDEN, "metadata.example", "mixed.example"])
def test_a_redirect_to_metadata_in_development(host: str) -> None:
    with serving(redirects(f"http://{host}/latest/meta-data/")) as server:
        with pytest.raises(RedirectRefused):
            get(door_of(DEVELOPMENT, resolver=Names(NAMES)), server.url, max_redirects=5)
        assert len(server.received) == 1


@pytest.mark.parametrize("host", [host for host in LOOPBACK if "\u00ad" not in host])
def test_a_redirect_to_loopback_in_every_spelling(host: str, other: Server) -> None:
    """Followed in development, refused in production from a server that may be reached."""
    with serving(redirects(f"http://{host}:{other.port}/")) as server:
        assert get(door_of(DEVELOPMENT), server.url, max_redirects=1).content == b"hello"
        with pytest.raises(RedirectRefused):
            get(door_of(PRODUCTION), server.url, max_redirects=1, trusted=True)
    assert len(other.received) == 1


@pytest.mark.parametrize("status", ["302 x", "303 x", "307 x"])
def test_trust_ends_at_another_origin(status: str, other: Server) -> None:
    """An address from the settings may be private; what its server redirects to may not."""
    table: dict[str, bytes] = {}
    with serving(router(table)) as server:
        table |= {"/out": moved(other.url, status), "/in": moved("/fine"), "/around": moved(f"{server.url}/in")}
        production = door_of(PRODUCTION)
        assert get(production, f"{server.url}/around", trusted=True, max_redirects=2).content == b"hello"
        with pytest.raises(RedirectRefused):
            get(production, f"{server.url}/out", trusted=True, max_redirects=2)
    assert other.connections == 0


def test_so_many_and_no_more() -> None:
    table = {f"/{number}": moved(f"/{number + 1}") for number in range(10)}
    with serving(router(table)) as server:
        assert get(door_of(DEVELOPMENT), f"{server.url}/7", max_redirects=3).content == b"hello"
        server.received.clear()
        with pytest.raises(TooManyRedirects) as caught:
            get(door_of(DEVELOPMENT), f"{server.url}/6", max_redirects=3)
        assert [request.path for request in server.received] == ["/6", "/7", "/8", "/9"]
        assert str(caught.value) == "The server redirected too many times."


def test_a_circle_ends() -> None:
    with serving(redirects("/again")) as server:
        with pytest.raises(TooManyRedirects):
            get(door_of(DEVELOPMENT), server.url, max_redirects=5)
        assert len(server.received) == 6


def test_the_body_of_a_redirect_is_not_read() -> None:
    """It would have no limit otherwise."""
    sent = 0

    def floods(connection: socket.socket, server: Server) -> None:
        nonlocal sent
        if len(server.received) > 1:
            return connection.sendall(answer())
        connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: /there\r\nContent-Length: 1000000000\r\n\r\n")
        while not server.ended.is_set():
            connection.sendall(bytes(65536))
            sent += 65536
        return None

    with serving(floods) as server:
        assert get(door_of(DEVELOPMENT), server.url, max_redirects=1).content == b"hello"
    assert sent < 50_000_000


def test_the_connection_of_a_hop_ends_before_the_next_begins() -> None:
    gone = threading.Event()

    def first(connection: socket.socket, server: Server) -> None:
        connection.sendall(moved(then.url))
        if connection.recv(1) == b"":
            gone.set()

    def second(connection: socket.socket, server: Server) -> None:
        connection.sendall(answer(b"gone" if gone.wait(2) else b"still there"))

    with serving(second) as then, serving(first) as server:
        assert get(door_of(DEVELOPMENT), server.url, max_redirects=1).content == b"gone"


# -- What is sent on ------------------------------------------------------------------------------------------------------

SECRETS = {
    "Authorization": "Bearer s3cret",
    "X-Api-Key": "s3cret",
    "api-key": "s3cret",
    "Cookie": "a=s3cret",
    "X-Whatever": "s3cret",
}
FINE = {"Accept": "application/json", "Accept-Language": "zh", "User-Agent": "probe"}


def test_keys_stay_with_their_origin(other: Server) -> None:
    with serving(redirects(f"{other.url}/there")) as server:
        get(door_of(DEVELOPMENT), server.url, headers=SECRETS | FINE, max_redirects=1)
        first, second = server.received[0], other.received[0]
    assert {name: first.headers[name.lower()] for name in SECRETS} == SECRETS
    assert "s3cret" not in repr(second)
    assert second.headers == {
        "host": f"127.0.0.1:{other.port}",
        "accept": "application/json",
        "accept-language": "zh",
        "user-agent": "probe",
        "accept-encoding": "gzip",
        "connection": "close",
    }


def test_keys_do_not_come_back_from_another_origin() -> None:
    """There and back again: what was dropped stays dropped."""
    table: dict[str, bytes] = {}
    with serving(router(table)) as server, serving(redirects(f"{server.url}/back")) as away:
        table["/v1"] = moved(away.url)
        get(door_of(DEVELOPMENT), f"{server.url}/v1", headers=SECRETS, max_redirects=2)
        assert [request.path for request in server.received] == ["/v1", "/back"]
        assert "s3cret" not in repr(server.received[1])


ORIGINS = [("first.example", "second.example"), ("first.example", "127.0.0.1"), ("localhost", "127.0.0.1")]


@pytest.mark.parametrize(("asked", "led_to"), ORIGINS)
def test_another_name_is_another_origin(asked: str, led_to: str) -> None:
    table: dict[str, bytes] = {}
    with serving(router(table)) as server:
        table["/v1"] = moved(f"http://{led_to}:{server.port}/there")
        door = door_of(DEVELOPMENT, resolver=Names(NAMES))
        get(door, f"http://{asked}:{server.port}/v1", headers=SECRETS, max_redirects=1)
        assert "s3cret" not in repr(server.received[1])


def test_keys_go_along_within_an_origin() -> None:
    with serving(router({"/v1": moved("/v2")})) as server:
        get(door_of(DEVELOPMENT), f"{server.url}/v1", headers=SECRETS, max_redirects=1)
        assert {name: server.received[1].headers[name.lower()] for name in SECRETS} == SECRETS


METHODS = [
    ("301 x", "POST", "GET", b""),
    ("302 x", "POST", "GET", b""),
    ("303 x", "POST", "GET", b""),
    ("307 x", "POST", "POST", b'{"a":1}'),
    ("308 x", "POST", "POST", b'{"a":1}'),
    ("301 x", "PUT", "PUT", b'{"a":1}'),
    ("303 x", "PUT", "GET", b""),
]


@pytest.mark.parametrize(("status", "method", "then", "body"), METHODS)
def test_the_method_and_body_of_the_next_request(status: str, method: str, then: str, body: bytes) -> None:
    with serving(router({"/v1": moved("/v2", status)})) as server:
        door_of(DEVELOPMENT).request(
            method, f"{server.url}/v1", json={"a": 1}, deadline=Deadline.after(5), max_bytes=99, max_redirects=1
        )
        first, second = server.received
    assert (first.method, first.body) == (method, b'{"a":1}')
    assert (second.method, second.path, second.body) == (then, "/v2", body)
    assert second.headers.get("content-type") == ("application/json" if body else None)


@pytest.mark.parametrize("status", ["303 x", "302 x"])
def test_head_stays_head(status: str) -> None:
    with serving(router({"/v1": moved("/v2", status)})) as server:
        door_of(DEVELOPMENT).request("HEAD", f"{server.url}/v1", deadline=Deadline.after(5), max_bytes=99, max_redirects=1)
        assert [request.method for request in server.received] == ["HEAD", "HEAD"]


@pytest.mark.parametrize("status", ["307 x", "308 x"])
def test_a_body_never_goes_to_another_origin(status: str, other: Server) -> None:
    with serving(redirects(other.url, status)) as server, pytest.raises(RedirectRefused):
        door_of(DEVELOPMENT).request(
            "POST", server.url, json={"key": "s3cret"}, deadline=Deadline.after(5), max_bytes=99, max_redirects=1
        )
    assert other.connections == 0


def test_all_hops_share_the_deadline() -> None:
    def slow(connection: socket.socket, server: Server) -> None:
        server.ended.wait(0.15)
        connection.sendall(moved("/again"))

    with serving(slow) as server:
        with pytest.raises(TimedOut):
            get(door_of(DEVELOPMENT), server.url, seconds=0.4, max_redirects=50)
        assert len(server.received) <= 3
