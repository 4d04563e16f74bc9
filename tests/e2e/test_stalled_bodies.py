"""Clients that send their requests a byte at a time: what the others notice of them, and what becomes of them."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from urllib.parse import urlencode

import pytest

from tests.e2e.served import Platform, served

pytestmark = [pytest.mark.served, pytest.mark.xdist_group("timed")]

STALLED = 64
LENGTH = 1000
SECONDS_FOR_A_BYTE = 10
CALLS = 100
# Far above what a call takes on a busy machine, and far below the seconds that one of the threads would be waited for.
MOST_SECONDS = 0.5
ROUNDS = 5
FORM_TOKEN = "a" * 32


@dataclass(frozen=True)
class Request:
    """A whole request, its body LENGTH bytes long, and the status of its answer."""

    path: str
    body: str
    media_type: str
    status: int
    header: str = "X-Nothing: 0"
    framing: str = f"Content-Length: {LENGTH}"

    def head(self) -> bytes:
        lines = [f"POST {self.path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Type: {self.media_type}", self.header]
        return "\r\n".join([*lines, self.framing, "", ""]).encode()

    def content(self) -> bytes:
        return self.body.encode().ljust(LENGTH, b" ")


def as_json(path: str, body: dict[str, object], **more: str) -> Request:
    return Request(path, json.dumps(body), "application/json", 200, **more)


def as_form(path: str, status: int, **fields: str) -> Request:
    """A form, its last field made longer until the length is right."""
    text = urlencode(fields | {"padding": ""})
    cookie = f"Cookie: sage_csrf={FORM_TOKEN}"  # Without one the form's token is not looked for, and the body not read.
    return Request(path, text.ljust(LENGTH, "0"), "application/x-www-form-urlencoded", status, cookie)


def requests_of(platform: Platform) -> list[Request]:
    """One for each way in which the platform reads a body."""
    bearer = platform.admin().session.headers["Authorization"]
    wrong = {"username": "admin", "password": "wrong", "csrfmiddlewaretoken": FORM_TOKEN}
    return [
        as_json("/api/auth/login", {"username_or_email": "admin", "password": platform.admin_password}),
        as_json("/api/user/login", {"username_or_email": "nobody", "password": "wrong"}),
        as_json("/api/auth/refresh", {"refresh_token": "wrong"}),
        as_json("/api/auth/register/send-code", {"email": "alice@sage.example"}),
        as_json("/api/user/config", {"config": {"theme": "dark"}}, header=f"Authorization: {bearer!s}"),
        as_form("/oauth2/token", 401, grant_type="client_credentials", client_id="nobody", client_secret="wrong"),
        as_form("/sage/login", 200, **wrong),
        as_form("/admin/login/", 200, **wrong),
    ]


CHUNKED = "Transfer-Encoding: chunked"
MULTIPART = "multipart/form-data; boundary=x"
COOKIE = f"Cookie: sage_csrf={FORM_TOKEN}"
# What no route takes: it is refused by its head, and nobody waits for the rest.
REFUSED = [
    Request("/api/auth/login", "{", "application/json", 411, framing=CHUNKED),
    Request("/oauth2/token", "grant_type=", "application/x-www-form-urlencoded", 411, framing=CHUNKED),
    Request("/sage/login", "username=", "application/x-www-form-urlencoded", 411, COOKIE, CHUNKED),
    Request("/admin/login/", "username=", "application/x-www-form-urlencoded", 411, COOKIE, CHUNKED),
    Request("/api/auth/login", "--x", MULTIPART, 415),
    Request("/oauth2/token", "--x", MULTIPART, 415),
    Request("/sage/login", "--x", MULTIPART, 415, COOKIE),
    Request("/admin/login/", "--x", MULTIPART, 415, COOKIE),
]


@dataclass
class Client:
    """Somebody who sends the first part of a request at once and then the rest, a byte at a time."""

    connection: socket.socket
    request: Request
    sent: int

    def __post_init__(self) -> None:
        self.whole = self.request.head() + self.request.content()
        self.connection.sendall(self.whole[: self.sent])

    def drip(self) -> None:
        with suppress(BrokenPipeError, ConnectionResetError):  # The server may hang up, having answered or waited enough.
            self.connection.sendall(self.whole[self.sent : self.sent + 1])
        self.sent += 1

    def was_answered(self) -> bool:
        self.connection.setblocking(False)
        try:
            return self.connection.recv(1, socket.MSG_PEEK) is not None
        except BlockingIOError:
            return False
        finally:
            self.connection.settimeout(20)

    def status(self) -> int:
        with self.connection.makefile("rb") as stream:
            return int(stream.readline().split()[1])

    def finish(self) -> int:
        """Send the rest; the status of the answer."""
        self.connection.sendall(self.whole[self.sent :])
        return self.status()


@contextmanager
def stalled(platform: Platform, requests: list[Request], *, in_the_head: bool = False) -> Iterator[list[Client]]:
    """64 of them."""
    with ExitStack() as stack:
        clients = []
        for number in range(STALLED):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", platform.port), timeout=20))
            request = requests[number % len(requests)]
            head = len(request.head())
            clients.append(Client(connection, request, head // 2 if in_the_head else head + 1))
        yield clients


@contextmanager
def dripping(clients: list[Client]) -> Iterator[None]:
    """Each of them sends a byte every so many seconds, one after the other."""
    over = threading.Event()

    def drip() -> None:
        turn = 0
        while not over.wait(SECONDS_FOR_A_BYTE / len(clients)):
            clients[turn % len(clients)].drip()
            turn += 1

    thread = threading.Thread(target=drip)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def seconds_of_a_call(port: int) -> float:
    """A connection, GET /active, the whole answer."""
    began = time.perf_counter()
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(b"GET /active HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        answer = b"".join(iter(lambda: connection.recv(4096), b""))
    took = time.perf_counter() - began
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.endswith(b"\r\n\r\nService is available.")
    return took


def p99(platform: Platform) -> float:
    return sorted(seconds_of_a_call(platform.port) for _ in range(CALLS))[CALLS * 99 // 100 - 1]


@pytest.fixture(scope="module")
def platform() -> Iterator[Platform]:
    """With one worker, whose threads all of the clients would like to have."""
    with served(workers=1) as platform:
        yield platform


@pytest.fixture(scope="module")
def most_seconds(platform: Platform) -> float:
    """What a call may take: MOST_SECONDS, or more on a machine that is slower than that by itself."""
    return max(MOST_SECONDS, 2 * p99(platform))


def assert_nobody_notices(platform: Platform, most_seconds: float) -> None:
    rounds = [p99(platform)]
    while rounds[-1] >= most_seconds and len(rounds) < ROUNDS:  # Something else may have kept the machine busy.
        rounds.append(p99(platform))
    assert rounds[-1] < most_seconds, rounds
    for _ in range(4):
        assert platform.admin().get("/api/auth/session").json()["data"]["user"]["username"] == "admin"
    assert platform.caller().get("/api/health").status_code == 200


def test_64_stalled_bodies(platform: Platform, most_seconds: float) -> None:
    requests = requests_of(platform)
    with stalled(platform, requests) as clients:
        with dripping(clients):
            assert_nobody_notices(platform, most_seconds)
        # All of them were waited for, and none was turned away for the others' sake.
        assert [client.request.path for client in clients if client.was_answered()] == []
        for client in clients[: len(requests)]:
            assert (client.request.path, client.finish()) == (client.request.path, client.request.status)
    assert platform.admin().get("/api/user/config").json()["data"] == {"config": {"theme": "dark"}}


def test_64_stalled_heads(platform: Platform, most_seconds: float) -> None:
    with stalled(platform, requests_of(platform), in_the_head=True) as clients:
        assert [client.request.path for client in clients if client.was_answered()] == []
        with dripping(clients):
            assert_nobody_notices(platform, most_seconds)


def test_64_stalled_bodies_of_kinds_that_no_route_takes(platform: Platform, most_seconds: float) -> None:
    """Chunks, and parts: the head is enough to refuse them, so that nobody waits for the rest."""
    with stalled(platform, REFUSED) as clients:
        for client in clients:
            assert (client.request, client.status()) == (client.request, client.request.status)
        with dripping(clients):
            assert_nobody_notices(platform, most_seconds)
