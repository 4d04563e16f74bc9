"""Doing the same thing from many threads at the same moment, each with its own connection to the database."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

from django.db import connections

T = TypeVar("T")


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
