"""SQLite: a statement that may have to wait for the one lock of writers lends its turn."""

from typing import Any

from django.db.backends.sqlite3 import base

from sage_platform.turns import turns

# Outside a transaction each of these takes the lock; within one, BEGIN IMMEDIATE has taken it already. Were the turn kept, two
# who wait would stop everybody, and whoever holds the lock might be waiting for a turn.
LOCKING = ("BEGIN", "INSERT", "UPDATE", "DELETE")


class LendingCursor(base.SQLiteCursorWrapper):
    def execute(self, query: Any, params: Any = None) -> Any:
        if query.startswith(LOCKING) and not self.connection.in_transaction:
            with turns.lent():
                return super().execute(query, params)
        return super().execute(query, params)


class DatabaseWrapper(base.DatabaseWrapper):
    def create_cursor(self, name: str | None = None) -> Any:
        return self.connection.cursor(factory=LendingCursor)

    def commit(self) -> None:
        """In WAL mode a commit now and then copies the log into the file, and waits for the disk."""
        with turns.lent():
            super().commit()
