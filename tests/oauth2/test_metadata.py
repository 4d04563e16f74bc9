import json
from collections.abc import Iterator

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from sage_platform.oauth2.metadata import authorization_server_metadata, metadata_body

# No test here asks for the database: pytest-django fails any that touches it, so each also shows that none is needed.

ADDRESSES = [
    "/.well-known/oauth-authorization-server",
    "/.well-known/oauth-authorization-server/oauth2",
    "/oauth2/metadata",
    "/oauth2/.well-known/openid-configuration",
    "/api/oauth2/metadata",
    "/api/oauth2/.well-known/openid-configuration",
]

BODY = (
    b'{"issuer":"https://sage.example/oauth2","response_types_supported":[],"grant_types_supported":[],'
    b'"request_uri_parameter_supported":false,"subject_types_supported":[],"id_token_signing_alg_values_supported":[]}'
)


@pytest.fixture(autouse=True)
def issuer(settings: Settings) -> None:
    settings.SAGE_OAUTH2_ISSUER = "https://sage.example/oauth2"


@pytest.fixture(autouse=True)
def fresh_body() -> Iterator[None]:
    metadata_body.cache_clear()
    yield
    metadata_body.cache_clear()


@pytest.mark.parametrize("address", ADDRESSES)
def test_every_address_answers_the_same_bytes(client: Client, address: str) -> None:
    response = client.get(address)

    assert response.status_code == 200
    assert response.content == BODY
    assert json.loads(response.content) == {
        "issuer": "https://sage.example/oauth2",
        "response_types_supported": [],
        "grant_types_supported": [],
        "request_uri_parameter_supported": False,
        "subject_types_supported": [],
        "id_token_signing_alg_values_supported": [],
    }


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


def test_a_changed_issuer_is_a_changed_document() -> None:
    assert authorization_server_metadata("https://bob.example/oauth2")["issuer"] == "https://bob.example/oauth2"
    assert metadata_body("https://bob.example/oauth2") == BODY.replace(b"sage.example", b"bob.example")


def test_the_toolkits_namespace_and_the_second_instance() -> None:
    assert reverse("oauth2_provider:metadata") == "/oauth2/metadata"
    assert reverse("oauth2_api:metadata") == "/api/oauth2/metadata"
    assert reverse("oauth2_api:oidc-connect-discovery-info") == "/api/oauth2/.well-known/openid-configuration"
