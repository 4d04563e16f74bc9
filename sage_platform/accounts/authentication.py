"""Who is asking the API: the bearer of a token, else the browser's session."""

from datetime import datetime
from typing import cast

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from sage_platform.accounts.middleware import session_user
from sage_platform.accounts.models import SignIn, User
from sage_platform.accounts.requests import PageRequest
from sage_platform.accounts.services import callers, proxy_identity, sign_ins
from sage_platform.api.cross_site import check_same_site
from sage_platform.api.errors import InsufficientScope, InvalidToken
from sage_platform.api.seams import ThirdParty, third_party_tokens

# The scope that a challenge names on a route that no third party may call. Nobody can be granted it.
FIRST_PARTY = "first-party"


def bearer_token(request: HttpRequest) -> str | None:
    """The token of `Authorization: Bearer …` (RFC 6750 §2.1), the scheme's name in any case (RFC 9110 §11.1)."""
    scheme, _, token = request.META.get("HTTP_AUTHORIZATION", "").strip().partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def _third_party(token: str, at: datetime | None = None) -> ThirdParty | None:
    for prefix, asker in third_party_tokens.items():
        if token.startswith(prefix):
            return asker(token, at)
    return None


def third_party_now(request: Request, *, came_at: datetime) -> ThirdParty:
    """The third party that asks, as it is at this moment: its body may have taken an hour to come. Raises InvalidToken where the
    token was ended meanwhile, and InsufficientScope. That it ran out meanwhile does not count.
    """
    found = _third_party(bearer_token(request._request) or "", came_at)
    if found is None:
        raise InvalidToken
    return _with_scope(found, request)


def _with_scope(found: ThirdParty, request: Request) -> ThirdParty:
    needed = _scope_of(request)
    if needed not in found.scopes:
        raise InsufficientScope(needed)
    return found


def _scope_of(request: Request) -> str:
    """The scope that opens the route to third parties, or FIRST_PARTY where they may not call it."""
    view = (request.parser_context or {}).get("view")
    return getattr(getattr(view, "stated", None), "scope", "") or FIRST_PARTY


def _judged_method(request: Request) -> str | None:
    """The method that the view says the call is about; None where it says nothing of it."""
    judged = getattr((request.parser_context or {}).get("view"), "judged_method", None)
    return judged(request._request) if judged is not None else None


class SageAuthentication(BaseAuthentication):
    """Finds the caller by a bearer token, else by the trusted proxy's header, else by the session cookie.

    A bad token is ignored where the header or the cookie names a user; alone it is a 401. For callers by header or cookie the
    cross-site rule is checked, since a browser sends those along for any site.

    `request.auth` is the sign-in, or None for a caller by header. With a third party's token it is a `ThirdParty`: such a token
    opens only routes that state a scope, and only if it was granted that scope. A program that asks for itself is an anonymous
    user.
    """

    def authenticate(self, request: Request) -> tuple[User | AnonymousUser, SignIn | ThirdParty | None] | None:
        token = bearer_token(request)
        if token and (third_party := _third_party(token)) is not None:
            user = _with_scope(third_party, request).user
            return user if isinstance(user, User) else AnonymousUser(), third_party
        if token and token.startswith(sign_ins.ACCESS_PREFIX):
            sign_in = callers.of_access_token(token, at=timezone.now())
            if sign_in is not None:
                return sign_in.user, sign_in
        named = proxy_identity.user_of(request._request)
        person = named or session_user(request._request)
        if isinstance(person, User):
            check_same_site(request._request, method=_judged_method(request))
            return person, None if named else cast("PageRequest", request._request).sign_in
        if token is not None:
            raise InvalidToken
        return None

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"
