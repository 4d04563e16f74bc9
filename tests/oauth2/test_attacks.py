"""What somebody tries who has read the standards: each rule with the try that it forbids, on every endpoint that it is for."""

import base64
import hashlib
import hmac
import json
from typing import Any
from urllib.parse import quote

import pytest
from django.conf import settings
from django.utils import timezone
from jwcrypto import jwk
from pytest_django import Settings

from sage_platform.accounts.models import User
from sage_platform.accounts.services import users
from sage_platform.oauth2 import clients, keys
from sage_platform.oauth2.models import AccessToken, Application, Grant, RefreshToken, SigningKey
from tests.oauth2_clients import (
    CALLBACK,
    SECRET,
    VERIFIER,
    Program,
    Response,
    allow,
    answer_in,
    basic,
    challenge_of,
    code_for,
    make_client,
    make_public_client,
    request_of,
)
from tests.people import Caller

pytestmark = pytest.mark.django_db
FORM = "application/x-www-form-urlencoded"
POSTED = ["/oauth2/token", "/oauth2/revoke", "/oauth2/introspect"]


def living() -> tuple[int, int]:
    return AccessToken._default_manager.count(), RefreshToken._default_manager.filter(revoked=None).count()


def refused(response: Response, error: str, status: int = 400) -> None:
    """In JSON, never kept (RFC 6749 §5.2), and with nothing in it but what the standard names."""
    assert (response.status_code, response.json()["error"]) == (status, error)
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["Cache-Control"] == "no-store"
    assert set(response.json()) <= {"error", "error_description"}


def sent(caller: Caller, path: str, body: bytes, content_type: str = FORM) -> Any:
    return caller.send("POST", path, body, Content_Type=content_type, Authorization=basic())


# -- The request as such --------------------------------------------------------------------------------------------------

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"]
ALLOWED = {
    "token": "POST",
    "revoke": "POST",
    "introspect": "POST",
    "userinfo": "GET, HEAD, POST",
    "jwks": "GET, HEAD",
    "metadata": "GET, HEAD",
    ".well-known/openid-configuration": "GET, HEAD",
}


@pytest.mark.parametrize("mounted", ["/oauth2/", "/api/oauth2/"])
@pytest.mark.parametrize(("name", "allowed"), ALLOWED.items())
def test_any_other_method_is_refused_in_json(mounted: str, name: str, allowed: str, pair: dict[str, Any], anyone: Caller) -> None:
    """RFC 7009 §2, RFC 7662 §2.1. 405 with Allow, and no envelope, as docs/api.md#raw-routes has it."""
    for method in METHODS:
        if method in allowed.split(", "):
            continue
        response = anyone.send(method, f"{mounted}{name}?token={pair['access_token']}", b"")
        assert (response.status_code, response.headers["Allow"]) == (405, allowed)
        assert response.headers["Content-Type"] == "application/json"
        if method != "HEAD":
            assert response.json() == {"error": "invalid_request", "error_description": "The method is not allowed."}
    assert living() == (1, 1)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        *[(path, name) for path in POSTED for name in ("client_id", "client_secret")],
        *[("/oauth2/token", name) for name in ("refresh_token", "scope", "grant_type")],
        *[(path, name) for path in POSTED[1:] for name in ("token", "token_type_hint")],
    ],
)
def test_a_parameter_twice_is_refused(path: str, name: str, pair: dict[str, Any], anyone: Caller) -> None:
    """RFC 6749 §3.2: else two who read the request may see two different ones."""
    about = {"token": pair["access_token"], "token_type_hint": "access_token"}
    fields = {"grant_type": "refresh_token", "refresh_token": pair["refresh_token"]} if path == "/oauth2/token" else about
    given = [*fields.items(), (name, fields.get(name, "lage")), (name, "lage")]
    refused(sent(anyone, path, "&".join(f"{key}={value}" for key, value in given).encode()), "invalid_request")
    assert living() == (1, 1)


@pytest.mark.parametrize("path", POSTED)
@pytest.mark.parametrize("secret", [f"client_secret={SECRET}", "token=x", "x=1"])
def test_parameters_in_the_address_are_refused(path: str, secret: str, pair: dict[str, Any], program: Program) -> None:
    """RFC 6749 §2.3.1 and §3.2, RFC 7009 §2.1: addresses are logged."""
    about = {"token": pair["access_token"], "grant_type": "refresh_token", "refresh_token": pair["refresh_token"]}
    refused(program.post(f"{path}?{secret}", about), "invalid_request")
    assert living() == (1, 1)


@pytest.mark.parametrize("path", POSTED)
@pytest.mark.parametrize("content_type", ["application/json", "multipart/form-data; boundary=x", "text/plain", "application/xml"])
def test_other_media_types_are_refused(path: str, content_type: str, anyone: Caller, lage: Application) -> None:
    """RFC 6749 §3.2, RFC 7009 §2.1, RFC 7662 §2.1."""
    refused(sent(anyone, path, b'{"token": "x", "grant_type": "client_credentials"}', content_type), "invalid_request", 415)


@pytest.mark.parametrize("path", POSTED)
def test_a_form_that_cannot_be_read_is_refused_in_json(path: str, anyone: Caller, lage: Application) -> None:
    many = "&".join(f"field{number}=1" for number in range(1500)).encode()
    response = sent(anyone, path, many)
    refused(response, "invalid_request")
    assert response.json()["error_description"] == "The body is no form that can be read."


@pytest.mark.parametrize(
    "name", ["client_id", "redirect_uri", "scope", "nonce", "state", "code_challenge", "prompt", "id_token_hint"]
)
@pytest.mark.parametrize("value", ["x" * 100_000, "\0", "\ud800", "\U0001f600" * 300, "%00", "\r\nSet-Cookie: a=b"])
def test_no_value_is_more_than_a_refusal(name: str, value: str, as_alice: Caller, lage: Application) -> None:
    """NUL and over-long values are errors of PostgreSQL, and would be ours."""
    raw = "&".join(
        f"{key}={quote(str(given).encode('utf-8', 'surrogatepass'), safe='')}"
        for key, given in request_of(**{name: value}).items()
    )
    response = as_alice.get(f"/oauth2/authorize?{raw}")
    assert response.status_code in {200, 302, 400}
    assert "a" not in response.cookies


@pytest.mark.parametrize(
    "name", ["client_id", "client_secret", "code", "code_verifier", "refresh_token", "redirect_uri", "scope", "token"]
)
@pytest.mark.parametrize("value", ["%00", "x" * 100_000, "%ED%A0%80", "%FF", "%F0%9F%98%80" * 300])
def test_nor_is_one_at_the_endpoints_for_programs(name: str, value: str, anyone: Caller, lage: Application) -> None:
    for path in POSTED:
        for grant_type in ("authorization_code", "refresh_token", "client_credentials"):
            others = {"grant_type": grant_type, "code": "x", "refresh_token": "x", "token": "x"}
            fields = "&".join(f"{key}={given}" for key, given in (others | {name: value}).items())
            # The other two answer 200 for a token that is unknown.
            refusals = {400, 401} if path.endswith("/token") else {200, 400, 401}
            assert sent(anyone, path, fields.encode()).status_code in refusals
    assert living() == (0, 0)


# -- The authorization endpoint ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/oauth2/authorize", "/api/oauth2/authorize"])
def test_no_script_of_another_origin_reads_the_answer(path: str, as_alice: Caller, lage: Application, settings: Settings) -> None:
    """RFC 9700 §2.6: the authorization endpoint has no CORS, for no origin."""
    allow(as_alice.user, lage)
    settings.SAGE_CORS_ALLOWED_ORIGINS = settings.CORS_ALLOWED_ORIGINS = ["https://app.example"]
    asked = as_alice.get(path, request_of(), Origin="https://app.example")
    preflight = as_alice.send("OPTIONS", path, b"", Origin="https://app.example", Access_Control_Request_Method="GET")
    assert (asked.status_code, preflight.status_code) == (302, 405)
    for response in (asked, preflight):
        assert not [name for name in response.headers if name.startswith("Access-Control")]


def test_no_address_of_ours_goes_to_another_site(as_alice: Caller, lage: Application) -> None:
    """RFC 9700 §4.2.4: neither state nor code may leak by the Referer header."""
    for path in (f"/oauth2/authorize?client_id={lage.client_id}", "/oauth2/consents"):
        assert as_alice.get(path).headers["Referrer-Policy"] == "same-origin"


@pytest.mark.parametrize("decision", ["allow", "deny"])
def test_the_way_back_from_a_form_is_a_get(decision: str, as_alice: Caller, lage: Application) -> None:
    """RFC 9700 §4.12: 303, never a 307, by which the form's fields would go to the client."""
    address = as_alice.get("/oauth2/authorize", request_of()).wsgi_request.get_full_path()
    assert as_alice.form(address, {"decision": decision}).status_code == 303


def test_without_a_state_none_comes_back(as_alice: Caller, lage: Application) -> None:
    """RFC 6749 §4.1.2."""
    allow(as_alice.user, lage)
    assert set(answer_in(as_alice.get("/oauth2/authorize", request_of(state=None)))) == {"code", "iss"}
    assert set(answer_in(as_alice.get("/oauth2/authorize", request_of(state=None, scope="x")))) == {"error", "iss"}


@pytest.mark.parametrize("ends", ["deactivated", "disabled", "unregistered"])
def test_what_ends_while_the_page_is_open(*, ends: str, as_alice: Caller, admin: User, lage: Application) -> None:
    """The whole request is judged again at the decision."""
    address = as_alice.get("/oauth2/authorize", request_of()).wsgi_request.get_full_path()
    if ends == "deactivated":
        users.set_active(as_alice.user, active=False, actor=admin)
    elif ends == "disabled":
        clients.set_enabled(lage, enabled=False)
    else:
        Application.objects.update(redirect_uris="https://lage.example/other")
    response = as_alice.form(address, {"decision": "allow"})
    if ends == "deactivated":
        assert response.headers["Location"].startswith("/sage/login?next=")
    else:
        assert (response.status_code, "Location" in response.headers) == (400, False)
    assert not Grant._default_manager.exists()


def test_nobody_answers_for_a_deactivated_person(as_alice: Caller, admin: User, lage: Application) -> None:
    """OpenID Connect Core §3.1.2.6, also without any page."""
    allow(as_alice.user, lage)
    users.set_active(as_alice.user, active=False, actor=admin)
    assert answer_in(as_alice.get("/oauth2/authorize", request_of(prompt="none")))["error"] == "login_required"


def signed_by(secret: bytes, algorithm: str, kid: str) -> str:
    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    claims = {"iss": settings.SAGE_OAUTH2_ISSUER, "sub": "alice", "aud": "lage"}
    text = f"{part({'alg': algorithm, 'kid': kid})}.{part(claims)}"
    mac = hmac.new(secret, text.encode(), hashlib.sha256).digest() if secret else b""
    return f"{text}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"


@pytest.mark.parametrize("algorithm", ["HS256", "none", "RS256"])
def test_a_hint_that_a_stranger_signed(
    algorithm: str, as_alice: Caller, lage: Application, signing_keys: list[SigningKey]
) -> None:
    """RFC 8725 §2.1: the public half is no secret, whatever the header says of the algorithm."""
    allow(as_alice.user, lage)
    public = jwk.JWK(**signing_keys[0].public_jwk).export_to_pem()
    hint = signed_by(b"" if algorithm == "none" else public, algorithm, signing_keys[0].kid)
    answer = answer_in(as_alice.get("/oauth2/authorize", request_of(id_token_hint=hint)))
    assert (answer["error"], answer["state"]) == ("invalid_request", "a state")
    assert not Grant._default_manager.exists()


def test_a_hint_by_a_key_of_their_own(as_alice: Caller, lage: Application, signing_keys: list[SigningKey]) -> None:
    """RFC 8725 §3.1: under our `kid`, but not by our key."""
    theirs = SigningKey(
        kid=signing_keys[0].kid, private_key=signing_keys[1].private_key, public_jwk={}, activated_at=timezone.now()
    )
    SigningKey.objects.all().delete()
    theirs.save(force_insert=True)
    hint = keys.sign({"iss": settings.SAGE_OAUTH2_ISSUER, "sub": "alice", "aud": "lage"})
    SigningKey.objects.update(public_jwk=signing_keys[0].public_jwk)
    allow(as_alice.user, lage)
    assert answer_in(as_alice.get("/oauth2/authorize", request_of(id_token_hint=hint)))["error"] == "invalid_request"


# -- The token endpoint -------------------------------------------------------------------------------------------------------


@pytest.fixture
def code(as_alice: Caller, lage: Application) -> str:
    allow(as_alice.user, lage)
    return code_for(as_alice)


@pytest.mark.parametrize(("length", "taken"), [(42, False), (43, True), (128, True), (129, False)])
def test_a_verifier_has_43_to_128_characters(*, length: int, taken: bool, as_alice: Caller, lage: Application) -> None:
    """RFC 7636 §4.1: a short one could be guessed, although its challenge is like any other."""
    allow(as_alice.user, lage)
    verifier = "v" * length
    response = Program().exchange(code_for(as_alice, code_challenge=challenge_of(verifier)), code_verifier=verifier)
    assert (response.status_code == 200, living() == (1, 1)) == (taken, taken)


@pytest.mark.parametrize("character", ["+", "/", "=", " ", "é", "\n"])
def test_a_verifier_has_no_other_characters(character: str, as_alice: Caller, lage: Application, program: Program) -> None:
    """RFC 7636 §4.1."""
    allow(as_alice.user, lage)
    verifier = "v" * 50 + character
    refused(program.exchange(code_for(as_alice, code_challenge=challenge_of(verifier)), code_verifier=verifier), "invalid_grant")
    assert living() == (0, 0)


def test_a_public_client_with_the_code_of_another(as_alice: Caller, tool: Application) -> None:
    """RFC 6749 §4.1.3: who says that they are another client has no code of that one, although they know the verifier."""
    make_public_client("thief")
    allow(as_alice.user, tool)
    code = code_for(as_alice, client_id="tool")
    refused(Program("thief", secret="").exchange(code), "invalid_grant")
    assert living() == (0, 0)
    assert Program("tool", secret="").exchange(code).status_code == 200


def test_a_code_injected_into_another_session(code: str, program: Program) -> None:
    """RFC 9700 §4.5.3: the client's own session has another verifier, so a stolen code is of no use in it."""
    refused(program.exchange(code, code_verifier="w" * 43), "invalid_grant")
    assert living() == (0, 0)


@pytest.mark.parametrize("ends", ["switched off and on", "person deleted", "client deleted", "grant type", "all scopes"])
def test_what_ends_between_code_and_exchange(
    *, ends: str, code: str, program: Program, as_alice: Caller, lage: Application
) -> None:
    error, status = "invalid_grant", 400
    if ends == "switched off and on":
        clients.set_enabled(lage, enabled=False)
        clients.set_enabled(lage, enabled=True)
    elif ends == "person deleted":
        as_alice.user.delete()
    elif ends == "client deleted":
        lage.delete()
        error, status = "invalid_client", 401
    elif ends == "grant type":
        Application.objects.update(grant_types=["refresh_token", "client_credentials"])
        error = "unauthorized_client"
    else:
        Application.objects.update(scope="")
    refused(program.exchange(code), error, status)
    assert living() == (0, 0)


def test_what_the_client_lost_in_between_is_left_out(code: str, program: Program) -> None:
    """RFC 6749 §3.3: the answer says what it has become."""
    Application.objects.update(scope="openid")
    answer = program.exchange(code).json()
    assert answer["scope"] == "openid"
    assert "email" not in program.userinfo(answer["access_token"]).json()


def test_no_kind_of_credential_passes_for_another(code: str, program: Program) -> None:
    """A prefix tells them apart; a code is no token, and no token is a code."""
    refused(program.refresh(code), "invalid_grant")
    pair = program.exchange(code).json()
    for text in (code, pair["refresh_token"], pair["id_token"]):
        assert program.userinfo(text).status_code == 401
    for text in (pair["access_token"], pair["id_token"]):
        refused(program.refresh(text), "invalid_grant" if len(text) <= 512 else "invalid_request")
    assert living() == (1, 1)
    refused(program.exchange(pair["refresh_token"]), "invalid_grant")
    refused(program.exchange(pair["access_token"]), "invalid_grant")
    assert living() == (1, 1)


@pytest.mark.parametrize("scope", ["openid profile email usage:write", "usage:write", "OPENID", "*"])
def test_a_refresh_never_widens(scope: str, pair: dict[str, Any], program: Program) -> None:
    """RFC 6749 §6: not even by what the client has been allowed since."""
    Application.objects.update(scope="openid profile email usage:write")
    refused(program.refresh(pair["refresh_token"], scope=scope), "invalid_scope")
    assert program.refresh(pair["refresh_token"]).json()["scope"] == "openid profile email"


def test_unknown_scopes_are_left_out_at_a_refresh(pair: dict[str, Any], program: Program) -> None:
    """As at the authorization endpoint (OpenID Connect Core §3.1.2.1)."""
    assert program.refresh(pair["refresh_token"], scope="openid  openid2 openid").json()["scope"] == "openid"


def test_a_scope_asked_at_the_exchange_changes_nothing(code: str, program: Program) -> None:
    """RFC 6749 §4.1.3 has no scope: it was granted before."""
    assert program.exchange(code, scope="openid usage:write").json()["scope"] == "openid profile email"


def test_credentials_of_two_clients(code: str, anyone: Caller) -> None:
    """RFC 6749 §2.3 and §3.2.1: one client in each request."""
    make_client("other", token_endpoint_auth_method="client_secret_post")
    fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
    for more in ({"client_id": "other"}, {"client_id": "other", "client_secret": SECRET}, {"client_secret": SECRET}):
        body = "&".join(f"{name}={quote(value, safe='')}" for name, value in (fields | more).items())
        refused(sent(anyone, "/oauth2/token", body.encode()), "invalid_request")
    assert living() == (0, 0)


def test_every_address_of_the_metadata_answers(anyone: Caller) -> None:
    """RFC 8414 §2: nothing is promised that is not there."""
    document = anyone.get("/oauth2/metadata").json()
    told = {name: value for name, value in document.items() if name.endswith(("_endpoint", "_uri"))}
    paths = {name: address.removeprefix(settings.SAGE_PUBLIC_URL) for name, address in told.items()}
    assert {path for path in paths.values() if not path.startswith("/oauth2/")} == set()
    assert {name: anyone.get(path).status_code for name, path in paths.items()} == {
        "authorization_endpoint": 400,
        **dict.fromkeys(["token_endpoint", "revocation_endpoint", "introspection_endpoint"], 405),
        "userinfo_endpoint": 401,
        "jwks_uri": 200,
    }
