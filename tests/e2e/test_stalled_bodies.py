"""Clients that send their bodies a byte at a time: what the others notice of them, and what becomes of them."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from urllib.parse import urlencode

import pytest

from tests.e2e.served import Platform, served

pytestmark = [pytest.mark.served, pytest.mark.xdist_group("served")]

STALLED = 64
LENGTH = 1000
SECONDS_FOR_A_BYTE = 10
CALLS = 200
MOST_SECONDS = 0.05
ROUNDS = 3
FORM_TOKEN = "a" * 32


@dataclass(frozen=True)
class Request:
    """A whole request, its body LENGTH bytes long, and the status of its answer."""

    path: str
    body: str
    media_type: str
    status: int
    header: str = "X-Nothing: 0"

    def head(self) -> bytes:
        lines = [f"POST {self.path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Type: {self.media_type}", self.header]
        return "\r\n".join([*lines, f"Content-Length: {LENGTH}", "", ""]).encode()

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


@dataclass
class Client:
    """Somebody who sends a head at once and then the body, a byte at a time."""

    connection: socket.socket
    request: Request
    sent: int = 0

    def drip(self) -> None:
        self.connection.sendall(self.request.content()[self.sent : self.sent + 1])
        self.sent += 1

    def was_answered(self) -> bool:
        self.connection.setblocking(False)
        try:
            return self.connection.recv(1, socket.MSG_PEEK) is not None
        except BlockingIOError:
            return False
        finally:
            self.connection.settimeout(20)

    def finish(self) -> int:
        """Send the rest; the status of the answer."""
        self.connection.sendall(self.request.content()[self.sent :])
        with self.connection.makefile("rb") as stream:
            return int(stream.readline().split()[1])


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


def p99(port: int) -> float:
    return sorted(seconds_of_a_call(port) for _ in range(CALLS))[CALLS * 99 // 100 - 1]


def test_active_and_sign_in_do_not_notice_64_stalled_bodies() -> None:
    """With one worker, whose threads all of them would like to have."""
    with served(workers=1) as platform, ExitStack() as stack:
        requests = requests_of(platform)
        clients = []
        for number in range(STALLED):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", platform.port), timeout=20))
            clients.append(Client(connection, requests[number % len(requests)]))
            connection.sendall(clients[-1].request.head())
            clients[-1].drip()
        with dripping(clients):
            rounds = [p99(platform.port)]
            while rounds[-1] >= MOST_SECONDS and len(rounds) < ROUNDS:  # Other tests may have kept the machine busy.
                rounds.append(p99(platform.port))
            assert min(rounds) < MOST_SECONDS, rounds
            for _ in range(4):
                assert platform.admin().get("/api/auth/session").json()["data"]["user"]["username"] == "admin"
            assert platform.caller().get("/api/health").status_code == 200
        # All of them were waited for, and none was turned away for the others' sake.
        assert [client.request.path for client in clients if client.was_answered()] == []
        for client in clients[: len(requests)]:
            assert (client.request.path, client.finish()) == (client.request.path, client.request.status)
        assert platform.admin().get("/api/user/config").json()["data"] == {"config": {"theme": "dark"}}
