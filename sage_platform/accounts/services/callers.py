"""Finds the caller of a request: the sign-in behind a session's key or an access token. Each call costs one query."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sage_platform.accounts.models import AccessToken, Session, SignIn, User
from sage_platform.accounts.services import facts
from sage_platform.api.prepared import PreparedLookup, Row
from sage_platform.digests import token_digest

# Only the columns that are needed, since every request reads them; the password's hash is not. `from_db` wants the names in the
# order of the model's fields.
SIGN_IN_FIELDS = ["id", "user_id", "credentials_version", "client_key", "ended_at"]
USER_FIELDS = ["id", "username", "email", "phonenum", "nickname", "avatar_url", "role", "is_active", "credentials_version"]
CALLER = [f"sign_in__{name}" for name in (*SIGN_IN_FIELDS, *(f"user__{name}" for name in USER_FIELDS))]

by_token: PreparedLookup[Row] = PreparedLookup(
    lambda: AccessToken.objects.values_list("expires_at", *CALLER, *facts.at("sign_in__user_id")), by="pk"
)
by_session: PreparedLookup[Row] = PreparedLookup(
    lambda: Session.objects.values_list("session_data", "expire_date", *CALLER, *facts.at("sign_in__user_id")), by="pk"
)


class FoundSession(NamedTuple):
    """`data` is the signed text as it is stored. `sign_in` is None where nobody has signed in or the sign-in has ended."""

    data: str
    expires_at: datetime
    sign_in_id: UUID | None
    sign_in: SignIn | None


def of_access_token(token: str, *, at: datetime) -> SignIn | None:
    """The sign-in that an access token stood for at a moment; None for a token that is unknown, expired or ended."""
    # One row at most, here and below: the digest is the primary key.
    for expires_at, *row in by_token(token_digest(token)):
        return _alive(row) if expires_at > at else None
    return None


def of_session_key(key: str, *, at: datetime) -> FoundSession | None:
    """The session whose key a browser has shown; None where it is unknown or had expired."""
    for data, expires_at, *row in by_session(token_digest(key)):
        return FoundSession(data, expires_at, row[0], _alive(row)) if expires_at > at else None
    return None


def _alive(row: Sequence[Any]) -> SignIn | None:
    """The sign-in of a row of CALLER and the facts, with its user; None where it has ended."""
    if row[0] is None:
        return None
    sign_in = SignIn.from_db("default", SIGN_IN_FIELDS, row[: len(SIGN_IN_FIELDS)])
    sign_in.user = User.from_db("default", USER_FIELDS, row[len(SIGN_IN_FIELDS) : len(CALLER)])
    sign_in.user.facts = facts.of(row[len(CALLER) :])
    return sign_in if sign_in.is_alive else None
