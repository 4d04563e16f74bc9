"""manage.py serve: what it starts the server with. That the server works is shown in tests/e2e."""

import os
import sys
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from tests.e2e.served import ROOT


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The program and arguments that would take this process's place."""
    calls: list[Any] = []
    monkeypatch.setattr(os, "execv", lambda program, arguments: calls.append((program, arguments)))
    return calls


def test_the_server_is_started_by_the_settings(started: list[Any], settings: Settings) -> None:
    settings.SAGE_BIND, settings.SAGE_PORT, settings.SAGE_WORKERS, settings.SAGE_THREADS = "127.0.0.9", 8123, 3, 7
    settings.SAGE_PUBLIC_URL, settings.SAGE_WEB_BASE_PATH = "https://sage.example", "/app"
    told = StringIO()
    call_command("serve", stdout=told)
    assert started == [
        (
            sys.executable,
            [
                sys.executable,
                "-m",
                "granian",
                "--interface=wsgi",
                "--host=127.0.0.9",
                "--port=8123",
                "--workers=3",
                "--blocking-threads=7",
                "--http=1",
                "--no-ws",
                "--respawn-failed-workers",
                "--workers-kill-timeout=30",
                "--log-level=error",
                f"--working-dir={ROOT}",
                "sage_platform.worker:application",
            ],
        )
    ]
    assert told.getvalue() == (
        "Sage is at https://sage.example/app/login (sign in), https://sage.example/admin/ (administration), "
        "https://sage.example/api/docs (API).\n"
    )


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
