"""Tokens and sessions: how they are stored, what ends them, and what a thief can do with one."""

from functools import partial
from typing import Any

import pytest
from django.apps import apps
from django.db import transaction
from django.utils import timezone
from pytest_django import Settings

from sage_platform.accounts.models import AccessToken, RefreshToken, SignIn, User
from sage_platform.accounts.services import sign_ins, users
from sage_platform.digests import token_digest
from tests.answers import ENDED, assert_logged_out, assert_refused, success
from tests.clock import Clock
from tests.people import PASSWORD, Caller, Response, envelope, signed_in
from tests.racing import SECONDS, at_once, begin, where_rows_are_locked

SESSION = "/api/auth/session"
INVALID = 'Bearer error="invalid_token"'


def log_in(name: str = "alice") -> tuple[Caller, dict[str, Any]]:
    browser = Caller()
    answer = envelope(browser.post("/api/auth/login", {"username_or_email": name, "password": PASSWORD}))
    assert answer["code"] == 200
    return browser, answer["data"]


def who(caller: Caller, **headers: str) -> str | None:
    response = caller.get(SESSION, None, **headers)
    return envelope(response)["data"]["user"]["userid"] if response.status_code == 200 else None


def everything_stored() -> str:
    return repr([list(model._base_manager.values_list()) for model in apps.get_models(include_auto_created=True)])


def test_no_token_is_stored_in_clear(alice: User) -> None:
    _browser, pair = log_in()
    renewed = envelope(Caller().post("/api/auth/refresh", {"refresh_token": pair["refresh_token"]}))["data"]
    stored = everything_stored()
    assert token_digest(pair["access_token"]) in stored
    for token in (pair["access_token"], pair["refresh_token"], renewed["access_token"], renewed["refresh_token"]):
        assert token not in stored
        assert token.removeprefix("sage_at_").removeprefix("sage_rt_") not in stored
    assert PASSWORD not in stored


def test_tokens_are_opaque_and_long(alice: User) -> None:
    pairs = [log_in()[1] for _ in range(2)]
    tokens = [pair[kind] for pair in pairs for kind in ("access_token", "refresh_token")]
    assert len({token[8:20] for token in tokens}) == 4
    for token in tokens:
        assert len(token) >= 8 + 43  # 256 random bits.
        assert "." not in token
        assert "alice" not in token


@pytest.mark.parametrize(
    "header",
    [
        "Bearer",
        "Bearer ",
        "Bearer sage_at_",
        "Bearer sage_at_" + "A" * 43,
        "bearer garbage",
        "Bearer sage_rt_" + "A" * 43,
        "Bearer " + "x" * 100_000,
        "Bearer a b c",
        "Bearer sage_at_\udcff\udcfe",
        "Bearer sage_at_张三",
        "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9.",
    ],
)
def test_garbage(header: str, anyone: Caller, alice: User) -> None:
    anyone.client.defaults["HTTP_AUTHORIZATION"] = header.encode("utf-8", "surrogateescape").decode("latin-1")
    assert_logged_out(anyone.get(SESSION), INVALID)


@pytest.mark.parametrize("header", ["Basic YWxpY2U6eA==", "Token abc", "", "sage_at_x"])
def test_other_schemes_are_no_bearer_token(header: str, anyone: Caller, alice: User) -> None:
    assert_logged_out(anyone.get(SESSION, Authorization=header), "Bearer")


def test_the_scheme_in_any_case(alice: User) -> None:
    token = signed_in(alice, token=True).headers["Authorization"].removeprefix("Bearer ")
    assert [who(Caller(), Authorization=f"{scheme} {token}") for scheme in ("bearer", "BEARER", "Bearer ")] == ["alice"] * 3


def test_a_token_in_the_query_or_body_is_no_key(alice: User) -> None:
    token = signed_in(alice, token=True).headers["Authorization"].removeprefix("Bearer ")
    assert_logged_out(Caller().get(SESSION, {"access_token": token}))
    assert_logged_out(Caller().post("/api/user/config", {"config": {}, "access_token": token}))


def test_an_altered_token(alice: User) -> None:
    header = signed_in(alice, token=True).headers["Authorization"]
    for altered in (header[:-1], header + "A", header.swapcase().replace("bEARER", "Bearer").replace("SAGE_AT_", "sage_at_")):
        assert_logged_out(Caller().get(SESSION, Authorization=altered), INVALID)


def test_a_refresh_token_is_no_access_token(alice: User) -> None:
    _browser, pair = log_in()
    assert_logged_out(Caller().get(SESSION, Authorization=f"Bearer {pair['refresh_token']}"), INVALID)


def test_lives_for_a_day(alice: User, clock: Clock) -> None:
    desktop = signed_in(alice, token=True)
    clock.forward(hours=23, minutes=59, seconds=55)
    assert who(desktop) == "alice"
    clock.forward(seconds=6)
    assert_logged_out(desktop.get(SESSION), INVALID)


def test_lives_as_long_as_the_setting_says(alice: User, settings: Settings, clock: Clock) -> None:
    from datetime import timedelta

    settings.SAGE_ACCESS_TOKEN_LIFETIME = timedelta(hours=2)
    _browser, pair = log_in()
    assert pair["expires_in"] == 7200
    clock.forward(hours=2, seconds=1)
    assert_logged_out(Caller().get(SESSION, Authorization=f"Bearer {pair['access_token']}"), INVALID)


def test_a_good_token_wins_over_anothers_cookie(alice: User, as_bob: Caller) -> None:
    token = signed_in(alice, token=True).headers["Authorization"]
    assert who(as_bob, Authorization=token) == "alice"
    as_bob.post("/api/user/config", {"config": {"whose": "alice's"}}, Authorization=token)
    assert envelope(as_bob.get("/api/user/config")) == success({"config": {}})


@pytest.mark.parametrize("bad", ["Bearer sage_at_unknown", "Bearer", "Bearer garbage"])
def test_a_bad_token_beside_a_good_cookie(bad: str, as_alice: Caller) -> None:
    assert who(as_alice, Authorization=bad) == "alice"


def test_a_token_that_ran_out_beside_a_good_cookie(alice: User, clock: Clock) -> None:
    browser, pair = log_in()
    clock.forward(hours=25)
    assert who(browser, Authorization=f"Bearer {pair['access_token']}") == "alice"
    browser.client.cookies.clear()
    assert_logged_out(browser.get(SESSION, Authorization=f"Bearer {pair['access_token']}"), INVALID)


def test_a_good_token_beside_a_dead_cookie(alice: User) -> None:
    browser, token = signed_in(alice), signed_in(alice, token=True).headers["Authorization"]
    SignIn.objects.filter(pk=browser.sign_in.pk).update(ended_at="2026-01-01T00:00:00Z")
    assert_logged_out(browser.get(SESSION))
    assert who(browser, Authorization=token) == "alice"


@pytest.mark.parametrize("cookie", ["", "garbage", "x" * 100_000, "drop table", '"' + "\\000" * 8 + '"', "张三" * 8])
def test_a_garbage_cookie(cookie: str, anyone: Caller, alice: User) -> None:
    anyone.client.defaults["HTTP_COOKIE"] = f"sage_session={cookie}".encode().decode("latin-1")
    assert_logged_out(anyone.get(SESSION))


@pytest.mark.parametrize("event", ["logout", "password", "deactivation", "activation", "deletion", "set password"])
def test_what_a_thief_holds_dies_with(event: str, alice: User, admin: User) -> None:
    browser, pair = log_in()
    thief_cookie, thief_token = Caller(), Caller(headers={"Authorization": f"Bearer {pair['access_token']}"})
    thief_cookie.client.cookies["sage_session"] = browser.client.cookies["sage_session"].value
    assert who(thief_cookie) == who(thief_token) == "alice"
    if event == "logout":
        assert envelope(browser.post("/api/auth/logout")) == success({})
    elif event == "password":
        other = signed_in(alice)
        body = {"old_password": PASSWORD, "new_password": PASSWORD + "!"}
        assert envelope(other.post("/api/user/change-password", body)) == success({})
    elif event == "deactivation":
        users.set_active(alice, active=False, actor=admin)
    elif event == "activation":
        users.set_active(alice, active=False, actor=admin)
        users.set_active(alice, active=True, actor=admin)
    elif event == "deletion":
        assert envelope(signed_in(admin).post("/api/user/delete", {"user_id": "alice"})) == success({})
    else:
        users.set_password(alice, PASSWORD)
    assert_logged_out(thief_cookie.get(SESSION))
    assert_logged_out(thief_token.get(SESSION), INVALID)
    for path in ("/api/auth/refresh", "/api/user/refresh-token"):
        assert envelope(Caller().post(path, {"refresh_token": pair["refresh_token"]}))["code"] == 401
    assert_logged_out(thief_token.post("/api/user/config", {"config": {"a": 1}}), INVALID)


def test_a_flag_in_the_database_alone_is_enough(alice: User) -> None:
    """A user who is deactivated by any means is refused at the next request."""
    browser, desktop = signed_in(alice), signed_in(alice, token=True)
    User.objects.filter(pk="alice").update(is_active=False)
    assert_logged_out(browser.get(SESSION))
    assert_logged_out(desktop.get(SESSION), INVALID)


def refresh(token: str, _number: int) -> Response:
    return Caller().post("/api/auth/refresh", {"refresh_token": token})


def living() -> int:
    """The number of sign-ins whose refresh token could still be traded for a new pair."""
    families = SignIn.objects.filter(refresh_tokens__isnull=False, refresh_tokens__used_at=None).distinct()
    return sum(family.is_alive for family in families.select_related("user"))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("threads", [2, 8])
def test_one_refresh_token_from_several_threads_at_once(threads: int, alice: User) -> None:
    """RFC 9700 §4.14.2: a thief and the owner use it at the same moment. Afterwards neither may have a token that works."""
    for _ in range(3):
        pair = sign_ins.issue_tokens(signed_in(alice).sign_in)
        responses = at_once(threads, partial(refresh, pair.refresh_token))
        assert [response.status_code for response in responses] == [200] * threads
        answers = [envelope(response) for response in responses]
        codes = sorted(answer["code"] for answer in answers)
        assert codes == [200] + [401] * (threads - 1)
        assert living() == 0
        for answer in answers:
            if answer["code"] == 200:
                won = answer["data"]
                assert_logged_out(Caller().get(SESSION, Authorization=f"Bearer {won['access_token']}"), INVALID)
                again = Caller().post("/api/auth/refresh", {"refresh_token": won["refresh_token"]})
                assert envelope(again)["code"] == 401


@pytest.mark.django_db(transaction=True)
def test_refreshing_while_the_password_changes(alice: User) -> None:
    """No token that was made at that moment is left alive."""
    for round_ in range(4):
        browser = signed_in(User.objects.get(pk="alice"))
        pair = sign_ins.issue_tokens(browser.sign_in)
        old, new = (PASSWORD, PASSWORD + "!") if round_ % 2 == 0 else (PASSWORD + "!", PASSWORD)

        def act(
            number: int, browser: Caller = browser, pair: sign_ins.TokenPair = pair, old: str = old, new: str = new
        ) -> Response:
            if number == 0:
                return browser.post("/api/user/change-password", {"old_password": old, "new_password": new})
            return Caller().post("/api/auth/refresh", {"refresh_token": pair.refresh_token})

        changed, refreshed = at_once(2, act)
        assert envelope(changed) == success({})
        assert refreshed.status_code == 200
        assert who(browser) == "alice"
        assert not AccessToken.objects.exists()
        assert not RefreshToken.objects.exists()


@pytest.mark.django_db(transaction=True)
@where_rows_are_locked
def test_a_refresh_waits_for_whoever_is_ending_the_sign_in(alice: User) -> None:
    """Else it would go by what the sign-in was before, and hand out tokens."""
    browser = signed_in(alice)
    token = sign_ins.issue_tokens(browser.sign_in).refresh_token
    with transaction.atomic():
        SignIn.objects.update(ended_at=timezone.now())
        refreshing = begin(lambda: refresh(token, 0))
    assert_refused(refreshing.result(SECONDS), 401, ENDED)
    assert (AccessToken.objects.count(), RefreshToken.objects.count()) == (1, 1)


@pytest.mark.django_db(transaction=True)
def test_signing_in_while_the_password_changes(alice: User) -> None:
    """A sign-in with the old password at that moment is ended by the change."""
    browser = signed_in(alice)
    body = {"old_password": PASSWORD, "new_password": PASSWORD + "!"}

    def act(number: int) -> Response:
        if number == 0:
            return browser.post("/api/user/change-password", body)
        return Caller().post("/api/auth/login", {"username_or_email": "alice", "password": PASSWORD})

    changed, *logins = at_once(6, act)
    assert envelope(changed) == success({})
    for login in logins:
        answer = envelope(login)
        assert answer["code"] in {200, 401}
        if answer["code"] == 200:
            assert who(Caller(), Authorization=f"Bearer {answer['data']['access_token']}") is None
    assert who(browser) == "alice"
