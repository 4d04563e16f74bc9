"""Sessions in the database, found by a look-up whose SQL is written once: every call of a browser asks for one."""

from typing import Any

from django.contrib.sessions.backends import db
from django.contrib.sessions.models import Session
from django.utils import timezone

from sage_platform.api.prepared import PreparedLookup

by_key = PreparedLookup(lambda: Session.objects.values_list("session_data", "expire_date"), by="session_key")


class SessionStore(db.SessionStore):
    def load(self) -> dict[str, Any]:
        """What is kept under the key; for an unknown or expired one nothing, and the key is forgotten."""
        for data, expires in by_key(self.session_key):
            if expires > timezone.now():
                return dict(self.decode(data))
        self._session_key = None
        return {}
