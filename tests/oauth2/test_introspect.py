"""POST /oauth2/introspect (RFC 7662)."""

from typing import Any

import pytest
from django.utils import timezone

from sage_platform.accounts.models import User
from sage_platform.accounts.services import users
from sage_platform.oauth2.models import AccessToken, Application, RefreshToken
from tests.oauth2_clients import NO_SECRET_SENT, Program, allow, code_for, make_client
from tests.people import Caller

pytestmark = pytest.mark.django_db
NOT_ACTIVE = {"active": False}


@pytest.mark.parametrize("path", ["/oauth2/introspect", "/api/oauth2/introspect"])
def test_an_access_token(path: str, pair: dict[str, Any], program: Program) -> None:
    """§2.2."""
    response = program.post(path, {"token": pair["access_token"]}, Origin="https://app.example")
    answer = response.json()
    now = timezone.now().timestamp()
    assert answer.pop("iat") == pytest.approx(now, abs=10)
    assert answer.pop("exp") == pytest.approx(now + 3600, abs=10)
    assert answer == {
        "active": True,
        "scope": "openid profile email",
        "client_id": "lage",
        "iss": "https://sage.example/oauth2",
        "sub": "alice",
        "username": "alice",
        "token_type": "Bearer",
    }
    assert response.headers["Cache-Control"] == "no-store"
    # It is for servers; no page of another origin reads it.
    assert "Access-Control-Allow-Origin" not in response.headers


def test_a_refresh_token(pair: dict[str, Any], program: Program) -> None:
    answer = program.introspect(pair["refresh_token"]).json()
    assert (answer["active"], answer["sub"], "token_type" in answer) == (True, "alice", False)


def test_a_programs_own_token(db: None) -> None:
    """RFC 9700 §4.15: nobody may take the name of a program for the id of a person, whoever chose it."""
    make_client("machine", grant_types=["client_credentials"], scope="usage:write", redirect_uris="")
    program = Program("machine")
    answer = program.introspect(program.post("/oauth2/token", {"grant_type": "client_credentials"}).json()["access_token"]).json()
    assert (answer["active"], answer["client_id"]) == (True, "machine")
    assert not {"sub", "username"} & set(answer)


@pytest.mark.parametrize("token", ["unknown", "sage_oat_" + "x" * 43, "sage_ort_" + "x" * 43, "é", "x" * 4097, "x" * 100_000])
def test_an_unknown_token(token: str, program: Program) -> None:
    response = program.introspect(token)
    assert (response.status_code, response.json()) == (200, NOT_ACTIVE)


def test_an_id_token_is_no_token_here(pair: dict[str, Any], program: Program) -> None:
    assert program.introspect(pair["id_token"]).json() == NOT_ACTIVE


def test_another_clients_token(pair: dict[str, Any]) -> None:
    """§2.2: what it may not know about is not active."""
    make_client("other")
    assert Program("other").introspect(pair["access_token"]).json() == NOT_ACTIVE


@pytest.mark.parametrize("ends", ["expired", "password", "deactivated", "rotated", "revoked"])
def test_an_ended_token(*, ends: str, pair: dict[str, Any], program: Program, alice: User, admin: User) -> None:
    kinds = ["access_token", "refresh_token"]
    if ends == "expired":
        AccessToken._default_manager.update(expires=timezone.now())
        RefreshToken._default_manager.update(expires=timezone.now())
    elif ends == "password":
        users.set_password(alice, "another horse battery")
    elif ends == "deactivated":
        users.set_active(alice, active=False, actor=admin)
    elif ends == "rotated":
        program.refresh(pair["refresh_token"])
        kinds = ["refresh_token"]
    else:
        program.revoke(pair["access_token"])
    for kind in kinds:
        assert program.introspect(pair[kind]).json() == NOT_ACTIVE


def test_only_for_clients_that_prove_who_they_are(pair: dict[str, Any]) -> None:
    """§2.1: else anybody could try tokens."""
    unknown = {"error": "invalid_client"}
    for program, told in ((Program(secret="wrong"), unknown), (Program("nobody"), unknown), (Program(secret=""), NO_SECRET_SENT)):
        response = program.introspect(pair["access_token"])
        assert (response.status_code, response.json()) == (401, told)


def test_a_public_client_proves_nothing(as_alice: Caller, tool: Application) -> None:
    allow(as_alice.user, tool)
    program = Program("tool", secret="")
    token = program.exchange(code_for(as_alice, client_id="tool")).json()["access_token"]
    assert program.introspect(token).status_code == 401


def test_a_bearer_token_is_no_way_in(pair: dict[str, Any]) -> None:
    """The toolkit takes one."""
    response = Program().post(
        "/oauth2/introspect", {"token": pair["access_token"]}, Authorization=f"Bearer {pair['access_token']}"
    )
    assert response.status_code == 401


@pytest.mark.parametrize("token", [None, "", "x\0"])
def test_what_is_no_request(token: str | None, program: Program) -> None:
    response = program.post("/oauth2/introspect", {"token": token})
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
def test_only_post(method: str, anyone: Caller) -> None:
    """The toolkit answers GET, with the token in the address."""
    response = anyone.send(method, "/oauth2/introspect?token=x", b"")
    assert (response.status_code, response.headers["Allow"]) == (405, "POST")
