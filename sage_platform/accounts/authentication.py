"""Who is asking the API: the bearer of a token, else the browser's session."""

from typing import Any

from django.http import HttpRequest
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from sage_platform.accounts.middleware import session_user
from sage_platform.accounts.models import SignIn, User
from sage_platform.accounts.services import proxy_identity, sign_ins
from sage_platform.api.cross_site import check_same_site
from sage_platform.api.errors import InvalidToken


def bearer_token(request: HttpRequest) -> str | None:
    """The token of `Authorization: Bearer …` (RFC 6750 §2.1), the scheme's name in any case (RFC 9110 §11.1)."""
    scheme, _, token = request.META.get("HTTP_AUTHORIZATION", "").strip().partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


class SageAuthentication(BaseAuthentication):
    """A good bearer token wins over the proxy's header, and that over the cookie; a bad token beside either is passed over, and
    alone it is a 401.

    With header and cookie the cross-site rule judges unsafe methods. `request.auth` is the sign-in, None with the header.
    """

    def authenticate(self, request: Request) -> tuple[User, SignIn | None] | None:
        token = bearer_token(request)
        if token and token.startswith(sign_ins.ACCESS_PREFIX):
            sign_in = sign_ins.of_access_token(token)
            if sign_in is not None:
                return sign_in.user, sign_in
        named = proxy_identity.user_of(request._request)
        user = named or session_user(request._request)
        if isinstance(user, User):
            check_same_site(request._request)
            return user, None if named else request._request.sign_in  # type: ignore[attr-defined]
        if token is not None:
            raise InvalidToken
        return None

    def authenticate_header(self, request: Request) -> Any:
        return "Bearer"
