"""The current settings, without a query on each request.

Each process keeps the row, and a stamp that changes with every write: a file in the data folder for the workers of one machine,
or a key in Redis for all machines. A read that finds another stamp reads the row again. After 0.9 s any read does, since other
machines without Redis see no stamp, and a crash between the commit and the stamp leaves the old one.
"""

import time
from logging import getLogger
from secrets import token_hex
from threading import Lock

from django.conf import settings
from django.core.cache import cache

from sage_platform.cache_errors import CacheAwayError
from sage_platform.data_files import SETTINGS_STAMP
from system.models import SystemSettings

log = getLogger("sage.settings")
MOST_SECONDS = 0.9


class CurrentSettings:
    """A write counts at the next request on this machine, and within a second on others."""

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
        # The stamp was read before the row. A write between the two brings another stamp, so that the next read sees it.
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
    """None while Redis is away: then every read is of the row."""
    if settings.REDIS_URL:
        try:
            return str(cache.get(SETTINGS_STAMP, ""))
        except CacheAwayError:
            return None
    try:
        return (settings.SAGE_DATA_DIR / SETTINGS_STAMP).read_text()
    except OSError:
        return ""  # Not written yet, or the folder cannot be written: then the row is read again after 0.9 s.


def _write_stamp(stamp: str) -> None:
    draft = settings.SAGE_DATA_DIR / f"{SETTINGS_STAMP}.{stamp}"
    try:
        if settings.REDIS_URL:
            cache.set(SETTINGS_STAMP, stamp, None)
            return
        settings.SAGE_DATA_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft.write_text(stamp)
        draft.replace(settings.SAGE_DATA_DIR / SETTINGS_STAMP)
    except (OSError, CacheAwayError) as error:
        # The change is committed, so an error would tell the person the opposite. The other workers see it within a second.
        log.warning("settings stamp not written", extra={"facts": {"error": type(error).__name__}})


current_settings = CurrentSettings()
