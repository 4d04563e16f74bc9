"""Looking at the dependencies: each check within a second, a result good for two.

A check that hangs keeps its one thread and is reported as failed until it comes back, so that hung checks never pile up.
"""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from logging import getLogger
from secrets import token_hex
from threading import Lock
from typing import Any

from django.core.cache import cache
from django.db import connection, connections

from sage_platform.api import seams

log = getLogger("sage.health")
CHECK_SECONDS = 1.0
KEPT_SECONDS = 2.0


@dataclass
class Probe:
    """One dependency's check and the run of it that may still be under way."""

    run: Callable[[], None]
    pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, thread_name_prefix="health"))
    pending: Future[float] | None = None

    def start(self) -> Future[float]:
        if self.pending is None or self.pending.done():
            self.pending = self.pool.submit(self._timed)
        return self.pending

    def _timed(self) -> float:
        began = time.perf_counter()
        try:
            self.run()
        finally:
            connections.close_all()
        return (time.perf_counter() - began) * 1000


class Health:
    """The latest look at everything; one caller looks, the others at that moment wait for what it saw."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._probes: dict[str, Probe] = {}
        self._seen: tuple[float, dict[str, Any]] = (-KEPT_SECONDS, {})

    def checks(self) -> dict[str, Any]:
        """`{name: {status: healthy|unhealthy, latency_ms: number or null}}`"""
        with self._lock:
            at, checks = self._seen
            if not checks or time.monotonic() - at >= KEPT_SECONDS:
                checks = self._look()
                self._seen = (time.monotonic(), checks)
            return checks

    def _look(self) -> dict[str, Any]:
        for name, check in seams.health_checks.items():
            self._probes.setdefault(name, Probe(check))
        running = {name: probe.start() for name, probe in self._probes.items()}
        wait(running.values(), timeout=CHECK_SECONDS)
        return {name: _result(name, future) for name, future in sorted(running.items())}


def _result(name: str, future: "Future[float]") -> dict[str, Any]:
    if not future.done():
        log.error("health check timed out", extra={"facts": {"check": name}})
        return {"status": "unhealthy", "latency_ms": None}
    if (error := future.exception()) is not None:
        log.error("health check failed", extra={"facts": {"check": name, "error": type(error).__name__}})
        return {"status": "unhealthy", "latency_ms": None}
    return {"status": "healthy", "latency_ms": round(future.result(), 2)}


def check_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def check_cache() -> None:
    token = token_hex(8)
    cache.set("health", token, 10)
    if cache.get("health") is None:
        raise RuntimeError("the cache forgets")


health = Health()
