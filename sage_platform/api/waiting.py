"""What a request gives back before it waits for anything but the database."""

from django.db import connection


def lend_connection() -> None:
    """Give the database connection back for as long as a client, a hashing slot or a mail server takes its time.

    The pool has few of them, for everybody; the next query takes one again. Where each thread has its own (SQLite) there is
    nothing to share, and within a transaction nothing to give.
    """
    if connection.vendor == "postgresql" and not connection.in_atomic_block:
        connection.close()
