"""POST /api/user/add"""

import pytest
from django.contrib.admin.models import LogEntry

from sage_platform.accounts.models import User
from tests.answers import assert_forbidden, assert_logged_out, assert_refused, invalid_fields, refused_fields, success
from tests.people import PASSWORD, Caller, envelope
from tests.rows import rows

PATH = "/api/user/add"
BODY = {"username": "carol", "password": PASSWORD}


def test_logged_out_and_plain_users(anyone: Caller, as_alice: Caller) -> None:
    before = rows()
    assert_logged_out(anyone.post(PATH, BODY))
    assert_forbidden(as_alice.post(PATH, BODY))
    assert rows() == before


def test_who_may_not_call_hears_nothing_of_their_input(anyone: Caller, as_alice: Caller) -> None:
    assert anyone.post(PATH, b"{").status_code == 401
    assert as_alice.post(PATH, b"{").status_code == 403


def test_a_user_with_everything(as_admin: Caller) -> None:
    response = as_admin.post(PATH, BODY | {"role": "admin", "email": "Carol@sage.example", "phonenum": "+49 30 123"})
    assert response.status_code == 200
    user_id = envelope(response)["data"]["user_id"]
    assert envelope(response) == success({"user_id": user_id})
    carol = User.objects.get(pk=user_id)
    assert (carol.username, carol.role, carol.email, carol.phonenum) == ("carol", "admin", "Carol@sage.example", "+49 30 123")
    login = Caller().post("/api/auth/login", {"username_or_email": "carol", "password": PASSWORD})
    assert envelope(login)["code"] == 200


def test_empty_texts_mean_none(as_admin: Caller) -> None:
    for name in ("carol", "dave"):
        body = BODY | {"username": name, "email": "", "phonenum": ""}
        assert envelope(as_admin.post(PATH, body))["code"] == 200
    carol = User.objects.get(username="carol")
    assert (carol.email, carol.phonenum, carol.role) == ("", "", "user")


def test_who_added_whom_is_kept(as_admin: Caller) -> None:
    user_id = envelope(as_admin.post(PATH, BODY))["data"]["user_id"]
    entry = LogEntry.objects.get()
    assert (entry.user_id, entry.object_id, entry.object_repr) == ("admin", user_id, "carol")
    assert entry.is_addition()
    assert PASSWORD not in entry.change_message


@pytest.mark.parametrize("name", ["alice", "ALICE", "Ａlice", " alice"])
def test_a_taken_name(name: str, as_admin: Caller, alice: User) -> None:
    before = rows()
    assert_refused(as_admin.post(PATH, BODY | {"username": name}), 400, "This username is taken.")
    assert rows() == before


@pytest.mark.parametrize("email", ["alice@sage.example", "ALICE@Sage.Example"])
def test_a_taken_address(email: str, as_admin: Caller, alice: User) -> None:
    before = rows()
    assert_refused(as_admin.post(PATH, BODY | {"email": email}), 400, "This email address is taken.")
    assert rows() == before


def test_a_weak_password(as_admin: Caller) -> None:
    before = rows()
    reasons = "This password is too short. It must contain at least 8 characters. This password is entirely numeric."
    assert_refused(as_admin.post(PATH, BODY | {"password": "8273641"}), 400, reasons)
    assert_refused(as_admin.post(PATH, BODY | {"password": "xcarolx1"}), 400, "The password is too similar to the username.")
    assert rows() == before


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        ({"role": "root"}, ["role"]),
        ({"role": "ADMIN"}, ["role"]),
        ({"role": ""}, ["role"]),
        ({"role": None}, ["role"]),
        ({"role": ["admin"]}, ["role"]),
        ({"role": {"admin": 1}}, ["role"]),
        ({"username": None}, ["username"]),
        ({"username": True}, ["username"]),
        ({"password": 12345678}, ["password"]),
        ({"email": None}, ["email"]),
        ({"phonenum": 123}, ["phonenum"]),
        # One mistake of the program's makes it the program's answer.
        ({"username": "a b", "email": None}, ["email", "username"]),
        ({"email": "x", "phonenum": "y", "role": "z"}, ["email", "phonenum", "role"]),
    ],
)
def test_bad_input(change: dict[str, object], fields: list[str], as_admin: Caller) -> None:
    before = rows()
    assert invalid_fields(as_admin.post(PATH, BODY | change)) == fields
    assert rows() == before


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        ({"username": "alice@sage.example"}, ["username"]),
        ({"username": "a/b"}, ["username"]),
        ({"username": "😀"}, ["username"]),
        ({"username": "ﷺ"}, ["username"]),
        ({"password": ""}, ["password"]),
        ({"email": "carol"}, ["email"]),
        ({"phonenum": "1; drop table"}, ["phonenum"]),
        ({"username": "a b", "email": "x", "phonenum": "y"}, ["email", "phonenum", "username"]),
    ],
)
def test_what_the_form_does_not_take(change: dict[str, object], fields: list[str], as_admin: Caller) -> None:
    before = rows()
    assert refused_fields(as_admin.post(PATH, BODY | change)) == fields
    assert rows() == before


def test_no_refusal_repeats_what_was_sent(as_admin: Caller) -> None:
    sent = {"username": "zebra crossing", "password": "zebra\0", "role": "zebra", "email": "zebra", "phonenum": "zebra"}
    response = as_admin.post(PATH, sent)
    assert response.status_code == 422
    assert b"zebra" not in response.content
