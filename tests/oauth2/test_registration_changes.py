"""Codes and tokens that are alive when the client's registration changes: what the client lost, they have lost too."""

from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries, Settings

from sage_platform.oauth2 import clients
from sage_platform.oauth2.models import Application, Grant
from tests.oauth2_clients import CALLBACK, SECRET, Program, allow, code_for, make_client
from tests.people import Caller, envelope

pytestmark = pytest.mark.django_db
NOT_ACTIVE = {"active": False}
OTHER = "https://lage.example/other"


def introspected(program: Program, tokens: dict[str, Any]) -> list[dict[str, Any]]:
    return [program.introspect(tokens[kind]).json() for kind in ("access_token", "refresh_token")]


def closed(program: Program, tokens: dict[str, Any]) -> None:
    """At userinfo, at introspection, and at the API (401, where a living token would be told which scope it lacks)."""
    told = program.userinfo(tokens["access_token"])
    assert (told.status_code, told.json()) == (401, {"error": "invalid_token"})
    assert introspected(program, tokens) == [NOT_ACTIVE, NOT_ACTIVE]
    assert program.caller.get("/api/auth/session", Authorization=f"Bearer {tokens['access_token']}").status_code == 401
    refreshed = program.refresh(tokens["refresh_token"])
    assert (refreshed.status_code, set(refreshed.json()) >= {"error"}) == (400, True)


# -- What is read together with the token -----------------------------------------------------------------------------------


def test_a_scope_that_was_taken_away(pair: dict[str, Any], program: Program, lage: Application) -> None:
    clients.change(lage, {"scope": "openid profile"})
    assert set(program.userinfo(pair["access_token"]).json()) == {"sub", "iss", "preferred_username", "role", "name"}
    assert [answer["scope"] for answer in introspected(program, pair)] == ["openid profile", "openid profile"]
    assert program.refresh(pair["refresh_token"]).json()["scope"] == "openid profile"


def test_without_openid_userinfo_says_nothing(pair: dict[str, Any], program: Program, lage: Application) -> None:
    clients.change(lage, {"scope": "profile"})
    told = program.userinfo(pair["access_token"])
    assert (told.status_code, told.json()) == (403, {"error": "insufficient_scope"})
    assert [answer["scope"] for answer in introspected(program, pair)] == ["profile", "profile"]


def test_a_scope_that_was_taken_away_opens_no_route(as_alice: Caller, signing_keys: object, settings: Settings) -> None:
    client = make_client(scope="openid usage:write")
    allow(as_alice.user, client, "openid usage:write")
    token = Program().exchange(code_for(as_alice, scope="openid usage:write")).json()["access_token"]
    settings.ROOT_URLCONF = "tests.oauth2.scoped"
    anyone = Caller()
    assert anyone.post("/api/report", {}, Authorization=f"Bearer {token}").status_code == 200
    clients.change(client, {"scope": "openid"})
    response = anyone.post("/api/report", {}, Authorization=f"Bearer {token}")
    assert response.status_code == 403
    assert response.headers["WWW-Authenticate"] == 'Bearer error="insufficient_scope", scope="usage:write"'
    assert envelope(response) == {"code": 403, "message": "Permission denied", "data": None}


def test_a_scope_that_was_given_opens_nothing(pair: dict[str, Any], program: Program, lage: Application) -> None:
    clients.change(lage, {"scope": "openid profile email usage:write"})
    assert [answer["scope"] for answer in introspected(program, pair)] == ["openid profile email", "openid profile email"]


def test_all_scopes_taken_away(pair: dict[str, Any], program: Program, lage: Application) -> None:
    clients.change(lage, {"scope": "usage:write"})
    closed(program, pair)


def test_a_redirect_address_that_was_taken_away(pair: dict[str, Any], program: Program, lage: Application) -> None:
    """Whoever got the code at that address got its tokens."""
    clients.change(lage, {"redirect_uris": OTHER})
    closed(program, pair)


def test_another_redirect_address_that_was_taken_away(as_alice: Caller, lage: Application, program: Program) -> None:
    clients.change(lage, {"redirect_uris": f"{CALLBACK} {OTHER}"})
    allow(as_alice.user, lage)
    kept = program.exchange(code_for(as_alice)).json()
    lost = program.exchange(code_for(as_alice, redirect_uri=OTHER), redirect_uri=OTHER).json()
    lost = program.refresh(lost["refresh_token"]).json()
    clients.change(lage, {"redirect_uris": CALLBACK})
    closed(program, lost)
    assert [answer["active"] for answer in introspected(program, kept)] == [True, True]
    assert program.userinfo(kept["access_token"]).status_code == 200


def test_a_redirect_address_that_the_request_left_out(as_alice: Caller, lage: Application, program: Program) -> None:
    """RFC 6749 §3.1.2.3: it was the only one registered then."""
    allow(as_alice.user, lage)
    code, waiting = (code_for(as_alice, redirect_uri=None) for _ in range(2))
    tokens = program.exchange(code, redirect_uri=None).json()
    clients.change(lage, {"redirect_uris": OTHER})
    closed(program, tokens)
    assert program.exchange(waiting, redirect_uri=None).json()["error"] == "invalid_grant"


def test_a_loopback_address_with_another_port_stays(as_alice: Caller, signing_keys: object) -> None:
    """RFC 8252 §7.3."""
    client = make_client(redirect_uris="http://127.0.0.1/callback")
    allow(as_alice.user, client)
    program, address = Program(), "http://127.0.0.1:4711/callback"
    tokens = program.exchange(code_for(as_alice, redirect_uri=address), redirect_uri=address).json()
    clients.change(client, {"redirect_uris": "http://127.0.0.1:80/callback"})
    assert program.userinfo(tokens["access_token"]).status_code == 200
    clients.change(client, {"redirect_uris": "http://127.0.0.1:80/other"})
    closed(program, tokens)


@pytest.mark.parametrize("left", [["refresh_token", "client_credentials"], ["client_credentials"]])
def test_the_grant_type_that_tokens_came_of_was_taken_away(
    left: list[str], pair: dict[str, Any], program: Program, lage: Application
) -> None:
    clients.change(lage, {"grant_types": left})
    closed(program, pair)


def test_the_grant_type_refresh_token_was_taken_away(pair: dict[str, Any], program: Program, lage: Application) -> None:
    """The access token came of the code, and goes on until it runs out."""
    clients.change(lage, {"grant_types": ["authorization_code"]})
    assert program.userinfo(pair["access_token"]).status_code == 200
    assert [answer["active"] for answer in introspected(program, pair)] == [True, False]
    assert program.refresh(pair["refresh_token"]).json()["error"] == "unauthorized_client"


def test_the_grant_type_client_credentials_was_taken_away(db: None) -> None:
    client = make_client("machine", grant_types=["client_credentials"], scope="usage:write", redirect_uris="")
    machine = Program("machine")
    token = machine.post("/oauth2/token", {"grant_type": "client_credentials"}).json()["access_token"]
    assert machine.userinfo(token).status_code == 403
    clients.change(client, {"grant_types": ["authorization_code"], "redirect_uris": CALLBACK})
    assert machine.userinfo(token).status_code == 401
    assert machine.introspect(token).json() == NOT_ACTIVE


def test_given_back_in_time_they_go_on(pair: dict[str, Any], program: Program, lage: Application) -> None:
    clients.change(lage, {"redirect_uris": OTHER})
    assert program.userinfo(pair["access_token"]).status_code == 401
    clients.change(lage, {"redirect_uris": CALLBACK})
    assert program.userinfo(pair["access_token"]).status_code == 200


def test_userinfo_is_still_one_query(
    pair: dict[str, Any], program: Program, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(1):
        assert program.userinfo(pair["access_token"]).status_code == 200


# -- What ends them ---------------------------------------------------------------------------------------------------------


def test_a_client_that_was_turned_public(pair: dict[str, Any], as_alice: Caller, program: Program, lage: Application) -> None:
    """RFC 6749 §6: without its secret whoever has the old refresh token could use it."""
    waiting = code_for(as_alice)
    clients.change(lage, {"client_type": "public", "client_secret": "", "token_endpoint_auth_method": "none"})
    public = Program(secret="")
    assert public.refresh(pair["refresh_token"]).json()["error"] == "invalid_grant"
    assert public.exchange(waiting).json()["error"] == "invalid_grant"
    assert public.userinfo(pair["access_token"]).status_code == 401
    assert not Grant._default_manager.exists()


def test_a_client_that_authenticates_in_another_way(pair: dict[str, Any], program: Program, lage: Application) -> None:
    clients.change(lage, {"token_endpoint_auth_method": "client_secret_post"})
    assert program.userinfo(pair["access_token"]).status_code == 401
    fields = {"grant_type": "refresh_token", "refresh_token": pair["refresh_token"], "client_id": "lage", "client_secret": SECRET}
    response = Caller().form("/oauth2/token", fields)
    assert (response.status_code, response.json()["error"]) == (400, "invalid_grant")


def test_a_client_that_may_authenticate_in_another_way_too(as_alice: Caller, signing_keys: object) -> None:
    """Else the first start with the wider default would sign everybody out."""
    client = make_client(token_endpoint_auth_method="client_secret_basic")
    allow(as_alice.user, client)
    tokens = Program().exchange(code_for(as_alice)).json()
    clients.change(client, {"token_endpoint_auth_method": "either"})
    assert Program().userinfo(tokens["access_token"]).status_code == 200
    assert Program().refresh(tokens["refresh_token"]).status_code == 200


def test_the_administration_ends_them_as_well(
    as_admin: Caller, pair: dict[str, Any], program: Program, lage: Application
) -> None:
    fields = {
        "name": "Lage",
        "description": "",
        "redirect_uris": CALLBACK,
        "grant_types": ["authorization_code", "refresh_token"],
        "scope": ["openid", "profile", "email"],
        "token_endpoint_auth_method": "none",
        "enabled": "on",
    }
    assert as_admin.form(f"/admin/oauth2/application/{lage.pk}/change/", fields).status_code == 302
    assert program.userinfo(pair["access_token"]).status_code == 401
    assert Program(secret="").refresh(pair["refresh_token"]).json()["error"] == "invalid_grant"


@pytest.mark.parametrize("changes", [{"name": "Other"}, {"description": "x"}, {"client_secret": "another one"}])
def test_other_changes_end_nothing(changes: dict[str, str], pair: dict[str, Any], program: Program, lage: Application) -> None:
    clients.change(lage, changes)
    assert program.userinfo(pair["access_token"]).status_code == 200
