"""POST /oauth2/revoke (RFC 7009)."""

from typing import Any

import pytest

from sage_platform.oauth2.models import AccessToken, Application, RefreshToken
from tests.oauth2_clients import NO_SECRET_SENT, Program, allow, code_for, make_client
from tests.people import Caller

pytestmark = pytest.mark.django_db


def living() -> tuple[int, int]:
    return AccessToken._default_manager.count(), RefreshToken._default_manager.filter(revoked=None).count()


@pytest.mark.parametrize("path", ["/oauth2/revoke", "/api/oauth2/revoke"])
@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
@pytest.mark.parametrize("hint", [None, "access_token", "refresh_token", "nonsense", "long" * 100])
def test_either_kind_ends_its_family(path: str, kind: str, hint: str | None, pair: dict[str, Any], program: Program) -> None:
    """§2.1; a wrong hint does not matter (§2.1), a strange one neither (§2.2.1)."""
    response = program.post(path, {"token": pair[kind], "token_type_hint": hint}, Origin="https://app.example")
    assert (response.status_code, response.content) == (200, b"")
    assert "Content-Type" not in response.headers
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert living() == (0, 0)
    assert program.userinfo(pair["access_token"]).status_code == 401
    assert program.refresh(pair["refresh_token"]).json()["error"] == "invalid_grant"


def test_another_approval_goes_on(pair: dict[str, Any], program: Program, as_alice: Caller) -> None:
    other = program.exchange(code_for(as_alice)).json()
    program.revoke(pair["refresh_token"])
    assert program.userinfo(other["access_token"]).status_code == 200
    assert living() == (1, 1)


@pytest.mark.parametrize("token", ["unknown", "sage_oat_" + "x" * 43, "sage_ort_" + "x" * 43, "é", "x" * 4097, "x" * 100_000])
def test_an_unknown_token_is_revoked_already(token: str, pair: dict[str, Any], program: Program) -> None:
    """§2.2."""
    assert program.revoke(token).status_code == 200
    assert living() == (1, 1)


def test_another_clients_token_stays(pair: dict[str, Any], program: Program) -> None:
    """§2.1: and the thief does not learn whether there is such a token."""
    make_client("thief")
    for token in (pair["access_token"], pair["refresh_token"]):
        assert Program("thief").revoke(token).status_code == 200
    assert living() == (1, 1)
    assert program.userinfo(pair["access_token"]).status_code == 200


def test_a_public_client_revokes_its_own(as_alice: Caller, tool: Application) -> None:
    allow(as_alice.user, tool)
    program = Program("tool", secret="")
    tokens = program.exchange(code_for(as_alice, client_id="tool")).json()
    assert program.revoke(tokens["refresh_token"]).status_code == 200
    assert living() == (0, 0)


def test_nobody_revokes_nothing(pair: dict[str, Any]) -> None:
    unknown = {"error": "invalid_client"}
    for program, told in ((Program(secret="wrong"), unknown), (Program("nobody"), unknown), (Program(secret=""), NO_SECRET_SENT)):
        response = program.revoke(pair["access_token"])
        assert (response.status_code, response.json()) == (401, told)
        assert response.headers["WWW-Authenticate"].startswith("Basic ")
        assert response.headers["Cache-Control"] == "no-store"
    assert living() == (1, 1)


@pytest.mark.parametrize("token", [None, "", "x\0"])
def test_what_is_no_request(token: str | None, program: Program) -> None:
    response = program.post("/oauth2/revoke", {"token": token})
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")


def test_only_post(anyone: Caller) -> None:
    response = anyone.get("/oauth2/revoke")
    assert (response.status_code, response.headers["Allow"]) == (405, "POST")
