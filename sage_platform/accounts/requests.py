"""The types of requests whose caller has been found. They are for the type checker: a request is cast to one of them."""

from django.http import HttpRequest
from rest_framework.request import Request

from sage_platform.accounts.models import SignIn, User


class SignedInRequest(Request):
    """What an action with `who=SignedIn` or `who=Administrator` is called with.

    `auth` is the sign-in that asks, or None for a person whom the trusted proxy names.
    """

    user: User
    auth: SignIn | None


class PageRequest(HttpRequest):
    """What a page with `signed_in=True` is called with. `sign_in` is None for a person whom the trusted proxy names.

    The middleware sets `sign_in` when the caller is looked up. For somebody who is not signed in it is None too.
    """

    user: User
    sign_in: SignIn | None
    request_id: str
