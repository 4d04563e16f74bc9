"""POST /oauth2/token with a code (RFC 6749 §4.1.3, RFC 7636 §4.6)."""

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.conf import settings as deployment
from django.utils import timezone
from pytest_django import Settings

from sage_platform.accounts.models import User
from sage_platform.accounts.services import users
from sage_platform.oauth2 import client_secrets, consents, keys
from sage_platform.oauth2.models import AccessToken, Application, Consent, Grant, RefreshToken
from tests.oauth2_clients import CALLBACK, VERIFIER, Program, Response, allow, answer_in, basic, code_for, make_client, request_of
from tests.people import Caller

pytestmark = pytest.mark.django_db
PICTURE = f"{deployment.SAGE_PUBLIC_URL}/files/1/alice.png"
PROFILE: dict[str, object] = {"name": "Alice", "picture": PICTURE, "avatar_url": PICTURE}
EMAIL: dict[str, object] = {"email": "alice@sage.example", "email_verified": True}


def count() -> tuple[int, int]:
    return AccessToken._default_manager.count(), RefreshToken._default_manager.filter(revoked=None).count()


def refused(response: Response, error: str, status: int = 400) -> None:
    assert response.status_code == status, response.content
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.json()["error"] == error
    assert set(response.json()) <= {"error", "error_description"}
    assert count() == (0, 0)


@pytest.fixture
def code(as_alice: Caller, lage: Application) -> str:
    allow(as_alice.user, lage)
    return code_for(as_alice)


@pytest.mark.parametrize("path", ["/oauth2/token", "/api/oauth2/token"])
def test_a_code_gives_tokens(path: str, code: str, program: Program) -> None:
    fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
    response = program.post(path, fields, Origin="https://app.example")
    assert response.status_code == 200
    assert set(response.json()) == {"access_token", "token_type", "expires_in", "refresh_token", "scope", "id_token"}
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Pragma"] == "no-cache"
    # Browser clients of any origin, and never with a cookie.
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in response.headers


def test_tokens_and_code_are_in_the_database_as_hashes_alone(code: str, program: Program) -> None:
    """RFC 9700 §4.3.1 and our own rule: a stolen dump opens nothing."""
    answer = program.exchange(code).json()
    rows = [row for model in (Grant, AccessToken, RefreshToken) for row in model._default_manager.values()]
    assert len(rows) == 3
    for secret in (code, answer["access_token"], answer["refresh_token"]):
        assert secret not in repr(rows)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code": None}, "invalid_request"),
        ({"code": ""}, "invalid_request"),
        ({"code": "sage_oac_" + "x" * 43}, "invalid_grant"),
        ({"code": "x\0"}, "invalid_request"),
        ({"code": "x" * 1000}, "invalid_request"),
        # RFC 6749 §4.1.3 and §5.2: another address than the request's, or none.
        ({"redirect_uri": None}, "invalid_grant"),
        ({"redirect_uri": "https://lage.example/other"}, "invalid_grant"),
        ({"redirect_uri": f"{CALLBACK}\0"}, "invalid_request"),
        # RFC 7636 §4.6.
        ({"code_verifier": None}, "invalid_request"),
        ({"code_verifier": VERIFIER[:-1]}, "invalid_grant"),
        ({"code_verifier": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"}, "invalid_grant"),
        ({"code_verifier": "v" * 129}, "invalid_request"),
        ({"code_verifier": "é" * 43}, "invalid_grant"),
        ({"grant_type": None}, "invalid_request"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": "implicit"}, "unsupported_grant_type"),
        ({"grant_type": "urn:ietf:params:oauth:grant-type:device_code"}, "unsupported_grant_type"),
        ({"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer"}, "unsupported_grant_type"),
    ],
)
def test_what_is_refused(changes: dict[str, Any], error: str, code: str, program: Program) -> None:
    refused(program.exchange(**{"code": code} | changes), error)


@pytest.mark.parametrize("name", ["code", "grant_type", "redirect_uri", "code_verifier", "client_id"])
def test_a_parameter_twice_is_refused(name: str, code: str, program: Program) -> None:
    """RFC 6749 §3.2."""
    fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
    body = "&".join(f"{key}={value}" for key, value in [*fields.items(), (name, fields.get(name, "lage")), (name, "lage")])
    response = program.caller.client.post(
        "/oauth2/token", body, content_type="application/x-www-form-urlencoded", headers={"Authorization": basic()}
    )
    refused(response, "invalid_request")


def test_parameters_in_the_address_are_refused(code: str, program: Program) -> None:
    """RFC 6749 §2.3.1: addresses are logged."""
    fields = {"grant_type": "authorization_code", "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
    refused(program.post(f"/oauth2/token?code={code}", fields), "invalid_request")


@pytest.mark.parametrize("charset", ["ISO-8859-1", "utf-8", "UTF-8", '"utf-8"', "utf-16", "gbk", "nonsense", ""])
def test_a_forms_charset_is_passed_over(charset: str, code: str, lage: Application) -> None:
    """RFC 6749 §B: it is UTF-8. Some libraries name another by themselves, and percent-encode in UTF-8 all the same."""
    Application.objects.update(client_secret=client_secrets.hashed("Schlüssel"), token_endpoint_auth_method="client_secret_post")
    fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
    body = urlencode(fields | {"client_id": "lage", "client_secret": "Schlüssel"}).encode()
    form = f"application/x-www-form-urlencoded; charset={charset}"
    response = Caller().send("POST", "/oauth2/token", body, Content_Type=form)
    assert (response.status_code, set(response.json()) > {"access_token"}) == (200, True)


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [("application/json", b'{"grant_type": "authorization_code"}', 415), ("multipart/form-data; boundary=x", b"--x--", 415)],
)
def test_other_media_types_are_refused(content_type: str, body: bytes, status: int, program: Program) -> None:
    response = program.caller.send("POST", "/oauth2/token", body, Content_Type=content_type, Authorization=basic())
    refused(response, "invalid_request", status)
    assert response.json()["error_description"] == "Send the parameters as application/x-www-form-urlencoded."


def test_too_large_a_body_is_refused(program: Program, settings: Settings) -> None:
    settings.SAGE_MAX_JSON_BYTES = 1024
    response = program.exchange("x" * 2000)
    refused(response, "invalid_request", 413)
    assert response.json()["error_description"] == "The body is too large."


def test_a_chunked_body_is_refused(program: Program) -> None:
    response = program.post("/oauth2/token", {"grant_type": "x"}, Transfer_Encoding="chunked")
    refused(response, "invalid_request", 411)
    assert response.json()["error_description"] == "Send the body with a Content-Length, not in chunks."


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
def test_only_post(method: str, program: Program) -> None:
    response = program.caller.send(method, "/oauth2/token", b"")
    assert response.status_code == 405
    assert response.headers["Allow"] == "POST"


def test_a_browser_may_ask_first(program: Program) -> None:
    headers = {"Origin": "https://app.example", "Access-Control-Request-Method": "POST"}
    response = program.caller.send("OPTIONS", "/oauth2/token", b"", **headers)
    assert response.status_code == 204
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert "POST" in response.headers["Access-Control-Allow-Methods"]
    assert "Authorization" in response.headers["Access-Control-Allow-Headers"]
    assert "Access-Control-Allow-Credentials" not in response.headers


# -- The code ------------------------------------------------------------------------------------------------------------------


def test_a_code_used_twice_ends_what_it_gave(code: str, program: Program) -> None:
    """RFC 6749 §4.1.2: the request is denied, and tokens that were issued for the code are revoked."""
    first = program.exchange(code).json()
    second = program.exchange(code)
    refused(second, "invalid_grant")
    assert program.userinfo(first["access_token"]).status_code == 401
    assert program.refresh(first["refresh_token"]).json()["error"] == "invalid_grant"


def test_a_code_used_twice_ends_what_was_refreshed_since(code: str, program: Program) -> None:
    first = program.exchange(code).json()
    newer = program.refresh(first["refresh_token"]).json()
    program.exchange(code)
    assert program.userinfo(newer["access_token"]).status_code == 401
    assert program.refresh(newer["refresh_token"]).json()["error"] == "invalid_grant"


def test_a_code_lives_a_minute(code: str, program: Program) -> None:
    """RFC 6749 §4.1.2: ten minutes at most; RFC 9700 would have it short."""
    grant = Grant._default_manager.get()
    assert timedelta(seconds=50) < grant.expires - timezone.now() <= timedelta(seconds=60)
    Grant._default_manager.update(expires=timezone.now())
    refused(program.exchange(code), "invalid_grant")


def test_another_clients_code(code: str, program: Program) -> None:
    """RFC 6749 §4.1.3: and the thief's try does not spoil it for its owner."""
    make_client("thief")
    refused(Program("thief").exchange(code), "invalid_grant")
    assert program.exchange(code).status_code == 200


def test_a_wrong_verifier_does_not_spend_the_code(code: str, program: Program) -> None:
    program.exchange(code, code_verifier="x" * 43)
    assert program.exchange(code).status_code == 200


def test_a_verifier_where_no_challenge_was(as_alice: Caller, lage: Application, program: Program) -> None:
    """RFC 9700 §4.8.2: an attacker has taken the challenge out of the request."""
    allow(as_alice.user, lage)
    code = code_for(as_alice, code_challenge=None, code_challenge_method=None)
    refused(program.exchange(code), "invalid_grant")
    assert program.exchange(code, code_verifier=None).status_code == 200


def test_an_address_that_was_left_out_may_be_left_out_again(as_alice: Caller, lage: Application, program: Program) -> None:
    """RFC 6749 §4.1.3: it is required where the authorization request had it."""
    allow(as_alice.user, lage)
    assert program.exchange(code_for(as_alice, redirect_uri=None), redirect_uri=None).status_code == 200
    assert program.exchange(code_for(as_alice, redirect_uri=None)).status_code == 200


def test_an_address_of_another_registered_one(as_alice: Caller, signing_keys: object) -> None:
    client = make_client(redirect_uris=f"{CALLBACK} https://lage.example/other")
    allow(as_alice.user, client)
    refused(Program().exchange(code_for(as_alice), redirect_uri="https://lage.example/other"), "invalid_grant")


def test_a_digest_from_the_database_is_no_code(code: str, program: Program) -> None:
    refused(program.exchange(str(Grant._default_manager.get().code)), "invalid_grant")


def test_without_the_grant_type_refresh_token_there_is_none(as_alice: Caller, signing_keys: object) -> None:
    allow(as_alice.user, make_client(grant_types=["authorization_code"]))
    answer = Program().exchange(code_for(as_alice)).json()
    assert "refresh_token" not in answer
    assert count() == (1, 0)


def test_without_openid_there_is_no_id_token(as_alice: Caller, lage: Application, program: Program) -> None:
    allow(as_alice.user, lage)
    answer = program.exchange(code_for(as_alice, scope="email")).json()
    assert (answer["scope"], "id_token" in answer) == ("email", False)


@pytest.mark.parametrize("ends", ["deactivated", "password", "disabled", "withdrawn"])
def test_a_code_ends_with_its_person_and_client(
    *, ends: str, code: str, program: Program, as_alice: Caller, admin: User, lage: Application
) -> None:
    if ends == "deactivated":
        users.set_active(as_alice.user, active=False, actor=admin)
    elif ends == "password":
        users.set_password(as_alice.user, "another horse battery")
    elif ends == "disabled":
        Application.objects.update(enabled=False)
        refused(program.exchange(code), "invalid_client", 401)
        return
    else:
        consents.withdraw(Consent.objects.get())
    refused(program.exchange(code), "invalid_grant")


# -- The id_token (OpenID Connect Core §2, §3.1.3.6) -----------------------------------------------------------------------


def test_the_id_token(code: str, program: Program) -> None:
    import base64
    import hashlib

    answer = program.exchange(code).json()
    claims = keys.read(answer["id_token"])
    assert claims is not None
    half = hashlib.sha256(answer["access_token"].encode()).digest()[:16]
    now = timezone.now().timestamp()
    assert claims.pop("iat") == pytest.approx(now, abs=5)
    assert claims.pop("exp") == pytest.approx(now + 600, abs=5)
    assert claims.pop("auth_time") == pytest.approx(now, abs=30)
    assert claims == {
        "iss": "https://sage.example/oauth2",
        "sub": "alice",
        "aud": "lage",
        "nonce": "a nonce",
        "at_hash": base64.urlsafe_b64encode(half).decode().rstrip("="),
        "preferred_username": "alice",
        "name": "alice",
        "email": "alice@sage.example",
        "email_verified": False,
    }


@pytest.mark.parametrize(
    ("scope", "told"),
    [
        ("openid", {}),
        ("openid profile", PROFILE),
        ("openid email", EMAIL),
        ("openid profile email", PROFILE | EMAIL),
    ],
)
def test_it_has_the_claims_of_profile_and_email_as_userinfo_has(
    scope: str, told: dict[str, object], as_alice: Caller, lage: Application, program: Program
) -> None:
    """OpenID Connect Core §2 and §5.4: many clients never ask userinfo."""
    User.objects.update(nickname="Alice", avatar_url="/files/1/alice.png", verified_email="alice@sage.example")
    allow(as_alice.user, lage)
    answer = program.exchange(code_for(as_alice, scope=scope)).json()
    claims, person = keys.read(answer["id_token"]), program.userinfo(answer["access_token"]).json()
    assert claims is not None
    assert {name: value for name, value in claims.items() if name in PROFILE | EMAIL} == told
    assert {name: value for name, value in person.items() if name in PROFILE | EMAIL} == told
    # Userinfo tells the username with `openid` alone; in the id_token it is one of the claims of `profile` (§5.4).
    assert person["preferred_username"] == "alice"
    assert claims.get("preferred_username") == ("alice" if "profile" in scope else None)
    # Of a refresh that asks for less, too.
    claims = keys.read(program.refresh(answer["refresh_token"], scope="openid").json()["id_token"])
    assert claims is not None
    assert not set(claims) & set(PROFILE | EMAIL)


def test_without_nonce_there_is_none(as_alice: Caller, lage: Application, program: Program) -> None:
    allow(as_alice.user, lage)
    claims = keys.read(
        program.exchange(answer_in(as_alice.get("/oauth2/authorize", request_of(nonce=None)))["code"]).json()["id_token"]
    )
    assert claims is not None
    assert "nonce" not in claims
