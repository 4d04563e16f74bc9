"""Mode `trusted_proxy`: a proxy in front has signed the person in and says who it is, in a header."""

import hmac

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
SECRET_HEADER = "HTTP_X_SAGE_INTERNAL_SECRET"  # noqa: S105  A name.


def user_of(request: HttpRequest) -> User | None:
    """The user whom the proxy names, who is made if new; None without such a header, or if it comes from anybody but the proxy.

    The socket's peer tells whether it is the proxy, since anybody can send a forwarded address; where a secret is set, it has to
    come along as well. Raises AuthenticationFailed for a name that cannot be one, for the id or the name of an account that the
    proxy has not made, and for a deactivated user.
    """
    name = request.META.get(HEADER, "")
    if not name or settings.SAGE_AUTH_MODE != "trusted_proxy" or not _comes_from_proxy(request):
        return None
    if not USER_ID.match(name):
        raise AuthenticationFailed(_("The identity that the proxy sent cannot be a user id."))
    user = _known(name) or _first_sight(name)
    if user is None or not _made_by_proxy(user):
        raise AuthenticationFailed(_("Another account has this name. Ask an administrator."))
    if not user.is_active:
        raise AuthenticationFailed(_("This account is deactivated."))
    return user


def _comes_from_proxy(request: HttpRequest) -> bool:
    peer = peer_address(request)
    if peer is None or not any(peer in network for network in settings.SAGE_TRUSTED_IDENTITY_PROXY_IPS):
        return False
    secret: str = settings.SAGE_TRUSTED_IDENTITY_PROXY_SECRET
    shown: str = request.META.get(SECRET_HEADER, "")
    return not secret or hmac.compare_digest(shown.encode(), secret.encode())


def _made_by_proxy(user: User) -> bool:
    """Else a name at the proxy that equals somebody's id would make one them, an administrator too.

    While an upgrade goes on, workers of the version before make the proxy's users without the mark. Such a user has no password,
    and their name is their id. Nobody else's is: we make an id at random once the name is known.
    """
    if not user.made_by_proxy and user.username == user.pk and not user.has_usable_password():
        user.made_by_proxy = True
        user.save(update_fields=["made_by_proxy"])
    return user.made_by_proxy


def _known(name: str) -> User | None:
    asked = dict(enumerate(facts.at("pk")))
    user: User | None = User.objects.annotate(**{f"fact_{place}": fact for place, fact in asked.items()}).filter(pk=name).first()
    if user is not None:
        user.facts = facts.of(getattr(user, f"fact_{place}") for place in asked)
    return user


def _first_sight(name: str) -> User | None:
    """Make the user, or find it if another request has made it at the same moment; None where another account has the name."""
    user = User(id=name, username=name, made_by_proxy=True)
    user.set_unusable_password()
    try:
        with transaction.atomic():
            user.save(force_insert=True)
    except IntegrityError:
        return _known(name)
    user.facts = facts.of(False for _ in facts.at("pk"))
    return user
