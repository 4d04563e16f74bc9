"""Checks of model providers: each question that is asked counts once, by what came of it."""

from collections.abc import Callable

import pytest
from pytest_django import Settings

from sage_platform.accounts.models import User
from tests.operations.counting import Counts, counting
from tests.people import Caller, envelope
from tests.provider_rows import KEY, OTHER_KEY, exhaust_rate, fields, make_provider
from tests.providers.test_admin import ADD, change, probe_again, typed
from tests.providers.test_limits import all_slots_taken
from tests.vendor import Vendor

pytestmark = pytest.mark.django_db
ROUTES = ["verify", "verify-capabilities", "verify-multimodal", "models", "create"]
OK, REFUSED, ERROR = ({f"providers/probe {status}": 1} for status in ("ok", "refused", "error"))
# By what the vendor does. A wrong key is the vendor's no; one who answers with 500 is down, as one who does not answer is.
ENDS = {
    "good": OK,
    "unauthorized_401": REFUSED,
    "quota_429": REFUSED,
    "rate_limited_429": REFUSED,
    "error_500": ERROR,
    "reset": ERROR,
}


def asked(caller: Caller, route: str, body: object) -> Counts:
    with counting() as counted:
        caller.post(f"/api/llm-provider/{route}", body)
    return counted


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("behaviour", ENDS)
def test_what_is_not_stored(route: str, behaviour: str, vendor: Vendor, as_alice: Caller) -> None:
    vendor.behave(behaviour)
    assert asked(as_alice, route, fields(vendor)) == ENDS[behaviour]


@pytest.mark.parametrize("route", ROUTES)
def test_nobody_who_answers(route: str, dead_address: str, as_alice: Caller, settings: Settings) -> None:
    settings.SAGE_OUTBOUND_ALLOW_PRIVATE = True
    assert asked(as_alice, route, {"base_url": dead_address, "api_keys": [KEY], "model": "m"}) == ERROR


@pytest.mark.parametrize("route", ROUTES)
def test_what_we_refuse(route: str, vendor: Vendor, as_alice: Caller) -> None:
    with all_slots_taken():
        assert asked(as_alice, route, fields(vendor)) == REFUSED
    exhaust_rate(as_alice.user)
    assert asked(as_alice, route, fields(vendor)) == REFUSED
    assert asked(as_alice, route, {}) == {}
    assert vendor.requests == []


@pytest.mark.parametrize("route", ROUTES)
def test_an_address_that_is_not_allowed(route: str, vendor: Vendor, as_alice: Caller, settings: Settings) -> None:
    settings.SAGE_OUTBOUND_ALLOW_PRIVATE = False
    assert asked(as_alice, route, fields(vendor)) == REFUSED
    assert vendor.requests == []


@pytest.mark.parametrize(("behaviour", "expected"), ENDS.items())
def test_stored_ones(behaviour: str, expected: Counts, vendor: Vendor, alice: User, as_alice: Caller) -> None:
    provider = make_provider(alice, vendor.base_url)
    vendor.behave(behaviour)
    assert asked(as_alice, f"verify-capabilities/{provider.pk}", {}) == expected
    with counting() as listed:
        as_alice.get("/api/llm-provider/models", {"provider_id": str(provider.pk)})
    with counting() as changed:
        as_alice.send("PUT", f"/api/llm-provider/update/{provider.pk}", {"api_keys": [OTHER_KEY]})
    assert (listed, changed) == (expected, expected)


def test_what_asks_nobody(vendor: Vendor, alice: User, as_alice: Caller) -> None:
    """The same again, a new name, and what is refused before anybody is asked."""
    provider = make_provider(alice, vendor.base_url)
    with counting() as counted:
        assert envelope(as_alice.post("/api/llm-provider/create", fields(vendor)))["code"] == 200
        assert envelope(as_alice.send("PUT", f"/api/llm-provider/update/{provider.pk}", {"name": "New"}))["code"] == 200
        moved = {"base_url": f"{vendor.base_url}/other"}
        assert envelope(as_alice.post(f"/api/llm-provider/verify-capabilities/{provider.pk}", moved))["code"] == 400
    assert (counted, vendor.requests) == ({}, [])


def test_a_check_that_crashes(vendor: Vendor, as_alice: Caller, breaking: Callable[[str], None]) -> None:
    breaking("providers.probing.check_connection")
    assert asked(as_alice, "verify", fields(vendor)) == ERROR


@pytest.mark.parametrize(("behaviour", "status"), [("good", "ok"), ("unauthorized_401", "refused"), ("error_500", "error")])
def test_in_the_administration(behaviour: str, status: str, vendor: Vendor, alice: User, as_admin: Caller) -> None:
    first, second = make_provider(alice, vendor.base_url), make_provider(alice, vendor.base_url, key=OTHER_KEY)
    vendor.behave(behaviour)
    with counting() as again:
        probe_again(as_admin, first, second)
    with counting() as added:
        as_admin.form(ADD, typed(vendor, model="another"))
    with counting() as changed:
        as_admin.form(change(first), typed(vendor, model="a-third"))
    one = {f"providers/probe {status}": 1}
    assert (again, added, changed) == ({f"providers/probe {status}": 2}, one, one)
