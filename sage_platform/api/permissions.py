"""Who may call a route. The default is nobody, so that a route that states nothing is closed."""

from secrets import compare_digest

from django.conf import settings
from django.http import HttpRequest
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from sage_platform.api.client import peer_address
from sage_platform.api.cross_site import check_same_site
from sage_platform.api.errors import MetricsAreShownHere, WrongMetricsToken
from sage_platform.api.seams import ThirdParty

# By a header that begins so a proxy says that it asks for somebody else (RFC 9110 §7.6.3, RFC 7239, and what was there before).
FORWARDING = (
    "HTTP_VIA",
    "HTTP_FORWARDED",
    "HTTP_X_FORWARDED",
    "HTTP_X_ORIGINAL",
    "HTTP_X_REAL_IP",
    "HTTP_X_CLIENT_IP",
    "HTTP_X_CLUSTER_CLIENT_IP",
    "HTTP_X_ENVOY",
    "HTTP_TRUE_CLIENT_IP",
    "HTTP_CF_CONNECTING_IP",
    "HTTP_FASTLY_CLIENT_IP",
)


class Nobody(BasePermission):
    def has_permission(self, request: Request, view: object) -> bool:
        return False


class Anyone(BasePermission):
    """Anybody. Credentials are not read, so that a token that has run out does not close a public route."""

    def has_permission(self, request: Request, view: object) -> bool:
        return True


class AnyoneOfThisSite(Anyone):
    """Anybody except pages of other sites: for public routes that begin or end a browser's session.

    Login needs no cookie, but without this rule another site could sign a visitor in under an account of its own. A call with a
    bearer token and no cookie is let in, since browsers do not add such a token by themselves.
    """

    def has_permission(self, request: Request, view: object) -> bool:
        by_bearer = "HTTP_AUTHORIZATION" in request.META and settings.SESSION_COOKIE_NAME not in request.COOKIES
        if not by_bearer:
            check_same_site(request._request)
        return True


class SignedIn(BasePermission):
    def has_permission(self, request: Request, view: object) -> bool:
        return bool(request.user.is_authenticated)


class SignedInOrProgram(SignedIn):
    """Also a third party that asks for itself. That its token has the route's scope was checked when the caller was found."""

    def has_permission(self, request: Request, view: object) -> bool:
        return isinstance(request.auth, ThirdParty) or super().has_permission(request, view)


class Administrator(BasePermission):
    """An administrator, by the role that the database holds now. What a token says of a role does not count."""

    def has_permission(self, request: Request, view: object) -> bool:
        return bool(request.user.is_authenticated and getattr(request.user, "is_admin", False))


class AdministratorOrProgram(Administrator):
    """Also a third party that asks for itself, whose token has the route's scope: that was checked when the caller was found.

    One that asks for a person comes in where that person is an administrator, since nobody grants more than they may do.
    """

    def has_permission(self, request: Request, view: object) -> bool:
        for_itself = isinstance(request.auth, ThirdParty) and request.auth.user is None
        return for_itself or super().has_permission(request, view)


class SignedInOrTrustedProgram(AdministratorOrProgram):
    """Whoever has signed in, and of third parties those that `AdministratorOrProgram` lets in."""

    def has_permission(self, request: Request, view: object) -> bool:
        third_party = isinstance(request.auth, ThirdParty)
        return super().has_permission(request, view) if third_party else bool(request.user.is_authenticated)


class MetricsReader(Anyone):
    """Who has the deployment's token for this. Without one: anybody in development, in production whoever is on this machine."""

    def has_permission(self, request: Request, view: object) -> bool:
        if token := settings.SAGE_METRICS_TOKEN:
            scheme, _space, given = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
            if scheme.lower() != "bearer" or not compare_digest(given.strip().encode(), token.encode()):
                raise WrongMetricsToken
        elif settings.PRODUCTION and not is_on_this_machine(request._request):
            raise MetricsAreShownHere
        return True


def is_on_this_machine(request: HttpRequest) -> bool:
    """By the socket's peer, and by no proxy that runs here too."""
    peer = peer_address(request)
    return peer is not None and peer.is_loopback and not any(name.startswith(FORWARDING) for name in request.META)
