"""The types of requests whose caller is known to be signed in."""

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
    """What a page with `signed_in=True` is called with. `sign_in` is None for a person whom the trusted proxy names."""

    user: User
    sign_in: SignIn | None
    request_id: str
