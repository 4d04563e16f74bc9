"""What a request gives back while it waits for anything but the database."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

from sage_platform.turns import turns


@contextmanager
def waiting() -> Iterator[None]:
    """For as long as a client, a hash, a mail server or a vendor takes its time, others get the turn and the connection."""
    lend_connection()
    with turns.lent():
        yield


def lend_connection() -> None:
    """Give the database connection back; the next query takes one again.

    The pool has few of them, for everybody. Where each thread has its own (SQLite) there is nothing to share, and within a
    transaction nothing to give.
    """
    if connection.vendor == "postgresql" and not connection.in_atomic_block:
        connection.close()
