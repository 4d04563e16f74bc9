"""Copies of an SQLite database, by SQLite's online backup."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from django.db import connection, connections

from sage_platform import data_files
from sage_platform.databases.copies import CopyError, DatabaseCopies, no_whole_copy
from sage_platform.running import no_server


class SQLiteCopies(DatabaseCopies):
    file_name = data_files.DATABASE

    @property
    def database(self) -> Path:
        return Path(connection.settings_dict["NAME"])

    def write(self, file: Path) -> None:
        try:
            copy_database(self.database, file)
            with closing(sqlite3.connect(file)) as copy:
                # In one file, without side files. A database that is served is set to WAL again when it is opened.
                copy.execute("PRAGMA journal_mode = DELETE")
        except sqlite3.Error as error:
            raise CopyError(str(error)) from None

    def check(self, file: Path) -> None:
        try:
            with closing(for_reading(file)) as copy:
                whole = copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
                ours = copy.execute("SELECT 1 FROM sqlite_master WHERE name = 'accounts_user'").fetchone()
        except sqlite3.DatabaseError:
            whole, ours = False, None
        if not (whole and ours):
            raise no_whole_copy(file)

    def put_back(self, file: Path) -> None:
        connections.close_all()
        try:
            self.database.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            copy_database(file, self.database)
        except sqlite3.Error as error:
            raise CopyError(str(error)) from None

    def in_the_way(self) -> str:
        return str(self.database) if self.database.exists() else ""

    @contextmanager
    def unused(self) -> Iterator[None]:
        with no_server() as stopped:
            if not stopped:
                raise CopyError("A server runs on this data folder. Stop it first.")
            yield


def for_reading(database: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)


def copy_database(source: Path, target: Path) -> None:
    with closing(for_reading(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)
