"""Where sessions are kept: in the database, by the digest of their key, with the sign-in that they stand for.

A copy of the database holds no key that could be put into a cookie. One look-up finds the session and the caller. A cache in
front of it would save nothing, since the sign-in has to be read at each request anyway: it may have ended on another worker.
"""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.sessions.backends import db
from django.utils import timezone

from sage_platform.accounts.models import SESSION_SIGN_IN, Session, SignIn
from sage_platform.accounts.services import callers
from sage_platform.accounts.services.callers import FoundSession
from sage_platform.digests import token_digest

# The first request after this time gives a session its full life again. At each request that would be a write too many.
RENEWED_AFTER = timedelta(days=1)


class SessionStore(db.SessionStore):
    """As Django's sessions in the database, but stored under digests. A row is read once at most, and decoded only if needed."""

    _found: FoundSession | None = None
    _asked = False

    @classmethod
    def get_model_class(cls) -> type[Session]:
        return Session

    def find(self, at: datetime) -> FoundSession | None:
        """The session of the browser's key, as it was at a moment; it is looked up once, and then remembered.

        An unknown or expired key is dropped. If the session is saved later it gets a new key, not one that a stranger chose.
        """
        if not self._asked:
            self._asked = True
            self.accessed = True
            self._found = callers.of_session_key(self.session_key, at=at) if self.session_key else None
            if self._found is None:
                self._session_key = None
        return self._found

    def sign_in(self, at: datetime) -> SignIn | None:
        """The living sign-in of this session."""
        found = self.find(at)
        return found.sign_in if found is not None else None

    # False where nobody would keep the cookie that a renewal sends.
    may_be_renewed = True

    def is_due_for_renewal(self, at: datetime) -> bool:
        left = timedelta(seconds=settings.SESSION_COOKIE_AGE) - RENEWED_AFTER
        return self.may_be_renewed and self._found is not None and self._found.expires_at - at < left

    def load(self) -> dict[str, Any]:
        """Takes the sign-in from its column, since the data cannot be read if it was signed by another SECRET_KEY."""
        found = self.find(timezone.now())
        if found is None:
            return {}
        signed_in = {SESSION_SIGN_IN: str(found.sign_in_id)} if found.sign_in_id else {}
        return self.decode(found.data) | signed_in

    def exists(self, session_key: str) -> bool:
        return Session.objects.filter(pk=token_digest(session_key)).exists()

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        """There is a key by now: `save` makes one first if there is none."""
        return Session(
            session_key=token_digest(str(self.session_key)),
            session_data=self.encode(data),
            expire_date=self.get_expiry_date(),
            sign_in_id=data.get(SESSION_SIGN_IN),
        )

    def delete(self, session_key: str | None = None) -> None:
        key = session_key if session_key is not None else self.session_key
        if key is not None:
            Session.objects.filter(pk=token_digest(key)).delete()
        self._asked, self._found = True, None
