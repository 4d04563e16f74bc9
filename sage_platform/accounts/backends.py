"""The only backend: it knows users, and never takes a password."""

from django.contrib.auth.backends import BaseBackend
from django.http import HttpRequest

from sage_platform.accounts.models import User


class SessionOnlyBackend(BaseBackend):
    """Lets `django.contrib.auth.authenticate()` always fail: it knows no lockout. `services.passwords` alone takes passwords."""

    def authenticate(self, request: HttpRequest | None, **credentials: object) -> None:
        return None

    def get_user(self, user_id: str) -> User | None:
        found: User | None = User.objects.active().filter(pk=user_id).first()
        return found
