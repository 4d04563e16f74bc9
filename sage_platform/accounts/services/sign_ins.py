"""Making and ending sign-ins, with their sessions and tokens."""

import secrets
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest
from django.middleware.csrf import rotate_token
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from sage_platform.accounts.models import SESSION_SIGN_IN, AccessToken, RefreshToken, SignIn, User
from sage_platform.accounts.services import passwords
from sage_platform.accounts.sessions import SessionStore
from sage_platform.api.client import client_key
from sage_platform.api.errors import Code, Refusal
from sage_platform.digests import token_digest
from sage_platform.telemetry.operations import Operation

# A prefix tells the kinds of token apart, so that each costs one look-up; it also lets secret scanners find a leaked one.
ACCESS_PREFIX = "sage_at_"
REFRESH_PREFIX = "sage_rt_"


class TokenPair(NamedTuple):
    """`expires_in` is the access token's life in seconds."""

    access_token: str
    refresh_token: str
    expires_in: int


@Operation("identity", "sign_in")
def by_password(request: HttpRequest, identifier: str, password: str, *, for_administrators: bool = False) -> SignIn:
    """Sign the browser in, whichever page or route took the password. Raises what `passwords.authenticate` raises."""
    user = passwords.authenticate(identifier, password, client_key=client_key(request), for_administrators=for_administrators)
    return open_session(request, user)


def open_session(request: HttpRequest, user: User, *, method: SignIn.Method = SignIn.Method.PASSWORD) -> SignIn:
    """Sign the browser in with a new session: somebody else may know the key of the one it had (session fixation)."""
    sign_in: SignIn = SignIn.objects.create(
        user=user, method=method, credentials_version=user.credentials_version, client_key=client_key(request)
    )
    request.session.flush()
    request.session[SESSION_SIGN_IN] = str(sign_in.pk)
    if settings.CSRF_COOKIE_NAME in request.COOKIES:
        rotate_token(request)
    request.user = user
    User.objects.filter(pk=user.pk).update(last_login=timezone.now())
    return sign_in


def issue_tokens(sign_in: SignIn) -> TokenPair:
    """A new pair of tokens for a sign-in. Only their digests are stored."""
    now = timezone.now()
    access, refresh = (prefix + secrets.token_urlsafe(32) for prefix in (ACCESS_PREFIX, REFRESH_PREFIX))
    life, refresh_life = settings.SAGE_ACCESS_TOKEN_LIFETIME, settings.SAGE_REFRESH_TOKEN_LIFETIME
    AccessToken.objects.create(digest=token_digest(access), sign_in=sign_in, expires_at=now + life)
    RefreshToken.objects.create(digest=token_digest(refresh), sign_in=sign_in, expires_at=now + refresh_life)
    return TokenPair(access, refresh, int(life.total_seconds()))


@Operation("identity", "refresh")
def refresh_tokens(token: str) -> TokenPair:
    """Trade a refresh token for a new pair. A token that was used before ends its whole sign-in (RFC 9700 §4.14.2).

    Of two callers at the same moment the first marks the token as used. The second then finds it used, and so ends the tokens
    that the first was given. Raises Refusal 401.
    """
    now = timezone.now()
    digest = token_digest(token)
    with transaction.atomic():
        # A password change locks the sign-in first, too. So it waits for this transaction, and then also ends the new pair.
        issued_for = SignIn.objects.filter(refresh_tokens__digest=digest).select_related("user")
        sign_in = issued_for.select_for_update(of=("self",)).first()
        first = RefreshToken.objects.usable(now).filter(digest=digest).update(used_at=now)
        if first and sign_in is not None and sign_in.is_alive:
            SignIn.objects.filter(pk=sign_in.pk).update(seen_at=now)
            return issue_tokens(sign_in)
        if not first:
            used = SignIn.objects.filter(refresh_tokens__digest=digest, refresh_tokens__used_at__isnull=False)
            used.filter(ended_at=None).update(ended_at=now)
    raise Refusal(Code.UNAUTHENTICATED, _("Your sign-in has ended. Please sign in again."))


def store_of(request: HttpRequest) -> SessionStore:
    session = request.session
    if not isinstance(session, SessionStore):
        raise TypeError("SESSION_ENGINE is not ours: sign-ins are found by the session's own column.")
    return session


def of_session(request: HttpRequest, *, at: datetime) -> SignIn | None:
    """The sign-in of the request's session cookie that was alive at a moment; its 14 idle days begin anew once a day."""
    session = store_of(request)
    sign_in = session.sign_in(at)
    if sign_in is not None and session.is_due_for_renewal(at):
        session.modified = True  # So the middleware saves the session and sends the cookie for another 14 days.
        SignIn.objects.filter(pk=sign_in.pk).update(seen_at=at)
    return sign_in


def renew_nothing(request: HttpRequest) -> None:
    """This request is no visit of the person: the idle days of their session go on."""
    store_of(request).may_be_renewed = False


def end(sign_in_id: UUID | None) -> bool:
    """End a sign-in: its session and its tokens stop counting at once, on every worker. False when none was left to end."""
    if sign_in_id is None:
        return False
    return bool(SignIn.objects.filter(pk=sign_in_id, ended_at=None).update(ended_at=timezone.now()))


def sign_out(request: HttpRequest, *, access_token: str = "") -> None:
    """End the session of the request's cookie, and the sign-in of its bearer token even where that has run out."""
    session = store_of(request)
    if (found := session.find(timezone.now())) is not None:
        end(found.sign_in_id)
        session.flush()
    if access_token:
        token = AccessToken.objects.filter(digest=token_digest(access_token)).first()
        end(token.sign_in_id if token else None)
