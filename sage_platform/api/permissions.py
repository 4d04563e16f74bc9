"""Who may call a route. The default is nobody, so that a route without a statement opens to no one."""

from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request


class Nobody(BasePermission):
    def has_permission(self, request: Request, view: Any) -> bool:
        return False


class Anyone(BasePermission):
    """The caller's credentials are not even read: a token that has run out must not close a public route."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return True


class SignedIn(BasePermission):
    def has_permission(self, request: Request, view: Any) -> bool:
        return bool(request.user.is_authenticated)


class Administrator(BasePermission):
    """The role as it stands in the database now; no claim of a token counts."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return bool(request.user.is_authenticated and getattr(request.user, "is_admin", False))
