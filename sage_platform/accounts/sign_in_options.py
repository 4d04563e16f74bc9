"""The ways in which people may sign in here, for the login page and `info`."""

from functools import cache
from typing import Any

from django.conf import settings
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from sage_platform.accounts.models import User


def password_login_enabled() -> bool:
    return bool(settings.SAGE_AUTH_MODE != "oauth")


def password_login_admins_only() -> bool:
    """Everybody else is signed in by the trusted proxy."""
    return bool(settings.SAGE_AUTH_MODE == "trusted_proxy")


def may_use_password(person: User) -> bool:
    """Whether the mode lets this person sign in with a password, if they have one."""
    return password_login_enabled() and (person.is_admin or not password_login_admins_only())


def sign_in_providers() -> list[dict[str, str]]:
    """The ways to sign in; `native` is a name and a password of this platform. Anybody may read this, so it holds no secret."""
    if not password_login_enabled():
        return []
    return [dict(_native(get_language()))]


@cache
def _native(language: str | None) -> dict[str, str]:
    """The texts in the active language, which `language` has to be. They are remembered, since translating takes long."""
    return {
        "id": "native",
        "type": "native",
        "name": _("Sage account"),
        "button_text": _("Sign in"),
        "description": _("Sign in with a username or email address and a password."),
        "icon": "user",
    }


def sign_in_options() -> dict[str, Any]:
    """This area's part of `info`."""
    known = sign_in_providers()
    upstream = [provider for provider in known if provider["type"] != "native"]
    return {
        "auth_mode": settings.SAGE_AUTH_MODE,
        "auth_providers": known,
        "default_auth_provider": known[0]["id"] if known else None,
        "has_local_auth": password_login_enabled(),
        "has_oauth_auth": bool(upstream),
        "oauth_enabled": bool(upstream),
        "oauth_provider_name": upstream[0]["name"] if upstream else None,
        "native_login_admin_only": password_login_admins_only(),
    }
