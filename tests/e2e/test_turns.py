"""With a single turn in the process, whoever waits for something slow stops nobody: each kind of waiting."""

import json
import secrets
import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median

import pytest

from tests.e2e.served import Browser, Platform, served

pytestmark = [pytest.mark.served, pytest.mark.xdist_group("timed")]

# Below `PATIENCE_SECONDS`, which each request would wait for a turn.
QUICK = 0.9


@pytest.fixture(scope="module")
def platform() -> Iterator[Platform]:
    with served(SAGE_TURNS="1", SAGE_HASH_CONCURRENCY="1", SAGE_OUTBOUND_ALLOW_PRIVATE="true") as platform:
        yield platform


@pytest.fixture(scope="module")
def admin(platform: Platform) -> Browser:
    return platform.admin()


@contextmanager
def meanwhile(act: Callable[[], object]) -> Iterator[None]:
    """Do something slow on a thread of its own; it is under way when the block begins, and ends after it."""
    thread = threading.Thread(target=act)
    thread.start()
    time.sleep(0.3)
    assert thread.is_alive(), "what was to take long is over already"
    yield
    thread.join()


def check_others_are_answered(admin: Browser) -> None:
    took = []
    for path in ("/api/auth/session", "/api/llm-provider/list") * 3:
        began = time.monotonic()
        assert admin.get(path).status_code == 200
        took.append(time.monotonic() - began)
    assert median(took) < QUICK, took


def wrong() -> dict[str, str]:
    """A sign-in that fails, each time of somebody else, so that no limit is reached."""
    return {"username_or_email": f"nobody-{secrets.token_hex(4)}", "password": "wrong password"}


def wrong_sign_in(platform: Platform) -> int:
    with platform.caller(address=f"203.0.113.{secrets.randbelow(250)}").session as session:
        answer = session.post(f"{platform.base}/api/auth/login", json=wrong(), timeout=20)
    return int(answer.json()["code"])


def test_a_lock_of_the_database(platform: Platform, admin: Browser) -> None:
    """Another process writes for long, as `prune` or a backup does; a sign-in has to wait for it, and nobody else."""
    if platform.environment.get("DATABASE_URL"):
        pytest.skip("PostgreSQL has no lock that all writers share.")
    with sqlite3.connect(platform.data / "sage.sqlite3", isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")

        def sign_in() -> None:
            assert wrong_sign_in(platform) == 401

        with meanwhile(sign_in):
            check_others_are_answered(admin)
            other.execute("ROLLBACK")


def test_a_vendor_that_says_nothing(platform: Platform, admin: Browser) -> None:
    with socket.create_server(("127.0.0.1", 0)) as vendor:
        address = f"http://127.0.0.1:{vendor.getsockname()[1]}/v1"
        provider = {"base_url": address, "api_keys": ["sk-of-nobody-in-particular"], "model": "m"}

        def verify() -> None:
            admin_too = platform.caller()
            admin_too.session.headers["Authorization"] = str(admin.session.headers["Authorization"])
            assert admin_too.post("/api/llm-provider/verify", provider).json()["code"] == 500

        with meanwhile(verify):
            connection, _address = vendor.accept()
            check_others_are_answered(admin)
            connection.close()


def test_a_body_that_does_not_come(platform: Platform, admin: Browser) -> None:
    with socket.create_connection(("127.0.0.1", platform.port)) as slow:
        body = json.dumps(wrong()).encode()
        head = (
            f"POST /api/auth/login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
        )
        slow.sendall(f"{head}\r\nConnection: close\r\n\r\n".encode() + body[:5])
        time.sleep(0.3)
        check_others_are_answered(admin)
        slow.sendall(body[5:])
        with slow.makefile("rb") as answer:
            assert b'"code":401' in answer.read()


def test_passwords_that_are_hashed(platform: Platform, admin: Browser) -> None:
    """One slot, six who sign in: five of them wait for it, and one hashes, which takes a core and no turn."""
    answers: list[int] = []

    def sign_in() -> None:
        answers.extend(wrong_sign_in(platform) for _ in range(2))

    threads = [threading.Thread(target=sign_in) for _ in range(6)]
    for thread in threads:
        thread.start()
    check_others_are_answered(admin)
    for thread in threads:
        thread.join()
    assert set(answers) <= {401, 429}
