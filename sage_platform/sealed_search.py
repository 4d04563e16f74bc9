"""Whether a database holds something encrypted, asked before Django is there and without the list of its models."""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

# As `encryption` stores it: the id of the key, and a Fernet token, which begins with its version (128) and a time.
SEALED_GLOB = "[0-9a-f]" * 8 + ":gAAAA*"
SEALED_PATTERN = "^[0-9a-f]{8}:gAAAA"
TEXT_COLUMNS = """
SELECT format('%I.%I', table_schema, table_name), format('%I', column_name)
FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
WHERE data_type = 'text' AND table_schema = ANY (current_schemas(false)) AND table_type = 'BASE TABLE'
"""
CONNECT_SECONDS = 3


class UnknownError(Exception):
    """The database does not tell; why not."""


def holds_sealed(database: Mapping[str, Any]) -> bool:
    """Looks through every column of text, which takes a moment in a large database. `database` is Django's setting."""
    if database["ENGINE"].endswith("sqlite3"):
        return _sqlite_holds_sealed(Path(database["NAME"]))
    return _postgresql_holds_sealed(database)


def _sqlite_holds_sealed(database: Path) -> bool:
    """What is no database holds nothing."""
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
    return connection.execute(query, [SEALED_GLOB]).fetchone() is not None


def _postgresql_holds_sealed(database: Mapping[str, Any]) -> bool:
    import psycopg  # noqa: PLC0415  With SQLite the driver is not loaded.
    from psycopg import sql  # noqa: PLC0415

    names = {"NAME": "dbname", "USER": "user", "PASSWORD": "password", "HOST": "host", "PORT": "port"}
    given: dict[str, Any] = {names[name]: database[name] for name in names if database.get(name)}
    known = {option.keyword.decode() for option in psycopg.pq.Conninfo.get_defaults()}
    given |= {name: value for name, value in database["OPTIONS"].items() if name in known}
    try:
        with psycopg.connect(**given | {"connect_timeout": CONNECT_SECONDS}) as connection:
            for table, column in connection.execute(TEXT_COLUMNS).fetchall():
                query = sql.SQL("SELECT 1 FROM {} WHERE {} ~ %s LIMIT 1").format(sql.SQL(table), sql.SQL(column))
                if connection.execute(query, [SEALED_PATTERN]).fetchone():
                    return True
    except psycopg.Error as error:
        raise UnknownError(" ".join(str(error).split())) from None
    return False
