"""What a stranger, a former administrator, or two administrators at once could do to the admin."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from pytest_django import Settings

from sage_platform.accounts.hashing import UNNAMED, slots
from sage_platform.accounts.models import User
from sage_platform.accounts.services import users
from sage_platform.api.errors import Refusal
from tests.conftest import make_user
from tests.people import PASSWORD, Caller, envelope, signed_in
from tests.racing import at_once

LIST = "/admin/accounts/user/"


@pytest.mark.django_db(transaction=True)
def test_of_two_administrators_who_deactivate_each_other_one_is_left(hashed: str) -> None:
    for _ in range(5):
        User.objects.all().delete()
        pair = [make_user(name, hashed, role="admin") for name in ("alice", "bob")]
        callers = [signed_in(user) for user in pair]

        def deactivate_the_other(number: int, callers: list[Caller] = callers, pair: list[User] = pair) -> int:
            chosen = {"action": "deactivate", "_selected_action": [pair[1 - number].pk], "confirmed": "yes"}
            status: int = callers[number].form(LIST, chosen).status_code
            return status

        assert set(at_once(2, deactivate_the_other)) <= {302}
        assert User.objects.administrators().active().count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_two_administrators_who_demote_each_other_one_is_left(hashed: str) -> None:
    for _ in range(5):
        User.objects.all().delete()
        pair = [make_user(name, hashed, role="admin") for name in ("alice", "bob")]
        callers = [signed_in(user) for user in pair]

        def demote_the_other(number: int, callers: list[Caller] = callers, pair: list[User] = pair) -> int:
            other = pair[1 - number].pk
            fields = {"username": other, "email": "", "phonenum": "", "nickname": "", "role": "user", "is_active": "on"}
            status: int = callers[number].form(f"{LIST}{other}/change/", fields).status_code
            return status

        # One is done; the other is refused in the form, or comes too late to be an administrator at all.
        assert sorted(at_once(2, demote_the_other)) in ([200, 302], [302, 403])
        assert User.objects.administrators().active().count() == 1


@pytest.mark.parametrize("content_type", ["multipart/form-data; boundary=x", "text/plain", "application/json", ""])
def test_a_stranger_s_body_that_is_no_form_is_not_read(anyone: Caller, content_type: str) -> None:
    body: Any = Unread()
    response = anyone.client.generic(
        "POST", "/admin/login/", b"x" * 1000, content_type=content_type, **{"wsgi.input": body, "CONTENT_LENGTH": "60000000"}
    )
    assert response.status_code == 415
    assert body.reads == 0


def test_a_form_that_is_too_large_is_not_read(anyone: Caller) -> None:
    body: Any = Unread()
    extra: Any = {"wsgi.input": body, "CONTENT_LENGTH": "60000000"}
    form = "application/x-www-form-urlencoded"
    assert anyone.client.generic("POST", "/admin/login/", b"x", content_type=form, **extra).status_code == 413
    assert body.reads == 0


def test_a_chunked_form_is_not_taken_as_empty(anyone: Caller) -> None:
    strict = Client(enforce_csrf_checks=True, raise_request_exception=False)
    form = "application/x-www-form-urlencoded"
    response = strict.generic("POST", "/admin/login/", b"", content_type=form, HTTP_TRANSFER_ENCODING="chunked")
    assert response.status_code == 411


class Unread:
    """A body that notes whether anybody reads it."""

    def __init__(self) -> None:
        self.reads = 0

    def read(self, *_args: int) -> bytes:
        self.reads += 1
        return b""

    readline = read


def test_a_busy_hasher_is_429_in_the_admin_too(as_admin: Caller, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.SAGE_HASH_WAIT_SECONDS = 0.01
    given = {"username": "carol", "password": PASSWORD, "email": "", "phonenum": "", "role": "user"}
    taken = [slots.enter(UNNAMED, seconds=1) for _ in range(settings.SAGE_HASH_CONCURRENCY)]
    try:
        response = as_admin.form(f"{LIST}add/", given)
    finally:
        for _ in taken:
            slots.leave()
    assert response.status_code == 429
    assert response.headers["Retry-After"] == "2"
    assert "Content-Security-Policy" in response.headers
    assert not User.objects.filter(username="carol").exists()


def test_a_former_administrator_s_history_is_not_deleted_by_the_api(as_admin: Caller, alice: User) -> None:
    LogEntry.objects.create(user=alice, action_flag=2, object_repr="x", change_message="")
    response = as_admin.post("/api/user/delete", {"user_id": "alice"})
    assert response.status_code == 200
    assert envelope(response) == {
        "code": 400,
        "message": "Deactivate this user instead: what they have changed is kept in the history.",
        "data": None,
    }
    assert User.objects.filter(pk="alice").exists()
    assert LogEntry.objects.filter(user=alice).count() == 1


def test_an_empty_password_cannot_be_set(as_admin: Caller, alice: User) -> None:
    as_admin.form(f"{LIST}alice/password/", {"usable_password": "false", "password1": "", "password2": ""})
    kept = User.objects.get(pk="alice")
    assert kept.password == alice.password
    assert not kept.check_password("")


def test_the_last_administrator_stays_one_for_whoever_asks(admin: User, alice: User) -> None:
    with pytest.raises(Refusal, match="The last administrator has to stay one"):
        users.set_active(admin, active=False, actor=alice)
    assert User.objects.get(pk="admin").is_active


@pytest.mark.parametrize(
    "address", ["/admin/accounts/user/%00/change/", "/admin/accounts/user/?role__exact=%00", "/admin/?x=%00"]
)
def test_a_null_character_in_an_address_leads_nowhere(address: str, as_admin: Caller) -> None:
    """To PostgreSQL it is an error, which would be a crash."""
    response = as_admin.client.get(address)
    assert response.status_code == 404
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
