"""Who may call a route. The default is nobody, so that a route without a statement opens to no one."""

from django.conf import settings
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from sage_platform.api.cross_site import check_same_site
from sage_platform.api.seams import ThirdParty


class Nobody(BasePermission):
    def has_permission(self, request: Request, view: object) -> bool:
        return False


class Anyone(BasePermission):
    """The caller's credentials are not even read: a token that has run out must not close a public route."""

    def has_permission(self, request: Request, view: object) -> bool:
        return True


class AnyoneOfThisSite(Anyone):
    """Anyone, but for another site's page: for public routes that set or end a browser's session.

    At login too, where no cookie is needed: else another site could sign a visitor in under its own account. A call by a bearer
    token alone borrows nobody's cookie.
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
    """Also a third party that asks for itself; its token has the scope that the route states, or it would not be here."""

    def has_permission(self, request: Request, view: object) -> bool:
        return isinstance(request.auth, ThirdParty) or super().has_permission(request, view)


class Administrator(BasePermission):
    """The role as it stands in the database now; no claim of a token counts."""

    def has_permission(self, request: Request, view: object) -> bool:
        return bool(request.user.is_authenticated and getattr(request.user, "is_admin", False))
