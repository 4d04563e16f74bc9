"""POST /api/llm-provider/verify-capabilities/{provider_id}: what can this stored provider do, with these changes?"""

from collections.abc import Callable
from typing import Any

import pytest
from pytest_django import Settings

from providers.models import Probe, Provider
from sage_platform.accounts.models import User
from sage_platform.encryption import Sealed
from tests.answers import assert_refused, success
from tests.people import Caller, envelope, signed_in
from tests.provider_rows import KEY, MASKED, NO_IDS, OTHER_KEY, UNKNOWN, make_provider, started, stored
from tests.providers.sentences import ASKED_TWICE, FAILURES, NOT_ALLOWED
from tests.vendor import Vendor, answering, scripted_vendor
from tests.vendor.behaviours import openai_error

PATH = "/api/llm-provider/verify-capabilities/{}"
KEY_NEEDED = "A new address needs its key: enter the API key again."


@pytest.fixture
def provider(alice: User, vendor: Vendor) -> Provider:
    return make_provider(alice, vendor.base_url)


def good(vendor: Vendor, **changes: object) -> dict[str, Any]:
    colour = next(received.colour() for received in vendor.requests if received.kind == "image").capitalize()
    data = {
        "connection": {"supported": True, "response": "OK"},
        "supports_multimodal": True,
        "supports_structured_output": True,
        "multimodal": {"supported": True, "recognized": True, "response": f"{colour}."},
        "structured_output": {"supported": True, "response": '{"ok": true}', "parsed": {"ok": True}},
        "model": "scripted-large",
        "base_url": vendor.base_url,
    }
    return success(data | changes)


SAME: list[dict[str, Any]] = [
    {},
    {"api_keys": [MASKED]},
    {"api_keys": [KEY]},
    {"model": "scripted-large", "name": "Other", "temperature": 1, "is_default": True},
    {"id": UNKNOWN, "user_id": "bob", "unknown": 1},
]


@pytest.mark.parametrize("changes", SAME)
def test_the_stored_key_is_used(changes: dict[str, Any], provider: Provider, vendor: Vendor, as_alice: Caller) -> None:
    response = as_alice.post(PATH.format(provider.pk), changes)
    assert (response.status_code, envelope(response)) == (200, good(vendor))
    assert [received.key for received in vendor.requests] == [KEY] * 3
    provider.refresh_from_db()
    assert (provider.name, provider.temperature, provider.is_default) == ("Acme", None, False), "nothing of it is stored"
    assert (provider.supports_multimodal, provider.supports_structured_output) == (False, False)


def test_the_address_with_a_trailing_slash_is_the_same(provider: Provider, vendor: Vendor, as_alice: Caller) -> None:
    response = as_alice.post(PATH.format(provider.pk), {"base_url": f"{vendor.base_url}/"})
    assert envelope(response) == good(vendor)


def test_what_was_found_is_kept_with_the_record(provider: Provider, vendor: Vendor, as_alice: Caller) -> None:
    changed = provider.updated_at
    vendor.behave("image_refused_400")
    as_alice.post(PATH.format(provider.pk), {})
    vendor.behave("unauthorized_401")
    assert_refused(as_alice.post(PATH.format(provider.pk), {}), 500, FAILURES["unauthorized_401"])
    history = Probe.objects.filter(provider=provider).values_list("result", "category", "sees_images", "speaks_json", "detail")
    assert list(history) == [
        ("fails", "authentication", "", "", "Incorrect API key provided."),
        ("works", "", "no", "yes", ""),
    ]
    provider.refresh_from_db()
    assert (provider.probe_result, provider.probe_category, provider.probe_latency_ms) == ("fails", "authentication", None)
    assert provider.updated_at == changed


def test_three_hundred_characters_of_what_the_service_says_are_kept(provider: Provider, vendor: Vendor, as_alice: Caller) -> None:
    for said, kept in (("x" * 300, "x" * 300), ("y" * 301, "y" * 299 + "…")):
        vendor.behave(answering(openai_error(said), status=400))
        assert envelope(as_alice.post(PATH.format(provider.pk), {}))["code"] == 500
        newest = Probe.objects.filter(provider=provider).first()
        assert newest is not None
        assert newest.detail == kept


EDITED: list[dict[str, Any]] = [
    {"model": "scripted-small"},
    {"model": "scripted-small", "api_keys": [MASKED]},
    {"api_keys": [OTHER_KEY]},
]


@pytest.mark.parametrize("changes", EDITED)
def test_fields_being_edited(changes: dict[str, Any], provider: Provider, vendor: Vendor, as_alice: Caller) -> None:
    """What was not stored is tried, and leaves no mark on what is."""
    before = stored()
    response = as_alice.post(PATH.format(provider.pk), changes)
    assert envelope(response) == good(vendor, model=changes.get("model", "scripted-large"))
    key = OTHER_KEY if changes.get("api_keys") == [OTHER_KEY] else KEY
    assert {(received.key, (received.body or {})["model"]) for received in vendor.requests} == {
        (key, changes.get("model", "scripted-large"))
    }
    assert stored() == before


def test_another_address_with_its_key(provider: Provider, vendor: Vendor, as_alice: Caller) -> None:
    before = stored()
    with scripted_vendor() as other:
        response = as_alice.post(PATH.format(provider.pk), {"base_url": other.base_url, "api_keys": [OTHER_KEY]})
        assert envelope(response) == good(other)
        assert {received.key for received in other.requests} == {OTHER_KEY}
    assert (vendor.requests, stored()) == ([], before)


@pytest.mark.parametrize("key", [{}, {"api_keys": [MASKED]}], ids=["none", "masked"])
@pytest.mark.parametrize(
    "address", ["{}/other", "{}/../v1", "{}%2F", "http://localhost:{port}/v1", "http://127.1:{port}/v1", "HTTP{}", "{}."]
)
def test_the_stored_key_goes_to_the_stored_address_alone(
    address: str, key: dict[str, Any], provider: Provider, vendor: Vendor, as_alice: Caller
) -> None:
    """The attack: have the key sent to an address of one's own. Another spelling is another address."""
    port = vendor.base_url.rpartition(":")[2].removesuffix("/v1")
    filled = address.replace("HTTP{}", "HTTP" + vendor.base_url[4:]).format(vendor.base_url, port=port)
    before = stored()
    response = as_alice.post(PATH.format(provider.pk), {"base_url": filled} | key)
    assert_refused(response, 400, KEY_NEEDED)
    assert (vendor.requests, stored(), started()) == ([], before, 0)


def test_a_masked_key_that_is_not_the_stored_one(provider: Provider, vendor: Vendor, as_alice: Caller) -> None:
    response = as_alice.post(PATH.format(provider.pk), {"api_keys": ["sk-x***abcd"]})
    assert_refused(response, 400, "This masked key is not the stored one. Enter the API key itself.")
    assert (vendor.requests, started()) == ([], 0)


@pytest.mark.parametrize("behaviour", FAILURES)
def test_no_connection(
    behaviour: str, misbehave: Callable[[str], None], provider: Provider, vendor: Vendor, as_alice: Caller
) -> None:
    misbehave(behaviour)
    response = as_alice.post(PATH.format(provider.pk), {})
    assert_refused(response, 500, FAILURES[behaviour])
    assert KEY not in response.content.decode()
    assert [received.kind for received in vendor.requests] == ["chat"] * (2 if behaviour in ASKED_TWICE else 1)
    assert (stored()[0][0]["probe_result"], len(stored()[1])) == ("fails", 1)


@pytest.mark.parametrize("provider_id", NO_IDS)
def test_there_is_no_such_provider(provider_id: str, as_alice: Caller) -> None:
    assert_refused(as_alice.post(PATH.format(provider_id), {}), 500, "Provider not found")


@pytest.mark.parametrize("role", ["user", "admin"])
def test_anothers_and_the_systems_are_not_found(
    role: str, provider: Provider, vendor: Vendor, bob: User, as_alice: Caller
) -> None:
    """Whoever may read them in the Django admin cannot have their keys used here either."""
    bob.role = role
    bob.save()
    systems = make_provider(None, vendor.base_url, is_default=True)
    before = stored()
    for row in (provider, systems):
        for changes in ({}, {"api_keys": [MASKED]}, {"base_url": "https://evil.example"}, {"api_keys": [OTHER_KEY]}):
            response = signed_in(bob).post(PATH.format(row.pk), changes)
            assert_refused(response, 500, "Provider not found")
    assert_refused(as_alice.post(PATH.format(systems.pk), {}), 500, "Provider not found")
    assert (vendor.requests, stored(), started()) == ([], before, 0)


def test_in_production_a_private_address_is_refused_again(
    provider: Provider, vendor: Vendor, as_alice: Caller, settings: Settings
) -> None:
    """The address was stored in other days; what is allowed is asked at each call."""
    settings.SAGE_OUTBOUND_ALLOW_PRIVATE = False
    assert_refused(as_alice.post(PATH.format(provider.pk), {}), 500, NOT_ALLOWED)
    # Also where the system's own provider, which may be private, is at the same address.
    settings.SAGE_DEFAULT_LLM_API_BASE_URL = vendor.base_url
    assert_refused(as_alice.post(PATH.format(provider.pk), {}), 500, NOT_ALLOWED)
    assert vendor.requests == []


def test_a_key_that_can_no_longer_be_read(provider: Provider, vendor: Vendor, as_alice: Caller) -> None:
    """A key was taken out of SAGE_ENCRYPTION_KEYS too early: the person can mend it, and is told how."""
    Provider.objects.filter(pk=provider.pk).update(key=Sealed("00000000:gAAAAA"))
    response = as_alice.post(PATH.format(provider.pk), {})
    assert_refused(response, 500, "The stored key can no longer be read. Enter the API key again.")
    assert (vendor.requests, started()) == ([], 0)
    assert envelope(as_alice.post(PATH.format(provider.pk), {"api_keys": [KEY]})) == good(vendor)
