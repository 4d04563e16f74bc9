"""Sign-ins: their session and their tokens, from the first to the last of them."""

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest
from django.middleware.csrf import rotate_token
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from sage_platform.accounts.models import AccessToken, RefreshToken, SignIn, User
from sage_platform.accounts.services import facts
from sage_platform.api.client import client_key
from sage_platform.api.errors import Code, Refusal
from sage_platform.api.prepared import PreparedLookup

# A prefix tells the kinds of token apart, so that each costs one look-up; it also lets secret scanners find a leaked one.
ACCESS_PREFIX = "sage_at_"
REFRESH_PREFIX = "sage_rt_"
SESSION_KEY = "sign_in"
TOUCHED_KEY = "touched"

# What a request needs of its caller, asked on every call: as few columns as will do. The password's hash stays where it is.
# `from_db` wants them in the order of the model's fields.
SIGN_IN_FIELDS = ["id", "user_id", "credentials_version", "client_key", "ended_at"]
USER_FIELDS = ["id", "username", "email", "phonenum", "nickname", "avatar_url", "role", "is_active", "credentials_version"]
CALLER = [*SIGN_IN_FIELDS, *(f"user__{name}" for name in USER_FIELDS)]
OF_SIGN_IN = [f"sign_in__{name}" for name in CALLER]


class TokenPair(NamedTuple):
    """`expires_in` is the access token's life in seconds."""

    access_token: str
    refresh_token: str
    expires_in: int


def digest_of(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def open_session(request: HttpRequest, user: User, *, method: SignIn.Method = SignIn.Method.PASSWORD) -> SignIn:
    """Sign the browser in. Nothing of its former session is kept, its key least of all (session fixation)."""
    sign_in: SignIn = SignIn.objects.create(
        user=user, method=method, credentials_version=user.credentials_version, client_key=client_key(request)
    )
    request.session.flush()
    request.session[SESSION_KEY] = str(sign_in.pk)
    request.session[TOUCHED_KEY] = int(timezone.now().timestamp())
    if settings.CSRF_COOKIE_NAME in request.COOKIES:
        rotate_token(request)
    request.user = user
    User.objects.filter(pk=user.pk).update(last_login=timezone.now())
    return sign_in


def issue_tokens(sign_in: SignIn) -> TokenPair:
    """A new pair for a sign-in. The tokens themselves are nowhere but in the answer."""
    now = timezone.now()
    access, refresh = (prefix + secrets.token_urlsafe(32) for prefix in (ACCESS_PREFIX, REFRESH_PREFIX))
    life = settings.SAGE_ACCESS_TOKEN_LIFETIME
    AccessToken.objects.create(digest=digest_of(access), sign_in=sign_in, expires_at=now + life)
    RefreshToken.objects.create(digest=digest_of(refresh), sign_in=sign_in, expires_at=now + settings.SAGE_REFRESH_TOKEN_LIFETIME)
    return TokenPair(access, refresh, int(life.total_seconds()))


def refresh_tokens(token: str) -> TokenPair:
    """Trade a refresh token for a new pair. One used before ends its whole sign-in (RFC 9700 §4.14.2).

    Of two callers at the same moment one marks the token used; the other then is the reuse, and ends what the first was given.
    Raises Refusal 401.
    """
    now = timezone.now()
    digest = digest_of(token)
    with transaction.atomic():
        # Locked before its token, in the order of a password change: that must not miss the pair being made here.
        family = SignIn.objects.filter(refresh_tokens__digest=digest).select_related("user")
        sign_in = family.select_for_update(of=("self",)).first()
        first = RefreshToken.objects.filter(digest=digest, used_at=None, expires_at__gt=now).update(used_at=now)
        if first and sign_in is not None and sign_in.is_alive:
            SignIn.objects.filter(pk=sign_in.pk).update(seen_at=now)
            return issue_tokens(sign_in)
        if not first:
            used = SignIn.objects.filter(refresh_tokens__digest=digest, refresh_tokens__used_at__isnull=False)
            used.filter(ended_at=None).update(ended_at=now)
    raise Refusal(Code.UNAUTHENTICATED, _("Your sign-in has ended. Please sign in again."))


def of_access_token(token: str, *, now: datetime | None = None) -> SignIn | None:
    """The living sign-in that an access token stands for: one query."""
    for expires_at, *row in by_digest(digest_of(token)):
        sign_in = _sign_in(row)
        return sign_in if expires_at > (now or timezone.now()) and sign_in.is_alive else None
    return None


by_digest = PreparedLookup(
    lambda: AccessToken.objects.values_list("expires_at", *OF_SIGN_IN, *facts.at("sign_in__user_id")), by="pk"
)
by_id = PreparedLookup(lambda: SignIn.objects.values_list(*CALLER, *facts.at("user_id")), by="pk")


def _sign_in(row: Sequence[Any]) -> SignIn:
    """The sign-in with its user, of a row of CALLER and the facts."""
    sign_in = SignIn.from_db("default", SIGN_IN_FIELDS, row[: len(SIGN_IN_FIELDS)])
    sign_in.user = User.from_db("default", USER_FIELDS, row[len(SIGN_IN_FIELDS) : len(CALLER)])
    sign_in.user.facts = facts.of(row[len(CALLER) :])
    return sign_in


def of_session(request: HttpRequest) -> SignIn | None:
    """The living sign-in of the request's session cookie; its 14 idle days begin anew once a day."""
    key = _uuid(request.session.get(SESSION_KEY))
    if key is None:
        return None
    rows = by_id(key)
    sign_in = _sign_in(rows[0]) if rows else None
    if sign_in is None or not sign_in.is_alive:
        return None
    now = int(timezone.now().timestamp())
    if now - int(request.session.get(TOUCHED_KEY, 0)) > 24 * 3600:
        request.session[TOUCHED_KEY] = now
        SignIn.objects.filter(pk=key).update(seen_at=timezone.now())
    return sign_in


def end(sign_in_id: UUID | None) -> None:
    """End a sign-in: its session and its tokens stop counting at once, on every worker."""
    if sign_in_id is not None:
        SignIn.objects.filter(pk=sign_in_id, ended_at=None).update(ended_at=timezone.now())


def sign_out(request: HttpRequest, *, access_token: str = "") -> None:
    """End the session of the request's cookie, and the sign-in of its bearer token even where that has run out."""
    if SESSION_KEY in request.session:
        end(_uuid(request.session[SESSION_KEY]))
        request.session.flush()
    if access_token:
        token = AccessToken.objects.filter(digest=digest_of(access_token)).first()
        end(token.sign_in_id if token else None)


def _uuid(text: object) -> UUID | None:
    try:
        return UUID(str(text)) if text else None
    except ValueError:
        return None
