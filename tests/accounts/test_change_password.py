"""POST /api/user/change-password"""

import pytest

from sage_platform.accounts.models import AccessToken, RefreshToken, Session, User
from tests.answers import WRONG, assert_logged_out, assert_refused, invalid_fields, success
from tests.people import PASSWORD, Caller, envelope, signed_in
from tests.rows import rows

PATH = "/api/user/change-password"
NEW = "another uncommon phrase"
BODY = {"old_password": PASSWORD, "new_password": NEW}


def log_in(password: str) -> int:
    answer = Caller().post("/api/auth/login", {"username_or_email": "alice", "password": password})
    return int(envelope(answer)["code"])


def test_logged_out(anyone: Caller, alice: User) -> None:
    assert_logged_out(anyone.post(PATH, BODY))
    assert log_in(PASSWORD) == 200


def test_the_calling_session_stays_and_all_else_ends(as_alice: Caller, alice: User, as_bob: Caller) -> None:
    elsewhere, desktop, own_token = signed_in(alice), signed_in(alice, token=True), signed_in(alice, token=True)
    refresh = envelope(Caller().post("/api/auth/login", {"username_or_email": "alice", "password": PASSWORD}))["data"]
    response = as_alice.post(PATH, BODY)
    assert response.status_code == 200
    assert envelope(response) == success({})
    assert as_alice.get("/api/auth/session").status_code == 200
    assert_logged_out(elsewhere.get("/api/auth/session"))
    for caller in (desktop, own_token):
        assert_logged_out(caller.get("/api/auth/session"), 'Bearer error="invalid_token"')
    again = Caller().post("/api/auth/refresh", {"refresh_token": refresh["refresh_token"]})
    assert envelope(again)["code"] == 401
    assert not AccessToken.objects.filter(sign_in__user="alice").exists()
    assert not RefreshToken.objects.filter(sign_in__user="alice").exists()
    assert as_bob.get("/api/auth/session").status_code == 200
    assert log_in(PASSWORD) == 401
    assert log_in(NEW) == 200


def test_the_token_of_the_calling_session_ends_too(alice: User) -> None:
    browser = Caller()
    pair = envelope(browser.post("/api/auth/login", {"username_or_email": "alice", "password": PASSWORD}))["data"]
    bearer = f"Bearer {pair['access_token']}"
    assert envelope(browser.post(PATH, BODY, Authorization=bearer)) == success({})
    assert_logged_out(Caller().get("/api/auth/session", Authorization=bearer), 'Bearer error="invalid_token"')
    assert browser.get("/api/auth/session", Authorization=bearer).status_code == 200
    renewed = Caller().post("/api/auth/refresh", {"refresh_token": pair["refresh_token"]})
    assert envelope(renewed)["code"] == 401


def test_twice_from_the_same_session(as_alice: Caller) -> None:
    assert envelope(as_alice.post(PATH, BODY)) == success({})
    assert envelope(as_alice.post(PATH, {"old_password": NEW, "new_password": PASSWORD})) == success({})
    assert as_alice.get("/api/auth/session").status_code == 200
    assert log_in(PASSWORD) == 200


def test_another_persons_cookie_beside_a_token_gains_nothing(alice: User, as_bob: Caller) -> None:
    token = signed_in(alice, token=True).headers["Authorization"]
    assert envelope(as_bob.post(PATH, BODY, Authorization=token)) == success({})
    assert envelope(as_bob.get("/api/auth/session"))["data"]["user"]["userid"] == "bob"
    assert log_in(NEW) == 200
    assert envelope(Caller().post("/api/auth/login", {"username_or_email": "bob", "password": PASSWORD}))["code"] == 200


@pytest.mark.parametrize("old", ["wrong", PASSWORD.upper(), f" {PASSWORD}"])
def test_the_old_one_is_wrong(old: str, as_alice: Caller, alice: User) -> None:
    desktop = signed_in(alice, token=True)
    before = rows()
    assert_refused(as_alice.post(PATH, BODY | {"old_password": old}), 400, "The current password is wrong.")
    assert rows() == before
    assert desktop.get("/api/auth/session").status_code == 200


@pytest.mark.parametrize(
    ("new", "reasons"),
    [
        ("x7!", "This password is too short. It must contain at least 8 characters."),
        ("8273648273", "This password is entirely numeric."),
        ("alice@sage.example", "The password is too similar to the email address."),
    ],
)
def test_the_new_one_is_weak(new: str, reasons: str, as_alice: Caller, alice: User) -> None:
    signed_in(alice, token=True)
    before = rows()
    assert_refused(as_alice.post(PATH, BODY | {"new_password": new}), 400, reasons)
    after = rows()
    # Comparing the old password may renew its hash, if that was made with older parameters. Nothing else may change.
    for found in (before, after):
        found["accounts.User"][0].pop("password")
    assert after == before
    assert log_in(PASSWORD) == 200


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["new_password", "old_password"]),
        ({"old_password": PASSWORD}, ["new_password"]),
        ({"old_password": 1, "new_password": ["x"]}, ["new_password", "old_password"]),
        (BODY | {"new_password": "x" * 1025}, ["new_password"]),
        (BODY | {"new_password": "null\0inside it"}, ["new_password"]),
    ],
)
def test_bad_input(body: object, fields: list[str], as_alice: Caller) -> None:
    assert invalid_fields(as_alice.post(PATH, body)) == fields
    assert log_in(PASSWORD) == 200


def test_guessing_the_old_one_locks_as_guessing_at_sign_in_does(as_alice: Caller, alice: User, judged: list[str]) -> None:
    """Else whoever has got hold of a session could try passwords without end."""
    as_alice.client.defaults["REMOTE_ADDR"] = "203.0.113.9"
    for number in range(10):
        assert envelope(as_alice.post(PATH, BODY | {"old_password": f"guess {number}"}))["code"] == 400
    judged.clear()
    response = as_alice.post(PATH, BODY)
    assert response.status_code == 429
    assert envelope(response)["code"] == 429
    assert 840 <= int(response.headers["Retry-After"]) <= 900
    assert judged == []
    same = Caller()
    same.client.defaults["REMOTE_ADDR"] = "203.0.113.9"
    assert same.post("/api/auth/login", {"username_or_email": "alice", "password": PASSWORD}).status_code == 429
    assert log_in(PASSWORD) == 200


def test_failed_sign_ins_lock_the_change_too(as_alice: Caller, alice: User) -> None:
    for _ in range(10):
        refused = Caller().post("/api/auth/login", {"username_or_email": "alice", "password": "wrong"})
        assert envelope(refused)["message"] == WRONG
    assert as_alice.post(PATH, BODY).status_code == 429


def test_sessions_are_not_left_behind(as_alice: Caller) -> None:
    as_alice.post(PATH, BODY)
    assert Session.objects.count() == 1
