"""GET /api/auth/upstream/login[/{id}] and /api/auth/upstream/callback/{id}, also /api/user/oauth/…: no provider is set up."""

import pytest

from tests.answers import refused
from tests.people import Caller, envelope

PATHS = [
    "/api/auth/upstream/login",
    "/api/auth/upstream/login/keycloak",
    "/api/auth/upstream/callback/keycloak",
    "/api/user/oauth/login",
    "/api/user/oauth/login/keycloak",
    "/api/user/oauth/callback/keycloak",
]


@pytest.mark.parametrize("path", PATHS)
def test_no_such_provider(path: str, anyone: Caller, as_alice: Caller) -> None:
    for caller in (anyone, as_alice):
        response = caller.get(
            path, {"next": "//evil.example", "redirect_uri": "https://evil.example/", "state": "x", "code": "y"}
        )
        assert response.status_code == 200
        assert envelope(response) == refused(404, "There is no such sign-in provider.")
        assert "Location" not in response.headers
        assert "sage_session" not in response.cookies


@pytest.mark.parametrize("path", PATHS)
def test_only_get(path: str, anyone: Caller) -> None:
    response = anyone.post(path)
    assert response.status_code == 405
    assert response.headers["Allow"] == "GET, HEAD"


@pytest.mark.parametrize("path", ["/api/auth/upstream/callback", "/api/user/oauth/callback", "/api/auth/upstream/login/a/b"])
def test_no_such_route(path: str, anyone: Caller) -> None:
    assert anyone.get(path).status_code == 404
