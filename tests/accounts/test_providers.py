"""GET /api/auth/providers, also /api/user/auth-providers"""

import pytest
from pytest_django import DjangoAssertNumQueries

from tests.answers import success
from tests.people import Caller, envelope

PATHS = ["/api/auth/providers", "/api/user/auth-providers"]


@pytest.mark.parametrize("path", PATHS)
def test_the_ways_to_sign_in(path: str, anyone: Caller, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(0):
        response = anyone.get(path)
    assert response.status_code == 200
    assert envelope(response) == success(
        [
            {
                "id": "native",
                "type": "native",
                "name": "Sage account",
                "button_text": "Sign in",
                "description": "Sign in with a username or email address and a password.",
                "icon": "user",
            }
        ]
    )


@pytest.mark.parametrize("path", PATHS)
def test_with_a_token_that_has_run_out(path: str, anyone: Caller) -> None:
    assert anyone.get(path, Authorization="Bearer sage_at_gone").status_code == 200
