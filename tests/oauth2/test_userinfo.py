"""GET and POST /oauth2/userinfo (OpenID Connect Core §5.3, RFC 6750)."""

from typing import Any

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from sage_platform.accounts.models import User
from sage_platform.oauth2.models import AccessToken, Application
from tests.oauth2_clients import Program, Response, allow, code_for, make_client
from tests.people import Caller, signed_in

pytestmark = pytest.mark.django_db
PATHS = ["/oauth2/userinfo", "/api/oauth2/userinfo"]
BASIC = {"sub": "alice", "iss": "https://sage.example/oauth2", "preferred_username": "alice", "role": "user"}


def refused(response: Response, status: int, challenge: str) -> None:
    assert response.status_code == status
    assert response.headers["WWW-Authenticate"] == challenge
    assert response.headers["Content-Type"] == "application/json"
    assert b"alice" not in response.content


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_who_it_is_by_one_query(
    path: str, method: str, pair: dict[str, Any], django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    caller = Caller(headers={"Authorization": f"Bearer {pair['access_token']}", "Origin": "https://app.example"})
    with django_assert_num_queries(1):
        response = caller.send(method, path, b"")
    assert response.status_code == 200
    assert response.json() == BASIC | {"name": "alice", "email": "alice@sage.example", "email_verified": False}
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in response.headers


@pytest.mark.parametrize(
    ("scope", "more"),
    [
        ("openid", {}),
        ("openid profile", {"name": "Al", "picture": "https://sage.example/a.png", "avatar_url": "https://sage.example/a.png"}),
        ("openid email", {"email": "alice@sage.example", "email_verified": False}),
    ],
)
def test_each_scope_opens_its_own(
    scope: str, more: dict[str, Any], as_alice: Caller, lage: Application, settings: Settings
) -> None:
    settings.SAGE_PUBLIC_URL = "https://sage.example"
    User.objects.update(nickname="Al", avatar_url="/a.png")
    allow(as_alice.user, lage)
    program = Program()
    token = program.exchange(code_for(as_alice, scope=scope)).json()["access_token"]
    assert program.userinfo(token).json() == BASIC | more


@pytest.mark.parametrize(
    ("proved", "verified"),
    [("alice@sage.example", True), ("", False), ("other@sage.example", False), ("Alice@sage.example", False)],
)
def test_an_address_is_verified_when_a_mailed_code_proved_this_very_one(
    *, proved: str, verified: bool, pair: dict[str, Any], program: Program
) -> None:
    """OpenID Connect Core §5.1: `email_verified` says that the person controlled the address."""
    User.objects.update(verified_email=proved)
    answer = program.userinfo(pair["access_token"]).json()
    assert (answer["email"], answer["email_verified"]) == ("alice@sage.example", verified)


def test_without_the_scope_nothing_is_said_of_the_address(as_alice: Caller, lage: Application, program: Program) -> None:
    """OpenID Connect Core §5.4."""
    User.objects.update(verified_email="alice@sage.example")
    allow(as_alice.user, lage)
    token = program.exchange(code_for(as_alice, scope="openid profile")).json()["access_token"]
    assert not {"email", "email_verified"} & set(program.userinfo(token).json())


def test_the_body_is_never_read(pair: dict[str, Any], program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> None:
        raise AssertionError("The body was read.")

    monkeypatch.setattr("django.http.HttpRequest.read", never)
    headers = {"Authorization": f"Bearer {pair['access_token']}", "Content-Type": "application/x-www-form-urlencoded"}
    assert program.caller.send("POST", "/oauth2/userinfo", b"access_token=x", **headers).status_code == 200


def test_what_there_is_nothing_to_say_of_is_left_out(pair: dict[str, Any], program: Program) -> None:
    """OpenID Connect Core §5.3.2."""
    User.objects.update(email="", role="admin")
    assert program.userinfo(pair["access_token"]).json() == BASIC | {"name": "alice", "role": "admin"}


@pytest.mark.parametrize("scheme", ["bearer", "BEARER"])
def test_the_schemes_name_is_in_any_case(scheme: str, pair: dict[str, Any], program: Program) -> None:
    assert program.userinfo("", Authorization=f"{scheme} {pair['access_token']}").status_code == 200


@pytest.mark.parametrize("path", PATHS)
def test_without_a_token(path: str, anyone: Caller) -> None:
    """RFC 6750 §3.1: without any, the challenge has no error code."""
    refused(anyone.get(path), 401, "Bearer")


@pytest.mark.parametrize("token", ["nonsense", "sage_oat_" + "x" * 43, "sage_oat_" + "x" * 5000, "sage_oat_\0", "sage_oat_é"])
def test_a_bad_token(token: str, anyone: Caller, db: None) -> None:
    refused(anyone.get("/oauth2/userinfo", Authorization=f"Bearer {token}"), 401, 'Bearer error="invalid_token"')


def test_the_header_alone_counts(pair: dict[str, Any], anyone: Caller) -> None:
    """RFC 9700 §4.3.2: never in an address; and a body is not even read."""
    token = pair["access_token"]
    refused(anyone.get("/oauth2/userinfo", {"access_token": token}), 401, "Bearer")
    refused(anyone.form("/oauth2/userinfo", {"access_token": token}), 401, "Bearer")
    refused(anyone.get(f"/oauth2/userinfo?access_token={token}", Authorization="Bearer x"), 401, 'Bearer error="invalid_token"')


def test_a_session_is_no_token(as_alice: Caller) -> None:
    refused(as_alice.get("/oauth2/userinfo"), 401, "Bearer")


def test_our_own_tokens_are_for_our_own_api(alice: User) -> None:
    refused(signed_in(alice, token=True).get("/oauth2/userinfo"), 401, 'Bearer error="invalid_token"')


@pytest.mark.parametrize("kind", ["refresh_token", "id_token"])
def test_no_other_token_is_an_access_token(kind: str, pair: dict[str, Any], program: Program) -> None:
    refused(program.userinfo(pair[kind]), 401, 'Bearer error="invalid_token"')


def test_an_expired_token(pair: dict[str, Any], program: Program) -> None:
    AccessToken._default_manager.update(expires=timezone.now())
    refused(program.userinfo(pair["access_token"]), 401, 'Bearer error="invalid_token"')


def test_a_token_without_openid(as_alice: Caller, lage: Application, program: Program) -> None:
    allow(as_alice.user, lage)
    token = program.exchange(code_for(as_alice, scope="email")).json()["access_token"]
    refused(program.userinfo(token), 403, 'Bearer error="insufficient_scope", scope="openid"')


def test_a_programs_own_token_is_nobody(anyone: Caller) -> None:
    """RFC 6749 §4.4: there is no person. The toolkit crashes on it."""
    make_client("machine", grant_types=["client_credentials"], scope="usage:write", redirect_uris="")
    program = Program("machine")
    token = program.post("/oauth2/token", {"grant_type": "client_credentials"}).json()["access_token"]
    refused(program.userinfo(token), 403, 'Bearer error="insufficient_scope", scope="openid"')


def test_a_browser_may_ask_first(anyone: Caller) -> None:
    headers = {"Origin": "https://app.example", "Access-Control-Request-Method": "GET"}
    response = anyone.send("OPTIONS", "/oauth2/userinfo", b"", **headers)
    assert response.status_code == 204
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert "Authorization" in response.headers["Access-Control-Allow-Headers"]
