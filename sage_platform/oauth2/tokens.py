"""Codes and tokens: issued, found, ended.

Everything that comes of one approval is a family. Whoever issues into it locks the person's consent first and then the row that
is spent (a code, a refresh token); whoever ends it locks the same rows. So nothing is issued past an end at the same moment.
"""

import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from sage_platform.accounts.models import User
from sage_platform.api.prepared import PreparedLookup
from sage_platform.api.seams import ThirdParty
from sage_platform.digests import token_digest
from sage_platform.oauth2.models import AccessToken, Application, Consent, Grant, RefreshToken

# A prefix tells the kinds apart, these and the platform's own, so that each costs one look-up in one table.
ACCESS_PREFIX = "sage_oat_"
REFRESH_PREFIX = "sage_ort_"
CODE_PREFIX = "sage_oac_"
MAX_LENGTH = 512

ACCESS_LIFE, REFRESH_LIFE, CODE_LIFE, ID_TOKEN_LIFE = (
    timedelta(seconds=settings.OAUTH2_PROVIDER[f"{kind}_EXPIRE_SECONDS"])
    for kind in ("ACCESS_TOKEN", "REFRESH_TOKEN", "AUTHORIZATION_CODE", "ID_TOKEN")
)

USER_FIELDS = [
    *["id", "username", "email", "verified_email", "nickname", "avatar_url", "role", "is_active", "credentials_version"],
]


def new(prefix: str) -> str:
    return prefix + secrets.token_urlsafe(32)


# -- Issuing ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Approval:
    """What tokens are issued for: a client, perhaps a person, and the family that they belong to."""

    application: Application
    user: User | None = None
    credentials_version: int | None = None
    token_family: uuid.UUID | None = None
    auth_time: datetime | None = None


def save_access_token(token: str, approval: Approval, *, scope: str) -> None:
    row = AccessToken(
        application=approval.application,
        user=approval.user,
        credentials_version=approval.credentials_version,
        token_family=approval.token_family or uuid.uuid4(),
        scope=scope,
        expires=timezone.now() + ACCESS_LIFE,
        token="",
        token_checksum=token_digest(token),
    )
    row.save(force_insert=True)


def save_refresh_token(token: str, approval: Approval, *, scope: str) -> None:
    """`scope` is what the person granted, however little of it the access token has."""
    row = RefreshToken(
        application=approval.application,
        user=approval.user,
        credentials_version=approval.credentials_version,
        token_family=approval.token_family,
        auth_time=approval.auth_time,
        scope=scope,
        expires=timezone.now() + REFRESH_LIFE,
        token="",
        token_checksum=token_digest(token),
    )
    row.save(force_insert=True)


def claim(row: Grant | RefreshToken) -> bool:
    """Spend a code or a refresh token, within the transaction that issues for it. False when it is spent, or consent is gone.

    Of two callers at the same moment the database lets one spend it; the other waits for the first's transaction.
    """
    now = timezone.now()
    consents = Consent.objects.select_for_update().filter(user_id=row.user_id, application_id=row.application_id)
    if not consents.values_list("pk", flat=True):
        return False
    if isinstance(row, Grant):
        return bool(Grant.objects.filter(pk=row.pk, used_at=None).update(used_at=now))
    return bool(RefreshToken.objects.filter(pk=row.pk, revoked=None).update(revoked=now))


# -- Ending -------------------------------------------------------------------------------------------------------------


def end_family(family: uuid.UUID) -> None:
    """End all tokens that come of one approval, also what is being issued at this moment."""
    _end(RefreshToken.objects.filter(token_family=family), AccessToken.objects.filter(token_family=family))


def end_of_consent(user: User, application: Application) -> None:
    """Within the transaction that has deleted the consent, and so waited for who was issuing."""
    Grant.objects.filter(user=user, application=application).delete()
    own = {"user": user, "application": application}
    _end(RefreshToken.objects.filter(**own), AccessToken.objects.filter(**own))


def end_of_client(application: Application) -> None:
    Grant.objects.filter(application=application).delete()
    _end(RefreshToken.objects.filter(application=application), AccessToken.objects.filter(application=application))


def _end(refresh_tokens: QuerySet[RefreshToken], access_tokens: QuerySet[AccessToken]) -> None:
    living = refresh_tokens.filter(revoked=None)
    with transaction.atomic():
        # An update does not see a row that was added while it waited for another, so it is asked again until there is none.
        while living.exists():
            living.update(revoked=timezone.now())
        access_tokens.delete()


# -- Finding ------------------------------------------------------------------------------------------------------------


def find_access_token(token: str) -> ThirdParty | None:
    """One query. None for a token that is unknown, expired or ended: by its client, its user's password, a deactivation."""
    if not token.startswith(ACCESS_PREFIX) or len(token) > MAX_LENGTH:
        return None
    for expires, scope, version, client_id, enabled, *columns in by_checksum(token_digest(token)):
        user = _user(columns)
        if expires > timezone.now() and enabled and _speaks_for(user, version):
            return ThirdParty(client_id, frozenset(scope.split()), user)
    return None


OF_TOKEN = ["expires", "scope", "credentials_version", "application__client_id", "application__enabled"]
OF_USER = [f"user__{name}" for name in USER_FIELDS]
by_checksum = PreparedLookup(lambda: AccessToken.objects.values_list(*OF_TOKEN, *OF_USER), by="token_checksum")


def _user(columns: Sequence[Any]) -> User | None:
    return None if columns[0] is None else User.from_db("default", USER_FIELDS, columns)


def _speaks_for(user: User | None, version: int | None) -> bool:
    return user is None or (user.is_active and user.credentials_version == version)


def is_alive(row: AccessToken | RefreshToken | Grant) -> bool:
    """For a row that is here with its user and client; whether it is spent is the caller's to ask."""
    return bool(row.expires > timezone.now() and row.application.enabled and _speaks_for(row.user, row.credentials_version))


def find_any(token: str, application: Application) -> AccessToken | RefreshToken | None:
    """The row of a client's own token of either kind, alive or not; another client's is not found."""
    if len(token) > MAX_LENGTH:
        return None
    mine: dict[str, Any] = {"token_checksum": token_digest(token), "application": application}
    model = RefreshToken if token.startswith(REFRESH_PREFIX) else AccessToken
    row: AccessToken | RefreshToken | None = model._default_manager.select_related("user", "application").filter(**mine).first()
    return row
