"""POST /oauth2/token with a client's own credentials (RFC 6749 §4.4)."""

from typing import Any

import pytest
from django.contrib.auth import hashers
from pytest_django import DjangoAssertNumQueries

from sage_platform.oauth2.models import AccessToken
from tests.oauth2_clients import Program, make_client, make_public_client

pytestmark = pytest.mark.django_db


@pytest.fixture
def machine(db: None) -> Program:
    make_client("machine", grant_types=["client_credentials"], scope="openid profile usage:write", redirect_uris="")
    return Program("machine")


def ask(program: Program, **fields: str) -> Any:
    return program.post("/oauth2/token", {"grant_type": "client_credentials"} | fields)


@pytest.mark.parametrize("fields", [{}, {"scope": "usage:write"}])
def test_a_token_of_its_own(fields: dict[str, str], machine: Program) -> None:
    """RFC 6749 §4.4.3: without a refresh token; §3.3: the scope is said, also where it is the default."""
    response = ask(machine, **fields)
    assert response.status_code == 200
    answer = response.json()
    assert answer.pop("access_token").startswith("sage_oat_")
    assert answer == {"token_type": "Bearer", "expires_in": 3600, "scope": "usage:write"}
    row = AccessToken._default_manager.get()
    assert (row.user_id, row.credentials_version) == (None, None)


@pytest.mark.parametrize("scope", ["openid", "usage:write openid", "profile", "nothing", "email"])
def test_scopes_that_it_cannot_have(scope: str, machine: Program) -> None:
    """There is no person whose name could be shown."""
    response = ask(machine, scope=scope)
    assert (response.status_code, response.json()["error"]) == (400, "invalid_scope")
    assert not AccessToken._default_manager.exists()


def test_without_any_scope_to_have(db: None) -> None:
    make_client("machine", grant_types=["client_credentials"], redirect_uris="")
    assert ask(Program("machine")).json()["error"] == "invalid_scope"


def test_a_client_that_is_not_registered_for_it(db: None) -> None:
    make_client("lage", scope="usage:write")
    response = ask(Program())
    assert (response.status_code, response.json()["error"]) == (400, "unauthorized_client")
    assert not AccessToken._default_manager.exists()


def test_a_client_without_a_secret_has_none(db: None) -> None:
    """RFC 6749 §4.4: whoever knows its client_id could ask for itself. No registration allows it; a row may be of another day."""
    make_public_client("machine", grant_types=["client_credentials"], scope="usage:write", redirect_uris="")
    response = ask(Program("machine", secret=""))
    assert (response.status_code, response.json()["error"]) == (400, "unauthorized_client")
    assert not AccessToken._default_manager.exists()


def test_one_client_has_several_grant_types(db: None, signing_keys: object) -> None:
    """The toolkit knows one for each client."""
    make_client("lage", grant_types=["authorization_code", "client_credentials"], scope="openid usage:write")
    assert ask(Program()).status_code == 200


def test_no_slow_hash_and_two_queries(
    machine: Program, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("A generated secret was hashed slowly.")

    for hasher in hashers.get_hashers():
        monkeypatch.setattr(type(hasher), "verify", never)
    with django_assert_num_queries(2):
        assert ask(machine).status_code == 200


def test_a_chosen_secret_takes_four_queries_more_at_first_and_then_two(
    db: None, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    secret = "an operator thought of it"
    make_client("machine", client_secret=secret, grant_types=["client_credentials"], scope="usage:write", redirect_uris="")
    # Its try is written down, judged by both limits, and taken back.
    with django_assert_num_queries(6):
        assert ask(Program("machine", secret)).status_code == 200
    # From then on the limits are asked alone.
    with django_assert_num_queries(4):
        assert ask(Program("machine", secret)).status_code == 200
