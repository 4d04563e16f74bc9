"""A database or a folder that cannot be used is told in one line, whatever command meets it."""

import os
import signal
import subprocess
import sys
from urllib.parse import urlsplit

import pytest

from tests.e2e.served import ROOT, Platform, lay_database, prepared

pytestmark = [pytest.mark.served, pytest.mark.xdist_group(__name__)]

KEYS = {"SAGE_SECRET_KEY": "x1" * 32, "SAGE_ENCRYPTION_KEYS": "9bQ2mXr7LpZw4NcYb8Hd3Jf6Gs1Ae5Uo0RikT9vQ2m0="}
NOT_MIGRATED = "The database of DATABASE_URL is not migrated: run manage.py bootstrap.\n"


def ended(platform: Platform, *command: str, **settings: str) -> tuple[int, str, str]:
    done = platform.manage(*command, **settings)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("command", [("prune",), ("probe_providers",), ("sync_oauth2_clients",)])
def test_a_database_without_tables(command: tuple[str, ...]) -> None:
    with prepared() as platform:
        assert ended(platform, *command) == (1, "", NOT_MIGRATED)


def test_a_database_that_an_older_version_left() -> None:
    with prepared() as platform:
        assert platform.manage("migrate", "oauth2", "zero").returncode == 0
        assert ended(platform, "serve") == (1, "", f"CommandError: {NOT_MIGRATED}")


def test_tables_that_the_list_of_migrations_does_not_know() -> None:
    """As when a backup was put back beside newer tables."""
    with prepared() as platform:
        lay_database(platform)
        assert platform.manage("migrate", "providers", "zero", "--fake").returncode == 0
        code, out, err = ended(platform, "bootstrap")
    assert (code, out) == (1, "")
    kind = "relation" if "postgres" in platform.environment.get("DATABASE_URL", "") else "table"
    assert err == (
        f'CommandError: The database of DATABASE_URL cannot be migrated ({kind} "providers_provider" already exists). '
        "Its tables are not those that its list of migrations says, as when a backup was put back beside newer tables. "
        "Put the backup back with manage.py restore.\n"
    )


def test_a_database_that_cannot_be_opened() -> None:
    with prepared() as platform:
        code, out, err = ended(platform, "prune", DATABASE_URL=f"sqlite:///{platform.folder}/nowhere/sage.sqlite3")
        assert (code, out) == (1, "")
        assert err == "The database of DATABASE_URL cannot be used: unable to open database file\n"


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"path": "/nosuch"}, 'FATAL: database "nosuch" does not exist'),
        ({"password": "hunter2"}, 'FATAL: password authentication failed for user "'),
        ({"port": "1"}, "Connection refused"),
        ({"host": "nowhere.invalid"}, "failed to resolve host 'nowhere.invalid'"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_why_postgresql_gives_no_connection(wrong: dict[str, str], why: str) -> None:
    """In one line that holds no password, and without a line for each attempt."""
    given = urlsplit(os.environ["DATABASE_URL"])
    host, port = wrong.get("host", given.hostname), wrong.get("port", given.port)
    password = wrong.get("password", given.password)
    url = f"postgres://{given.username}:{password}@{host}:{port}{wrong.get('path', given.path)}"
    with prepared() as platform:
        code, out, err = ended(platform, "prune", DATABASE_URL=url, **KEYS)
    assert (code, out) == (1, "")
    assert err.startswith("The database of DATABASE_URL cannot be used: ")
    assert why in err
    assert len(err.splitlines()) == 1
    assert str(password) not in err


def asking(platform: Platform) -> "subprocess.Popen[str]":
    """A command that waits for an answer, without a terminal."""
    return subprocess.Popen(
        [sys.executable, "manage.py", "changepassword", "admin"],
        cwd=ROOT,
        env=platform.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def test_a_command_that_is_broken_off_and_one_that_nobody_answers() -> None:
    """As by Ctrl-C, and in a timer: no traceback."""
    with prepared(DATABASE_URL="") as platform:
        lay_database(platform)
        assert platform.manage("bootstrap").returncode == 0
        broken_off, unanswered = asking(platform), asking(platform)
        assert broken_off.stderr
        said = ""
        while "Password:" not in said:
            read = broken_off.stderr.read(1)
            assert read, said
            said += read
        broken_off.send_signal(signal.SIGINT)
        _, said = broken_off.communicate(timeout=30)
        assert (broken_off.returncode, said.split("Password: ")[-1].strip()) == (130, "Interrupted.")
        _, said = unanswered.communicate("", timeout=30)
        assert unanswered.returncode == 1
        assert "Traceback" not in said
        assert said.endswith("It asks for something, and nobody is there to answer: run it in a terminal.\n")


def test_a_data_folder_that_cannot_be_read() -> None:
    """Where root runs the tests it gives up its right to read everything."""
    with prepared(DATABASE_URL="") as platform:
        platform.data.mkdir(mode=0o000)
        command = [sys.executable, "manage.py", "bootstrap"]
        if os.geteuid() == 0:
            command = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", *command]
        given = platform.environment | KEYS
        done = subprocess.run(command, cwd=ROOT, env=given, capture_output=True, text=True, check=False, timeout=60)
        platform.data.chmod(0o700)
    assert (done.returncode, done.stdout) == (1, "")
    told = f"SAGE_DATA_DIR: expected a folder that can be read and written (Permission denied: {platform.data}/bootstrap.lock).\n"
    assert done.stderr == told


def test_a_data_folder_that_cannot_be_made() -> None:
    with prepared() as platform:
        (platform.folder / "file").write_text("")
        code, out, err = ended(platform, "bootstrap", SAGE_DATA_DIR=f"{platform.folder}/file/data", **KEYS)
        assert (code, out) == (1, "")
        assert err.startswith("SAGE_DATA_DIR: expected a folder that can be read and written (Not a directory: ")
        assert len(err.splitlines()) == 1
