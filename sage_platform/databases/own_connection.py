"""A connection to the database for a thread that stays, and must not take one of those that requests share."""

from django.db import DEFAULT_DB_ALIAS, connections


def use_own_connection(*, answer_seconds: float) -> None:
    """From now on the calling thread's queries go over a connection of its own, and a silent server is given up after a while.

    With SQLite every thread has one anyway, and a read waits for nobody.
    """
    given = connections[DEFAULT_DB_ALIAS]
    if given.vendor == "postgresql":
        from sage_platform.databases.postgresql.base import own_wrapper  # noqa: PLC0415  With SQLite the driver is not loaded.

        connections[DEFAULT_DB_ALIAS] = own_wrapper(given, answer_seconds)
