"""GET and POST /api/llm-provider/models: the models of an endpoint, from its own /models."""

from collections.abc import Callable
from typing import Any

import pytest

from providers.models import Provider
from sage_platform.accounts.models import User
from tests.answers import assert_refused, success
from tests.people import Caller, envelope, signed_in
from tests.provider_rows import KEY, MODEL, NO_IDS, fields, make_provider, started, stored
from tests.providers.sentences import AUTHENTICATION, FAILURES, NO_LIST, NOT_ALLOWED, NOT_OPENAI
from tests.vendor import Vendor, answering, saying

PATH = "/api/llm-provider/models"
MODELS = {
    "models": [
        {"id": "scripted-large", "object": "model", "created": 1710000000, "owned_by": "scripted"},
        {"id": "scripted-small", "object": "model", "created": 1710000000, "owned_by": "scripted"},
    ]
}
# What a list of models does not have in common with a chat: a chat's answer is no list, and a missing page says more.
OF_A_LIST = {
    **{name: why for name, why in FAILURES.items() if name not in {"empty_choices", "null_content", "tool_call"}},
    "not_found_404": f"{NO_LIST} The service says: The model `nope` does not exist or you do not have access to it.",
    "html_404": f"{NO_LIST} The service says: 404 Not Found",
    "empty_404": NO_LIST,
    "empty_choices": NOT_OPENAI,
    "null_content": NOT_OPENAI,
    "tool_call": NOT_OPENAI,
}


@pytest.fixture
def provider(alice: User, vendor: Vendor) -> Provider:
    return make_provider(alice, vendor.base_url)


def asked(vendor: Vendor) -> list[tuple[str, str, str]]:
    return [(received.method, received.path, received.key) for received in vendor.requests]


def test_of_a_stored_provider(provider: Provider, vendor: Vendor, as_alice: Caller) -> None:
    response = as_alice.get(PATH, {"provider_id": str(provider.pk)})
    assert (response.status_code, envelope(response)) == (200, success(MODELS))
    assert asked(vendor) == [("GET", "/v1/models", KEY)]
    assert KEY not in response.content.decode()


@pytest.mark.parametrize("model", [{}, {"model": ""}, {"model": None}, {"model": MODEL}])
def test_of_an_endpoint(model: dict[str, Any], vendor: Vendor, as_alice: Caller) -> None:
    """Before its model is chosen."""
    body = {"base_url": f"{vendor.base_url}/", "api_keys": [KEY]} | model
    response = as_alice.post(PATH, body)
    assert (response.status_code, envelope(response)) == (200, success(MODELS))
    assert asked(vendor) == [("GET", "/v1/models", KEY)]
    assert stored() == [[], []]


@pytest.mark.parametrize("data", [[], None])
def test_none(data: list[object] | None, vendor: Vendor, as_alice: Caller) -> None:
    vendor.behave(models=answering({"object": "list", "data": data}))
    assert envelope(as_alice.post(PATH, fields(vendor))) == success({"models": []})


def test_what_a_vendor_adds(vendor: Vendor, as_alice: Caller) -> None:
    """Passed on as it is, but for what is nested, what is no model, and the key."""
    rows = [{"id": "a", "context_length": 8192, "pricing": {"prompt": "0"}, "note": KEY}, {"name": "no id"}, "b"]
    vendor.behave(models=answering({"data": rows}))
    response = envelope(as_alice.post(PATH, fields(vendor)))
    assert response == success({"models": [{"id": "a", "context_length": 8192, "note": "***"}]})


@pytest.mark.parametrize("behaviour", FAILURES)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_no_list(method: str, behaviour: str, misbehave: Callable[[str], None], provider: Provider, as_alice: Caller) -> None:
    misbehave(behaviour)
    before = stored()
    if method == "GET":
        response = as_alice.get(PATH, {"provider_id": str(provider.pk)})
    else:
        response = as_alice.post(PATH, {"base_url": provider.base_url, "api_keys": [KEY]})
    assert_refused(response, 500, OF_A_LIST[behaviour])
    assert KEY not in response.content.decode()
    assert stored() == before


def test_a_chat_is_no_list(vendor: Vendor, as_alice: Caller) -> None:
    vendor.behave(models=saying("OK"))
    assert_refused(as_alice.post(PATH, fields(vendor)), 500, NOT_OPENAI)


@pytest.mark.parametrize("query", [{}, {"provider_id": ""}, {"provider_id": " "}, {"provider_id": "x" * 65}, {"id": "x"}])
def test_which_one_must_be_said(query: dict[str, str], as_alice: Caller) -> None:
    response = as_alice.get(PATH, query)
    assert response.status_code == 422
    assert [error["field"] for error in envelope(response)["data"]["errors"]] == ["provider_id"]


@pytest.mark.parametrize("provider_id", ["0b7f7f0e-6a53-4b7e-9f0c-2d1c5a1e9a11", "1", "not-a-uuid", "None"])
def test_there_is_no_such_provider(provider_id: str, as_alice: Caller) -> None:
    assert provider_id in NO_IDS
    assert_refused(as_alice.get(PATH, {"provider_id": provider_id}), 500, "Provider not found")


@pytest.mark.parametrize("role", ["user", "admin"])
def test_anothers_and_the_systems_are_not_found(role: str, provider: Provider, bob: User, vendor: Vendor) -> None:
    bob.role = role
    bob.save()
    systems = make_provider(None, vendor.base_url, is_default=True)
    for row in (provider, systems):
        assert_refused(signed_in(bob).get(PATH, {"provider_id": str(row.pk)}), 500, "Provider not found")
    assert (vendor.requests, started()) == ([], 0)


def test_get_takes_no_address(provider: Provider, vendor: Vendor, as_alice: Caller) -> None:
    """The attack: the stored key with an address of one's own."""
    query = {"provider_id": str(provider.pk), "base_url": "https://evil.example", "api_keys": "x"}
    assert envelope(as_alice.get(PATH, query)) == success(MODELS)
    assert asked(vendor) == [("GET", "/v1/models", KEY)]


def test_post_takes_no_stored_key(provider: Provider, vendor: Vendor, as_alice: Caller) -> None:
    response = as_alice.post(PATH, {"provider_id": str(provider.pk), "base_url": provider.base_url})
    assert response.status_code == 422
    assert [error["field"] for error in envelope(response)["data"]["errors"]] == ["api_keys"]
    assert vendor.requests == []


def test_an_address_that_is_not_allowed(as_alice: Caller) -> None:
    body = {"base_url": "http://169.254.169.254/v1", "api_keys": [KEY]}
    assert_refused(as_alice.post(PATH, body), 500, NOT_ALLOWED)


def test_a_wrong_key(vendor: Vendor, as_alice: Caller) -> None:
    vendor.behave("unauthorized_401")
    response = as_alice.post(PATH, fields(vendor))
    assert_refused(response, 500, f"{AUTHENTICATION} The service says: Incorrect API key provided.")
