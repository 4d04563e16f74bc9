"""The life of a deployment: many starts at once, graceful ends, a worker that dies."""

import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from sage_platform import __version__
from tests.e2e.crashes import is_alive
from tests.e2e.served import ROOT, STOP_SECONDS, Platform, lay_database, prepared
from tests.observability.exposition import requests

pytestmark = [pytest.mark.served, pytest.mark.xdist_group("timed")]


@pytest.fixture(scope="module")
def bootstrapped() -> Iterator[Platform]:
    with prepared(SAGE_WORKERS="2") as platform:
        lay_database(platform)
        assert platform.manage("bootstrap").returncode == 0
        yield platform


@pytest.fixture
def platform(bootstrapped: Platform) -> Iterator[Platform]:
    """Ready to be started, two workers, nothing in its log."""
    yield bootstrapped
    bootstrapped.stop()
    bootstrapped.check_log()
    (bootstrapped.folder / "log").unlink()


BODY = b'{"username_or_email": "nobody", "password": "not a password"}'
HEAD = b"POST /api/auth/login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nExpect: 100-continue\r\n"
SENT_FIRST = 10


def begin_a_request(connection: socket.socket) -> None:
    """Send all but the end of the body, and wait until a worker reads it, which it tells by 100 Continue (RFC 9110 §10.1.1)."""
    connection.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY[:SENT_FIRST])
    told = b""
    while not told.endswith(b"\r\n\r\n"):
        read = connection.recv(1)
        assert read, told
        told += read
    assert told.startswith(b"HTTP/1.1 100 ")


def wait_until(true: Callable[[], bool]) -> None:
    until = time.monotonic() + STOP_SECONDS
    while not true():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_four_bootstraps_at_once_make_one_administrator_and_none_fails() -> None:
    with prepared() as platform:
        command = [sys.executable, "manage.py", "bootstrap"]
        starts = [
            subprocess.Popen(
                command, cwd=ROOT, env=platform.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )
            for _ in range(4)
        ]
        outputs = [start.communicate(timeout=240) for start in starts]

        assert [(start.returncode, errors) for start, (_, errors) in zip(starts, outputs, strict=True)] == [(0, "")] * 4
        told = [output for output, _ in outputs if output]
        assert len(told) == 1
        assert f"Made the administrator admin with the password {platform.admin_password}\n" in told[0]
        kept = platform.admin_password
        again = platform.manage("bootstrap")
        assert (again.returncode, again.stdout, again.stderr) == (0, "", "")
        assert platform.admin_password == kept
        platform.start()
        users = platform.admin().get("/api/user/list").json()["data"]
        assert (users["total"], [row["username"] for row in users["items"]]) == (1, ["admin"])


def said_by_the_server(log: str) -> list[str]:
    """Without the address, and what a request caused."""
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    return [line["message"] for line in lines if line["logger"] == "sage.server"]


def interrupted(platform: Platform, signals: int, *, control_c: bool = False) -> tuple[bytes, int]:
    """The answer to a request that was under way when the server was told to end, and the server's exit code.

    Ctrl-C reaches every process, and the server ends its workers besides.
    """
    assert platform.process is not None
    with socket.create_connection(("127.0.0.1", platform.port), timeout=20) as connection:
        begin_a_request(connection)
        for _ in range(signals):
            if control_c:
                os.killpg(platform.process.pid, signal.SIGINT)
            else:
                platform.process.send_signal(signal.SIGTERM)
            time.sleep(0.3)
        connection.sendall(BODY[SENT_FIRST:])
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    code = platform.process.wait(STOP_SECONDS)
    platform.process = None
    return answer, code


def test_the_server_ends_gracefully_and_starts_again(platform: Platform) -> None:
    for signals in (1, 2):
        platform.start()
        # What is counted begins at zero with each server.
        assert requests(platform.caller().get("/api/observability/metrics").text) == {}
        assert platform.caller().get("/nowhere").status_code == 404
        assert len(requests(platform.caller().get("/api/observability/metrics").text)) == 1
        before = len(platform.log)
        answer, code = interrupted(platform, signals)
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert b'"code":401' in answer
        assert code == 0
        assert not platform.answers()
        assert said_by_the_server(platform.log[before:]) == ["server stopped"]

    platform.start()
    victim = platform.processes()[-1]
    os.kill(victim, signal.SIGKILL)
    wait_until(lambda: victim not in platform.processes() and len(platform.processes()) == 3)
    # The kernel may reset connections that were queued at the dead worker's socket; soon after, everybody is answered.
    wait_until(lambda: all(platform.answers() for _ in range(8)))
    # The new worker is still loading: a signal that it lost would make the stop take half a minute.
    began = time.monotonic()
    assert platform.stop() == 0
    assert time.monotonic() - began < 20


def test_whoever_presses_control_c_again_and_again_loses_no_answer_and_waits_no_longer(platform: Platform) -> None:
    platform.start()
    answer, code = interrupted(platform, 3, control_c=True)
    assert b'"code":401' in answer
    assert code == 0
    assert said_by_the_server(platform.log) == ["server stopped"]


def unnoticed(pid: int) -> None:
    """SIGTERM to a thread that is not the main one, which sleeps on, as it does where a signal comes just before it sleeps."""
    *_, other = (int(thread.name) for thread in Path(f"/proc/{pid}/task").iterdir() if int(thread.name) != pid)
    assert ctypes.CDLL(None).tgkill(pid, other, signal.SIGTERM) == 0


def test_a_signal_that_does_not_wake_the_main_thread_ends_a_worker_and_the_server_all_the_same(platform: Platform) -> None:
    platform.start()
    server, _first, worker = platform.processes()
    unnoticed(worker)
    wait_until(lambda: not is_alive(worker))
    wait_until(lambda: worker not in platform.processes() and len(platform.processes()) == 3)
    unnoticed(server)
    assert platform.process is not None
    assert platform.process.wait(STOP_SECONDS) == 0
    platform.process = None
    assert said_by_the_server(platform.log)[-1] == "server stopped"


def test_a_stalled_body_does_not_hold_up_the_stop(platform: Platform) -> None:
    """A body that comes within five seconds is answered all the same."""
    platform.start()
    assert platform.process is not None
    with ExitStack() as stack:
        connections = [stack.enter_context(socket.create_connection(("127.0.0.1", platform.port), timeout=20)) for _ in range(8)]
        for connection in connections:
            begin_a_request(connection)
        began = time.monotonic()
        platform.process.send_signal(signal.SIGTERM)
        time.sleep(2)
        slow, *_stalled = connections
        slow.sendall(BODY[SENT_FIRST:])
        answer = b"".join(iter(lambda: slow.recv(65536), b""))
        assert b'"code":401' in answer
        assert platform.process.wait(STOP_SECONDS) == 0
        platform.process = None
        # The last of them stalled a moment before.
        assert 4 < time.monotonic() - began < 15
    assert json.loads(platform.log.splitlines()[-1])["message"] == "server stopped"


def test_the_log_is_one_json_object_a_line_and_the_address_is_told_once_the_server_listens(platform: Platform) -> None:
    platform.start()
    address, *rest = platform.log.splitlines()
    assert address.startswith(f"Sage {__version__} is at http://127.0.0.1:{platform.port}/sage/login (sign in), ")
    assert rest == []

    second = platform.manage("serve")
    assert (second.returncode, second.stdout) == (1, "")
    (line,) = second.stderr.splitlines()
    assert line.startswith(f"CommandError: SAGE_PORT: port {platform.port} of SAGE_BIND (127.0.0.1) is taken by another program")

    # A worker that dies, and whose successor dies at once, ends the server with a failure, so that it is started anew.
    victim = platform.processes()[-1]
    os.kill(victim, signal.SIGKILL)
    wait_until(lambda: victim not in platform.processes() and len(platform.processes()) == 3)
    os.kill(platform.processes()[-1], signal.SIGKILL)
    assert platform.process is not None
    assert platform.process.wait(STOP_SECONDS) == 1
    platform.process = None
    logged = [json.loads(line) for line in platform.log.splitlines()[1:]]
    assert [(line["level"], line["message"]) for line in logged] == [
        ("ERROR", "Unexpected exit from worker-2"),
        ("ERROR", "Unexpected exit from worker-2"),
        ("ERROR", "Worker crash loop detected, exiting"),
        ("INFO", "server stopped"),
    ]


def test_workers_end_with_the_servers_process_and_the_next_server_has_the_port_to_itself(platform: Platform) -> None:
    platform.start()
    server, *workers = platform.processes()
    assert platform.process is not None
    with socket.create_connection(("127.0.0.1", platform.port), timeout=20) as connection:
        begin_a_request(connection)
        os.kill(server, signal.SIGKILL)
        platform.process.wait(STOP_SECONDS)
        wait_until(lambda: not platform.answers())
        # The next server could start by now, and need not wait for what is under way.
        with socket.socket() as port:
            port.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            port.bind(("127.0.0.1", platform.port))
        assert any(is_alive(worker) for worker in workers)
        connection.sendall(BODY[SENT_FIRST:])
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    # What was under way is answered.
    assert answer.startswith(b"HTTP/1.1 200 ")
    wait_until(lambda: not any(is_alive(worker) for worker in workers))
    assert said_by_the_server(platform.log) == ["the server's process is gone, and this worker ends with it"] * 2
    platform.start()
    assert not set(platform.processes()) & set(workers)


def test_a_wrong_setting_stops_the_start_with_its_name_and_never_its_value() -> None:
    with prepared(SAGE_WORKERS="many-4711") as platform:
        for command in ("bootstrap", "serve"):
            ended = platform.manage(command)
            assert ended.returncode != 0
            assert ended.stderr.strip().splitlines()[-1].endswith("SAGE_WORKERS: expected a whole number from 1 to 64.")
            assert "many-4711" not in ended.stdout + ended.stderr


def test_production_refuses_to_start_insecure() -> None:
    key = Fernet.generate_key().decode()
    wrong = {"SAGE_SECRET_KEY": "changeme" * 8, "SAGE_PUBLIC_URL": "http://sage.example", "SAGE_ENCRYPTION_KEYS": key}
    with prepared(SAGE_ENV="production", **wrong) as platform:
        for command in ("bootstrap", "serve"):
            ended = platform.manage(command)
            assert ended.returncode != 0
            assert "sage.E002" in ended.stderr
            assert "sage.E003" in ended.stderr
            *logged, last = ended.stderr.splitlines()
            found = [json.loads(line)["check"] for line in logged]
            assert {"sage.E002", "sage.E003"} <= set(found)
            assert last.startswith("CommandError: The settings are wrong: sage.E002, sage.E003")
            assert "changeme" not in ended.stderr
            assert key not in ended.stdout + ended.stderr
        assert not (platform.data / "sage.sqlite3").exists()


def test_production_refuses_to_start_without_encryption_keys() -> None:
    with prepared(SAGE_ENV="production", SAGE_SECRET_KEY="x1" * 32, SAGE_PUBLIC_URL="https://sage.example") as platform:
        for command in ("bootstrap", "serve"):
            ended = platform.manage(command)
            assert ended.returncode != 0
            assert "SAGE_ENCRYPTION_KEYS" in ended.stderr.strip().splitlines()[-1]
        assert not (platform.data / "sage.sqlite3").exists()
