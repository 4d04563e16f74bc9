"""How many requests may be inside at once, so that some threads are always free for those that need no waiting."""

import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from threading import BoundedSemaphore, Lock

from sage_platform.api.errors import NoPlace
from sage_platform.turns import turns

PATIENCE_SECONDS = 0.5
HURRY_SECONDS = 2.0


class Gate:
    """A fixed number of places. Whoever finds none waits for one, half a second at most.

    While requests come and go, a place is soon free, and a rush is served in turn. When the requests inside hang, for example on
    a database that does not answer, waiting only adds to the pile. So once somebody has waited in vain, or a request came out
    with a 503, nobody waits for the next two seconds: who finds no place is refused at once.
    """

    def __init__(self, places: int) -> None:
        self._places = BoundedSemaphore(places)
        self._hurry_until = 0.0

    def enter(self) -> bool:
        """Whether there is a place; who gets one has to leave it."""
        if self._places.acquire(blocking=False):
            return True
        if time.monotonic() < self._hurry_until:
            return False
        with turns.lent():
            found = self._places.acquire(timeout=PATIENCE_SECONDS)
        if not found:
            self.hurry()
        return found

    def leave(self) -> None:
        self._places.release()

    def hurry(self) -> None:
        """Let nobody wait for a place in the next two seconds."""
        self._hurry_until = time.monotonic() + HURRY_SECONDS


class Places:
    """Places that nobody waits for, with a share for each address: the last eighth is for those that hold fewer than two."""

    FEW = 2

    def __init__(self, amount: int) -> None:
        self._lock = Lock()
        self._free = amount
        self._last = max(1, amount // 8)
        self._held: Counter[str] = Counter()

    def take(self, client: str, *, cause: str) -> Callable[[], None]:
        """A place for this address. Who gets one calls what this gives when it is over. Raises NoPlace with this cause."""
        with self._lock:
            if not self._free or (self._free <= self._last and self._held[client] >= self.FEW):
                raise NoPlace(cause=cause)
            self._free -= 1
            self._held[client] += 1
        return partial(self._leave, client)

    def _leave(self, client: str) -> None:
        with self._lock:
            self._free += 1
            self._held[client] -= 1
            if not self._held[client]:
                del self._held[client]
