"""The one deadline of a call: names, connections, TLS, headers and the body share it."""

import time
from dataclasses import dataclass

from sage_platform.outbound.errors import TimedOut


@dataclass(frozen=True)
class Deadline:
    """A moment of the monotonic clock."""

    at: float

    @classmethod
    def after(cls, seconds: float) -> "Deadline":
        return cls(time.monotonic() + seconds)

    def remaining(self) -> float:
        """Seconds, never below 0."""
        return max(0.0, self.at - time.monotonic())

    def left(self) -> float:
        """Seconds, always above 0: a socket would take a timeout of 0 for "do not wait at all". Raises TimedOut at the end."""
        seconds = self.remaining()
        if seconds <= 0:
            raise TimedOut
        return seconds
