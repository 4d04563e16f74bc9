"""manage.py bootstrap"""

import os
import re
import stat
import subprocess
import sys
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection
from pytest_django.fixtures import Settings

from sage_platform import alone
from sage_platform.accounts.models import User
from system.models import SystemSettings
from tests.e2e.served import ROOT, bare_environment

pytestmark = pytest.mark.django_db

Run = Callable[..., str]


@pytest.fixture
def data(tmp_path: Path, settings: Settings) -> Path:
    settings.SAGE_DATA_DIR = tmp_path / "data"
    return tmp_path / "data"


@pytest.fixture
def bootstrap(data: Path) -> Run:
    """Runs the command and gives what it told."""

    def run(*arguments: str) -> str:
        told = StringIO()
        call_command("bootstrap", *arguments, stdout=told)
        return told.getvalue()

    return run


def people() -> list[tuple[str, str]]:
    return list(User.objects.order_by("username").values_list("username", "role"))


def test_the_first_run_makes_the_administrator_and_shows_the_password_once(bootstrap: Run, data: Path) -> None:
    told = bootstrap()
    path = data / "admin_password"
    password = path.read_text().strip()
    assert len(password) == 20
    assert told == (
        f"Made the administrator admin with the password {password}\n"
        f"It is shown this once, and kept in {path}. Change it after signing in.\n"
    )
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    assert people() == [("admin", "admin")]
    assert User.objects.get().check_password(password)
    assert list(SystemSettings.objects.values_list("id", "allow_registration")) == [(1, False)]


def test_a_production_s_journal_does_not_get_the_password(bootstrap: Run, data: Path, settings: Settings) -> None:
    """systemd keeps what the service prints, and Docker what a container does."""
    settings.PRODUCTION = True
    told = bootstrap()
    path = data / "admin_password"
    assert told == f"Made the administrator admin. The password is in {path}. Change it after signing in.\n"
    assert User.objects.get().check_password(path.read_text().strip())


def test_running_it_again_changes_nothing(bootstrap: Run, data: Path) -> None:
    bootstrap()
    before = User.objects.values().get(), SystemSettings.objects.values().get(), (data / "admin_password").read_text()
    assert bootstrap() == ""
    assert (User.objects.values().get(), SystemSettings.objects.values().get(), (data / "admin_password").read_text()) == before


def test_settings_that_an_administrator_changed_stay(bootstrap: Run) -> None:
    bootstrap()
    SystemSettings.objects.update(allow_registration=True)
    bootstrap()
    assert SystemSettings.objects.get().allow_registration is True


def test_an_administrator_of_another_name_is_enough(bootstrap: Run, data: Path, admin: User) -> None:
    User.objects.filter(pk=admin.pk).update(username="ada", username_key="ada")
    assert bootstrap() == ""
    assert people() == [("ada", "admin")]
    assert not (data / "admin_password").exists()


def test_the_password_may_be_given_and_is_then_neither_shown_nor_kept(bootstrap: Run, data: Path, settings: Settings) -> None:
    settings.SAGE_BOOTSTRAP_ADMIN_USERNAME = "root.admin"
    settings.SAGE_BOOTSTRAP_ADMIN_PASSWORD = "a password from outside"
    assert bootstrap() == "Made the administrator root.admin with the password from the environment.\n"
    assert people() == [("root.admin", "admin")]
    assert User.objects.get().check_password("a password from outside")
    assert not (data / "admin_password").exists()


def test_a_file_that_others_can_read_is_replaced_and_not_written_to(bootstrap: Run, data: Path) -> None:
    data.mkdir()
    (data / "admin_password").write_text("left over")
    (data / "admin_password").chmod(0o644)
    bootstrap()
    assert stat.S_IMODE((data / "admin_password").stat().st_mode) == 0o600
    assert User.objects.get().check_password((data / "admin_password").read_text().strip())


def test_a_weak_given_password_is_refused_and_nobody_is_made(bootstrap: Run, settings: Settings) -> None:
    settings.SAGE_BOOTSTRAP_ADMIN_PASSWORD = "12345"
    with pytest.raises(CommandError) as refused:
        bootstrap()
    text = str(refused.value)
    assert text.startswith("SAGE_BOOTSTRAP_ADMIN_USERNAME or …_PASSWORD: This password is too short.")
    assert "\n" not in text
    assert "12345" not in text
    assert people() == []


def test_a_name_that_a_plain_user_has_is_refused_and_they_stay_one(
    bootstrap: Run, data: Path, settings: Settings, alice: User
) -> None:
    settings.SAGE_BOOTSTRAP_ADMIN_USERNAME = "Alice"
    with pytest.raises(CommandError, match=r"\ASAGE_BOOTSTRAP_ADMIN_USERNAME or …_PASSWORD: This username is taken\.\Z"):
        bootstrap()
    assert people() == [("alice", "user")]
    assert not (data / "admin_password").exists()


def test_a_name_that_is_none_is_refused(bootstrap: Run, data: Path, settings: Settings) -> None:
    settings.SAGE_BOOTSTRAP_ADMIN_USERNAME = "admin@sage.example"
    with pytest.raises(
        CommandError,
        match=r"\ASAGE_BOOTSTRAP_ADMIN_USERNAME: A username is 1 to 64 letters, digits and \. _ - without spaces\.\Z",
    ):
        bootstrap()
    assert people() == []
    assert not (data / "admin_password").exists()


def test_promote_makes_a_known_user_an_administrator_and_again_changes_nothing(bootstrap: Run, alice: User, bob: User) -> None:
    for name in ("ALICE", "alice@sage.example"):
        assert bootstrap("--promote", name) == "alice is an administrator.\n"
        assert people() == [("alice", "admin"), ("bob", "user")]


def test_promote_lets_somebody_in_again_who_was_deactivated(bootstrap: Run, alice: User) -> None:
    """The way back where nobody can sign in to the administration any more."""
    User.objects.update(role="admin", is_active=False)
    assert bootstrap("--promote", "alice") == "alice is an administrator.\n"
    assert User.objects.get().is_admin


@pytest.mark.parametrize("name", ["nobody", ""])
def test_promote_refuses_a_name_that_nobody_has(bootstrap: Run, alice: User, name: str) -> None:
    with pytest.raises(CommandError) as refused:
        bootstrap("--promote", name)
    assert str(refused.value) == f"There is no user named {name}. Let the person sign in once, then promote them."
    assert people() == [("alice", "user")]


def test_where_people_sign_in_elsewhere_no_administrator_with_a_password_is_made(
    bootstrap: Run, data: Path, settings: Settings, alice: User
) -> None:
    settings.SAGE_AUTH_MODE = "oauth"
    assert bootstrap() == ""
    assert people() == [("alice", "user")]
    assert not (data / "admin_password").exists()
    assert bootstrap("--promote", "alice") == "alice is an administrator.\n"


def test_a_database_that_does_not_answer_is_one_line(bootstrap: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: object, **options: object) -> None:
        raise OperationalError("connection refused\n\tIs the server running?")

    monkeypatch.setattr("sage_platform.management.commands.bootstrap.call_command", broken)
    with pytest.raises(
        CommandError, match=r"\AThe database of DATABASE_URL cannot be used: connection refused Is the server running\?\Z"
    ):
        bootstrap()


@pytest.mark.skipif("connection.vendor != 'postgresql'")
def test_the_lock_is_held_whatever_becomes_of_the_connection_that_migrates() -> None:
    def taken() -> bool:
        own = connection.copy()
        try:
            with own.cursor() as cursor:
                cursor.execute("SELECT pg_try_advisory_lock(%s), pg_advisory_unlock_all()", [alone.BOOTSTRAP.number])
                return not cursor.fetchone()[0]
        finally:
            own.close()

    with alone.only_one(alone.BOOTSTRAP, waits=True):
        connection.cursor().execute("SELECT pg_advisory_unlock_all()")
        assert taken()
    assert not taken()


def command(data: Path, **settings: str) -> "subprocess.CompletedProcess[str]":
    """The command in a process of its own, on a SQLite of its own."""
    return subprocess.run(
        [sys.executable, "manage.py", "bootstrap"],
        cwd=ROOT,
        env=bare_environment() | {"SAGE_DATA_DIR": str(data), **settings},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


def test_the_password_from_a_file_and_a_failure_is_one_line_on_stderr(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("short\n")
    refused = command(tmp_path / "data", SAGE_BOOTSTRAP_ADMIN_PASSWORD_FILE=str(secret))
    assert refused.returncode == 1
    assert refused.stdout == ""
    assert re.fullmatch(r"CommandError: SAGE_BOOTSTRAP_ADMIN_USERNAME or …_PASSWORD: .+\n", refused.stderr)

    secret.write_text("a password from a file\n")
    made = command(tmp_path / "data", SAGE_BOOTSTRAP_ADMIN_PASSWORD_FILE=str(secret))
    assert (made.returncode, made.stderr) == (0, "")
    assert made.stdout == "Made the administrator admin with the password from the environment.\n"
    assert not os.path.lexists(tmp_path / "data" / "admin_password")
