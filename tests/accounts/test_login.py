"""POST /api/auth/login, also /api/user/login"""

from http.cookies import Morsel

import pytest
from django.utils import timezone
from pytest_django import Settings

from sage_platform.accounts.models import AccessToken, RefreshToken, Session, SignIn, User
from tests.answers import WRONG, assert_refused, invalid_fields, success
from tests.clock import Clock
from tests.people import PASSWORD, Caller, envelope

PATHS = ["/api/auth/login", "/api/user/login"]
every_path = pytest.mark.parametrize("path", PATHS)


def cookie_of(caller: Caller) -> "Morsel[str]":
    return caller.client.cookies["sage_session"]


@every_path
def test_by_name(path: str, anyone: Caller, alice: User) -> None:
    response = anyone.post(path, {"username_or_email": "alice", "password": PASSWORD})
    assert response.status_code == 200
    body = envelope(response)
    data = body["data"]
    assert body == success({**data, "expires_in": 86400})
    assert set(data) == {"access_token", "refresh_token", "expires_in"}
    assert data["access_token"] != data["refresh_token"]
    session = anyone.get("/api/auth/session")
    assert envelope(session)["data"]["user"]["userid"] == "alice"
    by_token = Caller().get("/api/auth/session", Authorization=f"Bearer {data['access_token']}")
    assert envelope(by_token)["data"]["user"]["userid"] == "alice"


def test_staff_see_when_somebody_signed_in(anyone: Caller, alice: User, clock: Clock) -> None:
    clock.forward(hours=5)
    before = timezone.now()
    anyone.post(PATHS[0], {"username_or_email": "alice", "password": "wrong"})
    assert User.objects.get(last_login=None) == alice
    anyone.post(PATHS[0], {"username_or_email": "alice", "password": PASSWORD})
    assert User.objects.get(last_login__range=(before, timezone.now())) == alice


@pytest.mark.parametrize("identifier", ["ALICE", " alice ", "ａｌｉｃｅ", "alice@sage.example", "Alice@SAGE.example"])
def test_by_name_and_address_in_any_case(identifier: str, anyone: Caller, alice: User) -> None:
    response = anyone.post(PATHS[0], {"username_or_email": identifier, "password": PASSWORD})
    assert envelope(response)["code"] == 200
    assert envelope(anyone.get("/api/auth/session"))["data"]["user"]["userid"] == "alice"


def test_the_session_cookie(anyone: Caller, alice: User) -> None:
    anyone.post(PATHS[0], {"username_or_email": "alice", "password": PASSWORD})
    cookie = cookie_of(anyone)
    assert cookie["httponly"] is True
    assert cookie["samesite"] == "Lax"
    assert cookie["path"] == "/"
    assert cookie["max-age"] == 14 * 24 * 3600
    assert cookie["secure"] == ""
    assert cookie["domain"] == ""


def test_the_session_cookie_is_secure_where_the_deployment_says_so(anyone: Caller, alice: User, settings: Settings) -> None:
    settings.SESSION_COOKIE_SECURE = True
    anyone.post(PATHS[0], {"username_or_email": "alice", "password": PASSWORD})
    assert cookie_of(anyone)["secure"] is True


def test_the_session_ends_after_fourteen_idle_days(alice: User, clock: Clock) -> None:
    anyone = Caller()
    anyone.post(PATHS[0], {"username_or_email": "alice", "password": PASSWORD})
    clock.forward(days=13)
    assert anyone.get("/api/auth/session").status_code == 200
    clock.forward(days=13)
    assert anyone.get("/api/auth/session").status_code == 200
    clock.forward(days=14, seconds=1)
    assert anyone.get("/api/auth/session").status_code == 401


@every_path
@pytest.mark.parametrize(("name", "password"), [("alice", "wrong"), ("carol", PASSWORD), ("alice", PASSWORD + " ")])
def test_wrong(path: str, name: str, password: str, anyone: Caller, alice: User) -> None:
    response = anyone.post(path, {"username_or_email": name, "password": password})
    assert_refused(response, 401, WRONG)
    assert "sage_session" not in anyone.client.cookies
    assert not SignIn.objects.exists()
    assert not AccessToken.objects.exists()
    assert not RefreshToken.objects.exists()
    assert not Session.objects.exists()


def test_somebody_without_a_password(anyone: Caller, alice: User) -> None:
    alice.set_unusable_password()
    alice.save()
    for guess in ("", "!", alice.password):
        response = anyone.post(PATHS[0], {"username_or_email": "alice", "password": guess or " "})
        assert_refused(response, 401, WRONG)
    assert not SignIn.objects.exists()


def test_a_deactivated_user(anyone: Caller, alice: User) -> None:
    User.objects.filter(pk="alice").update(is_active=False)
    response = anyone.post(PATHS[0], {"username_or_email": "alice", "password": PASSWORD})
    assert_refused(response, 401, WRONG)
    assert not SignIn.objects.exists()


def test_the_text_in_chinese(anyone: Caller, alice: User) -> None:
    response = anyone.post(
        PATHS[0], {"username_or_email": "alice", "password": PASSWORD}, X_Sage_Locale="zh-CN", Sec_Fetch_Site="cross-site"
    )
    assert envelope(response) == {"code": 403, "message": "权限不足", "data": None}


@every_path
@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["password", "username_or_email"]),
        ({"username_or_email": "alice"}, ["password"]),
        ({"username_or_email": 1, "password": PASSWORD}, ["username_or_email"]),
        ({"username_or_email": "alice", "password": None}, ["password"]),
        ({"username_or_email": "alice", "password": ""}, ["password"]),
        ({"username_or_email": ["alice"], "password": {"a": 1}}, ["password", "username_or_email"]),
        (["alice", PASSWORD], ["body"]),
        (b"{", ["body"]),
    ],
)
def test_bad_input(path: str, body: object, fields: list[str], anyone: Caller, alice: User) -> None:
    assert invalid_fields(anyone.post(path, body)) == fields
    assert not SignIn.objects.exists()


def test_a_running_out_token_closes_no_login(anyone: Caller, alice: User) -> None:
    body = {"username_or_email": "alice", "password": PASSWORD}
    assert envelope(anyone.post(PATHS[0], body, Authorization="Bearer sage_at_gone"))["code"] == 200


def test_each_login_is_its_own(alice: User) -> None:
    first, second = Caller(), Caller()
    pairs = [
        envelope(caller.post(PATHS[0], {"username_or_email": "alice", "password": PASSWORD}))["data"]
        for caller in (first, second)
    ]
    assert pairs[0]["access_token"] != pairs[1]["access_token"]
    first.post("/api/auth/logout")
    assert first.get("/api/auth/session").status_code == 401
    assert second.get("/api/auth/session").status_code == 200
    bearer = f"Bearer {pairs[1]['access_token']}"
    assert Caller().get("/api/auth/session", Authorization=bearer).status_code == 200
