"""No account has an empty password: none is ever stored, none is ever right, and those that were stored are taken away."""

import json
from importlib import import_module
from io import StringIO
from typing import Any

import pytest
from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.contrib.auth.hashers import Argon2PasswordHasher, PBKDF2PasswordHasher, check_password, make_password
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection

from sage_platform.accounts.models import User
from sage_platform.accounts.services import passwords, users
from sage_platform.api.errors import Refusal
from tests.people import PASSWORD, Caller, envelope, signed_in
from tests.rows import rows
from tests.visitor import text_of

pytestmark = pytest.mark.django_db
PAGE = "/admin/accounts/user/{}/password/"
# What a browser sends at a press of "Disable password-based authentication".
DISABLE = {
    "usable_password": "false",
    "password1": "",
    "password2": "",
    "unset-password": "Disable password-based authentication",
}
NEEDED = "An administrator needs a password. Change the role first."


def hash_of_nothing() -> str:
    """What the administration stored: our hasher's parameters and an empty password."""
    return Argon2PasswordHasher().encode("", "c2FsdHNhbHQ")


def code_of_login(password: str, name: str = "alice") -> int:
    return int(envelope(Caller().post("/api/auth/login", {"username_or_email": name, "password": password}))["code"])


# -- The button ---------------------------------------------------------------------------------------------------------------


def test_the_button_takes_the_password_away_and_ends_what_the_user_had(as_admin: Caller, as_alice: Caller) -> None:
    response = as_admin.form(PAGE.format("alice"), DISABLE, follow=True)
    text = text_of(response)
    assert "Password-based authentication was disabled." in text
    assert "None: no sign-in by password." in text
    alice = User.objects.get(pk="alice")
    assert not alice.has_usable_password()
    assert as_alice.get("/api/auth/session").status_code == 401
    assert [code_of_login(password) for password in (PASSWORD, " ", "\t")] == [401, 401, 401]
    entry = LogEntry.objects.get()
    assert (entry.user_id, entry.object_id) == ("admin", "alice")
    assert json.loads(entry.change_message) == [{"changed": {"fields": ["password"]}}]


def test_a_new_password_afterwards_is_taken(as_admin: Caller, alice: User) -> None:
    as_admin.form(PAGE.format("alice"), DISABLE)
    given = {"password1": "another horse battery", "password2": "another horse battery", "set-password": "1"}
    response = as_admin.form(PAGE.format("alice"), given, follow=True)
    assert "Password changed successfully." in text_of(response)
    assert code_of_login("another horse battery") == 200


def test_an_administrator_keeps_a_password(as_admin: Caller, admin: User) -> None:
    response = as_admin.form(PAGE.format("admin"), DISABLE)
    assert response.status_code == 200
    assert NEEDED in text_of(response)
    assert as_admin.get("/api/auth/session").status_code == 200
    assert User.objects.get(pk="admin").password == admin.password
    assert not LogEntry.objects.exists()


@pytest.mark.parametrize(
    "change",
    [
        {"usable_password": "true"},
        {"usable_password": ""},
        {"unset-password": ""},
        {"usable_password": "x"},
        {"usable_password": "true", "password1": " ", "password2": " "},
    ],
)
def test_half_of_what_the_button_sends_changes_nothing(change: dict[str, str], as_admin: Caller, alice: User) -> None:
    given = {name: value for name, value in {**DISABLE, **change}.items() if not (name == "unset-password" and not value)}
    before = rows()
    as_admin.form(PAGE.format("alice"), given)
    after = rows()
    assert before == after


# -- Every other way ----------------------------------------------------------------------------------------------------------


def test_the_hashers_take_no_empty_password() -> None:
    """They hold the rule, so that no way of setting one goes past it."""
    for hasher in ("default", "pbkdf2_sha256"):
        with pytest.raises(ValueError, match="never empty"):
            make_password("", hasher=hasher)
    assert make_password(None).startswith("!")


def test_no_service_stores_one(admin: User, alice: User) -> None:
    before = rows()
    with pytest.raises(Refusal):
        users.create_user("carol", password="", actor=admin)
    with pytest.raises(ValueError, match="never empty"):
        users.set_password(alice, "")
    with pytest.raises(Refusal):
        users.change_password(alice, old_password=PASSWORD, new_password="", client_key="127.0.0.1", keep=set())
    assert rows() == before


@pytest.mark.parametrize("empty", ["", None])
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/user/add", {"username": "carol", "password": None}),
        ("/api/user/change-password", {"old_password": PASSWORD, "new_password": None}),
        ("/api/user/change-password", {"old_password": None, "new_password": "another horse battery"}),
        ("/api/auth/login", {"username_or_email": "admin", "password": None}),
    ],
)
def test_no_route_takes_one(path: str, body: dict[str, Any], empty: str | None, as_admin: Caller) -> None:
    before = rows()
    filled = {name: empty if value is None else value for name, value in body.items()}
    assert envelope(as_admin.post(path, filled))["code"] == 422
    assert rows() == before


def test_no_command_stores_one(admin: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("getpass.getpass", lambda prompt: "")
    with pytest.raises(CommandError):
        call_command("changepassword", "admin", stdout=StringIO(), stderr=StringIO())
    assert User.objects.get(pk="admin").password == admin.password


# -- What was stored before ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stored", ["argon2", "pbkdf2"])
def test_an_empty_password_is_never_right(stored: str, alice: User) -> None:
    """Whatever is stored, also before the migration has run."""
    encoded = hash_of_nothing() if stored == "argon2" else PBKDF2PasswordHasher().encode("", "salt", 1000)
    User.objects.filter(pk="alice").update(password=encoded)
    assert not check_password("", encoded)
    with pytest.raises(Refusal):
        passwords.authenticate("alice", "", client_key="127.0.0.1")
    with pytest.raises(Refusal):
        passwords.authenticate("nobody", "", client_key="127.0.0.1")


def entry_of(user: User, actor: User, message: str) -> None:
    users_type = ContentType.objects.get_for_model(User)
    LogEntry.objects.create(user=actor, content_type=users_type, object_id=user.pk, action_flag=2, change_message=message)


def test_the_migration_finds_and_mends_the_accounts(
    admin: User, alice: User, bob: User, log: StringIO, judged: list[str]
) -> None:
    User.objects.filter(pk="alice").update(password=hash_of_nothing())
    before = signed_in(alice)
    entry_of(alice, admin, "[]")
    # Bob has such an entry too, but a password of his own; the administrator has another entry alone.
    entry_of(bob, admin, "[]")
    entry_of(admin, admin, '[{"changed": {"fields": ["password"]}}]')
    migration = import_module("sage_platform.accounts.migrations.0005_no_empty_passwords")
    migration.mend(apps, connection.schema_editor())
    found = User.objects.get(pk="alice")
    assert not found.has_usable_password()
    assert before.get("/api/auth/session").status_code == 401
    assert [User.objects.get(pk=user.pk).password for user in (bob, admin)] == [bob.password, admin.password]
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    assert [(line["message"], line["user"]) for line in lines] == [("an empty password was taken away", "alice")]
    migration.mend(apps, connection.schema_editor())
    assert User.objects.get(pk="alice").password == found.password
    assert judged == []
