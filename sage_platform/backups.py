"""A backup of an SQLite deployment: a folder with a copy of the database and, if wanted, the keys of the data folder."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from django.conf import settings

DATABASE = "sage.sqlite3"
# What opens the database's secrets and keeps digests comparable; only where the deployment's settings do not hold them.
KEY_FILES = ("secret_key", "encryption_key")


class UnusableBackupError(Exception):
    """What is wrong with it, for the operator."""


def kept_keys(folder: Path) -> list[Path]:
    return [path for name in KEY_FILES if (path := folder / name).is_file()]


def for_reading(database: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)


def copy_database(source: Path, target: Path) -> None:
    """By SQLite's online backup: the copy is of one moment, and readers and writers of either go on."""
    with closing(for_reading(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)


def write(folder: Path, database: Path, *, with_keys: bool) -> list[Path]:
    """Fill a new folder, and list it. Of one that cannot be filled nothing stays, since it would pass for a backup."""
    folder.mkdir(mode=0o700, parents=True)
    try:
        copy_database(database, folder / DATABASE)
        with closing(sqlite3.connect(folder / DATABASE)) as copy:
            # In one file, without side files. A database that is served is set to WAL again when it is opened.
            copy.execute("PRAGMA journal_mode = DELETE")
        check(folder / DATABASE)
        for path in kept_keys(settings.SAGE_DATA_DIR) if with_keys else ():
            shutil.copyfile(path, folder / path.name)
    except BaseException:
        shutil.rmtree(folder)
        raise
    return sorted(folder.iterdir())


def check(database: Path) -> None:
    """Raises UnusableBackupError unless the file is a whole database of ours."""
    if not database.is_file():
        raise UnusableBackupError(f"There is no {DATABASE} in it.")
    try:
        with closing(for_reading(database)) as connection:
            whole = connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            ours = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'accounts_user'").fetchone()
    except sqlite3.DatabaseError:
        whole, ours = False, None
    if not (whole and ours):
        raise UnusableBackupError(f"Its {DATABASE} is no whole database of this platform.")


def other_keys(folder: Path) -> list[str]:
    """The names of the keys in a backup that differ from those that the data folder has."""
    pairs = [(path, settings.SAGE_DATA_DIR / path.name) for path in kept_keys(folder)]
    return [new.name for new, old in pairs if old.is_file() and old.read_bytes() != new.read_bytes()]


def put_back(folder: Path, database: Path) -> None:
    """The keys first: a database whose keys are not there yet would be of no use after a crash between the two."""
    for path in kept_keys(folder):
        draft = settings.SAGE_DATA_DIR / f"{path.name}.restored"
        shutil.copyfile(path, draft)
        draft.replace(settings.SAGE_DATA_DIR / path.name)
    database.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    copy_database(folder / DATABASE, database)
