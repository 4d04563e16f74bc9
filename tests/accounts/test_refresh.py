"""POST /api/auth/refresh, also /api/user/refresh-token"""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from pytest_django import Settings

from sage_platform.accounts.models import AccessToken, RefreshToken, SignIn, User
from sage_platform.accounts.services import sign_ins
from tests.answers import ENDED, assert_logged_out, assert_refused, invalid_fields, success
from tests.clock import Clock
from tests.people import Caller, envelope, signed_in

PATHS = ["/api/auth/refresh", "/api/user/refresh-token"]
every_path = pytest.mark.parametrize("path", PATHS)
GONE = 'Bearer error="invalid_token"'


@pytest.fixture
def pair(alice: User) -> sign_ins.TokenPair:
    return sign_ins.issue_tokens(signed_in(alice).sign_in)


def works(access_token: str) -> bool:
    response = Caller().get("/api/auth/session", Authorization=f"Bearer {access_token}")
    if response.status_code != 200:
        assert_logged_out(response, GONE)
    return bool(response.status_code == 200)


@every_path
def test_a_new_pair(path: str, pair: sign_ins.TokenPair, anyone: Caller) -> None:
    response = anyone.post(path, {"refresh_token": pair.refresh_token})
    assert response.status_code == 200
    data = envelope(response)["data"]
    assert envelope(response) == success({**data, "expires_in": 86400})
    assert set(data) == {"access_token", "refresh_token", "expires_in"}
    assert not {data["access_token"], data["refresh_token"]} & {pair.access_token, pair.refresh_token}
    assert works(data["access_token"])
    assert "sage_session" not in response.cookies
    again = anyone.post(path, {"refresh_token": data["refresh_token"]})
    assert envelope(again)["code"] == 200


@every_path
def test_used_twice_ends_the_whole_family(path: str, pair: sign_ins.TokenPair, alice: User, anyone: Caller) -> None:
    other = signed_in(alice, token=True)
    second = envelope(anyone.post(path, {"refresh_token": pair.refresh_token}))["data"]
    third = envelope(anyone.post(path, {"refresh_token": second["refresh_token"]}))["data"]
    assert works(third["access_token"])
    assert_refused(anyone.post(path, {"refresh_token": pair.refresh_token}), 401, ENDED)
    for token in (pair.access_token, second["access_token"], third["access_token"]):
        assert not works(token)
    assert_refused(anyone.post(path, {"refresh_token": third["refresh_token"]}), 401, ENDED)
    assert other.get("/api/auth/session").status_code == 200


def test_lives_for_thirty_days(alice: User, clock: Clock, anyone: Caller) -> None:
    first, second = (sign_ins.issue_tokens(signed_in(alice).sign_in) for _ in range(2))
    clock.forward(days=30, seconds=-5)
    assert envelope(anyone.post(PATHS[0], {"refresh_token": first.refresh_token}))["code"] == 200
    clock.forward(seconds=6)
    assert_refused(anyone.post(PATHS[0], {"refresh_token": second.refresh_token}), 401, ENDED)


def test_who_refreshes_now_and_then_is_not_forgotten(pair: sign_ins.TokenPair, clock: Clock, anyone: Caller) -> None:
    """`prune` removes the sign-ins that nobody has used for 90 days, with their tokens."""
    token = pair.refresh_token
    for _ in range(4):
        clock.forward(days=29)
        call_command("prune", stdout=StringIO())
        answer = envelope(anyone.post(PATHS[0], {"refresh_token": token}))
        assert answer["code"] == 200
        token = answer["data"]["refresh_token"]


def test_one_that_ran_out_unused_ends_nothing(alice: User, settings: Settings, clock: Clock, anyone: Caller) -> None:
    """Only a second use shows that a thief has it."""
    settings.SAGE_REFRESH_TOKEN_LIFETIME = timedelta(hours=1)
    browser = signed_in(alice)
    pair = sign_ins.issue_tokens(browser.sign_in)
    clock.forward(hours=1, seconds=1)
    for path in PATHS:
        assert_refused(anyone.post(path, {"refresh_token": pair.refresh_token}), 401, ENDED)
    assert browser.get("/api/auth/session").status_code == 200
    assert works(pair.access_token)


@every_path
@pytest.mark.parametrize("kind", ["unknown", "access", "logged out", "deactivated", "other version", "deleted"])
def test_bad(path: str, kind: str, pair: sign_ins.TokenPair, anyone: Caller) -> None:
    token = pair.refresh_token
    if kind == "unknown":
        token = "sage_rt_" + "A" * 43
    elif kind == "access":
        token = pair.access_token
    elif kind == "logged out":
        anyone.post("/api/auth/logout", Authorization=f"Bearer {pair.access_token}")
    elif kind == "deactivated":
        User.objects.update(is_active=False)
    elif kind == "other version":
        User.objects.update(credentials_version=7)
    else:
        User.objects.all().delete()
    before = AccessToken.objects.count(), RefreshToken.objects.count(), SignIn.objects.filter(ended_at=None).count()
    assert_refused(anyone.post(path, {"refresh_token": token}), 401, ENDED)
    assert (AccessToken.objects.count(), RefreshToken.objects.count(), SignIn.objects.filter(ended_at=None).count()) == before


@every_path
@pytest.mark.parametrize("token", [None, "", 1, ["x"], {"a": 1}, "x" * 1025, "a\0b"])
def test_bad_input(path: str, token: object, pair: sign_ins.TokenPair, anyone: Caller) -> None:
    assert invalid_fields(anyone.post(path, {"refresh_token": token})) == ["refresh_token"]
    assert works(pair.access_token)


def test_beside_an_access_token_that_has_run_out(pair: sign_ins.TokenPair, anyone: Caller, clock: Clock) -> None:
    clock.forward(hours=24, seconds=1)
    assert not works(pair.access_token)
    response = anyone.post(PATHS[0], {"refresh_token": pair.refresh_token}, Authorization=f"Bearer {pair.access_token}")
    assert works(envelope(response)["data"]["access_token"])
