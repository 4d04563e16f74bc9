"""Clients that stop reading, and clients that only read slowly. Here they have fewer seconds than in a deployment."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.e2e.served import CALL_SECONDS, ROOT, Platform, served

pytestmark = [pytest.mark.served, pytest.mark.slow, pytest.mark.xdist_group("timed")]

MIB = 1024 * 1024
SECONDS = 3
STALLED = 80
ATTACKER, ELSEWHERE = "198.51.100.66", "203.0.113.5"
SERVE = f"""
import os, sys
sys.path[0] = {str(ROOT)!r}
os.environ["DJANGO_SETTINGS_MODULE"] = "sage_platform.settings"
import django
django.setup()
from django.core.management import call_command
from sage_platform.management.commands import serve
serve.STALLED_SECONDS = {SECONDS}
call_command("serve")
"""
FILES = f"""
from tests.uploads.kept import kept
for mib in (3, 16):
    print(kept(b"0123456789abcdef" * (mib * {MIB} // 16), f"{{mib}}.bin", "application/octet-stream").path)
"""


@pytest.fixture(scope="module")
def platform() -> Iterator[Platform]:
    with served(serve=("-c", SERVE), SAGE_TRUSTED_PROXIES="127.0.0.1") as platform:
        yield platform


@pytest.fixture(scope="module")
def files(platform: Platform) -> list[str]:
    """The paths of a file of 3 MiB, and of one that counts as large."""
    made = platform.manage("shell", "-v", "0", "-c", FILES)
    assert made.returncode == 0, made.stderr
    return made.stdout.split()


def ask(platform: Platform, path: str, *, buffer: int = 0, address: str = ATTACKER) -> socket.socket:
    """A connection on which a file was asked for. With a small buffer hardly anything of it can arrive unread."""
    connection = socket.socket()
    connection.settimeout(CALL_SECONDS)
    if buffer:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    connection.connect(("127.0.0.1", platform.port))
    lines = [f"GET {path} HTTP/1.1", "Host: 127.0.0.1", f"X-Forwarded-For: {address}", "Connection: close"]
    connection.sendall("\r\n".join([*lines, "", ""]).encode())
    return connection


def open_files(platform: Platform) -> int:
    """Objects that the server's processes have open."""
    media = platform.data / "media"
    links = [link for pid in platform.processes() for link in Path(f"/proc/{pid}/fd").iterdir()]
    return sum(link.is_symlink() and link.readlink().is_relative_to(media) for link in links)


def wait_for_open_files(platform: Platform, wanted: int, *, seconds: float = CALL_SECONDS) -> float:
    """The seconds until so many are open."""
    began = time.monotonic()
    while (amount := open_files(platform)) != wanted:
        assert time.monotonic() - began < seconds, amount
        time.sleep(0.05)
    return time.monotonic() - began


def test_a_client_that_stops_reading_is_cut_off(platform: Platform, files: list[str]) -> None:
    with ask(platform, files[1]) as connection:
        wait_for_open_files(platform, 1)
        took = wait_for_open_files(platform, 0)
        assert SECONDS * 0.5 < took < SECONDS * 5
        received = 0
        try:
            while piece := connection.recv(MIB):
                received += len(piece)
        except ConnectionResetError:
            pass
        assert received < 16 * MIB


def test_a_client_that_reads_slowly_gets_the_whole_file(platform: Platform, files: list[str]) -> None:
    """It takes several times as long as one that takes nothing may."""
    received, began = 0, time.monotonic()
    with ask(platform, files[1]) as connection:
        while piece := connection.recv(128 * 1024):
            received += len(piece)
            time.sleep(0.06 if time.monotonic() - began < 3 * SECONDS else 0)
    assert received > 16 * MIB
    assert time.monotonic() - began > 2 * SECONDS
    wait_for_open_files(platform, 0)


def test_an_idle_connection_is_not_cut_off(platform: Platform, files: list[str]) -> None:
    with socket.create_connection(("127.0.0.1", platform.port), timeout=CALL_SECONDS) as connection:
        for seconds in (1.5 * SECONDS, 0):
            connection.sendall(b"GET /active HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            assert connection.recv(4096).startswith(b"HTTP/1.1 200 ")
            time.sleep(seconds)


@pytest.mark.parametrize("number", [0, 1], ids=["small", "large"])
def test_stalled_downloads_of_one_address_leave_room_for_others(number: int, platform: Platform, files: list[str]) -> None:
    """A file that is not large fits into the buffers of its connection, so that it holds no thread."""
    took: list[float] = []
    while not took or (took[-1] > SECONDS * 0.9 and len(took) < 3):  # Later they are cut off.
        with ExitStack() as stack:
            connections = [stack.enter_context(ask(platform, files[number], buffer=4096)) for _ in range(STALLED)]
            heads = [connection.recv(12) for connection in connections]
            assert set(heads) == {b"HTTP/1.1 200"} | ({b"HTTP/1.1 503"} if number else set())
            began = time.monotonic()
            body = {"username_or_email": "admin", "password": platform.admin_password}
            answer = platform.caller(address=ELSEWHERE).post("/api/auth/login", body)
            assert (answer.status_code, answer.json()["code"]) == (200, 200)
            with ask(platform, files[number], address=ELSEWHERE) as connection:
                assert connection.recv(12) == b"HTTP/1.1 200"
            took.append(time.monotonic() - began)
        wait_for_open_files(platform, 0)
    assert took[-1] <= SECONDS * 0.9, took
