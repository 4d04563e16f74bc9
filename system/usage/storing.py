"""One batch of usage at a time in a process, and a rest after each that is large.

Hundreds of events are some ten milliseconds of Python and twenty of the database. Whoever asks for something else meanwhile waits
for one batch, and not for as many as are reported. And callers that report without a pause leave a third of the time to others.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from sage_platform.api.waiting import waiting
from sage_platform.turns import Turns

# Events of a batch after which the next one waits half as long as this one took, but not longer than that.
LARGE = 100
REST = 0.5
LONGEST_REST_SECONDS = 0.05
# Who has waited so long stores at once: where many report, they may not wait for rests too.
PATIENCE_SECONDS = 0.5


class Storing:
    def __init__(self) -> None:
        self._turns = Turns(1)
        self._rests_until = 0.0

    @contextmanager
    def alone(self, events: int) -> Iterator[None]:
        """Store so many while no other thread does."""
        with waiting():
            asked = time.monotonic()
            self._turns.enter()
            self._rest(asked)
        began = time.monotonic()
        try:
            yield
        finally:
            if events >= LARGE:
                ended = time.monotonic()
                self._rests_until = ended + min(REST * (ended - began), LONGEST_REST_SECONDS)
            self._turns.leave()

    def _rest(self, asked: float) -> None:
        now = time.monotonic()
        if now - asked < PATIENCE_SECONDS and now < self._rests_until:
            time.sleep(self._rests_until - now)


# Of this process.
storing = Storing()
