"""Who may call the provider routes: people who are signed in, each for what is theirs, and no program of a third party."""

from typing import Any

import pytest

from providers.models import Provider
from sage_platform.accounts.models import User
from sage_platform.oauth2 import tokens
from tests.answers import assert_forbidden, assert_logged_out, refused
from tests.oauth2_clients import make_client
from tests.people import Caller, envelope
from tests.provider_rows import fields, make_provider, started, stored
from tests.vendor import Vendor

ROUTES = [
    ("POST", "/api/llm-provider/verify"),
    ("POST", "/api/llm-provider/verify-capabilities"),
    ("POST", "/api/llm-provider/verify-capabilities/{}"),
    ("POST", "/api/llm-provider/verify-multimodal"),
    ("GET", "/api/llm-provider/list"),
    ("POST", "/api/llm-provider/create"),
    ("PUT", "/api/llm-provider/update/{}"),
    ("DELETE", "/api/llm-provider/delete/{}"),
    ("GET", "/api/llm-provider/models?provider_id={}"),
    ("POST", "/api/llm-provider/models"),
]
every_route = pytest.mark.parametrize(("method", "path"), ROUTES)
NEW = "scripted-small"


@pytest.fixture
def provider(alice: User, vendor: Vendor) -> Provider:
    return make_provider(alice, vendor.base_url)


def call(caller: Caller, method: str, path: str, provider: Provider, **headers: str) -> Any:
    """With a body that would do something: a model that is not stored yet."""
    body = {"base_url": provider.base_url, "api_keys": ["sk-x"], "model": NEW}
    return caller.send(method, path.format(provider.pk), {} if method == "GET" else body, **headers)


@every_route
def test_logged_out(method: str, path: str, provider: Provider, vendor: Vendor, anyone: Caller) -> None:
    before = stored()
    assert_logged_out(call(anyone, method, path, provider))
    challenge = 'Bearer error="invalid_token"'
    assert_logged_out(call(anyone, method, path, provider, Authorization="Bearer sage_at_unknown"), challenge)
    assert (vendor.requests, stored(), started()) == ([], before, 0)


@every_route
def test_a_token_of_a_third_party(method: str, path: str, provider: Provider, vendor: Vendor, as_alice: Caller) -> None:
    """However much alice granted it, and also beside her own cookie."""
    token = tokens.new(tokens.ACCESS_PREFIX)
    approval = tokens.Approval(make_client(), user=as_alice.user, credentials_version=as_alice.user.credentials_version)
    tokens.save_access_token(token, approval, scope="openid profile email usage:write")
    before = stored()
    for caller in (Caller(), as_alice):
        response = call(caller, method, path, provider, Authorization=f"Bearer {token}")
        assert (response.status_code, envelope(response)) == (403, refused(403, "Permission denied"))
        assert response.headers["WWW-Authenticate"] == 'Bearer error="insufficient_scope", scope="first-party"'
    assert (vendor.requests, stored(), started()) == ([], before, 0)


@every_route
def test_another_sites_page(method: str, path: str, provider: Provider, vendor: Vendor, as_alice: Caller) -> None:
    """It could else spend alice's balance, or delete what is hers, by her cookie."""
    before = stored()
    response = call(as_alice, method, path, provider, Sec_Fetch_Site="cross-site", Origin="https://evil.example")
    if method == "GET":
        assert response.status_code == 200
        assert "Access-Control-Allow-Origin" not in response.headers
        return
    assert_forbidden(response)
    assert (vendor.requests, stored(), started()) == ([], before, 0)


@every_route
def test_the_owner(method: str, path: str, provider: Provider, vendor: Vendor, as_alice: Caller) -> None:
    """The same calls by alice herself do something, so that the refusals come from who asked and from nothing else."""
    assert envelope(call(as_alice, method, path, provider))["code"] == 200
    assert (len(vendor.requests) > 0) == ("list" not in path and "delete" not in path)


def test_somebody_who_was_deactivated(provider: Provider, alice: User, vendor: Vendor, as_alice: Caller) -> None:
    alice.is_active = False
    alice.save()
    response = as_alice.post("/api/llm-provider/verify", fields(vendor))
    assert (response.status_code, vendor.requests) == (401, [])


def test_a_stranger_can_do_nothing_with_what_is_alices(
    provider: Provider, vendor: Vendor, as_alice: Caller, as_bob: Caller
) -> None:
    """Each route that names a provider, with each thing that bob could send; nothing is sent out, and nothing changes."""
    before = stored()
    bodies: list[dict[str, Any]] = [
        {},
        {"api_keys": ["sk-p***8Hd3"]},
        {"api_keys": ["sk-bob"]},
        {"base_url": "https://evil.example/v1"},
        {"base_url": "https://evil.example/v1", "api_keys": ["sk-bob"]},
        {"model": NEW, "user_id": "alice"},
    ]
    for method, path in [route for route in ROUTES if "{}" in route[1]]:
        for body in bodies:
            response = as_bob.send(method, path.format(provider.pk), body)
            assert (response.status_code, envelope(response)) == (200, refused(500, "Provider not found")), (method, path)
    assert envelope(as_bob.get("/api/llm-provider/list"))["data"] == []
    assert envelope(as_bob.get("/api/auth/session"))["data"]["has_provider"] is False
    assert (vendor.requests, stored(), started()) == ([], before, 0)
    assert [row["id"] for row in envelope(as_alice.get("/api/llm-provider/list"))["data"]] == [str(provider.pk)]
