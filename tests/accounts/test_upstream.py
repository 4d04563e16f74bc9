"""GET /api/auth/upstream/login[/{id}] and /api/auth/upstream/callback/{id}, also /api/user/oauth/…: no provider is set up."""

import pytest

from tests.answers import refused
from tests.people import Caller, envelope
from tests.visitor import Visitor, text_of

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


BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"


@pytest.mark.parametrize("path", PATHS)
def test_a_browser_reads_a_page(path: str) -> None:
    response = Visitor().open(path, Accept=BROWSER, Accept_Language="zh-CN")
    assert response.status_code == 404
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert {"Accept", "Cookie"} <= {name.strip() for name in response.headers["Vary"].split(",")}
    text = text_of(response)
    assert "没有这个登录提供方。" in text
    assert "前往我的帐号" in text
    assert "Location" not in response.headers


@pytest.mark.parametrize("accept", ["application/json", "*/*", "application/json, text/plain, */*", "text/plain"])
def test_a_program_reads_the_envelope(accept: str, anyone: Caller) -> None:
    response = anyone.get(PATHS[0], Accept=accept)
    assert (response.status_code, envelope(response)) == (200, refused(404, "There is no such sign-in provider."))


def test_a_form_gets_a_page_too() -> None:
    response = Visitor().send(PATHS[0], b"", Accept=BROWSER)
    assert (response.status_code, response.headers["Allow"]) == (405, "GET, HEAD")
    assert "Go back and use the page's own buttons and links." in text_of(response)


@pytest.mark.parametrize("path", PATHS)
def test_only_get(path: str, anyone: Caller) -> None:
    response = anyone.post(path)
    assert response.status_code == 405
    assert response.headers["Allow"] == "GET, HEAD"


@pytest.mark.parametrize("path", ["/api/auth/upstream/callback", "/api/user/oauth/callback", "/api/auth/upstream/login/a/b"])
def test_no_such_route(path: str, anyone: Caller) -> None:
    assert anyone.get(path).status_code == 404
