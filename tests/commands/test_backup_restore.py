"""manage.py backup and restore, on a platform that runs."""

import resource
import signal
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.e2e.served import Platform, lay_database, prepared

pytestmark = [pytest.mark.served, pytest.mark.xdist_group(__name__)]


@pytest.fixture(scope="module")
def site() -> Iterator[Platform]:
    """On SQLite, whatever the other tests run on, and with a user whose name is in the log of writes alone."""
    with prepared(DATABASE_URL="", REDIS_URL="") as platform:
        lay_database(platform)
        assert platform.manage("bootstrap").returncode == 0
        platform.start()
        yield platform


def add(platform: Platform, name: str) -> None:
    given = {"username": name, "password": "a long password"}
    assert platform.admin().post("/api/user/add", given).json()["code"] == 200


def names(database: Path) -> list[str]:
    with closing(sqlite3.connect(database)) as connection:
        return [name for (name,) in connection.execute("SELECT username FROM accounts_user ORDER BY username")]


def ended(platform: Platform, *command: str) -> tuple[int, str, str]:
    done = platform.manage(*command)
    return done.returncode, done.stdout, done.stderr


def test_there_and_back(site: Platform) -> None:
    copy, plain = site.folder / "copies" / "one", site.folder / "plain"
    add(site, "alice")
    assert ended(site, "backup", str(copy), "--with-keys") == (
        0,
        f"Written to {copy}: encryption_key, sage.sqlite3, secret_key.\n",
        "",
    )
    assert [path.name for path in sorted(copy.iterdir())] == ["encryption_key", "sage.sqlite3", "secret_key"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in copy.iterdir()} == {0o600}
    assert names(copy / "sage.sqlite3") == ["admin", "alice"]
    (site.data / "media").mkdir(exist_ok=True)
    code, told, _ = ended(site, "backup", str(plain))
    assert (code, told.splitlines()) == (
        0,
        [
            f"Written to {plain}: sage.sqlite3.",
            f"Not in it, keep it as well: {site.data}/secret_key",
            f"Not in it, keep it as well: {site.data}/encryption_key",
            f"Not in it, keep it as well: {site.data}/media, the files that people uploaded",
        ],
    )
    assert ended(site, "backup", str(copy)) == (1, "", f"CommandError: {copy} exists already; name a new folder.\n")

    add(site, "bob")
    told = f"CommandError: {copy} cannot be put back: A server runs on this data folder. Stop it first.\n"
    running = (1, "", told)
    assert ended(site, "restore", str(copy), "--force") == running
    site.stop()
    database, key = site.data / "sage.sqlite3", (site.data / "encryption_key").read_text()
    (site.data / "encryption_key").write_text("9bQ2mXr7LpZw4NcYb8Hd3Jf6Gs1Ae5Uo0RikT9vQ2m0=")
    refused = f"This would replace {database}, encryption_key. Make a backup of it, and use --force."
    assert ended(site, "restore", str(copy)) == (1, "", f"CommandError: {refused}\n")
    assert ended(site, "restore", str(copy), "--force", "--dry-run") == (0, f"{copy} can be put back.\n", "")
    assert names(database) == ["admin", "alice", "bob"]
    told = f"Put back from {copy}. Run manage.py bootstrap, then manage.py doctor.\n"
    assert ended(site, "restore", str(copy), "--force") == (0, told, "")
    assert names(database) == ["admin", "alice"]
    assert (site.data / "encryption_key").read_text() == key
    assert (site.data / "encryption_key").stat().st_mode & 0o077 == 0

    site.start()
    assert site.signed_in("alice", "a long password").get("/api/auth/session").status_code == 200
    assert site.caller().get("/api/health").status_code == 200


def test_into_an_empty_folder(site: Platform) -> None:
    copy, empty = site.folder / "two", site.folder / "empty"
    assert ended(site, "backup", str(copy), "--with-keys")[0] == 0
    done = site.manage("restore", str(copy), "--force", SAGE_DATA_DIR=str(empty))
    assert done.returncode == 0, done.stderr
    assert names(empty / "sage.sqlite3") == names(site.data / "sage.sqlite3")
    assert (empty / "encryption_key").read_text() == (site.data / "encryption_key").read_text()


# The command in a process that is killed when the database has just been copied.
KILLED = """
import os, signal
from django.core.management import call_command
from sage_platform.databases.sqlite3.copies import SQLiteCopies
SQLiteCopies.check = lambda self, file: os.kill(os.getpid(), signal.SIGKILL)
call_command("backup", {folder!r})
"""


def test_what_a_kill_leaves_does_not_pass_for_a_backup(site: Platform) -> None:
    copy = site.folder / "killed" / "daily"
    assert site.manage("shell", "--no-imports", "-c", KILLED.format(folder=str(copy))).returncode == -signal.SIGKILL
    (left,) = copy.parent.iterdir()
    assert (left.name[:6], left.suffix, stat.S_IMODE(left.stat().st_mode)) == ("daily.", ".unfinished", 0o700)
    assert ended(site, "backup", str(copy))[0] == 0
    assert names(copy / "sage.sqlite3") == names(site.data / "sage.sqlite3")


def test_what_cannot_be_put_back_leaves_the_former_keys(site: Platform) -> None:
    """Else the former database stood beside keys that do not open it, and the ones that do would be lost."""
    copy, other = site.folder / "three", site.folder / "other"
    assert ended(site, "backup", str(copy), "--with-keys")[0] == 0
    assert site.manage("bootstrap", SAGE_DATA_DIR=str(other)).returncode == 0
    keys = {name: (other / name).read_bytes() for name in ("secret_key", "encryption_key")}
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))  # As on a full disk: the keys fit, the database does not.
    try:
        # Not measured, else the coverage of the command does not fit either, and that is told too.
        done = site.manage("restore", str(copy), "--force", SAGE_DATA_DIR=str(other), COVERAGE_PROCESS_CONFIG="")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (done.returncode, done.stderr) == (1, f"CommandError: {copy} cannot be put back: disk I/O error\n")
    assert {name: (other / name).read_bytes() for name in keys} == keys
    assert not [path.name for path in other.iterdir() if path.suffix in {".replaced", ".restored"}]
    assert names(other / "sage.sqlite3") == ["admin"]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "There is no sage.sqlite3 in it."),
        (b"no database", "Its sage.sqlite3 is no whole database of this platform."),
        (b"", "Its sage.sqlite3 is no whole database of this platform."),
    ],
)
def test_what_is_no_backup(content: bytes | None, why: str, site: Platform, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "sage.sqlite3").write_bytes(content)
    assert ended(site, "restore", str(tmp_path), "--force") == (1, "", f"CommandError: {tmp_path} cannot be put back. {why}\n")


def test_a_backup_that_cannot_be_written(site: Platform) -> None:
    code, out, err = ended(site, "backup", str(site.data / "secret_key" / "copy"))
    assert (code, out) == (1, "")
    assert err.startswith(f"CommandError: {site.data}/secret_key/copy cannot be written: ")
    assert len(err.splitlines()) == 1
