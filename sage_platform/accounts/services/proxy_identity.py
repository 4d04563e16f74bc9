"""Mode `trusted_proxy`: a proxy in front has signed the person in and says who it is, in a header."""

from django.conf import settings
from django.db import IntegrityError, transaction
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import AuthenticationFailed

from sage_platform.accounts.models import User
from sage_platform.accounts.names import USER_ID
from sage_platform.accounts.services import facts
from sage_platform.api.client import peer_address

HEADER = "HTTP_X_SAGE_INTERNAL_USERID"


def user_of(request: HttpRequest) -> User | None:
    """The user whom the proxy names, who is made if new; None without such a header, or if it comes from anybody but the proxy.

    The socket's peer tells whether it is the proxy, since anybody can send a forwarded address. Raises
    AuthenticationFailed for a name that cannot be one, a name that another account has, and a deactivated user.
    """
    name = request.META.get(HEADER, "")
    if not name or settings.SAGE_AUTH_MODE != "trusted_proxy" or not _comes_from_proxy(request):
        return None
    if not USER_ID.match(name):
        raise AuthenticationFailed(_("The identity that the proxy sent cannot be a user id."))
    user = _known(name) or _first_sight(name)
    if user is None:
        raise AuthenticationFailed(_("Another account has this name. Ask an administrator."))
    if not user.is_active:
        raise AuthenticationFailed(_("This account is deactivated."))
    return user


def _comes_from_proxy(request: HttpRequest) -> bool:
    peer = peer_address(request)
    return peer is not None and any(peer in network for network in settings.SAGE_TRUSTED_IDENTITY_PROXY_IPS)


def _known(name: str) -> User | None:
    asked = dict(enumerate(facts.at("pk")))
    user: User | None = User.objects.annotate(**{f"fact_{place}": fact for place, fact in asked.items()}).filter(pk=name).first()
    if user is not None:
        user.facts = facts.of(getattr(user, f"fact_{place}") for place in asked)
    return user


def _first_sight(name: str) -> User | None:
    """Make the user, or find it if another request has made it at the same moment; None where another account has the name."""
    user = User(id=name, username=name)
    user.set_unusable_password()
    try:
        with transaction.atomic():
            user.save(force_insert=True)
    except IntegrityError:
        return _known(name)
    user.facts = facts.of(False for _ in facts.at("pk"))
    return user
