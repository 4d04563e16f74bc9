"""How many requests may be inside at once, so that some threads are always free for those that need no waiting."""

import time
from threading import BoundedSemaphore

PATIENCE_SECONDS = 0.5
HURRY_SECONDS = 2.0


class Gate:
    """A fixed number of places. Whoever finds none waits a moment for one, unless something is wrong inside.

    So a full house that moves lets everybody in, in turn. In one that hangs, on a database that does not answer, others could
    wait for ever: as soon as somebody has waited in vain, or came out with a failure, the rest are sent away at once.
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
        if self._places.acquire(timeout=PATIENCE_SECONDS):
            return True
        self.hurry()
        return False

    def leave(self) -> None:
        self._places.release()

    def hurry(self) -> None:
        """Let nobody wait for a place in the next two seconds."""
        self._hurry_until = time.monotonic() + HURRY_SECONDS
