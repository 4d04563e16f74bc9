"""A refusal reaches the client, and the connection goes on, though the body comes after the answer is decided."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from sage_platform.front import LINGER_SECONDS
from tests.e2e.served import Browser, Platform, served

pytestmark = [pytest.mark.served, pytest.mark.xdist_group("timed")]

JSON = "application/json"
# (method, path, media type, status): each refusal that is decided before the body is read.
REFUSALS: list[tuple[str, str, str, int]] = [
    ("POST", "/api/nowhere", JSON, 404),
    ("POST", "/nowhere", JSON, 404),
    ("POST", "/api/auth/session", JSON, 405),
    ("POST", "/api/user/add", JSON, 401),
    ("POST", "/api/auth/login", "text/plain", 415),
    ("POST", "/oauth2/token", JSON, 415),
    ("POST", "/sage/login", JSON, 415),
    ("POST", "/admin/login/", JSON, 415),
]
SMALL = [100, 20_000, 200_000, 1_500_000]


@pytest.fixture(scope="module")
def platform() -> Iterator[Platform]:
    with served() as platform:
        yield platform


class Wire:
    """One connection, spoken to byte by byte."""

    def __init__(self, platform: Platform) -> None:
        self.socket = socket.create_connection(("127.0.0.1", platform.port), timeout=10)
        self.reader = self.socket.makefile("rb")

    def __enter__(self) -> "Wire":
        return self

    def __exit__(self, *error: object) -> None:
        self.reader.close()
        self.socket.close()

    def head(self, method: str, path: str, media_type: str, length: int, **headers: str) -> None:
        lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Type: {media_type}", f"Content-Length: {length}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self.socket.sendall("\r\n".join([*lines, "", ""]).encode())

    def answer(self) -> tuple[int, dict[str, str], bytes]:
        status = int(self.reader.readline().split()[1])
        headers = {}
        while (line := self.reader.readline().decode().strip()) != "":
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        return (
            status,
            headers,
            self.chunks() if "transfer-encoding" in headers else self.reader.read(int(headers["content-length"])),
        )

    def chunks(self) -> bytes:
        """RFC 9112 §7.1."""
        parts = b""
        while size := int(self.reader.readline(), 16):
            parts += self.reader.read(size)
            self.reader.readline()
        self.reader.readline()
        return parts

    def takes(self, piece: bytes) -> bool:
        """Whether the server has not closed its end."""
        try:
            self.socket.sendall(piece)
        except OSError:
            return False
        return True

    def goes_on(self) -> bool:
        self.socket.sendall(b"GET /active HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        return self.answer()[::2] == (200, b"Service is available.")


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda row: f"{row[1]} {row[3]}")
@pytest.mark.parametrize("size", SMALL)
def test_a_small_body_that_comes_late(refusal: tuple[str, str, str, int], size: int, platform: Platform) -> None:
    method, path, media_type, status = refusal
    for _ in range(3):
        with Wire(platform) as wire:
            wire.head(method, path, media_type, size)
            time.sleep(0.003)
            wire.socket.sendall(b"x" * size)
            found, headers, _body = wire.answer()
            assert (found, headers.get("connection")) == (status, None)
            assert wire.goes_on()


def test_what_a_person_may_not_do_and_what_is_sent_too_often(platform: Platform) -> None:
    """403 of a page of another site, 422 and 429 are decided after the body or within it; their connections go on too."""
    body = b'{"email": "late@sage.example"}'
    with Wire(platform) as wire:
        for origin, status in (("https://evil.example", 403), ("", 200)):
            extra = {"Origin": origin, "Sec_Fetch_Site": "cross-site"} if origin else {}
            wire.head("POST", "/api/auth/login" if origin else "/api/auth/register/send-code", JSON, len(body), **extra)
            time.sleep(0.003)
            wire.socket.sendall(body)
            assert wire.answer()[0] == status
        assert wire.goes_on()


@pytest.mark.parametrize("refusal", REFUSALS[:5], ids=lambda row: f"{row[1]} {row[3]}")
def test_a_large_body_is_dropped_for_a_moment_and_the_answer_read(refusal: tuple[str, str, str, int], platform: Platform) -> None:
    method, path, media_type, status = refusal
    size = 6_000_000
    with Wire(platform) as wire:
        wire.head(method, path, media_type, size)
        time.sleep(0.003)
        wire.socket.sendall(b"x" * size)
        found, headers, _body = wire.answer()
        assert (found, headers["connection"]) == (status, "close")
        assert wire.reader.read() == b""


def test_too_large_for_a_route_that_takes_bodies(platform: Platform) -> None:
    with Wire(platform) as wire:
        wire.head("POST", "/api/auth/login", JSON, 3_000_000)
        time.sleep(0.003)
        wire.socket.sendall(b"x" * 3_000_000)
        status, headers, body = wire.answer()
    assert (status, headers["connection"]) == (413, "close")
    assert b'"code":413' in body


def test_who_drips_is_answered_at_once_and_let_go_after_two_seconds(platform: Platform) -> None:
    with Wire(platform) as wire:
        wire.head("POST", "/api/nowhere", JSON, 1_000_000)
        began = time.monotonic()
        assert wire.answer()[0] == 404
        assert time.monotonic() - began < LINGER_SECONDS * 0.75
        while wire.takes(b"x" * 4096) and time.monotonic() - began < 10:
            time.sleep(0.05)
        assert LINGER_SECONDS * 0.75 < time.monotonic() - began < 10


NEVER_SENT = [
    ("/api/nowhere", JSON, 2000),
    ("/api/user/add", JSON, 2000),
    ("/api/auth/login", JSON, 9_000_000),
    ("/api/auth/login", "text/plain", 9_000_000),
    ("/sage/login", JSON, 2000),
    ("/oauth2/token", JSON, 2000),
    ("/static/pages/sage.svg", JSON, 2000),
    ("/api/system/info", JSON, 2000),
]


def test_those_that_never_come_hold_nobody_else(platform: Platform) -> None:
    """Well after each moment at which something of a request is ended: the answer, two seconds, one second more."""
    with ExitStack() as stack:
        for path, media_type, length in NEVER_SENT:
            wire = stack.enter_context(Wire(platform))
            wire.head("POST", path, media_type, length)
            wire.socket.sendall(b"abc")
        until = time.monotonic() + 4
        while time.monotonic() < until:
            began = time.monotonic()
            assert Browser(platform.base, {}).get("/active").status_code == 200
            assert Browser(platform.base, {}).get("/api/system/info").status_code == 200
            assert time.monotonic() - began < LINGER_SECONDS * 0.75
            time.sleep(0.2)


@pytest.mark.parametrize("leaves", ["half-closed", "closed"])
def test_half_a_body_changes_nothing(leaves: str, platform: Platform) -> None:
    admin = platform.admin()
    admin.post("/api/user/config", {"config": {"kept": "whole"}})
    token = str(admin.session.headers["Authorization"])
    body = b'{"config": {"kept": "half"}}'
    with Wire(platform) as wire:
        wire.head("POST", "/api/user/config", JSON, len(body) + 20, Authorization=token)
        wire.socket.sendall(body)
        wire.socket.shutdown(socket.SHUT_WR)
        if leaves == "half-closed":
            status, _headers, answer = wire.answer()
            assert status == 400
            assert json.loads(answer)["message"] == "The request did not arrive in full. Please send it again."
    time.sleep(0.3)
    assert admin.get("/api/user/config").json()["data"] == {"config": {"kept": "whole"}}


def test_many_who_never_send_it_take_no_sign_in_from_others(platform: Platform) -> None:
    """Forty refused bodies that do not come, again and again, from one address; somebody elsewhere signs in meanwhile."""
    wires = [Wire(platform) for _ in range(40)]
    for wire in wires:
        wire.head("POST", "/api/nowhere", JSON, 1000)
    time.sleep(0.1)
    began = time.monotonic()
    answer = Browser(platform.base, {}).post("/api/auth/login", {"username_or_email": "nobody", "password": "wrong password"})
    assert answer.json()["code"] == 401
    assert time.monotonic() - began < LINGER_SECONDS * 0.9
    for wire in wires:
        wire.__exit__()
