"""GET /api/system/info"""

from pytest_django import DjangoAssertNumQueries

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


def test_a_warm_path_asks_the_database_nothing(
    anyone: Caller, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    anyone.get("/api/system/info")
    with django_assert_num_queries(0):
        anyone.get("/api/system/info")
