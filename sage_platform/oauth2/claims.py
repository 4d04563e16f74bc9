"""What a client is told about a person, at userinfo (OpenID Connect Core §5.3.2) and in the id_token."""

from collections.abc import Callable, Collection

from django.conf import settings

from sage_platform.accounts.models import User
from sage_platform.oauth2 import scopes

Value = str | bool


def claims_of(user: User, granted: Collection[str]) -> dict[str, Value]:
    """The claims that the granted scopes open. A claim without a value for this person is left out (§5.3.2)."""
    values = {claim: READERS[claim](user) for claim in scopes.claims_opened_by(granted)}
    return {claim: value for claim, value in values.items() if value is not None}


def _picture(user: User) -> str | None:
    """Other programs need the whole address, also of a picture that is kept on our own origin."""
    if not user.avatar_url:
        return None
    return f"{settings.SAGE_PUBLIC_URL}{user.avatar_url}" if user.avatar_url.startswith("/") else user.avatar_url


# How each claim of a row in `scopes` is read from a person. A claim that no row names is never read.
READERS: dict[str, Callable[[User], Value | None]] = {
    "sub": lambda user: user.pk,
    "iss": lambda _user: str(settings.SAGE_OAUTH2_ISSUER),
    "preferred_username": lambda user: user.username,
    "role": lambda user: user.role,
    "name": lambda user: user.get_short_name(),
    "picture": _picture,
    "avatar_url": _picture,
    "email": lambda user: user.email or None,
    "email_verified": lambda user: user.email_verified if user.email else None,
}
