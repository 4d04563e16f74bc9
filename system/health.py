"""Checks of what the platform depends on. Each has a second, and its result is kept for two.

A check that hangs keeps its one thread, and counts as failed until it comes back: no second one is started beside it.
"""

import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from logging import getLogger
from pathlib import Path
from secrets import token_hex
from threading import Lock
from typing import TypedDict

from django.core.cache import cache
from django.db import OperationalError, connection, transaction

from sage_platform.api import seams
from sage_platform.disk import try_to_write
from sage_platform.looks import Look
from sage_platform.schema_state import pending_migrations
from system.models import SystemSettings

log = getLogger("sage.health")
CHECK_SECONDS = 1.0
KEPT_SECONDS = 2.0
# Well below the second that a check has.
BUSY_MILLISECONDS = 200


class CheckResult(TypedDict):
    status: str
    latency_ms: float | None


def timed(check: Callable[[], None]) -> Look[float]:
    """The check, and the milliseconds that it takes."""

    def run() -> float:
        began = time.perf_counter()
        check()
        return (time.perf_counter() - began) * 1000

    return Look(run, name="health")


class Health:
    """The latest result of every check. One caller runs the checks; who asks meanwhile waits for the same result."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._checks: dict[str, Look[float]] = {}
        self._seen: tuple[float, dict[str, CheckResult]] = (-KEPT_SECONDS, {})

    def checks(self) -> dict[str, CheckResult]:
        """By name; `status` is `healthy` or `unhealthy`, and a failed check has no latency."""
        with self._lock:
            at, checks = self._seen
            if not checks or time.monotonic() - at >= KEPT_SECONDS:
                checks = self._look()
                self._seen = (time.monotonic(), checks)
            return checks

    def _look(self) -> dict[str, CheckResult]:
        for name, check in seams.health_checks.items():
            self._checks.setdefault(name, timed(check))
        running = {name: look.start() for name, look in self._checks.items()}
        wait(running.values(), timeout=CHECK_SECONDS)
        return {name: _result(name, future) for name, future in sorted(running.items())}


def _result(name: str, future: "Future[float]") -> CheckResult:
    if not future.done():
        log.error("health check timed out", extra={"facts": {"check": name}})
        return {"status": "unhealthy", "latency_ms": None}
    if (error := future.exception()) is not None:
        log.error("health check failed", extra={"facts": {"check": name, "error": type(error).__name__}})
        return {"status": "unhealthy", "latency_ms": None}
    return {"status": "healthy", "latency_ms": round(future.result(), 2)}


class NotMigratedError(Exception):
    """The database lacks tables or columns that this code expects."""


def check_database() -> None:
    """Raise when the database lacks a migration, or when nothing can be written to it."""
    if pending_migrations():
        raise NotMigratedError
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute(f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}")
    try:
        write_nothing()
    except OperationalError as error:
        if not held_by_another(error):
            raise
    if connection.vendor == "sqlite":
        # What is taken back SQLite keeps in memory, so that a full disk shows in a file alone.
        try_to_write(Path(connection.settings_dict["NAME"]).parent)


def write_nothing() -> None:
    """A write that is taken back. A standby and a file that is open for reading refuse it."""
    with transaction.atomic():
        SystemSettings.objects.filter(pk=1).update(id=1)
        transaction.set_rollback(True)


def held_by_another(error: OperationalError) -> bool:
    """On SQLite one writes at a time. Whoever waits for another's write has found a database that is written to."""
    code = getattr(error.__cause__, "sqlite_errorcode", 0)
    return bool(code & 0xFF == sqlite3.SQLITE_BUSY)


def check_cache() -> None:
    token = token_hex(8)
    cache.set("health", token, 10)
    if cache.get("health") is None:
        raise RuntimeError("the cache forgets")


health = Health()
