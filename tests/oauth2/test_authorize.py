"""GET and POST /oauth2/authorize: what is refused on a page, what by a redirect, and what is taken."""

from typing import Any

import pytest
from django.test import Client

from sage_platform.oauth2.models import Application, Consent, Grant
from tests.oauth2_clients import (
    CALLBACK,
    CHALLENGE,
    Program,
    Response,
    allow,
    answer_in,
    code_for,
    make_client,
    make_public_client,
    request_of,
)
from tests.people import Caller

pytestmark = pytest.mark.django_db
PATHS = ["/oauth2/authorize", "/api/oauth2/authorize"]
NOT_KNOWN = "The application that sent you here is not known, or it is switched off."
NOT_REGISTERED = "The application that sent you here wants to send you on to an address that it has not registered."
NOT_TAKEN = "The application that sent you here made a request that we cannot accept."


def issued() -> int:
    return int(Grant._default_manager.count())


def refused_on_a_page(response: Response, reason: str) -> None:
    assert response.status_code == 400
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "Location" not in response.headers
    assert reason in response.content.decode()
    assert (issued(), Consent.objects.count()) == (0, 0)


def sent_back_with(response: Response, error: str, **more: str) -> None:
    answer = answer_in(response)
    described = {"error_description": answer["error_description"]} if "error_description" in answer else {}
    expected = {"error": error, "state": "a state", "iss": "https://sage.example/oauth2"} | described | more
    assert answer == {name: value for name, value in expected.items() if value}
    assert response.headers["Location"].startswith(f"{CALLBACK}?error=")
    assert issued() == 0


# -- Before the redirect address is proven (RFC 6749 §4.1.2.1) -------------------------------------------------------------


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"client_id": None}, NOT_KNOWN),
        ({"client_id": "nobody"}, NOT_KNOWN),
        ({"client_id": "lage\0"}, NOT_TAKEN),
        ({"client_id": "l" * 256}, NOT_TAKEN),
        ({"client_id": ["lage", "lage"]}, NOT_TAKEN),
        ({"redirect_uri": [CALLBACK, "https://evil.example/"]}, NOT_TAKEN),
        ({"redirect_uri": "https://evil.example/callback"}, NOT_REGISTERED),
        ({"redirect_uri": f"{CALLBACK}/"}, NOT_REGISTERED),
        ({"redirect_uri": f"{CALLBACK}?more=1"}, NOT_REGISTERED),
        ({"redirect_uri": f"{CALLBACK}#fragment"}, NOT_REGISTERED),
        ({"redirect_uri": "https://lage.example:443/callback"}, NOT_REGISTERED),
        ({"redirect_uri": "https://LAGE.example/callback"}, NOT_REGISTERED),
        ({"redirect_uri": "http://lage.example/callback"}, NOT_REGISTERED),
        ({"redirect_uri": "https://lage.example/../callback"}, NOT_REGISTERED),
        ({"redirect_uri": "https://lage.example@evil.example/callback"}, NOT_REGISTERED),
        ({"redirect_uri": "https://lage.example/call%62ack"}, NOT_REGISTERED),
        ({"redirect_uri": "/callback"}, NOT_REGISTERED),
        ({"redirect_uri": f"{CALLBACK}\0"}, NOT_TAKEN),
        ({"redirect_uri": CALLBACK + "x" * 2048}, NOT_TAKEN),
    ],
)
def test_a_stranger_or_a_strange_address_is_told_on_a_page(
    path: str, changes: dict[str, Any], reason: str, as_alice: Caller, lage: Application
) -> None:
    refused_on_a_page(as_alice.get(path, request_of(**changes)), reason)


def test_a_disabled_client_is_nobody(as_alice: Caller, lage: Application) -> None:
    Application.objects.update(enabled=False)
    refused_on_a_page(as_alice.get("/oauth2/authorize", request_of()), NOT_KNOWN)


def test_the_logged_out_are_told_before_they_sign_in(anyone: Caller, lage: Application) -> None:
    refused_on_a_page(anyone.get("/oauth2/authorize", request_of(redirect_uri="https://evil.example/")), NOT_REGISTERED)


def test_without_an_address_where_two_are_registered(as_alice: Caller, signing_keys: object) -> None:
    make_client(redirect_uris=f"{CALLBACK} https://lage.example/other")
    refused_on_a_page(as_alice.get("/oauth2/authorize", request_of(redirect_uri=None)), NOT_REGISTERED)


def test_the_error_page_is_in_the_persons_language(as_alice: Caller, lage: Application) -> None:
    response = as_alice.get("/oauth2/authorize", request_of(client_id="nobody"), Accept_Language="zh-CN")
    assert response.status_code == 400
    assert response.headers["Content-Language"] == "zh-CN"


# -- After it (RFC 6749 §4.1.2.1, RFC 9207 §2) ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": None}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "id_token"}, "unsupported_response_type"),
        ({"response_type": "code id_token"}, "unsupported_response_type"),
        ({"response_type": "none"}, "unsupported_response_type"),
        ({"response_type": ["code", "code"]}, "invalid_request"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"response_mode": "form_post"}, "invalid_request"),
        ({"scope": None}, "invalid_scope"),
        ({"scope": " "}, "invalid_scope"),
        ({"scope": "nothing offline_access"}, "invalid_scope"),
        ({"scope": "openid\temail"}, "invalid_scope"),
        ({"scope": "openid usage:write"}, "invalid_scope"),
        ({"scope": "openid usage:write nothing"}, "invalid_scope"),
        ({"scope": "openid\0"}, "invalid_request"),
        ({"scope": "openid " * 200}, "invalid_request"),
        ({"scope": ["openid", "openid"]}, "invalid_request"),
        ({"nonce": ["a", "b"]}, "invalid_request"),
        ({"nonce": "n" * 256}, "invalid_request"),
        ({"nonce": "n\0"}, "invalid_request"),
        # RFC 7636 §4.3: a method left out means plain.
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": "s256"}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge": CHALLENGE[:-1]}, "invalid_request"),
        ({"code_challenge": CHALLENGE + "="}, "invalid_request"),
        ({"code_challenge": "c" * 200}, "invalid_request"),
        # OpenID Connect Core §3.1.2.6.
        ({"request": "eyJhbGciOiJub25lIn0.e30."}, "request_not_supported"),
        ({"request": "\0"}, "invalid_request"),
        ({"request_uri": "https://lage.example/request"}, "request_uri_not_supported"),
        ({"registration": "{}"}, "registration_not_supported"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"prompt": "create"}, "invalid_request"),
        ({"max_age": "soon"}, "invalid_request"),
        ({"max_age": "-1"}, "invalid_request"),
        ({"id_token_hint": "no token"}, "invalid_request"),
        ({"state": "s" * 2049}, "invalid_request"),
    ],
)
def test_the_client_is_told_by_a_redirect_with_state_and_issuer(
    changes: dict[str, Any], error: str, as_alice: Caller, lage: Application
) -> None:
    response = as_alice.get("/oauth2/authorize", request_of(**changes))
    sent_back_with(response, error, **({"state": ""} if "state" in changes else {}))


def test_a_state_twice_is_not_repeated(as_alice: Caller, lage: Application) -> None:
    sent_back_with(as_alice.get("/oauth2/authorize", request_of(state=["a", "b"])), "invalid_request", state="")


def test_a_public_client_needs_a_challenge(as_alice: Caller, tool: Application) -> None:
    """RFC 9700 §2.1.1."""
    response = as_alice.get("/oauth2/authorize", request_of("tool", code_challenge=None, code_challenge_method=None))
    sent_back_with(response, "invalid_request")


def test_a_client_without_the_grant_type_is_refused(as_alice: Caller, signing_keys: object) -> None:
    make_client(grant_types=["client_credentials"], scope="openid profile email usage:write")
    sent_back_with(as_alice.get("/oauth2/authorize", request_of()), "unauthorized_client")


def test_errors_keep_the_registered_query_as_it_is(as_alice: Caller, signing_keys: object) -> None:
    make_client(redirect_uris="https://lage.example/callback?tenant=a%20b&empty=")
    response = as_alice.get(
        "/oauth2/authorize", request_of(redirect_uri="https://lage.example/callback?tenant=a%20b&empty=", scope="x")
    )
    assert response.headers["Location"].startswith("https://lage.example/callback?tenant=a%20b&empty=&error=invalid_scope&")


# -- What is taken -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", PATHS)
def test_a_remembered_consent_answers_at_once(path: str, as_alice: Caller, lage: Application) -> None:
    allow(as_alice.user, lage)
    response = as_alice.get(path, request_of())
    answer = answer_in(response)
    assert set(answer) == {"code", "state", "iss"}
    assert (answer["state"], answer["iss"]) == ("a state", "https://sage.example/oauth2")
    assert response.headers["Cache-Control"] == "no-store, private"
    grant = Grant._default_manager.get(code=answer["code"])
    assert (grant.user_id, grant.redirect_uri, grant.scope) == ("alice", CALLBACK, "openid profile email")


def test_state_comes_back_character_for_character(as_alice: Caller, lage: Application) -> None:
    allow(as_alice.user, lage)
    state = "a b+c&d=e%20#é\"'<>/?;:@"
    assert answer_in(as_alice.get("/oauth2/authorize", request_of(state=state)))["state"] == state


def test_unknown_and_empty_parameters_are_passed_over(as_alice: Caller, lage: Application) -> None:
    """RFC 6749 §3.1. The names are attributes of the library's own request, which parameters once overwrote."""
    allow(as_alice.user, lage)
    extra = {"user": "admin", "client": "x", "scopes": "y", "claims": "{", "display": "popup", "ui_locales": "zh", "prompt": ""}
    answer = answer_in(as_alice.get("/oauth2/authorize", request_of(**extra)))
    assert Grant._default_manager.get(code=answer["code"]).user_id == "alice"


@pytest.mark.parametrize(
    "scope", ["openid offline_access", "nothing openid", "openid openid", "  openid  nothing ", "OPENID openid"]
)
def test_unknown_scopes_are_left_out(scope: str, as_alice: Caller, lage: Application) -> None:
    """OpenID Connect Core §3.1.2.1. They are not asked for, and the token's answer says what is left (RFC 6749 §3.3)."""
    asked = request_of(scope=scope)
    page = as_alice.get("/oauth2/authorize", asked)
    assert list(page.context["scopes"]) == ["Know who you are"]
    code = answer_in(as_alice.form(page.wsgi_request.get_full_path(), {"decision": "allow"}))["code"]
    assert Consent.objects.get().scopes == "openid"
    assert Program().exchange(code).json()["scope"] == "openid"


def test_more_than_one_space_between_scopes(as_alice: Caller, lage: Application) -> None:
    allow(as_alice.user, lage)
    tokens = Program().exchange(code_for(as_alice, scope=" openid  profile   email")).json()
    assert tokens["scope"] == "openid profile email"
    assert Program().refresh(tokens["refresh_token"], scope="openid  email ").json()["scope"] == "openid email"


def test_a_skipping_client_asks_nobody(as_alice: Caller, signing_keys: object) -> None:
    make_client(skip_authorization=True)
    assert "code" in answer_in(as_alice.get("/oauth2/authorize", request_of()))


def test_a_custom_scheme_is_redirected_to(as_alice: Caller, signing_keys: object) -> None:
    """RFC 8252 §7.1."""
    make_public_client(redirect_uris="com.example.app:/callback")
    page = as_alice.get("/oauth2/authorize", request_of("tool", redirect_uri="com.example.app:/callback"))
    response = as_alice.form(page.wsgi_request.get_full_path(), {"decision": "allow"})
    assert response.status_code == 303
    assert response.headers["Location"].startswith("com.example.app:/callback?code=sage_oac_")


@pytest.mark.parametrize(
    ("registered", "asked"),
    [
        ("http://127.0.0.1/callback", "http://127.0.0.1:49152/callback"),
        ("http://127.0.0.1:8080/callback", "http://127.0.0.1:9090/callback"),
        ("http://[::1]/callback", "http://[::1]:49152/callback"),
        ("http://localhost:1/", "http://localhost:2/"),
    ],
)
def test_a_loopback_address_may_vary_its_port(registered: str, asked: str, as_alice: Caller, signing_keys: object) -> None:
    """RFC 8252 §7.3, RFC 9700 §2.1."""
    allow(as_alice.user, make_client(redirect_uris=registered))
    response = as_alice.get("/oauth2/authorize", request_of(redirect_uri=asked))
    assert response.headers["Location"].startswith(f"{asked}?code=")


@pytest.mark.parametrize(
    ("registered", "asked"),
    [
        ("http://127.0.0.1/callback", "http://127.0.0.1:49152/other"),
        ("http://127.0.0.1/callback", "http://localhost:49152/callback"),
        ("http://127.0.0.2/callback", "http://127.0.0.2:49152/callback"),
        ("http://127.0.0.1/callback", "https://127.0.0.1:49152/callback"),
        ("http://127.0.0.1/callback", "http://127.0.0.1:49152@evil.example/callback"),
        ("http://127.0.0.1/callback", "http://127.0.0.1.evil.example/callback"),
        ("http://127.0.0.1/callback", "http://127.0.0.1:999999/callback"),
        ("https://lage.example/callback", "https://lage.example:444/callback"),
    ],
)
def test_nothing_else_may_vary(registered: str, asked: str, as_alice: Caller, signing_keys: object) -> None:
    make_public_client(redirect_uris=registered)
    refused_on_a_page(as_alice.get("/oauth2/authorize", request_of("tool", redirect_uri=asked)), NOT_REGISTERED)


def test_a_client_may_post_its_request(as_alice: Caller, lage: Application) -> None:
    """OpenID Connect Core §3.1.2.1. It has no token of ours, and its POST from another site brings no cookie."""
    allow(as_alice.user, lage)
    as_alice.client.handler.enforce_csrf_checks = True
    posted = as_alice.form("/oauth2/authorize", request_of())
    assert posted.status_code == 303
    assert "code" in answer_in(as_alice.client.get(posted.headers["Location"]))


def test_a_posted_request_with_two_states_is_refused_as_any_other(as_alice: Caller, lage: Application) -> None:
    posted = as_alice.form("/oauth2/authorize", request_of(state=["a", "b"]))
    sent_back_with(as_alice.client.get(posted.headers["Location"]), "invalid_request", state="")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("skips", [False, True])
def test_head_issues_nothing_and_stores_nothing(*, path: str, skips: bool, as_alice: Caller, signing_keys: object) -> None:
    """RFC 9110 §9.2.1: a safe method. A GET of the same address would give a code."""
    client = make_client(skip_authorization=skips)
    if not skips:
        allow(as_alice.user, client)
    response = as_alice.client.head(path, request_of())
    assert (response.status_code, response.content, "Location" in response.headers) == (200, b"", False)
    assert (issued(), Consent.objects.count()) == (0, 0 if skips else 1)
    assert "code" in answer_in(as_alice.get(path, request_of()))


def test_head_is_refused_as_get_is(as_alice: Caller, lage: Application) -> None:
    sent_back_with(as_alice.client.head("/oauth2/authorize", request_of(scope="x")), "invalid_scope")
    assert as_alice.client.head("/oauth2/authorize", request_of(client_id="nobody")).status_code == 400


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS"])
def test_other_methods_are_405(method: str) -> None:
    response = Client().generic(method, "/oauth2/authorize")
    assert response.status_code == 405
    assert set(response.headers["Allow"].split(", ")) == {"GET", "HEAD", "POST"}
