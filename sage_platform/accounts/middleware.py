"""`request.user` for our pages and the admin: the user whom the trusted proxy names, else the one of the session's sign-in."""

from typing import cast

from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import SimpleLazyObject
from rest_framework.exceptions import AuthenticationFailed

from sage_platform.accounts.models import User
from sage_platform.accounts.requests import PageRequest
from sage_platform.accounts.services import proxy_identity, sign_ins


def session_user(request: HttpRequest) -> User | AnonymousUser:
    """The user of the session's living sign-in, which is looked up at most once for a request and kept as its `sign_in`."""
    asked = cast("PageRequest", request)
    if not hasattr(asked, "sign_in"):
        asked.sign_in = sign_ins.of_session(request, at=timezone.now())
    return asked.sign_in.user if asked.sign_in is not None else AnonymousUser()


def page_user(request: HttpRequest) -> User | AnonymousUser:
    """The caller of a page. Somebody whom the proxy names but who may not come in counts as signed out."""
    try:
        named = proxy_identity.user_of(request)
    except AuthenticationFailed:
        return AnonymousUser()
    if named is None:
        return session_user(request)
    cast("PageRequest", request).sign_in = None
    return named


class SessionUserMiddleware(AuthenticationMiddleware):
    """Sets `request.user` to nobody once the sign-in behind the session has ended, which Django's own does not ask."""

    def process_request(self, request: HttpRequest) -> None:
        request.user = SimpleLazyObject(lambda: page_user(request))  # type: ignore[assignment]
