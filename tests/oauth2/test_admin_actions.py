"""Actions on clients, tokens, consents and keys: each asks first, changes nothing meanwhile, and then says what it has ended."""

import uuid
from typing import Any

import pytest
from django.utils import timezone

from sage_platform.oauth2.models import AccessToken, Application, Consent, RefreshToken, SigningKey
from tests.accounts.test_admin_actions import buttons, hidden, told
from tests.oauth2_clients import Program, make_client, make_public_client
from tests.people import Caller
from tests.rows import rows

pytestmark = pytest.mark.django_db
ADMIN = "/admin/oauth2"
LABELS = [
    "oauth2.Application",
    "oauth2.AccessToken",
    "oauth2.RefreshToken",
    "oauth2.Consent",
    "oauth2.SigningKey",
    "admin.LogEntry",
]


@pytest.fixture
def expired(pair: dict[str, Any], lage: Application, as_alice: Caller) -> None:
    """An access token that has run out, and that no `prune` has removed: it is in nobody's count."""
    own = {"user": as_alice.user, "application": lage, "credentials_version": 1, "token": "", "token_checksum": "old"}
    AccessToken._default_manager.create(**own, token_family=uuid.uuid4(), scope="", expires=timezone.now())


def key_of(name: str) -> object:
    models: dict[str, Any] = {
        "accesstoken": AccessToken,
        "refreshtoken": RefreshToken,
        "consent": Consent,
        "application": Application,
    }
    return models[name]._default_manager.order_by("pk").values_list("pk", flat=True)[0]


@pytest.mark.parametrize(
    ("name", "action", "said"),
    [
        ("accesstoken", "revoke", "2 tokens ended."),
        ("refreshtoken", "revoke", "2 tokens ended."),
        ("consent", "withdraw", "1 consent withdrawn. 2 tokens ended."),
        ("application", "disable", "1 client switched off. 2 tokens ended."),
    ],
)
def test_it_asks_and_then_ends(
    *, name: str, action: str, said: str, as_admin: Caller, pair: dict[str, Any], program: Program, expired: None
) -> None:
    path = f"{ADMIN}/{name}/"
    before = rows(*LABELS)
    asked = as_admin.form(path, {"action": action, "_selected_action": key_of(name)}).content.decode()
    assert "<strong>2 tokens will end.</strong>" in asked
    assert rows(*LABELS) == before
    assert program.userinfo(pair["access_token"]).status_code == 200
    done = as_admin.form(path, hidden(asked), follow=True).content.decode()
    assert told(done) == [said]
    assert program.userinfo(pair["access_token"]).status_code == 401


def test_the_page_that_asks_names_people_and_clients(as_admin: Caller, pair: dict[str, Any]) -> None:
    for name, action, named in (
        ("accesstoken", "revoke", "<li>Lage, alice, "),
        ("refreshtoken", "revoke", "<li>Lage, alice, "),
        ("consent", "withdraw", "<li>alice, Lage: openid profile email</li>"),
    ):
        page = as_admin.form(f"{ADMIN}/{name}/", {"action": action, "_selected_action": key_of(name)}).content.decode()
        assert named in page


def test_a_withdrawn_consents_page_leads_to_the_list(as_admin: Caller, pair: dict[str, Any]) -> None:
    fields = {"action": "withdraw", "_selected_action": key_of("consent"), "from_row": "1", "confirmed": "yes"}
    done = as_admin.form(f"{ADMIN}/consent/", fields, follow=True)
    assert done.redirect_chain == [(f"{ADMIN}/consent/", 302)]


def test_a_client_is_switched_on_without_a_question(as_admin: Caller, lage: Application) -> None:
    Application.objects.update(enabled=False)
    done = as_admin.form(f"{ADMIN}/application/", {"action": "enable", "_selected_action": lage.pk}, follow=True)
    assert told(done.content.decode()) == ["1 client switched on."]


def test_the_form_says_what_it_ended_too(as_admin: Caller, lage: Application, pair: dict[str, Any]) -> None:
    page = as_admin.form(
        f"{ADMIN}/application/{lage.pk}/change/",
        {
            "name": "Lage",
            "description": "",
            "redirect_uris": lage.redirect_uris,
            "grant_types": lage.grant_types,
            "scope": lage.scope.split(),
            "token_endpoint_auth_method": lage.token_endpoint_auth_method,
        },
        follow=True,
    ).content.decode()
    assert told(page)[0] == "2 tokens ended."


def test_each_row_has_the_actions_that_fit(as_admin: Caller, signing_keys: list[SigningKey]) -> None:
    def offered(name: str, key: object) -> list[str]:
        return [action for action, _label in buttons(as_admin.get(f"{ADMIN}/{name}/{key}/change/").content.decode())]

    assert offered("application", make_client().pk) == ["renew_secret", "disable"]
    assert offered("application", make_client("off", enabled=False).pk) == ["renew_secret", "enable"]
    assert offered("application", make_public_client().pk) == ["disable"]
    assert offered("application", make_client("declared", source="environment").pk) == []
    assert offered("signingkey", signing_keys[0].pk) == ["rotate"]
    assert offered("signingkey", signing_keys[1].pk) == []


def test_retiring_the_key_that_signs(as_admin: Caller, signing_keys: list[SigningKey]) -> None:
    path = f"{ADMIN}/signingkey/"
    before = rows(*LABELS)
    asked = as_admin.form(path, {"action": "rotate", "_selected_action": signing_keys[0].pk}).content.decode()
    assert "Do you want to retire the key that signs?" in asked
    assert rows(*LABELS) == before
    done = as_admin.form(path, hidden(asked), follow=True).content.decode()
    assert told(done) == [f"The key {signing_keys[1].kid} signs now."]
