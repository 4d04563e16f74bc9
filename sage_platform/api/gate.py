"""How many requests may be inside at once, so that some threads are always free for those that need no waiting."""

from threading import BoundedSemaphore

PATIENCE_SECONDS = 0.25


class Gate:
    """A fixed number of places. Whoever finds none waits a moment for one, unless somebody has just waited in vain.

    So a full house that moves lets everybody in, in turn; and one that hangs, on a database that does not answer, costs nobody
    a thread: all but the first few are sent away at once.
    """

    def __init__(self, places: int) -> None:
        self._places = BoundedSemaphore(places)
        self._stuck = False

    def enter(self) -> bool:
        """Whether there is a place; who gets one has to leave it."""
        if self._places.acquire(blocking=False):
            return True
        if self._stuck or not self._places.acquire(timeout=PATIENCE_SECONDS):
            self._stuck = True
            return False
        return True

    def leave(self) -> None:
        self._stuck = False
        self._places.release()
