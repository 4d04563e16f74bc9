"""The settings as they stand, without a query on each request.

A stamp says when they were last written: a file in the data folder for the workers of one machine, a key in Redis for all
machines. Each read compares the stamp. Beyond that nothing is believed for longer than a second, which is what other machines
without Redis go by, and what heals a stamp that a crash kept from being written.
"""

import time
from logging import getLogger
from secrets import token_hex
from threading import Lock

from django.conf import settings
from django.core.cache import cache

from sage_platform.cache_errors import CacheAwayError
from system.models import SystemSettings

log = getLogger("sage.settings")
MOST_SECONDS = 0.9
STAMP_KEY = "system-settings-stamp"


class CurrentSettings:
    """Right at the next request on this machine after a write, within a second on others."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._row: SystemSettings | None = None
        self._stamp: str | None = ""
        self._read_at = 0.0

    def get(self) -> SystemSettings:
        """The row, to be read alone: all threads have the same one."""
        stamp = _read_stamp()
        row = self._row
        if row is not None and stamp is not None and stamp == self._stamp and time.monotonic() - self._read_at < MOST_SECONDS:
            return row
        # The stamp was read before the row: a write between the two shows at the next read, and is never missed.
        row = SystemSettings.objects.filter(pk=1).first() or SystemSettings()
        with self._lock:
            self._row, self._stamp, self._read_at = row, stamp, time.monotonic()
        return row

    def forget(self) -> None:
        with self._lock:
            self._row = None

    def announce(self) -> None:
        """Tell every worker that the row was written; after the commit."""
        self.forget()
        _write_stamp(token_hex(8))


def _read_stamp() -> str | None:
    """None while Redis is away: then nothing is believed, and each read is of the row."""
    if settings.REDIS_URL:
        try:
            return str(cache.get(STAMP_KEY, ""))
        except CacheAwayError:
            return None
    try:
        return (settings.SAGE_DATA_DIR / STAMP_KEY).read_text()
    except OSError:
        return ""  # Not written yet, or no folder to write to: then a second is the limit.


def _write_stamp(stamp: str) -> None:
    draft = settings.SAGE_DATA_DIR / f"{STAMP_KEY}.{stamp}"
    try:
        if settings.REDIS_URL:
            cache.set(STAMP_KEY, stamp, None)
            return
        settings.SAGE_DATA_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft.write_text(stamp)
        draft.replace(settings.SAGE_DATA_DIR / STAMP_KEY)
    except (OSError, CacheAwayError) as error:
        # The change is committed: an error now would deny it. The other workers see it within the second.
        log.warning("settings stamp not written", extra={"facts": {"error": type(error).__name__}})


current_settings = CurrentSettings()
