"""Work that one process does at a time: on SQLite for this data folder, on PostgreSQL for this database, on whichever machine."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.conf import settings
from django.db import connection

from sage_platform import data_files


@dataclass(frozen=True)
class Work:
    # Its name in the data folder.
    file: str
    # Its advisory lock. Any number will do that nothing else in this database locks.
    number: int


BOOTSTRAP = Work(data_files.BOOTSTRAP_LOCK, 7_241_001)
MOVE = Work(data_files.MOVE_LOCK, 7_241_002)


class DoneElsewhereError(Exception):
    """Another process is at it."""


@contextmanager
def only_one(work: Work, *, waits: bool) -> Iterator[None]:
    """While the block runs nobody else is at this work. Waits for who is at it, or raises DoneElsewhereError."""
    settings.SAGE_DATA_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _locked_database(work, waits=waits) if connection.vendor == "postgresql" else _locked_file(work, waits=waits):
        yield


@contextmanager
def _locked_file(work: Work, *, waits: bool) -> Iterator[None]:
    with (settings.SAGE_DATA_DIR / work.file).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX if waits else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DoneElsewhereError from None
        yield


@contextmanager
def _locked_database(work: Work, *, waits: bool) -> Iterator[None]:
    """Hold a lock in a transaction of a connection of its own.

    The pool, or a pooler in front of the database, may replace the connection that works, and a lock of its session with it.
    When this process dies, its transaction ends, and the lock with it.
    """
    own = connection.copy()
    try:
        own.set_autocommit(False)
        with own.cursor() as cursor:
            # The work may take hours, and the server must not end this transaction, or the wait for the lock, meanwhile.
            cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
            cursor.execute("SET LOCAL lock_timeout = 0")
            if waits:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [work.number])
            else:
                cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [work.number])
                if not cursor.fetchone()[0]:
                    own.rollback()
                    raise DoneElsewhereError
        try:
            yield
        finally:
            own.rollback()  # Else the pool would warn of a connection that is given back within a transaction.
    finally:
        own.close()
