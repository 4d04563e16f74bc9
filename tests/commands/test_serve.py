"""manage.py serve: what it starts the server with, and when it does not. That the server works is shown in tests/e2e."""

import json
import os
import socket
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from threading import Barrier
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError
from pytest_django.fixtures import Settings

from sage_platform import __version__
from sage_platform.management.commands import serve
from scripts.with_services import spare_port
from tests.e2e.served import ROOT

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def own_port(settings: Settings) -> int:
    settings.SAGE_PORT = spare_port()
    return int(settings.SAGE_PORT)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The program and arguments that would take this process's place."""
    calls: list[Any] = []
    monkeypatch.setattr(os, "execv", lambda program, arguments: calls.append((program, arguments)))
    return calls


def test_the_server_is_started_by_the_settings(started: list[Any], settings: Settings, own_port: int) -> None:
    settings.SAGE_BIND, settings.SAGE_WORKERS, settings.SAGE_THREADS, settings.SAGE_LOG_LEVEL = "127.0.0.9", 3, 7, "ERROR"
    settings.SAGE_PUBLIC_URL, settings.SAGE_WEB_BASE_PATH = "https://sage.example", "/app"
    told = StringIO()
    call_command("serve", stdout=told)
    ((program, (name, option, code, argument)),) = started
    assert (program, name, option) == (sys.executable, sys.executable, "-c")
    assert code == f"import sys; sys.path[0] = '{ROOT}'; from sage_platform.server import main; main()"
    given = json.loads(argument)
    assert given.pop("held_port") > 2
    assert given == {
        "address": "127.0.0.9",
        "port": own_port,
        "workers": 3,
        "threads": 7,
        "log_level": "ERROR",
        "stalled_seconds": 60,
        "listening": (
            f"Sage {__version__} is at https://sage.example/app/login (sign in), https://sage.example/admin/ (administration), "
            "https://sage.example/api/docs (API)."
        ),
    }
    assert told.getvalue() == "", "the server says where it is once it listens"


@pytest.fixture
def taken(own_port: int) -> Iterator[None]:
    """Another server that shares its port, as ours does."""
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", own_port))
        other.listen()
        yield


def refusal() -> str:
    with pytest.raises(CommandError) as caught:
        call_command("serve", stdout=StringIO())
    return str(caught.value)


def test_a_port_that_is_taken(started: list[Any], taken: None, own_port: int) -> None:
    assert refusal() == (
        f"SAGE_PORT: port {own_port} of SAGE_BIND (127.0.0.1) is taken by another program, or by a server that still runs."
    )
    assert started == []


def test_of_two_that_start_at_the_same_moment_one_gets_the_port(own_port: int) -> None:
    """Before the server that takes the process's place has a worker that listens, seconds later."""
    with ThreadPoolExecutor(2) as pool:
        for _ in range(50):
            start = Barrier(2)
            held = [outcome for outcome in pool.map(hold_from, [start] * 2) if isinstance(outcome, socket.socket)]
            assert len(held) <= 1
            for one in held:
                one.close()


def test_a_second_one_that_starts_while_the_first_does_not_listen_yet(monkeypatch: pytest.MonkeyPatch, own_port: int) -> None:
    refused: list[str] = []

    def becomes_the_server(*_: object) -> None:
        with pytest.raises(CommandError) as second:
            call_command("serve")
        refused.append(str(second.value))

    monkeypatch.setattr(os, "execv", becomes_the_server)
    call_command("serve")
    taken = f"SAGE_PORT: port {own_port} of SAGE_BIND (127.0.0.1) is taken by another program, or by a server that still runs."
    assert refused == [taken]


def hold_from(start: Barrier) -> "socket.socket | CommandError":
    start.wait()
    try:
        return serve.held_port()
    except CommandError as error:
        return error


def test_workers_listen_beside_the_one_that_holds_the_port(own_port: int) -> None:
    with serve.held_port(), socket.socket() as worker:
        worker.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        worker.bind(("127.0.0.1", own_port))
        worker.listen(8)
        for _ in range(20):  # Nobody is led to the one that only holds it.
            socket.create_connection(("127.0.0.1", own_port), timeout=5).close()
            worker.accept()[0].close()


def test_an_address_that_this_machine_has_not(started: list[Any], settings: Settings) -> None:
    settings.SAGE_BIND = "192.0.2.1"  # For documentation (RFC 5737), so that nobody has it.
    assert refusal() == "SAGE_BIND: cannot listen on 192.0.2.1 (Cannot assign requested address)."
    assert started == []


def test_a_database_that_is_not_migrated(started: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve, "pending_migrations", lambda: [("oauth2", "0001_initial")])
    assert refusal() == "The database of DATABASE_URL is not migrated: run manage.py bootstrap."
    assert started == []


def test_a_database_that_is_away_is_no_reason_not_to_start(started: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> None:
        raise OperationalError("connection refused")

    monkeypatch.setattr(serve, "pending_migrations", away)
    call_command("serve", stdout=StringIO())
    assert len(started) == 1


def test_no_argument_and_no_word_holds_a_secret(started: list[Any], settings: Settings) -> None:
    secret = "a-secret-4f1d"
    settings.SECRET_KEY = settings.SAGE_BOOTSTRAP_ADMIN_PASSWORD = settings.EMAIL_HOST_PASSWORD = secret
    settings.DATABASE_URL, settings.REDIS_URL = f"postgres://sage:{secret}@db/sage", f"redis://:{secret}@cache/0"
    told = StringIO()
    call_command("serve", stdout=told)
    assert len(started) == 1
    assert secret not in str(started)
    assert secret not in told.getvalue()


def test_without_the_server_installed_the_command_says_so(started: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sage_platform.management.commands.serve.find_spec", lambda name: None)
    with pytest.raises(CommandError, match=r"\Agranian is not installed; install requirements\.txt\.\Z"):
        call_command("serve", stdout=StringIO())
    assert started == []
