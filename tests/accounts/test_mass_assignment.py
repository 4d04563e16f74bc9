"""Fields that nobody offered: what a body may not set, however it is spelled."""

import pytest

from sage_platform.accounts.models import User
from tests.mail import Mailbox
from tests.people import PASSWORD, Caller, envelope
from tests.rows import rows

EXTRA = {
    "id": "chosen",
    "pk": "chosen",
    "user_id": "chosen",
    "is_staff": True,
    "is_superuser": True,
    "is_admin": True,
    "is_active": False,
    "credentials_version": 99,
    "nickname": "The Boss",
    "avatar_url": "https://evil.example/a.png",
    "username_key": "someone else",
    "email_key": "someone@sage.example",
    "created_at": "2001-01-01T00:00:00Z",
    "last_login": "2001-01-01T00:00:00Z",
    "actor": "alice",
    "__class__": "admin",
    "groups": [1],
}


def assert_untouched(carol: User) -> None:
    assert carol.pk != "chosen"
    assert (carol.role, carol.is_active, carol.nickname, carol.avatar_url) == ("user", True, "", "")
    assert carol.credentials_version < 99
    assert carol.username_key == "carol"
    assert carol.email_key == "carol@sage.example"
    assert carol.created_at.year > 2001
    assert carol.last_login is None
    assert not carol.is_staff


@pytest.mark.parametrize("path", ["/api/auth/register", "/api/user/register"])
def test_register(path: str, anyone: Caller, open_registration: None, mailbox: Mailbox) -> None:
    anyone.post("/api/auth/register/send-code", {"email": "carol@sage.example"})
    body = EXTRA | {"role": "admin", "username": "carol", "password": PASSWORD, "email": "carol@sage.example"}
    response = anyone.post(path, body | {"verification_code": mailbox.code_to("carol@sage.example")})
    assert envelope(response)["code"] == 200
    assert_untouched(User.objects.get(username="carol"))


def test_add(as_admin: Caller) -> None:
    body = EXTRA | {"username": "carol", "password": PASSWORD, "email": "carol@sage.example"}
    assert envelope(as_admin.post("/api/user/add", body))["code"] == 200
    assert_untouched(User.objects.get(username="carol"))


@pytest.mark.parametrize("path", ["/api/user/config", "/api/auth/session", "/api/user/list", "/api/user/options"])
@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_other_methods_change_nobody(path: str, method: str, as_alice: Caller) -> None:
    before = rows()
    assert as_alice.send(method, path, {"role": "admin", "config": {"role": "admin"}}).status_code == 405
    assert rows() == before


def test_change_password_changes_oneself_alone(as_alice: Caller, bob: User) -> None:
    before = rows("accounts.User")["accounts.User"]
    body = EXTRA | {"role": "admin", "username": "bob", "user": "bob", "old_password": PASSWORD, "new_password": PASSWORD + "!"}
    assert envelope(as_alice.post("/api/user/change-password", body | {"user_id": "bob"}))["code"] == 200
    after = rows("accounts.User")["accounts.User"]
    assert after[1] == before[1]
    assert {key for key in after[0] if after[0][key] != before[0][key]} == {"password", "credentials_version"}


def test_config_writes_ones_own_alone(as_alice: Caller, as_bob: Caller) -> None:
    as_alice.post("/api/user/config", {"config": {"role": "admin"}, "user_id": "bob", "user": "bob"})
    assert envelope(as_bob.get("/api/user/config"))["data"] == {"config": {}}
    assert as_alice.get("/api/user/list").status_code == 403


def test_login_by_a_list_or_an_expression(anyone: Caller, alice: User) -> None:
    for name in (["alice"], {"__startswith": "a"}, {"$ne": ""}, True):
        assert anyone.post("/api/auth/login", {"username_or_email": name, "password": PASSWORD}).status_code == 422
