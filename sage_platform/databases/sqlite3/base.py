"""SQLite: a statement that may have to wait for the one lock of writers lends its turn."""

import sqlite3
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from django.db.backends.sqlite3 import base
from django.utils.dateparse import parse_datetime

from sage_platform.turns import turns

# Outside a transaction each of these takes the lock; within one, BEGIN IMMEDIATE has taken it already. Were the turn kept, two
# who wait would stop everybody, and whoever holds the lock might be waiting for a turn.
LOCKING = ("BEGIN", "INSERT", "UPDATE", "DELETE")


@lru_cache(maxsize=2048)
def moment(text: bytes) -> datetime | None:
    """As Django's own converter. A request reads the same few moments that the one before has read."""
    return parse_datetime(text.decode())


@lru_cache(maxsize=512)
def in_qmark_style(query: str) -> str:
    """Django's own translation of placeholders, made once for each query."""
    return str(base.FORMAT_QMARK_REGEX.sub("?", query)).replace("%%", "%")


for name in ("datetime", "timestamp"):
    sqlite3.register_converter(name, moment)


class LendingCursor(base.SQLiteCursorWrapper):
    def execute(self, query: Any, params: Any = None) -> Any:
        if query.startswith(LOCKING) and not self.connection.in_transaction:
            with turns.lent():
                return super().execute(query, params)
        return super().execute(query, params)

    def convert_query(self, query: str, *, param_names: Sequence[str] | None = None) -> str:
        return in_qmark_style(query) if param_names is None else str(super().convert_query(query, param_names=param_names))


class DatabaseWrapper(base.DatabaseWrapper):
    def create_cursor(self, name: str | None = None) -> Any:
        return self.connection.cursor(factory=LendingCursor)

    def commit(self) -> None:
        """In WAL mode a commit now and then copies the log into the file, and waits for the disk."""
        with turns.lent():
            super().commit()
