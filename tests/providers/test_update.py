"""PUT /api/llm-provider/update/{provider_id}: change a provider; a changed endpoint is probed first."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from pytest_django import Settings

from providers.models import Provider
from sage_platform.accounts.models import User
from tests.answers import assert_refused, success
from tests.people import Caller, envelope, signed_in
from tests.provider_rows import KEY, MASKED, MODEL, NO_IDS, OTHER_KEY, UNKNOWN, exhaust_rate, make_provider, started, stored
from tests.providers.sentences import ASKED_TWICE, FAILURES, NOT_ALLOWED
from tests.vendor import Vendor, scripted_vendor

PATH = "/api/llm-provider/update/{}"
KEY_NEEDED = "A new address needs its key: enter the API key again."
SETTINGS: dict[str, Any] = {
    "max_tokens": 512,
    "max_model_len": 8192,
    "temperature": 0.5,
    "top_p": 0.9,
    "presence_penalty": 0.1,
    "supports_multimodal": True,
    "supports_structured_output": True,
    "is_default": True,
}
# What we write with each change of the endpoint, beside the endpoint itself.
OURS = {"updated_at", "config_digest", "key", "key_hint", "probed_at", "probe_result", "probe_latency_ms"}


@pytest.fixture
def provider(alice: User, vendor: Vendor) -> Provider:
    return make_provider(alice, vendor.base_url, **SETTINGS)


def put(caller: Caller, provider: Provider | str, changes: dict[str, Any]) -> Any:
    return caller.send("PUT", PATH.format(getattr(provider, "pk", provider)), changes)


def differences(provider: Provider, before: list[dict[str, Any]]) -> dict[str, Any]:
    """What has changed of the record, by the stored values."""
    (old,) = [row for row in before if row["id"] == provider.pk]
    (new,) = Provider.objects.filter(pk=provider.pk).values()
    return {name: value for name, value in new.items() if value != old[name]}


SINGLE: list[tuple[str, Any, Any]] = [
    ("name", "Other", "Other"),
    ("max_tokens", 1024, 1024),
    ("max_tokens", 0, None),
    ("max_tokens", "", None),
    ("max_tokens", None, None),
    ("max_model_len", 1, 1),
    ("max_model_len", 0, None),
    ("max_model_len", "", None),
    ("max_model_len", None, None),
    ("temperature", 0, 0.0),
    ("temperature", 2, 2.0),
    ("temperature", None, None),
    ("top_p", 0.25, 0.25),
    ("top_p", None, None),
    ("presence_penalty", -2, -2.0),
    ("presence_penalty", None, None),
    ("supports_multimodal", False, False),
    ("supports_structured_output", False, False),
    ("is_default", False, False),
]


@pytest.mark.parametrize("case", SINGLE, ids=lambda case: f"{case[0]}={case[1]!r}")
def test_one_field_alone(case: tuple[str, Any, Any], provider: Provider, vendor: Vendor, as_alice: Caller) -> None:
    """The rest stays, and nobody is asked; so a dead vendor does not matter."""
    field, sent, kept = case
    vendor.behave("unauthorized_401")
    before = stored()[0]
    response = put(as_alice, provider, {field: sent})
    assert (response.status_code, envelope(response)) == (200, success({}))
    changed = differences(provider, before)
    assert changed.pop("updated_at") > provider.updated_at
    assert changed == {field: kept}
    assert (vendor.requests, started(), stored()[1]) == ([], 0, [])


SAME: list[dict[str, Any]] = [
    {},
    {"api_keys": [MASKED]},
    {"api_keys": [f" {MASKED} "]},
    {"api_keys": [KEY]},
    {"model": MODEL},
    {"name": "Acme"},
    {"id": UNKNOWN, "user_id": "bob", "owner_id": "bob", "created_at": "2001-01-01", "key_hint": "x", "probe_result": "fails"},
]


@pytest.mark.usefixtures("bob")
@pytest.mark.parametrize("changes", SAME)
def test_what_is_the_same_changes_nothing(
    changes: dict[str, Any], provider: Provider, vendor: Vendor, alice: User, as_alice: Caller
) -> None:
    vendor.behave("unauthorized_401")
    exhaust_rate(alice)
    before = stored()[0]
    assert envelope(put(as_alice, provider, changes)) == success({})
    assert set(differences(provider, before)) <= {"updated_at"}
    assert vendor.requests == []


def test_the_record_as_the_list_shows_it_may_be_sent_back(provider: Provider, vendor: Vendor, as_alice: Caller) -> None:
    """As the web application does, with the masked key, 0 for "not set", and the address with a slash."""
    before = stored()[0]
    (row,) = envelope(as_alice.get("/api/llm-provider/list"))["data"]
    body = row | {"max_tokens": 0, "temperature": 1, "base_url": row["base_url"] + "/"}
    assert envelope(put(as_alice, provider, body)) == success({})
    changed = differences(provider, before)
    assert set(changed) == {"updated_at", "max_tokens", "temperature"}
    assert (changed["max_tokens"], changed["temperature"]) == (None, 1.0)
    assert vendor.requests == []


# -- The endpoint ---------------------------------------------------------------------------------------------------------

ENDPOINTS: list[tuple[dict[str, Any], str, str]] = [
    ({"model": "scripted-small"}, KEY, "scripted-small"),
    ({"model": "scripted-small", "api_keys": [MASKED]}, KEY, "scripted-small"),
    ({"api_keys": [OTHER_KEY]}, OTHER_KEY, MODEL),
    ({"model": "scripted-small", "api_keys": [OTHER_KEY], "temperature": None}, OTHER_KEY, "scripted-small"),
]


@pytest.mark.parametrize("case", ENDPOINTS, ids=lambda case: " ".join(case[0]))
def test_a_new_key_or_model_is_probed(
    case: tuple[dict[str, Any], str, str], provider: Provider, vendor: Vendor, as_alice: Caller
) -> None:
    changes, key, model = case
    before = stored()[0]
    assert envelope(put(as_alice, provider, changes)) == success({})
    assert [(received.kind, received.key, (received.body or {})["model"]) for received in vendor.requests] == [
        ("chat", key, model)
    ]
    changed = differences(provider, before)
    assert set(changed) - OURS == set(changes) - {"api_keys"}
    provider.refresh_from_db()
    assert (provider.base_url, provider.key.reveal(), provider.model) == (vendor.base_url, key, model)
    assert (provider.probe_result, provider.probes.count(), started()) == ("works", 1, 1)
    assert ("key" in changed) == (key == OTHER_KEY), "an unchanged key is not encrypted anew"


def test_the_new_key_is_shown_masked(provider: Provider, as_alice: Caller) -> None:
    put(as_alice, provider, {"api_keys": [OTHER_KEY]})
    (row,) = envelope(as_alice.get("/api/llm-provider/list"))["data"]
    assert row["api_keys"] == ["sk-o***s4Ka"]


@pytest.mark.parametrize("key", [KEY, OTHER_KEY], ids=["the same key", "another key"])
def test_a_new_address_with_its_key(key: str, provider: Provider, vendor: Vendor, as_alice: Caller) -> None:
    with scripted_vendor() as other:
        assert envelope(put(as_alice, provider, {"base_url": f"{other.base_url}/", "api_keys": [key]})) == success({})
        assert [(received.kind, received.key) for received in other.requests] == [("chat", key)]
        provider.refresh_from_db()
        assert (provider.base_url, provider.key.reveal(), provider.name) == (other.base_url, key, "Acme")
    assert vendor.requests == []


@pytest.mark.parametrize("key", [{}, {"api_keys": [MASKED]}], ids=["none", "masked"])
@pytest.mark.parametrize("more", [{}, {"model": "scripted-small", "name": "Other", "temperature": None}])
def test_a_new_address_without_its_key(
    key: dict[str, Any], more: dict[str, Any], provider: Provider, vendor: Vendor, as_alice: Caller
) -> None:
    """The attack: have the stored key sent to an address of one's own."""
    before = stored()
    with scripted_vendor() as other:
        for address in (other.base_url, f"{vendor.base_url}/x", vendor.base_url.replace("127.0.0.1", "localhost")):
            assert_refused(put(as_alice, provider, {"base_url": address} | key | more), 400, KEY_NEEDED)
        assert other.requests == []
    assert (vendor.requests, stored(), started()) == ([], before, 0)


def test_two_steps_do_not_move_the_key_either(provider: Provider, vendor: Vendor, as_alice: Caller) -> None:
    """First another key with the new address, then the former one by its mask: what is stored now is what the mask means."""
    with scripted_vendor() as other:
        put(as_alice, provider, {"base_url": other.base_url, "api_keys": [OTHER_KEY]})
        response = put(as_alice, provider, {"api_keys": [MASKED], "model": "scripted-small"})
        assert_refused(response, 400, "This masked key is not the stored one. Enter the API key itself.")
        put(as_alice, provider, {"model": "scripted-small"})
        assert {received.key for received in other.requests} == {OTHER_KEY}


@pytest.mark.parametrize("masked", ["sk-x***abcd", "***"])
def test_a_masked_key_that_is_not_the_stored_one(masked: str, provider: Provider, vendor: Vendor, as_alice: Caller) -> None:
    before = stored()
    response = put(as_alice, provider, {"api_keys": [masked], "name": "Other"})
    assert_refused(response, 400, "This masked key is not the stored one. Enter the API key itself.")
    assert (vendor.requests, stored(), started()) == ([], before, 0)


@pytest.mark.parametrize("behaviour", FAILURES)
def test_one_that_no_longer_works(
    behaviour: str, misbehave: Callable[[str], None], provider: Provider, vendor: Vendor, as_alice: Caller
) -> None:
    before = stored()
    misbehave(behaviour)
    response = put(as_alice, provider, {"api_keys": [OTHER_KEY], "name": "Other", "temperature": None, "is_default": False})
    assert_refused(response, 500, f"Cannot update provider. {FAILURES[behaviour]}")
    assert OTHER_KEY not in response.content.decode()
    assert (len(vendor.requests), stored()) == (2 if behaviour in ASKED_TWICE else 1, before)


def test_a_failing_update_of_the_default_does_not_take_it_from_the_other(
    provider: Provider, alice: User, vendor: Vendor, as_alice: Caller
) -> None:
    second = make_provider(alice, vendor.base_url, model="scripted-small")
    before = stored()
    vendor.behave("unauthorized_401")
    put(as_alice, second, {"api_keys": [OTHER_KEY], "is_default": True})
    assert stored() == before


def test_an_address_that_is_not_allowed(provider: Provider, as_alice: Caller) -> None:
    before = stored()
    response = put(as_alice, provider, {"base_url": "http://169.254.169.254/v1", "api_keys": [KEY]})
    assert_refused(response, 500, f"Cannot update provider. {NOT_ALLOWED}")
    assert stored() == before


def test_one_becomes_what_another_is(provider: Provider, alice: User, vendor: Vendor, as_alice: Caller) -> None:
    make_provider(alice, vendor.base_url, model="scripted-small")
    before = stored()
    response = put(as_alice, provider, {"model": "scripted-small", "name": "Other"})
    message = "Cannot update provider. You have another one with the same address, model and key."
    assert_refused(response, 500, message)
    assert stored() == before


def test_it_may_become_what_somebody_elses_is(provider: Provider, bob: User, vendor: Vendor, as_alice: Caller) -> None:
    make_provider(bob, vendor.base_url, model="scripted-small")
    assert envelope(put(as_alice, provider, {"model": "scripted-small"})) == success({})


# -- The default ----------------------------------------------------------------------------------------------------------


def test_a_new_default_takes_the_place_of_the_old(
    provider: Provider, alice: User, bob: User, vendor: Vendor, as_alice: Caller
) -> None:
    second = make_provider(alice, vendor.base_url, model="scripted-small")
    others = [make_provider(owner, vendor.base_url, is_default=True) for owner in (bob, None)]
    assert envelope(put(as_alice, second, {"is_default": True})) == success({})
    defaults = set(Provider.objects.filter(is_default=True).values_list("pk", flat=True))
    assert defaults == {second.pk, *(row.pk for row in others)}
    # Again, and by the one that it is already.
    assert envelope(put(as_alice, second, {"is_default": True})) == success({})
    assert set(Provider.objects.filter(is_default=True).values_list("pk", flat=True)) == defaults
    assert vendor.requests == []


def test_there_may_be_no_default(provider: Provider, as_alice: Caller) -> None:
    assert envelope(put(as_alice, provider, {"is_default": False})) == success({})
    assert not Provider.objects.filter(is_default=True).exists()


# -- Whose ----------------------------------------------------------------------------------------------------------------

ATTEMPTS: list[dict[str, Any]] = [
    {},
    {"name": "Mine now"},
    {"is_default": False},
    {"api_keys": [OTHER_KEY]},
    {"model": "scripted-small"},
    {"base_url": "https://evil.example"},
    {"base_url": "https://evil.example", "api_keys": [MASKED]},
    {"user_id": "bob"},
]


@pytest.mark.parametrize("role", ["user", "admin"])
def test_anothers_is_not_found(role: str, provider: Provider, bob: User, vendor: Vendor) -> None:
    bob.role = role
    bob.save()
    before = stored()
    for changes in ATTEMPTS:
        assert_refused(put(signed_in(bob), provider, changes), 500, "Provider not found")
    assert (vendor.requests, stored(), started()) == ([], before, 0)


@pytest.mark.parametrize("role", ["user", "admin"])
def test_the_systems_is_changed_by_nobody_here(role: str, bob: User, vendor: Vendor) -> None:
    bob.role = role
    bob.save()
    systems = make_provider(None, vendor.base_url, is_default=True)
    before = stored()
    for changes in ATTEMPTS:
        assert_refused(put(signed_in(bob), systems, changes), 500, "Cannot modify system default provider")
    assert (vendor.requests, stored(), started()) == ([], before, 0)


@pytest.mark.parametrize("provider_id", NO_IDS)
def test_there_is_no_such_provider(provider_id: str, provider: Provider, vendor: Vendor, as_alice: Caller) -> None:
    before = stored()
    assert_refused(put(as_alice, provider_id, {"name": "Other"}), 500, "Provider not found")
    assert stored() == before


def test_in_production_what_was_stored_in_other_days(
    provider: Provider, vendor: Vendor, as_alice: Caller, settings: Settings
) -> None:
    """Its settings can be changed; what would send something is refused."""
    settings.SAGE_OUTBOUND_ALLOW_PRIVATE = False
    assert envelope(put(as_alice, provider, {"name": "Other"})) == success({})
    assert_refused(put(as_alice, provider, {"model": "scripted-small"}), 500, f"Cannot update provider. {NOT_ALLOWED}")
    assert vendor.requests == []


def test_created_at_stays(provider: Provider, as_alice: Caller) -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    Provider.objects.filter(pk=provider.pk).update(created_at=moment, updated_at=moment)
    put(as_alice, provider, {"name": "Other"})
    provider.refresh_from_db()
    assert provider.created_at == moment
    assert provider.updated_at > moment
