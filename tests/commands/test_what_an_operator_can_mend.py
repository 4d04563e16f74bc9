"""A database or a folder that cannot be used is told in one line, whatever command meets it."""

import pytest

from tests.e2e.served import Platform, prepared

pytestmark = [pytest.mark.served, pytest.mark.xdist_group("served")]

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


def test_a_database_that_cannot_be_opened() -> None:
    with prepared() as platform:
        code, out, err = ended(platform, "prune", DATABASE_URL=f"sqlite:///{platform.folder}/nowhere/sage.sqlite3")
        assert (code, out) == (1, "")
        assert err == "The database of DATABASE_URL cannot be used: unable to open database file\n"


def test_a_data_folder_that_cannot_be_made() -> None:
    with prepared() as platform:
        (platform.folder / "file").write_text("")
        keys = {"SAGE_SECRET_KEY": "x1" * 32, "SAGE_ENCRYPTION_KEYS": "9bQ2mXr7LpZw4NcYb8Hd3Jf6Gs1Ae5Uo0RikT9vQ2m0="}
        code, out, err = ended(platform, "bootstrap", SAGE_DATA_DIR=f"{platform.folder}/file/data", **keys)
        assert (code, out) == (1, "")
        assert err.startswith("SAGE_DATA_DIR: expected a folder that can be read and written (Not a directory: ")
        assert len(err.splitlines()) == 1
