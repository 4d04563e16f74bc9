"""POST /api/user/delete"""

import pytest
from django.contrib.admin.models import LogEntry

from sage_platform.accounts.models import AccessToken, SignIn, User
from tests.answers import assert_forbidden, assert_logged_out, assert_refused, invalid_fields, success
from tests.conftest import make_user
from tests.people import Caller, envelope, signed_in
from tests.rows import rows

PATH = "/api/user/delete"


def test_logged_out_and_plain_users(anyone: Caller, as_alice: Caller, bob: User) -> None:
    before = rows()
    assert_logged_out(anyone.post(PATH, {"user_id": "bob"}))
    assert_forbidden(as_alice.post(PATH, {"user_id": "bob"}))
    assert_forbidden(as_alice.post(PATH, {"user_id": "alice"}))
    assert rows() == before


def test_a_user_and_all_that_is_theirs(as_admin: Caller, alice: User, as_bob: Caller) -> None:
    browser, desktop = signed_in(alice), signed_in(alice, token=True)
    browser.post("/api/user/config", {"config": {"theme": "dark"}})
    response = as_admin.post(PATH, {"user_id": "alice"})
    assert response.status_code == 200
    assert envelope(response) == success({})
    assert not User.objects.filter(pk="alice").exists()
    assert not SignIn.objects.filter(user_id="alice").exists()
    assert not AccessToken.objects.exists()
    assert_logged_out(browser.get("/api/auth/session"))
    assert_logged_out(desktop.get("/api/auth/session"), 'Bearer error="invalid_token"')
    assert as_bob.get("/api/auth/session").status_code == 200
    assert_refused(as_admin.post(PATH, {"user_id": "alice"}), 404, "There is no such user.")


def test_who_deleted_whom_is_kept(as_admin: Caller, alice: User) -> None:
    as_admin.post(PATH, {"user_id": "alice"})
    entry = LogEntry.objects.get()
    assert (entry.user_id, entry.object_id, entry.object_repr) == ("admin", "alice", "alice")
    assert entry.is_deletion()


@pytest.mark.parametrize("user_id", ["carol", "ALICE", "alice@sage.example", "%", "' or 1=1 --"])
def test_unknown(user_id: str, as_admin: Caller, alice: User) -> None:
    before = rows()
    assert_refused(as_admin.post(PATH, {"user_id": user_id}), 404, "There is no such user.")
    assert rows() == before


def test_an_administrator(as_admin: Caller, hashed: str) -> None:
    make_user("root", hashed, role="admin")
    make_user("retired", hashed, role="admin", is_active=False)
    before = rows()
    for name in ("root", "admin", "retired"):
        assert_refused(as_admin.post(PATH, {"user_id": name}), 400, "Cannot delete an administrator")
    assert rows() == before


@pytest.mark.parametrize("user_id", [None, "", 1, ["alice"], {"user_id": "alice"}, True, "x" * 65, "a\0"])
def test_bad_input(user_id: object, as_admin: Caller, alice: User) -> None:
    before = rows()
    assert invalid_fields(as_admin.post(PATH, {"user_id": user_id})) == ["user_id"]
    assert rows() == before
