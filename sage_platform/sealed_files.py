"""Whether a file of SQLite's holds something encrypted, asked before Django is there and without the list of its models."""

import sqlite3
from contextlib import closing
from pathlib import Path

# As `encryption` stores it: the id of the key, and a Fernet token, which begins with its version (128) and a time.
SEALED = "[0-9a-f]" * 8 + ":gAAAA*"


def holds_sealed(database: Path) -> bool:
    """Looks through every column of text, which takes a moment in a large database. What is no database holds nothing."""
    if not database.is_file():
        return False
    try:
        with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            return any(_has_sealed(connection, table, column) for table, column in _text_columns(connection))
    except sqlite3.DatabaseError:
        return False


def _text_columns(connection: sqlite3.Connection) -> list[tuple[str, str]]:
    tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    return [
        (table, name)
        for table in tables
        for name, kind in connection.execute("SELECT name, type FROM pragma_table_info(?)", [table])
        if kind.lower() == "text"
    ]


def _has_sealed(connection: sqlite3.Connection, table: str, column: str) -> bool:
    query = f'SELECT 1 FROM "{table}" WHERE "{column}" GLOB ? LIMIT 1'  # noqa: S608  Names of the database's own.
    return connection.execute(query, [SEALED]).fetchone() is not None
