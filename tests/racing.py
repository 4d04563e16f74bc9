"""Doing the same thing from many threads at the same moment, each with its own connection to the database."""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

import pytest
from django.db import connection, connections

T = TypeVar("T")
SECONDS = 20
where_rows_are_locked = pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite locks no rows.")


def at_once(amount: int, act: Callable[[int], T]) -> list[T]:
    """What `act(0)`, `act(1)` … answered. The test must be a transactional one, so that threads see its rows."""
    start = Barrier(amount)

    def run(number: int) -> T:
        try:
            start.wait(timeout=30)
            return act(number)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(amount) as pool:
        return list(pool.map(run, range(amount)))


def all_at_once(*acts: Callable[[], T]) -> list[T]:
    """What each of these, which differ, answered."""
    return at_once(len(acts), lambda number: acts[number]())


def begin(act: Callable[[], T]) -> Future[T]:
    """Start `act` in a thread of its own. Returns when it waits for a lock that somebody else's transaction holds, or has ended.

    So a test with a transaction of its own open decides which of the two comes first. On PostgreSQL alone.
    """
    before, until = _waiting_for_a_lock(), time.monotonic() + SECONDS
    pool = ThreadPoolExecutor(1)
    begun = pool.submit(lambda: all_at_once(act)[0])
    pool.shutdown(wait=False)
    while not begun.done() and _waiting_for_a_lock() == before:
        assert time.monotonic() < until
        time.sleep(0.01)
    return begun


def _waiting_for_a_lock() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot()")  # Else a transaction goes on seeing the connections that it saw first.
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
        return int(cursor.fetchone()[0])
