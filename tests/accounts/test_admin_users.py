"""/admin/accounts/user/ and its neighbours: users, their roles, sign-ins and the history."""

import json
import re
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection, transaction
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from sage_platform.accounts.models import SignIn, User
from tests.answers import assert_not_for
from tests.conftest import make_user
from tests.people import PASSWORD, Caller, signed_in
from tests.racing import SECONDS, at_once, begin, where_rows_are_locked

LIST = "/admin/accounts/user/"
BASE = {"email": "", "phonenum": "", "nickname": "", "is_active": "on"}


def errors(page: bytes) -> list[str]:
    """The texts of the form's error lists."""
    lists = re.findall(r'<ul class="errorlist[^>]*>(.*?)</ul>', page.decode(), re.DOTALL)
    return [re.sub(r"<[^>]+>", "", item).strip() for found in lists for item in re.findall(r"<li>(.*?)</li>", found, re.DOTALL)]


@pytest.mark.parametrize(
    "path", [LIST, "/admin/accounts/signin/", "/admin/admin/logentry/", "/admin/system/systemsettings/1/change/"]
)
def test_nobody_but_administrators(path: str, anyone: Caller, as_alice: Caller) -> None:
    for caller in (anyone, as_alice):
        assert_not_for(caller, caller.client.get(path), path)


def test_the_list_takes_as_many_queries_for_three_as_for_one(
    as_admin: Caller, hashed: str, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    expected = 3
    with django_assert_num_queries(expected):
        assert as_admin.client.get(LIST).status_code == 200
    for name in ("carol", "dave"):
        make_user(name, hashed)
    with django_assert_num_queries(expected):
        assert as_admin.client.get(LIST).status_code == 200


def test_search_and_filters(as_admin: Caller, alice: User, bob: User) -> None:
    found = as_admin.client.get(LIST, {"q": "alice@sage"}).content.decode()
    assert "alice@sage.example" in found
    assert "bob@sage.example" not in found
    found = as_admin.client.get(LIST, {"role__exact": "admin"}).content.decode()
    assert "admin@sage.example" in found
    assert "alice@sage.example" not in found


def test_adding_a_user(as_admin: Caller, costly_hashes: str) -> None:
    given = {"username": "Ｃarol", "password": PASSWORD, "email": "Carol@Sage.example", "phonenum": "", "role": "user"}
    assert as_admin.form(f"{LIST}add/", given).status_code == 302
    carol = User.objects.get(username="Carol")
    assert carol.password.startswith("argon2$argon2id$v=19$m=47104,t=1,p=1$")
    assert (carol.username_key, carol.email_key, carol.role, carol.is_active) == ("carol", "carol@sage.example", "user", True)
    entry = LogEntry.objects.get()
    assert (entry.user_id, entry.object_id, entry.action_flag) == ("admin", carol.pk, 1)
    assert PASSWORD not in entry.change_message


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"username": "ALICE"}, "This username is taken."),
        ({"username": "a@b"}, "A username is 1 to 64 letters, digits and . _ - without spaces."),
        ({"email": "ALICE@sage.example"}, "This email address is taken."),
        ({"password": "12345678"}, "This password is too common. This password is entirely numeric."),
        ({"phonenum": "call me"}, "Enter a phone number: digits, and + ( ) - . / between them."),
        ({"role": "root"}, "Select a valid choice. root is not one of the available choices."),
    ],
)
def test_refused_additions(as_admin: Caller, alice: User, change: dict[str, str], error: str) -> None:
    given = {"username": "carol", "password": PASSWORD, "email": "", "phonenum": "", "role": "user"} | change
    response = as_admin.form(f"{LIST}add/", given)
    assert response.status_code == 200
    assert errors(response.content)[-1] == error
    assert User.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_of_several_who_add_one_name_at_once_the_others_are_told(admin: User) -> None:
    callers = [signed_in(admin) for _ in range(4)]
    given = {"username": "carol", "password": PASSWORD, "email": "", "phonenum": "", "role": "user"}
    responses = at_once(4, lambda number: callers[number].form(f"{LIST}add/", given))
    assert sorted(response.status_code for response in responses) == [200, 200, 200, 302]
    told = [errors(response.content)[-1] for response in responses if response.status_code == 200]
    assert told == ["This username is taken."] * 3
    assert User.objects.filter(username="carol").count() == 1
    assert LogEntry.objects.count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("field", "value", "told"),
    [("username", "carol", "This username is taken."), ("email", "c@sage.example", "This email address is taken.")],
)
def test_of_several_who_give_one_name_at_once_the_others_are_told(
    field: str, value: str, told: str, admin: User, hashed: str
) -> None:
    names = [f"user{number}" for number in range(4)]
    for name in names:
        make_user(name, hashed)
    callers = [signed_in(admin) for _ in names]
    given = [BASE | {"username": name, "role": "user", "email": f"{name}@sage.example", field: value} for name in names]
    responses = at_once(4, lambda number: callers[number].form(f"{LIST}{names[number]}/change/", given[number]))
    assert sorted(response.status_code for response in responses) == [200, 200, 200, 302]
    assert [errors(response.content) for response in responses if response.status_code == 200] == [[told]] * 3
    assert User.objects.filter(**{field: value}).count() == 1


@where_rows_are_locked
@pytest.mark.django_db(transaction=True)
def test_who_is_deleted_meanwhile_is_told_to_be_gone(admin: User, alice: User) -> None:
    caller = signed_in(admin)
    given = BASE | {"username": "alice", "role": "user"}
    with transaction.atomic():
        User.objects.filter(pk="alice").delete()
        saving = begin(lambda: caller.form(f"{LIST}alice/change/", given, follow=True))
    response = saving.result(SECONDS)
    assert response.redirect_chain == [("/admin/", 302)]
    assert "Perhaps it was deleted?" in response.content.decode()


def test_the_password_never_shows(as_admin: Caller, alice: User) -> None:
    page = as_admin.client.get(f"{LIST}alice/change/").content.decode()
    assert alice.password not in page
    assert alice.password.split("$")[-1] not in page


def test_a_new_password_ends_what_the_user_had(as_admin: Caller, as_alice: Caller) -> None:
    given = {"password1": "another horse battery", "password2": "another horse battery", "set-password": "1"}
    assert as_admin.form(f"{LIST}alice/password/", given).status_code == 302
    assert as_alice.get("/api/auth/session").status_code == 401
    assert as_admin.get("/api/auth/session").status_code == 200
    login = Caller().post("/api/auth/login", {"username_or_email": "alice", "password": "another horse battery"})
    assert json.loads(login.content)["code"] == 200


def test_ones_own_new_password_keeps_the_session_alone(as_admin: Caller, admin: User) -> None:
    elsewhere = signed_in(admin)
    given = {"password1": "another horse battery", "password2": "another horse battery", "set-password": "1"}
    assert as_admin.form(f"{LIST}admin/password/", given).status_code == 302
    assert as_admin.get("/api/auth/session").status_code == 200
    assert elsewhere.get("/api/auth/session").status_code == 401


def test_changing_a_role(as_admin: Caller, as_alice: Caller) -> None:
    assert as_alice.get("/api/user/list").status_code == 403
    response = as_admin.form(f"{LIST}alice/change/", {**BASE, "username": "alice", "role": "admin"})
    assert response.status_code == 302
    assert as_alice.get("/api/user/list").status_code == 200
    assert json.loads(LogEntry.objects.get().change_message) == [{"changed": {"fields": ["email address", "role"]}}]


def test_a_changed_address_is_not_verified(as_admin: Caller, alice: User) -> None:
    """Nor is the former one when it is put back: by then it may be somebody else's."""
    User.objects.filter(pk="alice").update(verified_email=alice.email)
    given = {**BASE, "username": "alice", "role": "user"}
    assert as_admin.form(f"{LIST}alice/change/", {**given, "email": alice.email, "nickname": "Al"}).status_code == 302
    assert User.objects.get(pk="alice").email_verified
    for email in ("Alice@sage.example", "alice@elsewhere.example", "", alice.email):
        assert as_admin.form(f"{LIST}alice/change/", {**given, "email": email}).status_code == 302
        changed = User.objects.get(pk="alice")
        assert (changed.email, changed.email_verified) == (email, False)


def test_deactivation_ends_sign_ins(as_admin: Caller, as_alice: Caller) -> None:
    given = {**BASE, "username": "alice", "role": "user"}
    del given["is_active"]
    page = as_admin.form(f"{LIST}alice/change/", given, follow=True).content.decode()
    assert '<li class="success">1 sign-in ended.</li>' in page
    assert as_alice.get("/api/auth/session").status_code == 401
    assert User.objects.get(pk="alice").is_active is False


def test_deactivation_by_action(as_admin: Caller, as_alice: Caller, as_bob: Caller) -> None:
    chosen = {"action": "deactivate", "_selected_action": ["alice", "bob", "admin"], "confirmed": "yes"}
    page = as_admin.form(LIST, chosen, follow=True).content.decode()
    assert "Admin: You cannot take your own administrator&#x27;s rights away." in page
    assert as_alice.get("/api/auth/session").status_code == 401
    assert as_bob.get("/api/auth/session").status_code == 401
    assert as_admin.get("/api/auth/session").status_code == 200
    assert {entry.object_id for entry in LogEntry.objects.all()} == {"alice", "bob"}
    assert LogEntry.objects.count() == 2


@pytest.mark.parametrize("given", [{"role": "user", "is_active": "on"}, {"role": "admin"}])
def test_administrators_cannot_shut_themselves_out(as_admin: Caller, given: dict[str, str]) -> None:
    body = {"username": "admin", "email": "", "phonenum": "", "nickname": "", **given}
    response = as_admin.form(f"{LIST}admin/change/", body)
    assert response.status_code == 200
    assert errors(response.content) == ["You cannot take your own administrator&#x27;s rights away."]
    kept = User.objects.get(pk="admin")
    assert (kept.role, kept.is_active) == ("admin", True)


def test_deleting(as_admin: Caller, as_alice: Caller, hashed: str) -> None:
    make_user("eve", hashed, role="admin")
    assert as_admin.form(f"{LIST}eve/delete/", {"post": "yes"}).status_code == 403
    assert as_admin.form(f"{LIST}alice/delete/", {"post": "yes"}).status_code == 302
    assert sorted(User.objects.values_list("pk", flat=True)) == ["admin", "eve"]
    assert as_alice.get("/api/auth/session").status_code == 401


def test_who_has_a_history_is_not_deleted(as_admin: Caller, alice: User) -> None:
    LogEntry.objects.create(user=alice, action_flag=2, object_repr="x", change_message="")
    assert as_admin.form(f"{LIST}alice/delete/", {"post": "yes"}).status_code == 403
    assert User.objects.filter(pk="alice").exists()


def test_ending_a_sign_in(as_admin: Caller, as_alice: Caller) -> None:
    chosen = {"action": "end", "_selected_action": [str(as_alice.sign_in.pk)], "confirmed": "yes"}
    as_admin.form("/admin/accounts/signin/", chosen)
    assert as_alice.get("/api/auth/session").status_code == 401
    assert SignIn.objects.get(pk=as_alice.sign_in.pk).ended_at is not None


@pytest.mark.parametrize("path", ["/admin/accounts/signin/", "/admin/admin/logentry/"])
def test_records_are_read_only(path: str, as_admin: Caller, as_alice: Caller) -> None:
    entry = LogEntry.objects.create(user=as_admin.user, action_flag=2, object_repr="x", change_message="")
    key = entry.pk if "logentry" in path else as_alice.sign_in.pk
    assert as_admin.client.get(path).status_code == 200
    assert as_admin.client.get(f"{path}{key}/change/").status_code == 200
    for change in ("add/", f"{key}/change/", f"{key}/delete/"):
        assert as_admin.form(path + change, {"post": "yes"}).status_code == 403
    assert LogEntry.objects.filter(pk=entry.pk).exists()
    assert SignIn.objects.filter(pk=as_alice.sign_in.pk).exists()


def test_a_form_from_another_site_is_refused(admin: User) -> None:
    strict: Any = Client(enforce_csrf_checks=True)
    strict.cookies = signed_in(admin).client.cookies
    caller = Caller(client=strict)
    response = caller.form(f"{LIST}add/", {"username": "mallory", "password": PASSWORD, "role": "admin"})
    assert response.status_code == 403
    assert not User.objects.filter(username="mallory").exists()


@pytest.mark.django_db(transaction=True)
def test_nobody_waits_for_the_database_while_a_password_is_hashed(admin: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a transaction SQLite would let nobody else write meanwhile."""
    inside: list[bool] = []
    set_password = User.set_password

    def watched(user: User, raw: str | None) -> None:
        inside.append(connection.in_atomic_block)
        set_password(user, raw)

    monkeypatch.setattr(User, "set_password", watched)
    caller = signed_in(admin)
    given = {"username": "carol", "password": PASSWORD, "email": "", "phonenum": "", "role": "user"}
    assert caller.form(f"{LIST}add/", given).status_code == 302
    new = {"password1": "another horse battery", "password2": "another horse battery", "set-password": "1"}
    assert caller.form(f"{LIST}{User.objects.get(username='carol').pk}/password/", new).status_code == 302
    assert inside == [False, False]
    assert [entry.get_change_message() for entry in LogEntry.objects.order_by("pk")] == ["Added.", "Changed password."]
