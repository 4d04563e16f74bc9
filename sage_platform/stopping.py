"""How a worker notices that it is to end, what is under way in it, and its end when stalled bodies alone keep it from ending.

At a stop the server takes no new connection, and waits for what is under way. A client that stalls in the middle of its body
would make it wait until the worker is killed, half a minute later, and a deployment with it. So would a signal that is not
noticed: Python answers signals in the main thread alone, and does not wake it where the signal came just before it went to sleep
or to another thread. `signal.set_wakeup_fd` is told in every case.
"""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock, Thread, get_ident

STOPS = (signal.SIGTERM, signal.SIGINT)
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


def end_when_told(last: Callable[[], None]) -> None:
    """Call it in the main thread of a worker, before the server has set its own answers to signals: they are `_answer_once`.

    `last` is what has to be done where stalled bodies alone keep the worker from ending.
    """
    # Whoever serves the platform with another server may be without it.
    import granian._signals  # noqa: PLC0415

    told, teller = os.pipe()
    os.set_blocking(teller, False)
    signal.set_wakeup_fd(teller, warn_on_full_buffer=False)
    # The one place where granian sets its answers.
    setattr(granian._signals, "set_main_signals", _answer_once)  # noqa: B010  Not in its types.
    Thread(target=_end_when_told, args=[told, last], name="stopping", daemon=True).start()


def _answer_once(answer: Callable[[int, None], object]) -> None:
    """The first of these signals begins the stop, and the others do nothing.

    Granian's answer is to put a word into a queue with room for one, of which one is taken: the third would wait for ever, and
    all of Python with it, in the middle of answers (Ctrl-C twice: the terminal signals each process, and the server its workers).
    """
    first = Lock()

    def once(number: int, _frame: object) -> None:
        if first.acquire(blocking=False):
            answer(number, None)

    for number in STOPS:
        signal.signal(number, once)


def _end_when_told(told: int, last: Callable[[], None]) -> None:
    while (number := os.read(told, 1)[0]) not in STOPS:
        pass
    answer = signal.getsignal(number)
    if callable(answer):
        answer(number, None)
    quiet_since = time.monotonic()
    while time.monotonic() - quiet_since < QUIET_SECONDS:
        time.sleep(LOOK_SECONDS)
        if not under_way.nothing_but_stalled():
            quiet_since = time.monotonic()
    last()
    # Not `sys.exit`, which would wait for the threads.
    os._exit(0)
