"""SAGE_OAUTH2_CLIENTS: read at the start, and synced by bootstrap and by manage.py sync_oauth2_clients."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from pytest_django import Settings

from sage_platform import configuration
from sage_platform.oauth2 import client_secrets
from sage_platform.oauth2.models import AccessToken, Application
from sage_platform.oauth2.registration import read_clients
from tests.oauth2_clients import CALLBACK, SECRET, Program, allow, code_for, make_client
from tests.people import Caller

SCOPES = ["openid", "profile", "email", "usage:write"]
LAGE: dict[str, Any] = {
    "client_id": "lage",
    "name": "Lage",
    "description": "Shows the situation.",
    "client_secret": SECRET,
    "redirect_uris": [CALLBACK],
    "grant_types": ["authorization_code", "refresh_token"],
    "response_types": ["code"],
    "scope": "openid profile",
    "token_endpoint_auth_method": "client_secret_basic",
    "skip_consent": True,
    "enabled": True,
}


PUBLIC = {"token_endpoint_auth_method": "none", "client_secret": ""}


def read(*rows: object) -> Any:
    return read_clients(json.dumps(rows), SCOPES)


def sync(settings: Settings, *rows: object, options: tuple[str, ...] = ()) -> str:
    settings.SAGE_OAUTH2_CLIENTS = read(*rows)
    out = StringIO()
    call_command("sync_oauth2_clients", *options, stdout=out)
    return out.getvalue()


def rows() -> list[dict[str, Any]]:
    return list(Application.objects.order_by("client_id").values())


# -- Reading -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "a JSON array of clients (what is there is not JSON)"),
        ("{}", "a JSON array of objects, one for each client"),
        ('["lage"]', "a JSON array of objects, one for each client"),
        (json.dumps([{}]), "client number 1 with a client_id"),
        (json.dumps([LAGE, LAGE]), "each client_id once (lage is there more than once)"),
        (json.dumps([LAGE | {"redirect_url": "x"}]), "client lage without the unknown field redirect_url"),
        (json.dumps([LAGE | {"redirect_uris": CALLBACK}]), "client lage with a list of texts for redirect_uris"),
        (json.dumps([LAGE | {"enabled": "yes"}]), "client lage with true or false for enabled"),
        (json.dumps([LAGE | {"client_secret": 7}]), "client lage with a text for client_secret"),
    ],
)
def test_what_stops_the_start(text: str, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAGE_OAUTH2_CLIENTS", text)
    with pytest.raises(ImproperlyConfigured) as error:
        configuration.oauth2_clients("SAGE_OAUTH2_CLIENTS", SCOPES)
    assert str(error.value) == f"SAGE_OAUTH2_CLIENTS: expected {says}."
    assert SECRET not in str(error.value)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"client_id": "with space"}, "client_id"),
        ({"client_id": ""}, "client_id"),
        ({"redirect_uris": []}, "redirect_uris"),
        ({"redirect_uris": ["/callback"]}, "redirect_uris"),
        ({"redirect_uris": ["http://lage.example/callback"]}, "redirect_uris"),
        ({"redirect_uris": ["https://*.example/callback"]}, "redirect_uris"),
        ({"redirect_uris": ["https://lage.example/callback#x"]}, "redirect_uris"),
        ({"redirect_uris": ["https://a@lage.example/callback"]}, "redirect_uris"),
        *[
            ({"redirect_uris": [f"https://lage.example/callback?a=1&{name}=1"]}, "redirect_uris")
            for name in ("code", "state", "iss", "error", "error_description", "error_uri")
        ],
        ({"redirect_uris": ["https://lage.example/a b"]}, "redirect_uris"),
        ({"redirect_uris": ["javascript:alert(1)"]}, "redirect_uris"),
        ({"redirect_uris": ["data:text/html,x"]}, "redirect_uris"),
        ({"redirect_uris": ["sage://callback"]}, "redirect_uris"),
        ({"grant_types": []}, "grant_types"),
        ({"grant_types": ["password"]}, "grant_types"),
        ({"grant_types": ["authorization_code", "authorization_code"]}, "grant_types"),
        ({"grant_types": ["refresh_token"], "response_types": []}, "grant_types"),
        ({"response_types": ["token"]}, "response_types"),
        ({"scope": "openid everything"}, "scope"),
        ({"token_endpoint_auth_method": "private_key_jwt"}, "token_endpoint_auth_method"),
        ({"client_secret": ""}, "client_secret"),
        ({"token_endpoint_auth_method": "none"}, "client_secret"),
        # RFC 8252 §8.6: such a client has to ask people each time.
        (PUBLIC | {"redirect_uris": [CALLBACK, "http://127.0.0.1/callback"]}, "skip_consent"),
        (PUBLIC | {"redirect_uris": ["com.example.app:/callback"]}, "skip_consent"),
        (
            {
                "token_endpoint_auth_method": "none",
                "client_secret": "",
                "grant_types": ["client_credentials"],
                "response_types": [],
            },
            "grant_types",
        ),
    ],
)
def test_what_cannot_be_a_client(changes: dict[str, Any], field: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAGE_OAUTH2_CLIENTS", json.dumps([LAGE | changes]))
    with pytest.raises(
        ImproperlyConfigured, match=rf"^SAGE_OAUTH2_CLIENTS: expected client .+ to be right \({field}: .+\)\.$"
    ) as error:
        configuration.oauth2_clients("SAGE_OAUTH2_CLIENTS", SCOPES)
    assert SECRET not in str(error.value)


def test_it_may_be_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "clients.json").write_text(json.dumps([LAGE]))
    monkeypatch.delenv("SAGE_OAUTH2_CLIENTS", raising=False)
    monkeypatch.setenv("SAGE_OAUTH2_CLIENTS_FILE", str(tmp_path / "clients.json"))
    assert [client.client_id for client in configuration.oauth2_clients("SAGE_OAUTH2_CLIENTS", SCOPES)] == ["lage"]


def test_none_are_declared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SAGE_OAUTH2_CLIENTS", raising=False)
    assert configuration.oauth2_clients("SAGE_OAUTH2_CLIENTS", SCOPES) == []


def test_a_secret_is_in_no_traceback() -> None:
    assert SECRET not in repr(read(LAGE))


# -- Syncing ----------------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_created_and_the_second_time_unchanged(settings: Settings) -> None:
    assert sync(settings, LAGE) == "created: 1 (lage)\nupdated: 0\nunchanged: 0\ndisabled: 0\n"
    row = Application.objects.get()
    assert (row.name, row.description, row.scope, row.redirect_uris) == (
        "Lage",
        "Shows the situation.",
        "openid profile",
        CALLBACK,
    )
    assert (row.source, row.enabled, row.skip_authorization, row.client_type) == ("environment", True, True, "confidential")
    assert row.grant_types == ["authorization_code", "refresh_token"]
    assert client_secrets.matches(SECRET, row.client_secret)
    before = rows()
    assert sync(settings, LAGE) == "created: 0\nupdated: 0\nunchanged: 1 (lage)\ndisabled: 0\n"
    assert rows() == before


@pytest.mark.django_db
@pytest.mark.parametrize(
    "changes",
    [
        {"name": "Other"},
        {"redirect_uris": ["https://lage.example/other"]},
        {"scope": "openid"},
        {"client_secret": "chosen by an operator"},
        {"token_endpoint_auth_method": "client_secret_post"},
        {"token_endpoint_auth_method": "none", "client_secret": ""},
        {"skip_consent": False},
    ],
)
def test_updated_and_then_unchanged(changes: dict[str, Any], settings: Settings) -> None:
    sync(settings, LAGE)
    assert "updated: 1 (lage)" in sync(settings, LAGE | changes)
    before = rows()
    assert "unchanged: 1 (lage)" in sync(settings, LAGE | changes)
    assert rows() == before


@pytest.mark.django_db
def test_a_method_that_nobody_chose(settings: Settings) -> None:
    unchosen = {name: value for name, value in LAGE.items() if name != "token_endpoint_auth_method"}
    sync(
        settings,
        unchosen,
        LAGE | {"client_id": "chosen"},
        unchosen | {"client_id": "said", "token_endpoint_auth_method": "either"},
    )
    found = Application.objects.order_by("client_id").values_list("client_id", "token_endpoint_auth_method")
    assert list(found) == [("chosen", "client_secret_basic"), ("lage", "either"), ("said", "either")]


@pytest.mark.django_db
def test_a_dry_run_only_says(settings: Settings) -> None:
    sync(settings, LAGE, LAGE | {"client_id": "gone"})
    before = rows()
    said = sync(settings, LAGE | {"name": "Other"}, LAGE | {"client_id": "new"}, options=("--dry-run",))
    assert said == "created: 1 (new)\nupdated: 1 (lage)\nunchanged: 0\ndisabled: 1 (gone)\n"
    assert rows() == before


@pytest.mark.django_db
def test_a_vanished_client_is_disabled_and_its_tokens_end(as_alice: Caller, signing_keys: object, settings: Settings) -> None:
    sync(settings, LAGE)
    allow(as_alice.user, Application.objects.get())
    program = Program()
    token = program.exchange(code_for(as_alice, scope="openid")).json()["access_token"]
    assert sync(settings) == "created: 0\nupdated: 0\nunchanged: 0\ndisabled: 1 (lage)\n"
    assert program.userinfo(token).status_code == 401
    assert not AccessToken._default_manager.exists()
    assert sync(settings) == "created: 0\nupdated: 0\nunchanged: 0\ndisabled: 0\n"
    assert "updated: 1 (lage)" in sync(settings, LAGE)
    assert program.userinfo(token).status_code == 401


@pytest.mark.django_db
def test_a_client_made_in_the_admin_is_left_alone(settings: Settings) -> None:
    make_client("tool")
    before = rows()
    sync(settings)
    assert rows() == before


@pytest.mark.django_db
def test_a_client_made_in_the_admin_is_not_taken_over(settings: Settings) -> None:
    make_client("lage", name="Another")
    before = rows()
    with pytest.raises(CommandError) as error:
        sync(settings, LAGE | {"client_id": "first"}, LAGE)
    assert str(error.value) == "SAGE_OAUTH2_CLIENTS: a client lage was made otherwise already. Rename one of the two."
    assert rows() == before


@pytest.mark.django_db
def test_declared_as_disabled(settings: Settings) -> None:
    sync(settings, LAGE | {"enabled": False})
    assert not Application.objects.get().enabled
