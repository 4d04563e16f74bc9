"""POST /oauth2/token with a refresh token (RFC 6749 §6, RFC 9700 §4.14.2)."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from sage_platform.accounts.models import User
from sage_platform.accounts.services import users
from sage_platform.oauth2 import clients, consents, keys
from sage_platform.oauth2.models import AccessToken, Application, Consent, RefreshToken
from tests.clock import Clock
from tests.oauth2_clients import ISSUER, SECRET, Program, Response, allow, code_for, make_client
from tests.people import Caller

pytestmark = pytest.mark.django_db


def refused(response: Response, error: str = "invalid_grant", status: int = 400) -> None:
    assert (response.status_code, response.json()["error"]) == (status, error)


def living() -> int:
    return int(RefreshToken._default_manager.filter(revoked=None).count())


def test_it_rotates(pair: dict[str, Any], program: Program) -> None:
    response = program.refresh(pair["refresh_token"])
    newer = response.json()
    assert response.status_code == 200
    assert set(newer) == {"access_token", "token_type", "expires_in", "refresh_token", "scope", "id_token"}
    assert newer["refresh_token"] != pair["refresh_token"]
    assert newer["scope"] == "openid profile email"
    assert living() == 1
    assert program.userinfo(newer["access_token"]).status_code == 200


def test_a_used_token_ends_its_family(pair: dict[str, Any], program: Program) -> None:
    newer = program.refresh(pair["refresh_token"]).json()
    refused(program.refresh(pair["refresh_token"]))
    refused(program.refresh(newer["refresh_token"]))
    assert program.userinfo(newer["access_token"]).status_code == 401
    assert program.userinfo(pair["access_token"]).status_code == 401
    assert (living(), AccessToken._default_manager.count()) == (0, 0)


def test_another_family_goes_on(pair: dict[str, Any], program: Program, as_alice: Caller) -> None:
    other = program.exchange(code_for(as_alice)).json()
    program.refresh(pair["refresh_token"])
    refused(program.refresh(pair["refresh_token"]))
    assert program.refresh(other["refresh_token"]).status_code == 200


def test_another_clients_token(pair: dict[str, Any], program: Program) -> None:
    """RFC 6749 §10.4; and nobody ends a stranger's family by trying."""
    make_client("thief")
    refused(Program("thief").refresh(pair["refresh_token"]))
    newer = program.refresh(pair["refresh_token"]).json()
    refused(Program("thief").refresh(pair["refresh_token"]))
    assert program.userinfo(newer["access_token"]).status_code == 200


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"refresh_token": None}, "invalid_request"),
        ({"refresh_token": "sage_ort_" + "x" * 43}, "invalid_grant"),
        ({"refresh_token": "x\0"}, "invalid_request"),
        ({"refresh_token": "x" * 5000}, "invalid_request"),
        ({"scope": "openid usage:write"}, "invalid_scope"),
        ({"scope": "nothing"}, "invalid_scope"),
    ],
)
def test_what_is_refused(changes: dict[str, Any], error: str, pair: dict[str, Any], program: Program) -> None:
    refused(program.refresh(**{"token": pair["refresh_token"]} | changes), error)
    assert program.refresh(pair["refresh_token"]).status_code == 200


@pytest.mark.parametrize("asked", ["openid offline_access", "offline_access  openid"])
def test_a_scope_that_we_do_not_know_is_left_out(asked: str, pair: dict[str, Any], program: Program) -> None:
    """As at `authorize` (OpenID Connect Core §3.1.2.1): Apache's module and others send the same list again at each refresh."""
    newer = program.refresh(pair["refresh_token"], scope=asked).json()
    assert newer["scope"] == "openid"
    assert set(program.userinfo(newer["access_token"]).json()) == {"sub", "iss", "preferred_username", "role"}
    refused(program.refresh(newer["refresh_token"], scope=f"{asked} usage:write"), "invalid_scope")


def test_an_access_token_refreshes_nothing(pair: dict[str, Any], program: Program) -> None:
    refused(program.refresh(pair["access_token"]))
    assert program.userinfo(pair["access_token"]).status_code == 200


def test_a_narrowed_refresh_keeps_the_scope_for_the_next(pair: dict[str, Any], program: Program) -> None:
    """RFC 6749 §6: the new refresh token's scope is that of the one before."""
    narrow = program.refresh(pair["refresh_token"], scope="openid").json()
    assert narrow["scope"] == "openid"
    assert "email" not in program.userinfo(narrow["access_token"]).json()
    whole = program.refresh(narrow["refresh_token"]).json()
    assert whole["scope"] == "openid profile email"
    assert "email" in program.userinfo(whole["access_token"]).json()


def test_without_openid_there_is_no_id_token(pair: dict[str, Any], program: Program) -> None:
    assert "id_token" not in program.refresh(pair["refresh_token"], scope="email").json()


def test_the_id_token_tells_of_the_first_sign_in(as_alice: Caller, lage: Application, program: Program, clock: Clock) -> None:
    """OpenID Connect Core §12.2: however long after it the code was asked for, and the tokens refreshed."""
    allow(as_alice.user, lage)
    clock.forward(hours=1)
    pair = program.exchange(code_for(as_alice)).json()
    told = [keys.read(pair["id_token"])]
    for _ in range(2):
        clock.forward(hours=1)
        pair = program.refresh(pair["refresh_token"]).json()
        told.append(keys.read(pair["id_token"]))
    known = {"iss": ISSUER, "sub": "alice", "aud": "lage", "auth_time": int(as_alice.sign_in.created_at.timestamp())}
    assert [{name: claims and claims[name] for name in known} for claims in told] == [known] * 3
    assert ["nonce" in (claims or {}) for claims in told] == [True, False, False]


def test_what_the_client_may_no_longer_ask_for_is_left_out(pair: dict[str, Any], program: Program) -> None:
    Application.objects.update(scope="openid")
    assert program.refresh(pair["refresh_token"]).json()["scope"] == "openid"


def test_a_client_that_lost_the_grant_type(pair: dict[str, Any], program: Program) -> None:
    Application.objects.update(grant_types=["authorization_code"])
    refused(program.refresh(pair["refresh_token"]), "unauthorized_client")


def test_it_lives_thirty_days_unused(pair: dict[str, Any], program: Program) -> None:
    row = RefreshToken._default_manager.get()
    assert timedelta(days=29, hours=23) < row.expires - timezone.now() <= timedelta(days=30)
    RefreshToken._default_manager.update(expires=timezone.now())
    refused(program.refresh(pair["refresh_token"]))


def test_a_public_client_refreshes_with_rotation(as_alice: Caller, tool: Application) -> None:
    """RFC 9700 §2.2.2: rotation is what protects a client without a secret."""
    allow(as_alice.user, tool)
    program = Program("tool", secret="")
    first = program.exchange(code_for(as_alice, client_id="tool")).json()
    assert program.refresh(first["refresh_token"]).status_code == 200
    refused(program.refresh(first["refresh_token"]))
    assert living() == 0


@pytest.mark.parametrize("ends", ["deactivated", "password", "disabled", "withdrawn", "deleted"])
def test_tokens_end_at_once(
    *, ends: str, pair: dict[str, Any], program: Program, alice: User, admin: User, lage: Application
) -> None:
    assert program.userinfo(pair["access_token"]).status_code == 200
    if ends == "deactivated":
        users.set_active(alice, active=False, actor=admin)
    elif ends == "password":
        users.set_password(alice, "another horse battery")
    elif ends == "disabled":
        clients.set_enabled(lage, enabled=False)
    elif ends == "withdrawn":
        consents.withdraw(Consent.objects.get())
    else:
        alice.delete()
    assert program.userinfo(pair["access_token"]).status_code == 401
    error, status = ("invalid_client", 401) if ends == "disabled" else ("invalid_grant", 400)
    refused(program.refresh(pair["refresh_token"]), error, status)


@pytest.mark.parametrize("again", ["activated", "enabled"])
def test_they_do_not_come_back(
    *, again: str, pair: dict[str, Any], program: Program, alice: User, admin: User, lage: Application
) -> None:
    if again == "activated":
        users.set_active(alice, active=False, actor=admin)
        users.set_active(alice, active=True, actor=admin)
    else:
        clients.set_enabled(lage, enabled=False)
        clients.set_enabled(lage, enabled=True)
    assert program.userinfo(pair["access_token"]).status_code == 401
    refused(program.refresh(pair["refresh_token"]))


@pytest.mark.parametrize(
    ("secret", "queries"), [(SECRET, (9, 9)), ("an operator thought of it", (13, 11))], ids=["generated", "chosen"]
)
def test_an_exchange_and_a_refresh_take_thirteen_queries_at_most(
    secret: str,
    queries: tuple[int, int],
    as_alice: Caller,
    signing_keys: object,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    """The transaction's beginning and end counted. A chosen secret takes four more where it is hashed, and then two: its tries
    are counted.
    """
    allow(as_alice.user, make_client(client_secret=secret))
    program = Program(secret=secret)
    code = code_for(as_alice)
    with django_assert_num_queries(queries[0]):
        pair = program.exchange(code).json()
    with django_assert_num_queries(queries[1]):
        assert program.refresh(pair["refresh_token"]).status_code == 200
