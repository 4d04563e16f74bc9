"""OAuth2 clients in the Django admin."""

import re
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType

from sage_platform.accounts.models import User
from sage_platform.oauth2.models import AccessToken, Application
from tests.accounts.test_admin_actions import hidden, told
from tests.answers import assert_not_for
from tests.oauth2_clients import CALLBACK, Program, Response, make_client, make_public_client
from tests.people import Caller, signed_in
from tests.racing import at_once

pytestmark = pytest.mark.django_db
LIST = "/admin/oauth2/application/"
FIELDS: dict[str, Any] = {
    "client_id": "lage",
    "name": "Lage",
    "description": "Shows the situation.",
    "token_endpoint_auth_method": "client_secret_basic",
    "grant_types": ["authorization_code", "refresh_token"],
    "scope": ["openid", "email"],
    "redirect_uris": f"{CALLBACK}\nhttp://127.0.0.1/callback",
    "enabled": "on",
}


def secret_in(response: Response) -> str:
    assert response.status_code == 200
    assert "no-store" in response.headers["Cache-Control"]
    found = re.findall(r"sage_cs_[A-Za-z0-9_-]{43}", response.content.decode())
    assert len(found) == 1
    return str(found[0])


def act(caller: Caller, action: str, *rows: Application, **chosen: str) -> Any:
    """Call an action and confirm it."""
    fields = {"action": action, "_selected_action": [row.pk for row in rows], "confirmed": "yes", **chosen}
    return caller.form(LIST, fields, follow=True)


def test_a_made_clients_secret_is_shown_once(as_admin: Caller) -> None:
    response = as_admin.form(f"{LIST}add/", FIELDS)
    secret = secret_in(response)
    row = Application.objects.get()
    assert (row.client_id, row.name, row.client_type, row.source) == ("lage", "Lage", "confidential", "admin")
    assert (row.grant_types, row.scope) == (["authorization_code", "refresh_token"], "openid email")
    assert row.redirect_uris == f"{CALLBACK} http://127.0.0.1/callback"
    assert row.client_secret.startswith("sha256$")
    assert Program("lage", secret).introspect("x").json() == {"active": False}
    for path in (LIST, f"{LIST}{row.pk}/change/", f"{LIST}{row.pk}/history/"):
        page = as_admin.get(path)
        assert page.status_code == 200
        assert secret not in page.content.decode()
        assert row.client_secret not in page.content.decode()


def test_a_client_has_no_page_on_the_site(as_admin: Caller) -> None:
    row = make_client()
    page = as_admin.get(f"{LIST}{row.pk}/change/")
    assert page.status_code == 200
    assert "View on site" not in page.content.decode()
    shortcut = f"/admin/r/{ContentType.objects.get_for_model(Application).pk}/{row.pk}/"
    assert as_admin.get(shortcut).status_code == 404


def test_the_form_offers_either_method_first(as_admin: Caller) -> None:
    page = as_admin.get(f"{LIST}add/").content.decode()
    assert '<option value="either" selected>HTTP Basic or in the body</option>' in page
    as_admin.form(f"{LIST}add/", FIELDS | {"token_endpoint_auth_method": "either"})
    row = Application.objects.get()
    assert (row.client_type, row.token_endpoint_auth_method) == ("confidential", "either")


def test_a_public_client_on_peoples_devices_cannot_skip_consent(as_admin: Caller) -> None:
    """RFC 8252 §8.6. The mistake is shown at its own field."""
    response = as_admin.form(f"{LIST}add/", FIELDS | {"token_endpoint_auth_method": "none", "skip_authorization": "on"})
    assert response.status_code == 200
    assert response.context["adminform"].form.errors == {
        "skip_authorization": ["A public client with a loopback address or a scheme of its own has to ask people each time."]
    }
    assert not Application.objects.exists()


def test_a_public_client_has_none(as_admin: Caller) -> None:
    response = as_admin.form(f"{LIST}add/", FIELDS | {"token_endpoint_auth_method": "none"})
    assert response.status_code == 302
    row = Application.objects.get()
    assert (row.client_type, row.client_secret) == ("public", "")


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "with space"},
        {"redirect_uris": ""},
        {"redirect_uris": "http://lage.example/callback"},
        {"redirect_uris": "javascript:alert(1)"},
        {"grant_types": []},
        {"grant_types": ["refresh_token"]},
        {"grant_types": ["password"]},
        {"grant_types": ["client_credentials"], "token_endpoint_auth_method": "none"},
        {"scope": ["everything"]},
        {"token_endpoint_auth_method": "private_key_jwt"},
    ],
)
def test_the_rules_are_those_of_the_environment(changes: dict[str, Any], as_admin: Caller) -> None:
    response = as_admin.form(f"{LIST}add/", FIELDS | changes)
    assert response.status_code == 200
    assert "errorlist" in response.content.decode()
    assert not Application.objects.exists()


def test_changing_keeps_the_secret(as_admin: Caller) -> None:
    row = make_client()
    before = row.client_secret
    response = as_admin.form(f"{LIST}{row.pk}/change/", FIELDS | {"name": "Other"})
    assert response.status_code == 302
    row.refresh_from_db()
    assert (row.name, row.client_secret) == ("Other", before)


def test_a_client_that_comes_to_need_a_secret_gets_one(as_admin: Caller) -> None:
    row = make_public_client("lage")
    secret = secret_in(as_admin.form(f"{LIST}{row.pk}/change/", FIELDS))
    assert Program("lage", secret).introspect("x").status_code == 200


def test_a_client_that_cannot_keep_it_loses_it(as_admin: Caller) -> None:
    row = make_client()
    as_admin.form(f"{LIST}{row.pk}/change/", FIELDS | {"token_endpoint_auth_method": "none"})
    row.refresh_from_db()
    assert (row.client_type, row.client_secret) == ("public", "")


def test_switching_off_ends_the_tokens(as_admin: Caller, pair: dict[str, Any], program: Program, lage: Application) -> None:
    act(as_admin, "disable", lage)
    assert program.userinfo(pair["access_token"]).status_code == 401
    act(as_admin, "enable", lage)
    assert program.userinfo(pair["access_token"]).status_code == 401
    assert LogEntry.objects.count() == 2


def test_switching_off_by_the_form_ends_them_too(as_admin: Caller, pair: dict[str, Any], lage: Application) -> None:
    as_admin.form(f"{LIST}{lage.pk}/change/", {name: value for name, value in FIELDS.items() if name != "enabled"})
    lage.refresh_from_db()
    assert not lage.enabled
    assert not AccessToken._default_manager.exists()


def test_what_the_environment_declares_is_read_only(as_admin: Caller) -> None:
    row = make_client(source="environment")
    before = Application.objects.values().get()
    page = as_admin.get(f"{LIST}{row.pk}/change/")
    assert page.status_code == 200
    assert 'name="redirect_uris"' not in page.content.decode()
    assert as_admin.form(f"{LIST}{row.pk}/change/", FIELDS).status_code == 403
    assert as_admin.form(f"{LIST}{row.pk}/delete/", {"post": "yes"}).status_code == 403
    for action in ("renew_secret", "disable", "end_former_secrets"):
        for confirmed in ("", "yes"):
            response = act(as_admin, action, row, confirmed=confirmed)
            assert told(response.content.decode()) == ["Lage: the environment declares it, so it is changed there."]
            assert response.redirect_chain == [(LIST, 302)]
    assert Application.objects.values().get() == before


def test_an_action_goes_on_without_those_that_the_environment_declares(as_admin: Caller) -> None:
    rows = [make_client("wiki", source="environment"), make_client("lage")]
    asked = act(as_admin, "disable", *rows, confirmed="").content.decode()
    assert told(asked) == ["Wiki: the environment declares it, so it is changed there."]
    assert re.findall(r"<li>(\w+)</li>", asked) == ["Lage"]
    assert hidden(asked)["_selected_action"] == [str(rows[1].pk)]
    assert told(as_admin.form(LIST, hidden(asked), follow=True).content.decode()) == ["1 client switched off. 0 tokens ended."]
    assert [row.enabled for row in Application.objects.order_by("pk")] == [True, False]


@pytest.mark.parametrize(("language", "source"), [("en", "Source"), ("zh-CN", "来源")])
def test_a_declared_client_is_told_in_words(language: str, source: str, as_admin: Caller) -> None:
    row = make_client(source="environment", redirect_uris=f"{CALLBACK} https://lage.example/b")
    page = as_admin.get(f"{LIST}{row.pk}/change/", Accept_Language=language).content.decode()
    shown = [re.sub(r"<[^>]+>", " ", cell).split() for cell in re.findall(r'<div class="readonly">(.*?)</div>', page, re.DOTALL)]
    words = [" ".join(one) for one in shown]
    assert f"{CALLBACK} https://lage.example/b" in words
    assert ("Authorization code, Refresh token" in words) is (language == "en")
    assert ("SAGE_OAUTH2_CLIENTS: the environment declares it, so it is changed there." in words) is (language == "en")
    assert f"{source}:" in page
    assert "Allowed URIs list" not in page


def test_deleting_takes_its_tokens_along(as_admin: Caller, pair: dict[str, Any], program: Program, lage: Application) -> None:
    assert as_admin.form(f"{LIST}{lage.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not Application.objects.exists()
    assert program.userinfo(pair["access_token"]).status_code == 401


@pytest.mark.parametrize("who", ["anyone", "as_alice"])
def test_administrators_alone(who: str, request: pytest.FixtureRequest) -> None:
    caller: Caller = request.getfixturevalue(who)
    row = make_client()
    for path in (LIST, f"{LIST}add/", f"{LIST}{row.pk}/change/"):
        assert_not_for(caller, caller.get(path), path)
    before = row.client_secret
    act(caller, "renew_secret", row)
    row.refresh_from_db()
    assert row.client_secret == before
    assert Program().introspect("x").status_code == 200


@pytest.mark.django_db(transaction=True)
def test_of_several_who_make_one_client_at_once_the_others_are_told(admin: User) -> None:
    callers = [signed_in(admin) for _ in range(4)]
    responses = at_once(4, lambda number: callers[number].form(f"{LIST}add/", FIELDS))
    assert [response.status_code for response in responses] == [200] * 4
    texts = [response.content.decode() for response in responses]
    assert sum("sage_cs_" in text for text in texts) == 1
    assert sum("OAuth2 client with this Client ID already exists." in text for text in texts) == 3
    assert Application.objects.count() == 1
