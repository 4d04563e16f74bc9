"""What is under way in a worker, and its end when nothing but stalled bodies keeps it from ending.

At a stop the server takes no new connection, and waits for what is under way. A client that stalls in the middle of its body
would make it wait until the worker is killed, half a minute later, and a deployment with it.
"""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock, Thread, get_ident

# How long a client that is still sending its request may take once the worker has been told to end.
STALL_SECONDS = 5.0
# For so long nothing else may have been under way, so that the last answers have left the machine.
QUIET_SECONDS = 1.0
LOOK_SECONDS = 0.1


class UnderWay:
    """The requests of this worker, and which of them wait for their client."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._requests = 0
        # By thread, since when it has been in the server's read. Nobody can end that read.
        self._reading: dict[int, float] = {}

    def enter(self) -> None:
        with self._lock:
            self._requests += 1

    def leave(self) -> None:
        with self._lock:
            self._requests -= 1

    @contextmanager
    def reading(self) -> Iterator[None]:
        """For as long as a client takes its time with the next part of its body."""
        self._reading[get_ident()] = time.monotonic()
        try:
            yield
        finally:
            del self._reading[get_ident()]

    def nothing_but_stalled(self) -> bool:
        before = time.monotonic() - STALL_SECONDS
        with self._lock:
            stalled = sum(since < before for since in self._reading.copy().values())
            return 0 < self._requests == stalled


# Of this process.
under_way = UnderWay()


def end_beside_stalled_bodies() -> None:
    """Call it in the main thread of a worker, before the server has set its own answers to signals: they go on as they are."""
    told, teller = os.pipe()
    os.set_blocking(teller, False)
    signal.set_wakeup_fd(teller, warn_on_full_buffer=False)
    Thread(target=_end_when_told, args=[told], name="stopping", daemon=True).start()


def _end_when_told(told: int) -> None:
    while os.read(told, 1)[0] not in {signal.SIGTERM, signal.SIGINT}:
        pass
    quiet_since = time.monotonic()
    while time.monotonic() - quiet_since < QUIET_SECONDS:
        time.sleep(LOOK_SECONDS)
        if not under_way.nothing_but_stalled():
            quiet_since = time.monotonic()
    # Not `sys.exit`, which would wait for the threads.
    os._exit(0)
