"""The system checks of a production deployment: each id, alone."""

from ipaddress import ip_network
from typing import Any

import pytest
from django.core.checks import run_checks
from pytest_django import Settings

SOUND: dict[str, Any] = {
    "PRODUCTION": True,
    "DEBUG": False,
    "SECRET_KEY": "kQ9x-Zr4tV7b_Lm2nW8pYc3dHf6jGs1uEa5oRiTq",
    "SAGE_PUBLIC_URL": "https://sage.example",
    "SESSION_COOKIE_SECURE": True,
    "CSRF_COOKIE_SECURE": True,
    "SAGE_CORS_ALLOWED_ORIGINS": ["https://app.sage.example"],
    "ALLOWED_HOSTS": ["sage.example"],
    "SAGE_BOOTSTRAP_ADMIN_PASSWORD": "",
    "EMAIL_URL": "smtp://mail.sage.example:25",
    "SAGE_AUTH_MODE": "native",
    "SAGE_TRUSTED_PROXIES": [ip_network("127.0.0.1/32")],
    "SAGE_TRUSTED_IDENTITY_PROXY_IPS": [],
    "SAGE_UNKNOWN_NAMES": {},
}


SAMPLES = ["changeme", "Change-Me", "SECRET", "django-insecure"]


def ids(settings: Settings, **changes: Any) -> list[str | None]:
    for name, value in {**SOUND, **changes}.items():
        setattr(settings, name, value)
    return [message.id for message in run_checks() if str(message.id).startswith("sage.")]


def test_a_sound_deployment(settings: Settings) -> None:
    assert ids(settings) == []
    # What is just enough.
    assert ids(settings, SECRET_KEY="abcdefgh" * 4, SAGE_BOOTSTRAP_ADMIN_PASSWORD="x" * 12) == []


@pytest.mark.parametrize(
    ("change", "id"),
    [
        ({"DEBUG": True}, "sage.E001"),
        ({"SECRET_KEY": "short"}, "sage.E002"),
        ({"SECRET_KEY": "abcdefghijklmnopqrstuvwxyz12345"}, "sage.E002"),
        ({"SECRET_KEY": "abcdefg" * 9}, "sage.E002"),
        *[({"SECRET_KEY": f"kQ9x-Zr4tV7b_Lm2nW8p-{sample}-Yc3dHf6jGs1u"}, "sage.E002") for sample in SAMPLES],
        ({"SECRET_KEY": "django-insecure-kQ9x-Zr4tV7b_Lm2nW8pYc3dHf6jGs1uE"}, "sage.E002"),
        ({"SAGE_PUBLIC_URL": "http://sage.example"}, "sage.E003"),
        ({"SAGE_PUBLIC_URL": ""}, "sage.E003"),
        ({"SESSION_COOKIE_SECURE": False}, "sage.E004"),
        ({"CSRF_COOKIE_SECURE": False}, "sage.E004"),
        ({"SAGE_CORS_ALLOWED_ORIGINS": ["*"]}, "sage.E005"),
        ({"ALLOWED_HOSTS": ["*"]}, "sage.E006"),
        ({"SAGE_BOOTSTRAP_ADMIN_PASSWORD": "x" * 11}, "sage.E007"),
        ({"EMAIL_URL": ""}, "sage.W001"),
        ({"SAGE_AUTH_MODE": "trusted_proxy"}, "sage.W002"),
        ({"SAGE_UNKNOWN_NAMES": {"SAGE_WORKER": "SAGE_WORKERS"}}, "sage.W003"),
        ({"SAGE_TRUSTED_PROXIES": []}, "sage.W004"),
    ],
)
def test_each_misconfiguration(settings: Settings, change: dict[str, Any], id: str) -> None:
    assert ids(settings, **change) == [id]


def test_development_is_left_alone(settings: Settings) -> None:
    assert ids(settings, PRODUCTION=False, DEBUG=True, SECRET_KEY="short", SAGE_PUBLIC_URL="") == []


def test_a_name_that_is_no_setting(settings: Settings) -> None:
    """In development too."""
    settings.SAGE_UNKNOWN_NAMES = {"SAGE_COFFEE": "", "SAGE_WORKER": "SAGE_WORKERS"}
    assert [(str(message.msg), message.hint) for message in run_checks() if message.id == "sage.W003"] == [
        ("SAGE_COFFEE is no setting of this version.", "Take it away; README.md lists the settings."),
        ("SAGE_WORKER is no setting of this version.", "Did you mean SAGE_WORKERS?"),
    ]


@pytest.mark.parametrize("name", ["SAGE_TRUSTED_PROXIES", "SAGE_TRUSTED_IDENTITY_PROXY_IPS"])
def test_the_reminder_of_the_proxy_comes_with_check_deploy_alone(settings: Settings, name: str) -> None:
    none: dict[str, Any] = {"PRODUCTION": False, "SAGE_TRUSTED_PROXIES": [], "SAGE_TRUSTED_IDENTITY_PROXY_IPS": []}
    assert ids(settings, **none | {name: [ip_network("10.0.0.1")]}) == []
    assert "sage.I001" in [message.id for message in run_checks(include_deployment_checks=True)]
    setattr(settings, name, [])
    assert "sage.I001" not in [message.id for message in run_checks(include_deployment_checks=True)]
