"""Places for what takes long, few of them and without a queue: whoever finds none is told so at once, and holds no thread."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from sage_platform.api.errors import Message, TooManyRequests

BUSY_SECONDS = 5


class Slots:
    """So many at once in this process, a quarter of them for each user, at least one. The texts are told to who is refused."""

    def __init__(self, amount: int, *, busy: Message, share_taken: Message) -> None:
        self._busy, self._share_taken = busy, share_taken
        self._lock = Lock()
        self._free = amount
        self._share = max(1, amount // 4)
        self._held: Counter[str] = Counter()

    def enter(self, holder: str) -> None:
        """Raises TooManyRequests at once when none is free, or the holder has their share. Who gets one has to leave it."""
        with self._lock:
            if self._held[holder] >= self._share:
                raise TooManyRequests(BUSY_SECONDS, self._share_taken)
            if not self._free:
                raise TooManyRequests(BUSY_SECONDS, self._busy)
            self._free -= 1
            self._held[holder] += 1

    def leave(self, holder: str) -> None:
        with self._lock:
            self._free += 1
            self._held[holder] -= 1
            if not self._held[holder]:
                del self._held[holder]

    @contextmanager
    def held(self, holder: str) -> Iterator[None]:
        self.enter(holder)
        try:
            yield
        finally:
            self.leave(holder)
