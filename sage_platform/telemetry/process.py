"""What a worker takes of the machine, published every few seconds; a scrape adds up those that live."""

import gc
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from prometheus_client import Counter, Gauge, ProcessCollector

from sage_platform.telemetry.multiprocess import worker

EVERY_SECONDS = 5.0
TASKS = Path("/proc/self/task")
PREFIX = "sage_server_process_"


def _sum(name: str, text: str) -> Gauge:
    return Gauge(name, text, multiprocess_mode="livesum")


RESIDENT = _sum(f"{PREFIX}resident_memory_bytes", "Memory that the workers have in the machine's.")
VIRTUAL = _sum(f"{PREFIX}virtual_memory_bytes", "Addresses that the workers have reserved.")
THREADS = _sum(f"{PREFIX}threads", "Threads of the workers.")
OPEN_FILES = _sum(f"{PREFIX}open_fds", "Files and connections that the workers have open.")
MOST_FILES = _sum(f"{PREFIX}max_fds", "How many files and connections the workers may have open.")
# Counters, which do not fall when a worker ends: whoever looks at their rate would see a restart as a leap.
PROCESSOR = Counter(f"{PREFIX}cpu_seconds_total", "Time that the workers have used the processor for, those too that have ended.")
COLLECTIONS = Counter("sage_server_python_gc_collections_total", "Times that the garbage collector ran.", ["generation"])
OBJECTS = _sum("sage_server_python_objects", "Objects that the garbage collectors of the workers know.")
STARTED = Gauge(f"{PREFIX}start_time_seconds", "When the oldest worker started.", multiprocess_mode="livemin")
STARTED.set(time.time())


class Taken(NamedTuple):
    processor: float
    collections: tuple[int, ...]


class Publisher:
    """`publish` sets what is now, and adds to the counters what was used since the last time."""

    def __init__(self) -> None:
        self._collector = ProcessCollector(registry=None)
        self._before = Taken(0.0, (0, 0, 0))
        self._lock = threading.Lock()
        self._frozen = 0
        self._of_rooms: list[Callable[[], None]] = []

    def look_at_frozen(self) -> None:
        """Once: what is set aside (`worker`) is not listed among the objects any more, and to count it takes 10 ms."""
        self._frozen = gc.get_freeze_count()

    def also(self, publish: Callable[[], None]) -> None:
        """A room's own gauge of each worker, set from now on whenever these are."""
        self._of_rooms.append(publish)

    def publish(self) -> None:
        with self._lock:  # A scrape may come at the same time as the thread.
            self._publish()

    def _publish(self) -> None:
        told = {metric.name: metric.samples[0].value for metric in self._collector.collect()}
        for gauge, name in (
            (RESIDENT, "process_resident_memory_bytes"),
            (VIRTUAL, "process_virtual_memory_bytes"),
            (OPEN_FILES, "process_open_fds"),
            (MOST_FILES, "process_max_fds"),
        ):
            if name in told:  # On Linux alone.
                gauge.set(told[name])
        THREADS.set(len(list(TASKS.iterdir())) if sys.platform == "linux" else threading.active_count())
        OBJECTS.set(self._frozen + len(gc.get_objects()))
        now = Taken(time.process_time(), tuple(each["collections"] for each in gc.get_stats()))
        PROCESSOR.inc(now.processor - self._before.processor)
        for generation, (after, before) in enumerate(zip(now.collections, self._before.collections, strict=True)):
            COLLECTIONS.labels(str(generation)).inc(after - before)
        self._before = now
        for publish in self._of_rooms:
            publish()


publisher = Publisher()


def publish_always() -> None:
    """In a thread of its own, for as long as the process lives; once all that is there to stay is set aside."""
    publisher.look_at_frozen()

    def publish() -> None:
        while True:
            worker.go_on()
            with suppress(OSError):  # No file is left to be opened: the next time.
                publisher.publish()
            time.sleep(EVERY_SECONDS)

    threading.Thread(target=publish, name="metrics", daemon=True).start()
