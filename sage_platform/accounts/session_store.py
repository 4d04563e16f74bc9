"""Sessions in the database, and before it in Redis, which spares the look-up. While Redis is away the database alone answers.

Redis may come back with a session as it was before. That opens nothing: what a session is good for is its sign-in, which is read
from the database at each request.
"""

from contextlib import suppress
from typing import Any

from django.contrib.sessions.backends.cached_db import SessionStore as CachedStore
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore

from sage_platform.cache_errors import CacheAwayError


class SessionStore(CachedStore):
    _cache: Any
    _session: dict[str, Any]

    def load(self) -> dict[str, Any]:
        try:
            return super().load()
        except CacheAwayError:
            return DatabaseStore.load(self)

    def exists(self, session_key: str) -> bool:
        try:
            return bool(super().exists(session_key))
        except CacheAwayError:
            return DatabaseStore.exists(self, session_key)

    def save(self, must_create: bool = False) -> None:
        """Django's own would log each failure of the cache, with its traceback."""
        DatabaseStore.save(self, must_create)
        with suppress(CacheAwayError):
            self._cache.set(self.cache_key, self._session, self.get_expiry_age())

    def delete(self, session_key: str | None = None) -> None:
        """The database's row goes first."""
        with suppress(CacheAwayError):
            super().delete(session_key)
