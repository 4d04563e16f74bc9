"""manage.py backup and restore on PostgreSQL, and the key that opens what is stored there."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.e2e.served import Platform, lay_database, prepared

pytestmark = [pytest.mark.postgres, pytest.mark.served, pytest.mark.xdist_group(__name__)]


@pytest.fixture(scope="module")
def site() -> Iterator[Platform]:
    with prepared() as platform:
        lay_database(platform)
        assert platform.manage("bootstrap").returncode == 0
        yield platform


def query(platform: Platform, *statements: str) -> list[str]:
    """The first column of the last statement's rows."""
    with psycopg.connect(platform.environment["DATABASE_URL"]) as connection:
        for statement in statements[:-1]:
            connection.execute(statement.encode())
        cursor = connection.execute(statements[-1].encode())
        return [str(row[0]) for row in cursor] if cursor.description else []


def ended(platform: Platform, *command: str, **settings: str) -> tuple[int, str, str]:
    done = platform.manage(*command, **settings)
    return done.returncode, done.stdout, done.stderr


def name_of_database(platform: Platform) -> str:
    return platform.environment["DATABASE_URL"].rpartition("/")[2]


USERS = "SELECT username FROM accounts_user ORDER BY username"
# As an upgrade makes one, with a reference that keeps the older table from being dropped.
NEWER_TABLE = (
    "CREATE TABLE newer (id bigint PRIMARY KEY, owner_id varchar(36) REFERENCES accounts_user (id))",
    "INSERT INTO newer SELECT row_number() OVER (), id FROM accounts_user",
)


def add(platform: Platform, name: str) -> None:
    given = {"username": name, "password": "a long password"}
    assert platform.admin().post("/api/user/add", given).json()["code"] == 200


def test_there_and_back_after_an_upgrade_that_added_a_table(site: Platform) -> None:
    copy = site.folder / "copy"
    code, told, _ = ended(site, "backup", str(copy))
    assert (code, told.splitlines()) == (
        0,
        [
            f"Written to {copy}: sage.dump.",
            f"Not in it, keep it as well: {site.data}/secret_key",
            f"Not in it, keep it as well: {site.data}/encryption_key",
        ],
    )
    assert (copy / "sage.dump").stat().st_mode & 0o077 == 0
    before = query(site, USERS)
    site.start()
    add(site, "alice")
    query(site, *NEWER_TABLE)
    code, told, complaint = ended(site, "restore", str(copy), "--force")
    assert (code, told) == (1, "")
    assert "sessions are open on the database. Stop the platform on every machine first." in complaint
    site.stop()
    (amount,) = query(site, "SELECT count(*) FROM pg_tables WHERE schemaname = current_schema()")
    there = f"the {amount} tables of the database {name_of_database(site)}"
    refused = f"This would replace {there}. Make a backup of it, and use --force."
    assert ended(site, "restore", str(copy)) == (1, "", f"CommandError: {refused}\n")
    assert ended(site, "restore", str(copy), "--force", "--dry-run") == (0, f"{copy} can be put back.\n", "")
    assert query(site, USERS) == [*before, "alice"]
    told = f"Put back from {copy}. Run manage.py bootstrap, then manage.py doctor.\n"
    assert ended(site, "restore", str(copy), "--force") == (0, told, "")
    assert query(site, USERS) == before
    assert query(site, "SELECT to_regclass('newer')") == ["None"]
    assert ended(site, "bootstrap") == (0, "", "")
    site.start()
    assert site.admin().get("/api/auth/session").status_code == 200
    site.stop()


def test_a_copy_that_cannot_be_put_back_wholly_changes_nothing(site: Platform, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    query(site, "CREATE TABLE extra (id bigint)")
    assert ended(site, "backup", str(copy))[0] == 0
    # Not a table of ours, so it stays, and stands in the way of the one that the copy has.
    query(site, "DROP TABLE extra", "CREATE VIEW extra AS SELECT 1", "UPDATE accounts_user SET nickname = 'changed'")
    code, out, err = ended(site, "restore", str(copy), "--force")
    assert (code, out) == (1, "")
    assert err.startswith(f"CommandError: {copy} cannot be put back: ")
    assert 'relation "extra" already exists' in err
    assert len(err.splitlines()) == 1
    assert query(site, "SELECT DISTINCT nickname FROM accounts_user") == ["changed"]
    query(site, "DROP VIEW extra")


@pytest.mark.parametrize(("content", "why"), [(None, "There is no sage.dump in it."), (b"PGDMP", ""), (b"", "")])
def test_what_is_no_backup(content: bytes | None, why: str, site: Platform, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "sage.dump").write_bytes(content)
    told = f"{tmp_path} cannot be put back. {why or 'Its sage.dump is no whole database of this platform.'}"
    assert ended(site, "restore", str(tmp_path), "--force") == (1, "", f"CommandError: {told}\n")


def test_half_a_copy(site: Platform, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    assert ended(site, "backup", str(copy))[0] == 0
    whole = (copy / "sage.dump").read_bytes()
    (copy / "sage.dump").write_bytes(whole[: len(whole) - 2000])
    told = f"{copy} cannot be put back. Its sage.dump is no whole database of this platform."
    assert ended(site, "restore", str(copy), "--force") == (1, "", f"CommandError: {told}\n")


def test_without_the_programs(site: Platform, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    told = f"{copy} cannot be written: pg_dump is not installed (Debian: apt-get install postgresql-client)"
    assert ended(site, "backup", str(copy), PATH="/nowhere") == (1, "", f"CommandError: {told}\n")
    assert not copy.exists()


def test_no_encryption_key_is_made_for_a_database_that_another_one_encrypted(site: Platform) -> None:
    key = site.data / "encryption_key"
    key.rename(site.data / "kept")
    told = f"expected the key that encrypted what is in the database, since {key} is gone: put it back, or give a new key here."
    assert ended(site, "check") == (1, "", f"SAGE_ENCRYPTION_KEYS: {told}\n")
    assert not key.exists()
    (site.data / "kept").rename(key)


def test_no_encryption_key_is_made_while_the_database_does_not_tell(site: Platform) -> None:
    (site.data / "encryption_key").rename(site.data / "kept")
    code, out, err = ended(site, "check", DATABASE_URL="postgres://sage:hunter2@127.0.0.1:1/sage")
    assert (code, out) == (1, "")
    assert err.startswith("SAGE_ENCRYPTION_KEYS: expected a key, since none is made while the database cannot be asked whether ")
    assert "Connection refused" in err
    assert "hunter2" not in err
    assert not (site.data / "encryption_key").exists()
    (site.data / "kept").rename(site.data / "encryption_key")
