"""How many probes run at once, and how many one person starts: 429 at once, with Retry-After, and nothing sent."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone
from pytest_django import Settings

from providers.models import Provider
from sage_platform.accounts.models import LimitedAct, User
from sage_platform.accounts.services import outbound_calls
from sage_platform.accounts.services.slots import Slots
from sage_platform.api.errors import TooManyRequests
from tests.answers import refused
from tests.people import Caller, Response, envelope
from tests.provider_rows import OTHER_KEY, UNKNOWN, exhaust_rate, fields, make_provider, started, stored
from tests.vendor import Exchange, Vendor
from tests.vendor.behaviours import good

BUSY = "Too many requests to other servers are running at the moment. Please try again in a few seconds."
SHARE_TAKEN = "Your other requests to servers are still running. Please wait until one of them has ended."
TOO_MANY = "Too many requests. Please wait and try again."
# Each route that asks a vendor, and what makes it do so.
PROBES: list[tuple[str, str, dict[str, Any]]] = [
    ("POST", "/api/llm-provider/verify", {"base_url": "", "api_keys": [OTHER_KEY], "model": "m"}),
    ("POST", "/api/llm-provider/verify-capabilities", {"base_url": "", "api_keys": [OTHER_KEY], "model": "m"}),
    ("POST", "/api/llm-provider/verify-capabilities/{}", {}),
    ("POST", "/api/llm-provider/verify-multimodal", {"base_url": "", "api_keys": [OTHER_KEY], "model": "m"}),
    ("POST", "/api/llm-provider/create", {"base_url": "", "api_keys": [OTHER_KEY], "model": "m"}),
    ("PUT", "/api/llm-provider/update/{}", {"model": "m", "name": "Other"}),
    ("GET", "/api/llm-provider/models?provider_id={}", {}),
    ("POST", "/api/llm-provider/models", {"base_url": "", "api_keys": [OTHER_KEY]}),
]
every_probe = pytest.mark.parametrize("probe", PROBES, ids=lambda probe: f"{probe[0]} {probe[1]}")


@pytest.fixture
def provider(alice: User, vendor: Vendor) -> Provider:
    return make_provider(alice, vendor.base_url)


def call(caller: Caller, probe: tuple[str, str, dict[str, Any]], provider: Provider) -> Any:
    method, path, body = probe
    filled = {name: value or provider.base_url for name, value in body.items()}
    return caller.send(method, path.format(provider.pk), filled)


@contextmanager
def all_slots_taken(*, but: int = 0) -> Iterator[None]:
    """As if so many probes of other people were under way in this process."""
    with ExitStack() as held:
        for number in range(8 - but):
            outbound_calls.slots.enter(f"somebody {number}")
            held.callback(outbound_calls.slots.leave, f"somebody {number}")
        yield


@contextmanager
def own_share_taken(user: User) -> Iterator[None]:
    """As if this user's other probes were under way, in two slots of the eight."""
    with ExitStack() as held:
        for _ in range(2):
            outbound_calls.slots.enter(user.pk)
            held.callback(outbound_calls.slots.leave, user.pk)
        yield


def assert_throttled(response: Response, message: str, retry_after: range) -> None:
    assert (response.status_code, envelope(response)) == (429, refused(429, message))
    assert int(response.headers["Retry-After"]) in retry_after


@every_probe
def test_no_slot_is_free(probe: tuple[str, str, dict[str, Any]], provider: Provider, vendor: Vendor, as_alice: Caller) -> None:
    before = stored()
    call(as_alice, ("GET", "/api/llm-provider/list", {}), provider)
    with all_slots_taken():
        began = time.monotonic()
        response = call(as_alice, probe, provider)
        took = time.monotonic() - began
    assert_throttled(response, BUSY, range(5, 6))
    assert took < 0.9, "nobody waits for a slot"
    assert (vendor.requests, stored(), started()) == ([], before, 0), "it has not used up the rate"
    with all_slots_taken(but=1):
        assert envelope(call(as_alice, probe, provider))["code"] == 200


@every_probe
def test_one_person_has_a_quarter_of_the_slots(
    probe: tuple[str, str, dict[str, Any]], provider: Provider, vendor: Vendor, as_alice: Caller, as_bob: Caller
) -> None:
    before = stored()
    with own_share_taken(as_alice.user):
        assert_throttled(call(as_alice, probe, provider), SHARE_TAKEN, range(5, 6))
        assert (vendor.requests, stored(), started()) == ([], before, 0), "it has not used up the rate"
        assert as_bob.post("/api/llm-provider/verify", fields(vendor)).status_code == 200
    assert envelope(call(as_alice, probe, provider))["code"] == 200


@pytest.mark.parametrize(("amount", "share"), [(1, 1), (3, 1), (4, 1), (8, 2), (11, 2), (32, 8)])
def test_a_quarter_and_at_least_one(amount: int, share: int) -> None:
    slots = Slots(amount, busy="", share_taken="")
    for _ in range(share):
        slots.enter("alice")
    for holder in ["alice", *["bob"] * (share == amount)]:
        with pytest.raises(TooManyRequests):
            slots.enter(holder)
    slots.leave("alice")
    slots.enter("alice")


@every_probe
def test_the_rate_is_used_up(
    probe: tuple[str, str, dict[str, Any]], provider: Provider, vendor: Vendor, as_alice: Caller
) -> None:
    before = stored()
    exhaust_rate(as_alice.user)
    assert_throttled(call(as_alice, probe, provider), TOO_MANY, range(50, 61))
    assert (vendor.requests, stored(), started()) == ([], before, 10)
    LimitedAct.objects.update(at=timezone.now() - timedelta(seconds=61))
    assert envelope(call(as_alice, probe, provider))["code"] == 200
    assert started() == 11, "a probe is one call, however many requests it makes"


def test_ten_in_a_minute_and_no_more(vendor: Vendor, as_alice: Caller) -> None:
    statuses = [as_alice.post("/api/llm-provider/verify", fields(vendor)).status_code for _ in range(11)]
    assert statuses == [200] * 10 + [429]
    assert len(vendor.requests) == 10


def test_each_person_has_a_rate_of_their_own(vendor: Vendor, alice: User, as_alice: Caller, as_bob: Caller) -> None:
    exhaust_rate(alice)
    assert as_alice.post("/api/llm-provider/verify", fields(vendor)).status_code == 429
    assert as_bob.post("/api/llm-provider/verify", fields(vendor)).status_code == 200


def test_all_routes_count_towards_one_rate(provider: Provider, as_alice: Caller, settings: Settings) -> None:
    settings.SAGE_PROBE_RATE = (len(PROBES), timedelta(minutes=1))
    for probe in PROBES:
        assert call(as_alice, probe, provider).status_code == 200
    assert {call(as_alice, probe, provider).status_code for probe in [PROBES[0], PROBES[-1]]} == {429}


RATES = [(1, timedelta(hours=1), range(3590, 3601)), (2, timedelta(seconds=5), range(1, 6))]


@pytest.mark.parametrize("rate", RATES)
def test_the_rate_of_the_settings(
    rate: tuple[int, timedelta, range], vendor: Vendor, as_alice: Caller, settings: Settings
) -> None:
    amount, window, waits = rate
    settings.SAGE_PROBE_RATE = (amount, window)
    for _ in range(amount):
        assert as_alice.post("/api/llm-provider/verify", fields(vendor)).status_code == 200
    assert_throttled(as_alice.post("/api/llm-provider/verify", fields(vendor)), TOO_MANY, waits)


def free(provider: Provider) -> list[tuple[str, str, dict[str, Any], int]]:
    """Calls that ask no vendor, and the code that each gets: they start no probe, so nothing throttles them."""
    whole = {"base_url": provider.base_url, "api_keys": ["sk-proj-Qx7Lw2Zt9Vb4Nm6Rk8Hd3"], "model": "scripted-large"}
    one, moved = f"/{provider.pk}", {"base_url": "https://elsewhere.example/v1"}
    return [
        ("POST", "create", whole, 200),
        ("POST", "verify", whole | {"model": ""}, 422),
        ("POST", "create", whole | {"api_keys": ["***"]}, 422),
        ("POST", "verify-capabilities", whole | {"temperature": 3}, 422),
        ("POST", "verify-multimodal", whole | {"base_url": "x"}, 422),
        ("POST", "models", whole | {"api_keys": []}, 422),
        ("GET", "models", {}, 422),
        ("PUT", f"update{one}", {"temperature": 3}, 422),
        ("PUT", f"update{one}", {"temperature": 1}, 200),
        ("PUT", f"update{one}", moved, 400),
        ("POST", f"verify-capabilities{one}", moved, 400),
        ("POST", f"verify-capabilities/{UNKNOWN}", {}, 500),
        ("PUT", f"update/{UNKNOWN}", {"model": "m"}, 500),
        ("GET", f"models?provider_id={UNKNOWN}", {}, 500),
        ("GET", "list", {}, 200),
        ("DELETE", f"delete/{UNKNOWN}", {}, 500),
        ("DELETE", f"delete{one}", {}, 200),
    ]


def test_what_starts_no_probe_is_never_throttled(provider: Provider, vendor: Vendor, as_alice: Caller) -> None:
    exhaust_rate(as_alice.user)
    with all_slots_taken(but=2), own_share_taken(as_alice.user):
        for method, path, body, code in free(provider):
            response = as_alice.send(method, f"/api/llm-provider/{path}", body)
            assert (method, path, envelope(response)["code"]) == (method, path, code)
    assert (vendor.requests, started()) == ([], 10)


def test_a_slot_is_given_back_whatever_happens(vendor: Vendor, as_alice: Caller, settings: Settings) -> None:
    settings.SAGE_PROBE_RATE = (100, timedelta(minutes=1))
    settings.SAGE_PROBE_TIMEOUT = 0.2
    with all_slots_taken(but=1):
        for behaviour in ("unauthorized_401", "hang", "reset", "huge", "good"):
            vendor.behave(behaviour)
            assert as_alice.post("/api/llm-provider/verify", fields(vendor)).status_code == 200
            assert as_alice.post("/api/llm-provider/verify-capabilities", fields(vendor)).status_code == 200
        settings.SAGE_PROBE_RATE = (10, timedelta(minutes=1))
        assert as_alice.post("/api/llm-provider/verify", fields(vendor)).status_code == 429
        settings.SAGE_PROBE_RATE = (100, timedelta(minutes=1))
        assert as_alice.post("/api/llm-provider/verify", fields(vendor)).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_the_database_connection_is_given_back_while_the_vendor_thinks(vendor: Vendor, as_alice: Caller) -> None:
    """A pool has few of them: vendors that hang must not take them from everybody else. SQLite has no pool."""
    ours = connections["default"]
    kept = None if ours.vendor == "postgresql" else ours.connection
    seen: list[Any] = []

    def look(exchange: Exchange) -> None:
        seen.append(ours.connection)
        good(exchange)

    vendor.behave(look)
    assert envelope(as_alice.post("/api/llm-provider/verify", fields(vendor)))["code"] == 200
    assert envelope(as_alice.post("/api/llm-provider/create", fields(vendor)))["code"] == 200
    assert seen == [kept, kept]
    assert started() == 2
