"""POST /api/auth/logout, also /api/user/logout"""

import pytest

from sage_platform.accounts.models import AccessToken, Session, User
from tests.answers import assert_logged_out, invalid_fields, success
from tests.clock import Clock
from tests.people import PASSWORD, Caller, envelope, signed_in

PATHS = ["/api/auth/logout", "/api/user/logout"]
every_path = pytest.mark.parametrize("path", PATHS)
GONE = 'Bearer error="invalid_token"'


def logged_in(alice: User) -> tuple[Caller, dict[str, str]]:
    browser = Caller()
    answer = envelope(browser.post("/api/auth/login", {"username_or_email": "alice", "password": PASSWORD}))
    return browser, answer["data"]


@every_path
@pytest.mark.parametrize("by", ["cookie", "bearer"])
def test_ends_the_session_and_its_tokens(path: str, by: str, alice: User) -> None:
    browser, pair = logged_in(alice)
    bearer = f"Bearer {pair['access_token']}"
    copied = browser.client.cookies["sage_session"].value
    caller = browser if by == "cookie" else Caller(headers={"Authorization": bearer})
    response = caller.post(path)
    assert response.status_code == 200
    assert envelope(response) == success({})
    assert_logged_out(Caller().get("/api/auth/session", Authorization=bearer), GONE)
    thief = Caller()
    thief.client.cookies["sage_session"] = copied
    assert_logged_out(thief.get("/api/auth/session"))
    refreshed = Caller().post("/api/auth/refresh", {"refresh_token": pair["refresh_token"]})
    assert envelope(refreshed)["code"] == 401


def test_takes_the_cookie_away(alice: User) -> None:
    browser, _pair = logged_in(alice)
    response = browser.post(PATHS[0])
    assert response.cookies["sage_session"].value == ""
    assert not Session.objects.exists()


@every_path
@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer sage_at_unknown"}, {"Authorization": "Bearer"}])
def test_logged_out_already(path: str, headers: dict[str, str], anyone: Caller) -> None:
    response = anyone.post(path, **headers)
    assert response.status_code == 200
    assert envelope(response) == success({})


def test_a_token_that_has_run_out_still_ends_its_login(alice: User, clock: Clock) -> None:
    _browser, pair = logged_in(alice)
    clock.forward(hours=25)
    Caller().post(PATHS[0], Authorization=f"Bearer {pair['access_token']}")
    refreshed = Caller().post("/api/auth/refresh", {"refresh_token": pair["refresh_token"]})
    assert envelope(refreshed)["code"] == 401


def test_other_logins_go_on(alice: User, as_bob: Caller) -> None:
    leaving, staying, desktop = signed_in(alice), signed_in(alice), signed_in(alice, token=True)
    leaving.post(PATHS[0])
    assert leaving.get("/api/auth/session").status_code == 401
    for caller in (staying, desktop, as_bob):
        assert caller.get("/api/auth/session").status_code == 200


def test_a_refresh_token_is_no_access_token(alice: User) -> None:
    """Somebody else's refresh token in the header ends nothing."""
    browser, pair = logged_in(alice)
    assert envelope(Caller().post(PATHS[0], Authorization=f"Bearer {pair['refresh_token']}")) == success({})
    assert browser.get("/api/auth/session").status_code == 200
    assert AccessToken.objects.count() == 1


def test_a_body_that_is_no_json(as_alice: Caller) -> None:
    assert invalid_fields(as_alice.post(PATHS[0], b"{")) == ["body"]
    assert as_alice.get("/api/auth/session").status_code == 200
