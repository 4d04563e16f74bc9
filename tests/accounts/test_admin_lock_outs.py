"""The lock-outs in the administration, and what else ends one: who is locked out, until when, and who has unlocked whom."""

import json
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.core.management import call_command
from pytest_django import DjangoAssertNumQueries

from sage_platform.accounts.models import LimitedAct, LockOut, User
from sage_platform.accounts.services import lock_outs
from sage_platform.command_line import CommandLine
from tests.answers import assert_not_for
from tests.clock import Clock
from tests.conftest import make_user
from tests.people import PASSWORD, Caller, Response, envelope
from tests.visitor import text_of

pytestmark = pytest.mark.django_db
LIST = "/admin/accounts/lockout/"
USERS = "/admin/accounts/user/"
NEW = "another horse battery"


def log_in(name: str = "alice", password: str = "wrong", *, address: str = "203.0.113.9") -> int:
    caller = Caller()
    caller.client.defaults["REMOTE_ADDR"] = address
    return int(envelope(caller.post("/api/auth/login", {"username_or_email": name, "password": password}))["code"])


def fail(times: int, name: str = "alice", *, address: str = "203.0.113.9") -> None:
    for _ in range(times):
        assert log_in(name, address=address) == 401


def shown(caller: Caller) -> list[str]:
    """Who is locked out, as the list has it, newest first."""
    page = caller.get(LIST)
    assert page.status_code == 200
    return [page.context["cl"].model_admin.who(row) for row in page.context["cl"].result_list]


def unlock(caller: Caller, path: str, *keys: object) -> Response:
    return caller.form(path, {"action": "unlock", "_selected_action": [str(key) for key in keys]}, follow=True)


def history() -> list[tuple[Any, ...]]:
    rows = LogEntry.objects.order_by("pk").values_list("user_id", "content_type__model", "object_repr", "change_message")
    return [(*row[:3], json.loads(row[3])) for row in rows]


# On the user's own page.
BUTTON = '<input type="hidden" name="action" value="unlock">'
CHANGED = [{"changed": {"fields": ["lock-out"]}}]


def test_nobody_but_administrators(anyone: Caller, as_alice: Caller) -> None:
    for caller in (anyone, as_alice):
        assert_not_for(caller, caller.get(LIST), LIST)


def test_nobody_is_locked_out_before_the_limit(as_admin: Caller, alice: User) -> None:
    fail(9)
    assert shown(as_admin) == []
    fail(1)
    assert shown(as_admin) == ["alice from 203.0.113.9"]


def test_until_when(as_admin: Caller, alice: User, clock: Clock) -> None:
    fail(10)
    row = lock_outs.current().get()
    newest_but_nine = LimitedAct.objects.filter(limit="sign-in by account").order_by("at").first()
    assert newest_but_nine is not None
    assert row.pk == newest_but_nine.pk
    assert (lock_outs.ends_at(row) - row.at).total_seconds() == 900
    clock.forward(minutes=14, seconds=30)
    assert shown(as_admin) == ["alice from 203.0.113.9"]
    assert log_in(password=PASSWORD) == 429
    clock.forward(seconds=31)
    assert shown(as_admin) == []
    assert log_in(password=PASSWORD) == 200


def test_a_name_that_nobody_has(as_admin: Caller) -> None:
    fail(10, "my password, by mistake")
    assert shown(as_admin) == ["a name that nobody has from 203.0.113.9"]
    assert "by mistake" not in as_admin.get(LIST).content.decode()


def test_an_address_and_an_account_everywhere(as_admin: Caller, alice: User) -> None:
    for number in range(100):
        assert log_in(address=f"198.51.100.{number // 9}") == 401
    assert shown(as_admin) == ["alice, from every address that never signed it in"]
    for number in range(100):
        assert log_in(f"name{number}", address="2001:db8:1:2::7") == 401
    assert shown(as_admin) == [
        "All accounts from 2001:db8:1:2::/64",
        "alice, from every address that never signed it in",
    ]
    rows = {row.client_key: row for row in lock_outs.current()}
    assert "2 lock-outs ended." in text_of(unlock(as_admin, LIST, *(row.pk for row in rows.values())))
    assert shown(as_admin) == []
    assert log_in(address="2001:db8:1:2::7", password=PASSWORD) == 200
    assert history() == [
        ("admin", "lockout", "2001:db8:1:2::/64", CHANGED),
        ("admin", "user", "alice", CHANGED),
    ]


def test_unlocking_one_leaves_the_others(as_admin: Caller, alice: User, hashed: str) -> None:
    make_user("bob", hashed)
    fail(10)
    fail(10, "bob")
    (of_alice,) = lock_outs.current().filter(account="alice")
    assert "1 lock-out ended." in text_of(unlock(as_admin, LIST, of_alice.pk))
    assert shown(as_admin) == ["bob from 203.0.113.9"]
    assert (log_in(password=PASSWORD), log_in("bob", PASSWORD)) == (200, 429)
    assert history() == [("admin", "user", "alice", CHANGED)]
    assert "Changed lock-out." in text_of(as_admin.get(f"{USERS}alice/history/"))


def test_the_list_is_searched_and_takes_as_many_queries_for_three_as_for_one(
    as_admin: Caller, alice: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    fail(10)
    with django_assert_num_queries(3):
        assert shown(as_admin) == ["alice from 203.0.113.9"]
    fail(10, "nobody")
    fail(10, address="203.0.113.10")
    with django_assert_num_queries(3):
        assert len(shown(as_admin)) == 3
    for words, amount in (("ALICE", 2), ("203.0.113.10", 1), ("alice 113.9", 1), ("bob", 0)):
        assert as_admin.get(LIST, {"q": words}).context["cl"].result_count == amount


def test_it_is_read_only(as_admin: Caller, alice: User) -> None:
    fail(10)
    (row,) = lock_outs.current()
    for path in (f"{LIST}add/", f"{LIST}{row.pk}/change/", f"{LIST}{row.pk}/delete/"):
        assert as_admin.form(path, {"post": "yes"}).status_code == 403
    assert shown(as_admin) == ["alice from 203.0.113.9"]


# -- At the user ------------------------------------------------------------------------------------------------------------


def test_the_action_of_the_users_list(as_admin: Caller, alice: User, hashed: str) -> None:
    make_user("bob", hashed)
    fail(10)
    assert BUTTON in as_admin.get(f"{USERS}alice/change/").content.decode()
    assert "1 user unlocked." in text_of(unlock(as_admin, USERS, "alice", "bob"))
    assert log_in(password=PASSWORD) == 200
    assert history() == [("admin", "user", "alice", CHANGED)]
    assert BUTTON not in as_admin.get(f"{USERS}alice/change/").content.decode()


def test_others_cannot_unlock(as_alice: Caller, alice: User, hashed: str) -> None:
    make_user("bob", hashed)
    fail(10, "bob")
    (row,) = LockOut.objects.filter(pk__in=lock_outs.current().values("pk"))
    for path, key in ((USERS, "bob"), (LIST, row.pk)):
        assert_not_for(as_alice, unlock(as_alice, path, key), path)
    assert log_in("bob", PASSWORD) == 429
    assert history() == []


def test_a_new_password_by_staff_unlocks(as_admin: Caller, alice: User) -> None:
    fail(10)
    assert log_in(password=PASSWORD) == 429
    given = {"password1": NEW, "password2": NEW, "set-password": "1"}
    assert as_admin.form(f"{USERS}alice/password/", given).status_code == 302
    assert log_in(password=NEW) == 200
    assert history() == [("admin", "user", "alice", [{"changed": {"fields": ["password"]}}])]


def test_a_new_password_does_not_unlock_the_address(as_admin: Caller, alice: User) -> None:
    """Else whoever has an account could go on guessing others' from there."""
    for number in range(100):
        assert log_in(f"name{number}") == 401
    given = {"password1": NEW, "password2": NEW, "set-password": "1"}
    as_admin.form(f"{USERS}alice/password/", given)
    assert (log_in(password=NEW), log_in(password=NEW, address="203.0.113.77")) == (429, 200)


def test_the_command_unlocks(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    fail(10)
    monkeypatch.setattr("getpass.getpass", lambda prompt: NEW)
    said: str = call_command(CommandLine(["manage.py"]).fetch_command("changepassword"), "alice")
    assert said == "Password changed successfully for user 'alice'"
    assert log_in(password=NEW) == 200


def test_a_refused_new_password_unlocks_nobody(as_admin: Caller, alice: User) -> None:
    fail(10)
    as_admin.form(f"{USERS}alice/password/", {"password1": "1234", "password2": "1234", "set-password": "1"})
    assert log_in(password=PASSWORD) == 429
    assert history() == []
