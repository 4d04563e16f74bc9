"""Whose turn it is: few requests run Python at once, the others wait in the order in which they came.

The interpreter lets one thread run at a time. A thread that reads rows from SQLite gives the interpreter up at each row and has
to win it back. With many such threads most of the time goes into that contest: with 64 at once, a list of ten rows cost each
request hundreds of switches between threads, and a worker answered a third of what it answers one client alone. With a few turns
there is no contest, and no request is slower for it, since the interpreter is busy either way.

A turn is about speed and never about safety. Whoever waits for something slow lends theirs meanwhile (`lent`): a statement of the
database, a lock, a hash, another server, a body that is still coming. Whoever has waited for `PATIENCE_SECONDS` goes on without
one, so that a holder that hangs for a reason nobody thought of slows the others down and does not stop them.
"""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from heapq import heapify, heappop, heappush
from itertools import count
from threading import Lock, local
from typing import TypeVar

PATIENCE_SECONDS = 1.0
# After so many items, a millisecond or less of Python, a long loop gives way, for so long. A thread that computes gives the
# interpreter up after 5 ms only. A pause of none would not do: the others take longer to wake than this one to go on.
PIECE = 50
PAUSE_SECONDS = 0.0001

T = TypeVar("T")


class Turns:
    """So many threads at once. `amount` 0 means that all may run."""

    def __init__(self, amount: int) -> None:
        self.set_amount(amount)
        self._lock = Lock()
        # Who waits, first those who came first: the number of arrival, and a lock that is let go when it is their turn.
        self._waiting: list[tuple[int, Lock]] = []
        self._arrivals = count()
        self._own = local()

    def set_amount(self, amount: int) -> None:
        """Before the first request."""
        self._amount = self._free = amount

    def enter(self) -> None:
        """Wait until it is this thread's turn. Whoever enters has to leave, on the same thread."""
        if self._amount:
            own = self._own
            own.arrival = next(self._arrivals)
            own.held = self._take(own.arrival)

    def leave(self) -> None:
        """Once more than it was entered does no harm."""
        own = self._own
        if getattr(own, "held", None):
            own.held = False
            self._give()

    @contextmanager
    def taken(self) -> Iterator[None]:
        self.enter()
        try:
            yield
        finally:
            self.leave()

    @contextmanager
    def lent(self) -> Iterator[None]:
        """Let others run while this thread waits. Then it is next, before all who came after it.

        A thread without a turn just waits. It may be nested, and what raises inside gets its turn back too.
        """
        own = self._own
        if not getattr(own, "held", None):
            yield
            return
        own.held = False
        self._give()
        try:
            yield
        finally:
            own.held = self._take(own.arrival)

    def give_way(self) -> None:
        """Let others run for a moment, and have this thread's turn if it has one. Not in a transaction: SQLite has one lock."""
        with self.lent():
            time.sleep(PAUSE_SECONDS)

    def giving_way(self, items: Iterable[T]) -> Iterator[T]:
        """The items, for a long loop that waits for nothing; it gives way between pieces of them."""
        for number, item in enumerate(items):
            if number and number % PIECE == 0:
                self.give_way()
            yield item

    def _take(self, arrival: int) -> bool:
        with self._lock:
            if self._free:
                self._free -= 1
                return True
            signal = Lock()
            signal.acquire()
            entry = (arrival, signal)
            heappush(self._waiting, entry)
        if signal.acquire(timeout=PATIENCE_SECONDS):
            return True
        with self._lock:
            if entry not in self._waiting:
                return True  # It was given at this very moment.
            self._waiting.remove(entry)
            heapify(self._waiting)
            return False

    def _give(self) -> None:
        """A turn goes from hand to hand; it is free only while nobody waits."""
        with self._lock:
            if self._waiting:
                heappop(self._waiting)[1].release()
            else:
                self._free += 1


# Of this process. Commands and tests have none to wait for; the served application sets the amount (`wsgi`).
turns = Turns(0)
