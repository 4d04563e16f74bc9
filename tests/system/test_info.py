"""GET /api/system/info"""

from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries, Settings

from system.services import update_settings
from tests.people import Caller, envelope


def test_a_new_deployment(anyone: Caller) -> None:
    response = anyone.get("/api/system/info")
    assert response.status_code == 200
    assert envelope(response) == {
        "code": 200,
        "message": "success",
        "data": {
            "allow_registration": False,
            "auth_mode": "native",
            "auth_providers": [
                {
                    "id": "native",
                    "type": "native",
                    "name": "Sage account",
                    "button_text": "Sign in",
                    "description": "Sign in with a username or email address and a password.",
                    "icon": "user",
                }
            ],
            "default_auth_provider": "native",
            "has_local_auth": True,
            "has_oauth_auth": False,
            "native_login_admin_only": False,
            "oauth_enabled": False,
            "oauth_provider_name": None,
            "version": "0.1.0",
        },
    }


def test_a_warm_path_asks_the_database_nothing(anyone: Caller, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    anyone.get("/api/system/info")
    with django_assert_num_queries(0):
        anyone.get("/api/system/info")


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        (
            "trusted_proxy",
            {
                "has_local_auth": True,
                "native_login_admin_only": True,
                "default_auth_provider": "native",
                "allow_registration": False,
            },
        ),
        (
            "oauth",
            {
                "has_local_auth": False,
                "native_login_admin_only": False,
                "default_auth_provider": None,
                "allow_registration": False,
                "auth_providers": [],
            },
        ),
        ("native", {"has_local_auth": True, "native_login_admin_only": False, "allow_registration": True}),
    ],
)
@pytest.mark.django_db(transaction=True)
def test_the_modes(mode: str, expected: dict[str, Any], settings: Settings) -> None:
    """Registration is on in the settings; only `native` has it."""
    update_settings(allow_registration=True, actor=None)
    settings.SAGE_AUTH_MODE = mode
    data = envelope(Caller().get("/api/system/info"))["data"]
    assert data["auth_mode"] == mode
    assert data | expected == data


def test_names_are_translated(anyone: Caller) -> None:
    english, chinese = (
        envelope(anyone.get("/api/system/info", X_Sage_Locale=tag))["data"]["auth_providers"][0] for tag in ("en", "zh-CN")
    )
    assert (english["id"], english["type"], english["icon"]) == (chinese["id"], chinese["type"], chinese["icon"])
    for name in ("name", "button_text", "description"):
        assert english[name] != chinese[name]
        assert any("\u4e00" <= character <= "\u9fff" for character in chinese[name])


def test_nothing_of_the_deployment_shows(anyone: Caller, settings: Settings) -> None:
    text = anyone.get("/api/system/info").content.decode()
    for secret in (settings.SECRET_KEY, str(settings.SAGE_DATA_DIR), str(settings.BASE_DIR), "sqlite", "127.0.0.1", "localhost"):
        assert secret not in text


def test_bad_credentials_do_not_close_it(anyone: Caller) -> None:
    response = anyone.get("/api/system/info", Authorization="Bearer nonsense", Cookie="sage_session=nonsense")
    assert response.status_code == 200
