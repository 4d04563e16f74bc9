"""Two of the staff have the page of one row open. Each changes what they touched, and nobody undoes what the other did."""

import json

import pytest
from django.contrib.admin.models import LogEntry

from sage_platform.accounts.models import User
from sage_platform.accounts.services import users
from sage_platform.api.errors import Refusal
from sage_platform.oauth2.models import Application
from system import services
from system.models import SystemSettings
from tests.admin_forms import save, shown
from tests.oauth2_clients import make_client
from tests.people import Caller, signed_in
from tests.provider_rows import make_provider
from tests.racing import at_once
from tests.rows import rows

pytestmark = pytest.mark.django_db
USERS = "/admin/accounts/user"


def logged() -> list[str]:
    return [entry.get_change_message() for entry in LogEntry.objects.order_by("pk")]


def test_a_role_that_was_taken_away_stays_away(as_admin: Caller, alice: User) -> None:
    User.objects.filter(pk="alice").update(role="admin")
    path = f"{USERS}/alice/change/"
    early = shown(as_admin, path, "user_form")
    assert save(as_admin, path, shown(as_admin, path, "user_form"), role="user", email="new@sage.example").status_code == 302
    assert save(as_admin, path, early, nickname="Al").status_code == 302
    kept = User.objects.get(pk="alice")
    assert (kept.role, kept.email, kept.nickname) == ("user", "new@sage.example", "Al")
    assert logged() == ["Changed email address and role.", "Changed nickname."]


def test_an_activation_that_was_taken_away_stays_away(as_admin: Caller, alice: User) -> None:
    path = f"{USERS}/alice/change/"
    early = shown(as_admin, path, "user_form")
    now = shown(as_admin, path, "user_form")
    del now["is_active"]
    assert save(as_admin, path, now).status_code == 302
    assert save(as_admin, path, early, nickname="Al").status_code == 302
    kept = User.objects.get(pk="alice")
    assert (kept.is_active, kept.nickname) == (False, "Al")


def test_what_was_typed_counts_after_an_error_too(as_admin: Caller, alice: User) -> None:
    """The form that is shown once more still knows what the row was when the page was opened."""
    path = f"{USERS}/alice/change/"
    early = shown(as_admin, path, "user_form")
    User.objects.filter(pk="alice").update(role="admin")
    refused = save(as_admin, path, early, email="no address")
    assert refused.status_code == 200
    assert 'name="initial-role" value="user"' in refused.content.decode()
    assert save(as_admin, path, early, nickname="Al").status_code == 302
    assert User.objects.get(pk="alice").role == "admin"


def test_a_clients_scope_and_its_switch(as_admin: Caller) -> None:
    row = make_client(scope="openid email")
    path = f"/admin/oauth2/application/{row.pk}/change/"
    early = shown(as_admin, path, "application_form")
    now = shown(as_admin, path, "application_form")
    del now["enabled"]
    now["scope"] = ["openid"]
    now["redirect_uris"] = ["https://lage.example/other"]
    assert save(as_admin, path, now).status_code == 302
    assert save(as_admin, path, early, name="Other").status_code == 302
    kept = Application.objects.get()
    assert (kept.name, kept.scope, kept.enabled, kept.redirect_uris) == ("Other", "openid", False, "https://lage.example/other")


def test_a_providers_settings(as_admin: Caller, alice: User) -> None:
    row = make_provider(alice, "https://models.example/v1", max_tokens=100)
    path = f"/admin/providers/provider/{row.pk}/change/"
    early = shown(as_admin, path, "provider_form")
    assert save(as_admin, path, shown(as_admin, path, "provider_form"), max_tokens="200").status_code == 302
    assert save(as_admin, path, early, name="Other").status_code == 302
    row.refresh_from_db()
    assert (row.name, row.max_tokens) == ("Other", 200)


def test_the_settings(as_admin: Caller) -> None:
    row = services.ensure_settings()
    path = f"/admin/system/systemsettings/{row.pk}/change/"
    early = shown(as_admin, path, "systemsettings_form")
    services.update_settings(actor=None, allow_registration=True)
    assert save(as_admin, path, early).status_code == 302
    assert SystemSettings.objects.get().allow_registration is True


@pytest.mark.django_db(transaction=True)
def test_of_several_who_take_one_name_at_once_the_others_are_told(admin: User, alice: User, bob: User) -> None:
    callers = [signed_in(admin) for _ in range(2)]
    names = ("alice", "bob")
    forms = [shown(callers[number], f"{USERS}/{name}/change/", "user_form") for number, name in enumerate(names)]
    for _round in range(5):
        User.objects.filter(pk="alice").update(username="alice", username_key="alice")
        User.objects.filter(pk="bob").update(username="bob", username_key="bob")
        responses = at_once(
            2, lambda number: save(callers[number], f"{USERS}/{names[number]}/change/", forms[number], username="carol")
        )
        assert sorted(response.status_code for response in responses) == [200, 302]
        (refused,) = [response for response in responses if response.status_code == 200]
        assert refused.content.decode().count("This username is taken.") == 1
        assert sorted(User.objects.values_list("username", flat=True)).count("carol") == 1
    assert [json.loads(entry.change_message) for entry in LogEntry.objects.all()] == [[{"changed": {"fields": ["username"]}}]] * 5


def test_a_name_that_somebody_took_meanwhile_is_refused_and_nothing_changed(admin: User, alice: User, bob: User) -> None:
    """As the database has it, where the form was judged a moment before."""
    before = rows()
    for changes, text in (
        ({"username": "BOB", "is_active": False}, "This username is taken."),
        ({"email": "Bob@sage.example", "role": "admin"}, "This email address is taken."),
    ):
        with pytest.raises(Refusal) as refused:
            users.change_user(User.objects.get(pk="alice"), changes, actor=admin)
        assert str(refused.value.detail) == text
    assert rows() == before
