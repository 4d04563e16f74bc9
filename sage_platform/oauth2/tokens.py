"""Codes and tokens: issued, found, ended.

The code and all tokens that come of one approval are a family. To issue a token, the person's row of consent is locked first and
then the row that is spent (a code or a refresh token). To end the family, the same rows are locked. So no token can be issued
while its family is being ended and live on.
"""

import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple, NotRequired, TypedDict

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from sage_platform.accounts.models import User
from sage_platform.api.prepared import PreparedLookup, Row
from sage_platform.api.seams import ThirdParty
from sage_platform.digests import token_digest
from sage_platform.oauth2.models import AccessToken, Application, Consent, Grant, GrantType, RefreshToken
from sage_platform.oauth2.redirects import is_registered
from sage_platform.oauth2.requests import OAuth2Request

# The prefix tells each kind from the others and from the platform's own tokens, so that a look-up asks one table only.
ACCESS_PREFIX = "sage_oat_"
REFRESH_PREFIX = "sage_ort_"
CODE_PREFIX = "sage_oac_"
MAX_LENGTH = 512

ACCESS_LIFE, REFRESH_LIFE, CODE_LIFE, ID_TOKEN_LIFE = (
    timedelta(seconds=settings.OAUTH2_PROVIDER[f"{kind}_EXPIRE_SECONDS"])
    for kind in ("ACCESS_TOKEN", "REFRESH_TOKEN", "AUTHORIZATION_CODE", "ID_TOKEN")
)

# What userinfo and the routes read of a person; anything else of the row would cost one more query when it is read.
USER_FIELDS = [
    *["id", "username", "email", "verified_email", "nickname", "avatar_url", "role", "is_active", "credentials_version"],
]


def new(prefix: str) -> str:
    return prefix + secrets.token_urlsafe(32)


# -- Issuing ------------------------------------------------------------------------------------------------------------


class Issued(TypedDict):
    """The answer of the token endpoint (RFC 6749 §5.1). The tokens in it are kept nowhere else in the clear."""

    access_token: str
    token_type: str
    expires_in: int
    scope: str
    refresh_token: NotRequired[str]
    id_token: NotRequired[str]


@dataclass(frozen=True)
class Approval:
    """What tokens are issued for. `user` is None, and there is no family, for a program that asks for itself."""

    application: Application
    user: User | None = None
    credentials_version: int | None = None
    token_family: uuid.UUID | None = None
    auth_time: datetime | None = None
    return_address: str = ""


def save_code(request: OAuth2Request, *, user: User, auth_time: datetime | None) -> str:
    """Issue a code for an authorization request that has been validated and approved. Answers the code itself."""
    code = new(CODE_PREFIX)
    Grant.objects.create(
        application=request.client,
        user=user,
        credentials_version=user.credentials_version,
        code=code,
        expires=timezone.now() + CODE_LIFE,
        # Empty where the request left the address out, so that the token request may leave it out as well (RFC 6749 §4.1.3).
        redirect_uri="" if request.using_default_redirect_uri else request.redirect_uri,
        return_address=request.redirect_uri,
        scope=" ".join(request.scopes),
        code_challenge=request.code_challenge or "",
        code_challenge_method=request.code_challenge_method or "",
        nonce=request.nonce or "",
        auth_time=auth_time,
    )
    return code


def save_issued(issued: Issued, spent: Grant | RefreshToken) -> None:
    """Store what is given for a code or a refresh token, in the transaction that has claimed it."""
    approval = Approval(
        spent.application,
        spent.user,
        spent.credentials_version,
        token_family=spent.token_family,
        auth_time=spent.auth_time,
        return_address=spent.return_address,
    )
    save_access_token(issued["access_token"], approval, scope=issued["scope"])
    if "refresh_token" in issued:
        save_refresh_token(issued["refresh_token"], approval, scope=spent.scope)


def save_access_token(token: str, approval: Approval, *, scope: str) -> None:
    row = AccessToken(
        application=approval.application,
        user=approval.user,
        credentials_version=approval.credentials_version,
        token_family=approval.token_family or uuid.uuid4(),
        return_address=approval.return_address,
        scope=scope,
        expires=timezone.now() + ACCESS_LIFE,
        token="",
        token_checksum=token_digest(token),
    )
    row.save(force_insert=True)


def save_refresh_token(token: str, approval: Approval, *, scope: str) -> None:
    """`scope` is all that the person granted, also where the access token beside it has less of it."""
    row = RefreshToken(
        application=approval.application,
        user=approval.user,
        credentials_version=approval.credentials_version,
        token_family=approval.token_family,
        return_address=approval.return_address,
        auth_time=approval.auth_time,
        scope=scope,
        expires=timezone.now() + REFRESH_LIFE,
        token="",
        token_checksum=token_digest(token),
    )
    row.save(force_insert=True)


def claim(row: Grant | RefreshToken) -> bool:
    """Spend a code or a refresh token, in the transaction that issues for it. False when it is spent or the consent is gone.

    Of two callers at the same moment the database lets one spend it. The other waits for the first one's transaction to end.
    """
    now = timezone.now()
    consents = Consent.objects.select_for_update().filter(user_id=row.user_id, application_id=row.application_id)
    if not consents.values_list("pk", flat=True):
        return False
    if isinstance(row, Grant):
        return bool(Grant.objects.filter(pk=row.pk, used_at=None).update(used_at=now))
    return bool(RefreshToken.objects.filter(pk=row.pk, revoked=None).update(revoked=now))


# -- Ending -------------------------------------------------------------------------------------------------------------


# Each answers how many living tokens it has ended.


def end_family(family: uuid.UUID) -> int:
    """End all tokens that come of one approval, also those that another request is issuing at this moment."""
    return _end(RefreshToken.objects.filter(token_family=family), AccessToken.objects.filter(token_family=family))


def end_of_consent(user: User, application: Application) -> int:
    """Call it in the transaction that has deleted the consent: the deletion has waited for whoever was issuing."""
    Grant.objects.filter(user=user, application=application).delete()
    own = {"user": user, "application": application}
    return _end(RefreshToken.objects.filter(**own), AccessToken.objects.filter(**own))


def end_of_client(application: Application) -> int:
    Grant.objects.filter(application=application).delete()
    return _end(RefreshToken.objects.filter(application=application), AccessToken.objects.filter(application=application))


def _end(refresh_tokens: QuerySet[RefreshToken], access_tokens: QuerySet[AccessToken]) -> int:
    now, living, ended = timezone.now(), refresh_tokens.filter(revoked=None), 0
    with transaction.atomic():
        # While the update waits for a row that another request has locked, that request may add a row that the update does not
        # see. So it is repeated until no living token is left.
        while living.exists():
            ended += living.update(revoked=timezone.now())
        deleted, _by_kind = access_tokens.filter(expires__gt=now).delete()
        access_tokens.delete()  # Those that had expired are in nobody's count.
    return ended + deleted


# -- Finding ------------------------------------------------------------------------------------------------------------


def scopes_left(row: AccessToken | RefreshToken | Grant) -> list[str]:
    """What is left of the granted scopes by what the client is registered for now; none when that has ended the row.

    The row ends when the client is switched off, or has lost the grant type or the redirect address that the row came of.
    """
    client = row.application
    # Every token of a person came of a code, also after a refresh.
    needed = {GrantType.CLIENT_CREDENTIALS if row.user_id is None else GrantType.AUTHORIZATION_CODE}
    if isinstance(row, RefreshToken):
        needed.add(GrantType.REFRESH_TOKEN)
    if not client.enabled or not needed <= set(client.grant_types):
        return []
    if row.return_address and not is_registered(row.return_address, client.redirect_uris.split()):
        return []
    return [scope for scope in row.scope.split() if scope in client.scopes]


def find_access_token(token: str, at: datetime | None = None) -> ThirdParty | None:
    """Who asks with this token. One query.

    None when the token is unknown or revoked, or was expired at that time, by default now; when its client's registration no
    longer allows it; or when its user was deactivated or has changed the password since.
    """
    if not token.startswith(ACCESS_PREFIX) or len(token) > MAX_LENGTH:
        return None
    for found in by_checksum(token_digest(token)):
        user = _user(found.columns_of_user)
        if found.expires > (at or timezone.now()) and found.scopes and _speaks_for(user, found.credentials_version):
            return ThirdParty(found.client_id, found.scopes, user)
    return None


class Found(NamedTuple):
    """What the look-up of an access token has found. `scopes` are those that are left."""

    client_id: str
    scopes: frozenset[str]
    expires: datetime
    credentials_version: int | None
    columns_of_user: Row


OF_TOKEN = ["user_id", "expires", "scope", "credentials_version", "return_address"]
OF_CLIENT = ["client_id", "enabled", "grant_types", "redirect_uris", "scope"]


def _found(columns: Row) -> Found:
    of_token, of_client, of_user = columns[:5], columns[5:10], columns[10:]
    client = Application(**dict(zip(OF_CLIENT, of_client, strict=True)))
    row = AccessToken(application=client, **dict(zip(OF_TOKEN, of_token, strict=True)))
    return Found(client.client_id, frozenset(scopes_left(row)), row.expires, row.credentials_version, of_user)


by_checksum: PreparedLookup[Found] = PreparedLookup(
    lambda: AccessToken.objects.values_list(
        *OF_TOKEN, *[f"application__{name}" for name in OF_CLIENT], *[f"user__{name}" for name in USER_FIELDS]
    ),
    by="token_checksum",
    form=_found,
)


def _user(columns: Sequence[object]) -> User | None:
    """Anew for each caller, who may change it."""
    return None if columns[0] is None else User.from_db("default", USER_FIELDS, columns)


def _speaks_for(user: User | None, version: int | None) -> bool:
    return user is None or (user.is_active and user.credentials_version == version)


def is_alive(row: AccessToken | RefreshToken | Grant, at: datetime) -> bool:
    """Whether nothing has ended the row at that time. It does not look at whether the row has been spent.

    Load the row with its user and its client, or each costs a query.
    """
    return bool(row.expires > at and scopes_left(row) and _speaks_for(row.user, row.credentials_version))


def find_any(token: str, application: Application) -> AccessToken | RefreshToken | None:
    """The row of this client's token, of either kind and alive or not. A token of another client is not found."""
    if len(token) > MAX_LENGTH:
        return None
    mine: dict[str, Any] = {"token_checksum": token_digest(token), "application": application}
    model = RefreshToken if token.startswith(REFRESH_PREFIX) else AccessToken
    row: AccessToken | RefreshToken | None = model._default_manager.select_related("user", "application").filter(**mine).first()
    return row
