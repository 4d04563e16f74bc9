"""What rooms know of themselves as numbers (`seams.gauges`), so that no scrape waits for a database that hangs.

Each is read once a minute, in a thread of its own, and given a moment. One that is not there by then, or cannot be read, is left
out, and the rest is shown.
"""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, wait
from functools import partial
from logging import getLogger
from threading import Lock

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily

from sage_platform.api import seams
from sage_platform.api.waiting import waiting
from sage_platform.looks import Look

log = getLogger("sage.metrics")
KEPT_SECONDS = 60.0
WAIT_SECONDS = 0.3
Sample = tuple[tuple[str, ...], float]


class Gauges:
    """The latest look at each. Of several scrapes at once one looks; the others wait for the same."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._looks: dict[str, Look[list[Sample]]] = {}
        # By name: when it was looked at, and what comes of it.
        self._seen: dict[str, tuple[float, Future[list[Sample]]]] = {}

    def families(self) -> Iterator[Metric]:
        with waiting(), self._lock:
            self._look()
            found = {name: future.result() for name, (_at, future) in self._seen.items() if _has_come(future)}
        for name, told in seams.gauges.items():
            if name in found:
                yield _family(name, told, found[name])

    def _look(self) -> None:
        now = time.monotonic()
        for name, told in seams.gauges.items():
            self._looks.setdefault(name, Look(partial(_read, told), name="gauge"))
        due = [name for name in self._looks if name not in self._seen or now - self._seen[name][0] >= KEPT_SECONDS]
        started = {name: self._looks[name].start() for name in due}
        wait(started.values(), timeout=WAIT_SECONDS)
        for name, future in started.items():
            self._seen[name] = (now, future)
            if not _has_come(future):
                error = type(future.exception()).__name__ if future.done() else "no answer in time"
                log.warning("a metric cannot be read", extra={"facts": {"metric": name, "error": error}})


def _read(told: seams.Gauge) -> list[Sample]:
    return list(told.read())


def _has_come(future: "Future[list[Sample]]") -> bool:
    return future.done() and future.exception() is None


def _family(name: str, told: seams.Gauge, samples: Sequence[Sample]) -> Metric:
    family = GaugeMetricFamily(name, told.help, labels=told.labels)
    for labels, value in samples:
        family.add_metric(labels, value)
    return family


gauges = Gauges()
