"""What is wrong with the settings of a production deployment. Each check has an id that never changes, and a hint.

`serve` and `bootstrap` run the checks first, so that the server does not start while there is an error.
"""

from collections.abc import Sequence

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Info, Warning, register

LEAST_SECRET = 32
SAMPLE_SECRETS = ("changeme", "change-me", "secret", "django-insecure")


@register()
def check_deployment(app_configs: Sequence[AppConfig] | None, **options: object) -> list[CheckMessage]:
    """What no production deployment may have."""
    if not settings.PRODUCTION:
        return []
    return [message for message in (*_errors(), *_warnings()) if message is not None]


@register(deploy=True)
def remind_of_the_proxy(app_configs: Sequence[AppConfig] | None, **options: object) -> list[CheckMessage]:
    """Nothing that we can see is wrong, so that only `check --deploy` says it."""
    if not (settings.SAGE_TRUSTED_PROXIES or settings.SAGE_TRUSTED_IDENTITY_PROXY_IPS):
        return []
    message = "The server takes X_Forwarded_For and X-Forwarded-For for one header, as WSGI has it."
    hint = "The proxy in front must drop header names with underscores. nginx does, unless told otherwise."
    return [Info(message, hint=hint, id="sage.I001")]


@register()
def check_names(app_configs: Sequence[AppConfig] | None, **options: object) -> list[CheckMessage]:
    """A setting that is spelled wrong does nothing, and nobody would notice."""
    return [
        Warning(
            f"{name} is no setting of this version.",
            hint=f"Did you mean {near}?" if near else "Take it away; README.md lists the settings.",
            id="sage.W003",
        )
        for name, near in settings.SAGE_UNKNOWN_NAMES.items()
    ]


def _errors() -> list[CheckMessage | None]:
    return [
        _error("sage.E001", settings.DEBUG, "SAGE_DEBUG is on in production.", "Unset SAGE_DEBUG."),
        _error(
            "sage.E002",
            _weak(settings.SECRET_KEY),
            "SAGE_SECRET_KEY is a sample or too short.",
            f"Use at least {LEAST_SECRET} random characters, for example from `openssl rand -base64 48`.",
        ),
        _error(
            "sage.E003",
            not settings.SAGE_PUBLIC_URL.startswith("https://"),
            "SAGE_PUBLIC_URL is not set to an https origin.",
            "Set it to the address that people use, for example https://sage.example.",
        ),
        _error(
            "sage.E004",
            not (settings.SESSION_COOKIE_SECURE and settings.CSRF_COOKIE_SECURE),
            "Cookies would travel over plain HTTP.",
            "Unset SAGE_SECURE_COOKIES.",
        ),
        _error(
            "sage.E005",
            "*" in settings.SAGE_CORS_ALLOWED_ORIGINS,
            "SAGE_CORS_ALLOWED_ORIGINS has a wildcard, and requests carry credentials.",
            "List the origins of your web application.",
        ),
        _error(
            "sage.E006",
            "*" in settings.ALLOWED_HOSTS,
            "SAGE_ALLOWED_HOSTS allows every host.",
            "List the host names that the platform answers to.",
        ),
        _error(
            "sage.E007",
            bool(settings.SAGE_BOOTSTRAP_ADMIN_PASSWORD) and len(settings.SAGE_BOOTSTRAP_ADMIN_PASSWORD) < 12,
            "SAGE_BOOTSTRAP_ADMIN_PASSWORD is shorter than 12 characters.",
            "Use a longer one, or leave it unset: bootstrap then makes a random one.",
        ),
    ]


def _warnings() -> list[CheckMessage | None]:
    no_mail = settings.SAGE_AUTH_MODE == "native" and not settings.EMAIL_URL
    no_proxy = settings.SAGE_AUTH_MODE == "trusted_proxy" and not settings.SAGE_TRUSTED_IDENTITY_PROXY_IPS
    warnings: list[CheckMessage | None] = []
    if no_mail:
        message = "EMAIL_URL is not set: nobody can register, since no code can be mailed."
        hint = "Set it, for example to smtp+tls://user:password@mail.example:587."
        warnings.append(Warning(message, hint=hint, id="sage.W001"))
    if no_proxy:
        message = "SAGE_AUTH_MODE is trusted_proxy, and SAGE_TRUSTED_IDENTITY_PROXY_IPS is empty: no proxy's word counts."
        warnings.append(Warning(message, hint="Set it to the address that the proxy connects from.", id="sage.W002"))
    if not settings.SAGE_TRUSTED_PROXIES:
        # Whatever ends TLS in front is a proxy, since the platform does not.
        message = (
            "SAGE_TRUSTED_PROXIES is empty: all people count as one address, and a hundred wrong passwords lock out everybody."
        )
        warnings.append(Warning(message, hint="Set it to the address that the proxy connects from.", id="sage.W004"))
    return warnings


def _error(id: str, wrong: bool, message: str, hint: str) -> CheckMessage | None:
    return Error(message, hint=hint, id=id) if wrong else None


def _weak(secret: str) -> bool:
    return len(secret) < LEAST_SECRET or len(set(secret)) < 8 or any(sample in secret.lower() for sample in SAMPLE_SECRETS)
