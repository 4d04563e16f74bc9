import json

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

# No test here asks for the database: pytest-django fails any that touches it, so each also shows that none is needed.

ADDRESSES = [
    "/.well-known/oauth-authorization-server",
    "/.well-known/oauth-authorization-server/oauth2",
    "/oauth2/metadata",
    "/oauth2/.well-known/openid-configuration",
    "/api/oauth2/metadata",
    "/api/oauth2/.well-known/openid-configuration",
]

DOCUMENT = {
    "issuer": "https://sage.example/oauth2",
    "authorization_endpoint": "https://sage.example/oauth2/authorize",
    "token_endpoint": "https://sage.example/oauth2/token",
    "userinfo_endpoint": "https://sage.example/oauth2/userinfo",
    "revocation_endpoint": "https://sage.example/oauth2/revoke",
    "introspection_endpoint": "https://sage.example/oauth2/introspect",
    "jwks_uri": "https://sage.example/oauth2/jwks",
    "scopes_supported": ["openid", "profile", "email", "usage:write", "release:write"],
    "response_types_supported": ["code"],
    "response_modes_supported": ["query"],
    "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
    "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
    "revocation_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
    "introspection_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
    "code_challenge_methods_supported": ["S256"],
    "subject_types_supported": ["public"],
    "id_token_signing_alg_values_supported": ["RS256"],
    "prompt_values_supported": ["none", "login", "consent", "select_account"],
    "claims_supported": [
        "sub",
        "iss",
        "aud",
        "exp",
        "iat",
        "auth_time",
        "nonce",
        "at_hash",
        "preferred_username",
        "role",
        "name",
        "picture",
        "avatar_url",
        "email",
        "email_verified",
    ],
    "claims_parameter_supported": False,
    "request_parameter_supported": False,
    "request_uri_parameter_supported": False,
    "authorization_response_iss_parameter_supported": True,
}
# The members' order is fixed too, and there is no white space: one document, byte for byte.
BODY = json.dumps(DOCUMENT, separators=(",", ":")).encode()


@pytest.fixture(autouse=True)
def issuer(settings: Settings) -> None:
    settings.SAGE_OAUTH2_ISSUER = "https://sage.example/oauth2"
    settings.SAGE_PUBLIC_URL = "https://sage.example"


@pytest.mark.parametrize("address", ADDRESSES)
def test_every_address_answers_the_same_bytes(client: Client, address: str) -> None:
    response = client.get(address)

    assert response.status_code == 200
    assert response.content == BODY


@pytest.mark.parametrize("address", ADDRESSES)
def test_headers_let_anybody_read_and_keep_it(client: Client, address: str) -> None:
    response = client.get(address, headers={"origin": "https://app.example"})

    assert response["Content-Type"] == "application/json"
    assert response["Cache-Control"] == "public, max-age=300"
    assert response["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in response
    assert not response.cookies


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_cookie_of_somebody_changes_nothing(client: Client, address: str) -> None:
    client.cookies["sage_session"] = "alices-session"

    response = client.get(address)

    assert response.content == BODY
    assert "Cookie" not in response.get("Vary", "")


@pytest.mark.parametrize("address", ADDRESSES)
def test_head_has_the_headers_without_the_body(client: Client, address: str) -> None:
    response = client.head(address)

    assert response.status_code == 200
    assert response.content == b""
    assert response["Content-Type"] == "application/json"
    assert response["Cache-Control"] == "public, max-age=300"


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_other_methods_are_405_with_allow(address: str, method: str) -> None:
    response = Client(enforce_csrf_checks=True).generic(method, address)

    assert response.status_code == 405
    assert response["Allow"] == "GET, HEAD"


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_trailing_slash_is_another_path(client: Client, address: str) -> None:
    assert client.get(f"{address}/").status_code == 404


def test_the_issuer_is_the_setting_and_never_the_host_header(client: Client, settings: Settings) -> None:
    """RFC 8414 §3.3: a client compares the issuer with the address that it asked, so it must not follow the request."""
    settings.ALLOWED_HOSTS = ["evil.example"]

    response = client.get("/oauth2/metadata", headers={"host": "evil.example", "x-forwarded-host": "evil.example"})

    assert response.content == BODY


def test_a_changed_issuer_is_a_changed_document(client: Client, settings: Settings) -> None:
    settings.SAGE_OAUTH2_ISSUER = "https://bob.example/oauth2"
    assert client.get("/oauth2/metadata").json() == DOCUMENT | {"issuer": "https://bob.example/oauth2"}


def test_a_browser_of_any_origin_may_ask_without_credentials(client: Client) -> None:
    preflight = client.options(
        "/oauth2/metadata", headers={"origin": "https://app.example", "access-control-request-method": "GET"}
    )

    assert preflight.status_code == 204
    assert preflight["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in preflight


@pytest.mark.parametrize("address", [*ADDRESSES, "/.well-known/oauth-protected-resource", "/oauth2/jwks", "/api/oauth2/jwks"])
def test_with_any_header(client: Client, address: str) -> None:
    """MCP clients name their protocol's version at discovery. The star does not stand for Authorization (Fetch §3.3.4)."""
    asked = {"access-control-request-method": "GET", "access-control-request-headers": "authorization,mcp-protocol-version"}
    preflight = client.options(address, headers={"origin": "https://app.example"} | asked)

    assert preflight.status_code == 204
    assert preflight["Access-Control-Allow-Headers"] == "*, Authorization"


@pytest.mark.parametrize("address", ["/oauth2/token", "/oauth2/revoke", "/oauth2/userinfo"])
def test_with_known_headers_where_credentials_are_taken(client: Client, address: str) -> None:
    preflight = client.options(address, headers={"origin": "https://app.example", "access-control-request-method": "POST"})

    assert preflight["Access-Control-Allow-Headers"] == "Authorization, Content-Type, X-Request-ID"


def test_what_the_resource_says_of_itself(client: Client) -> None:
    """RFC 9728 §2 and §3.3: `resource` is the address that the document's own was made of."""
    response = client.get("/.well-known/oauth-protected-resource", headers={"origin": "https://app.example"})

    assert response.status_code == 200
    assert response["Content-Type"] == "application/json"
    assert response["Access-Control-Allow-Origin"] == "*"
    assert response.json() == {
        "resource": "https://sage.example",
        "authorization_servers": ["https://sage.example/oauth2"],
        "scopes_supported": ["openid", "profile", "email", "usage:write", "release:write"],
        "bearer_methods_supported": ["header"],
    }


def test_the_toolkits_namespace_and_the_second_instance() -> None:
    assert reverse("oauth2_provider:metadata") == "/oauth2/metadata"
    assert reverse("oauth2_api:metadata") == "/api/oauth2/metadata"
    assert reverse("oauth2_api:oidc-connect-discovery-info") == "/api/oauth2/.well-known/openid-configuration"
