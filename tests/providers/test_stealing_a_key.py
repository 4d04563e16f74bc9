"""A stored key is somebody's money. Every way to get at it that we know of, and what comes of it."""

from collections.abc import Iterator
from typing import Any

import pytest

from providers.models import Provider
from sage_platform.accounts.models import User
from tests.answers import refused
from tests.people import Caller, envelope
from tests.provider_rows import KEY, MASKED, MODEL, OTHER_KEY, make_provider, stored
from tests.providers.searching import found_in
from tests.vendor import Vendor, scripted_vendor
from tests.vendor.behaviours import redirect

NOT_FOUND = refused(500, "Provider not found")
KEY_NEEDED = refused(400, "A new address needs its key: enter the API key again.")
OTHER_MASK = refused(400, "This masked key is not the stored one. Enter the API key itself.")
Call = tuple[str, str]
UPDATE, CHECK = "/api/llm-provider/update/{id}", "/api/llm-provider/verify-capabilities/{id}"
ADMIN = "/admin/providers/provider/{id}/change/"
CHANGING, MODELS = [("PUT", UPDATE), ("POST", CHECK)], ("GET", "/api/llm-provider/models?provider_id={id}")
NO_PROBES = {f"probes-{name}_FORMS": "0" for name in ("TOTAL", "INITIAL")}


@pytest.fixture
def thief() -> Iterator[Vendor]:
    """A server of somebody who wants the key. It answers well, so that nothing looks wrong."""
    with scripted_vendor() as made:
        yield made


@pytest.fixture
def treasure(alice: User, vendor: Vendor) -> Provider:
    """Alice's provider, with her key."""
    return make_provider(alice, vendor.base_url)


# -- Another user ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["as_bob", "as_admin"])
@pytest.mark.parametrize("call", [*CHANGING, MODELS, ("DELETE", "/api/llm-provider/delete/{id}")])
def test_another_user_finds_nothing(
    request: pytest.FixtureRequest, treasure: Provider, vendor: Vendor, who: str, call: Call
) -> None:
    caller: Caller = request.getfixturevalue(who)
    method, path = call
    before = stored()
    bodies: list[dict[str, Any]] = [{}, {"model": "scripted-small"}, {"api_keys": [MASKED]}, {"api_keys": [OTHER_KEY]}]
    for body in bodies:
        assert envelope(caller.send(method, path.format(id=treasure.pk), body)) == NOT_FOUND
    assert vendor.requests == []
    assert stored() == before


def test_another_user_s_own_record_cannot_be_filled_with_it(
    as_bob: Caller, bob: User, treasure: Provider, vendor: Vendor
) -> None:
    """Neither an owner, nor an id, nor what is stored of a key is a field that anybody may send."""
    own = make_provider(bob, vendor.base_url, key=OTHER_KEY)
    sent = {
        "id": str(treasure.pk), "pk": str(treasure.pk), "user_id": "alice", "owner": "alice", "owner_id": "alice",
        "key": treasure.key.stored, "key_hint": "x", "config_digest": treasure.config_digest, "name": "mine",
    }  # fmt: skip
    assert envelope(as_bob.send("PUT", UPDATE.format(id=own.pk), sent))["code"] == 200
    mine, theirs = Provider.objects.get(pk=own.pk), Provider.objects.get(pk=treasure.pk)
    assert (mine.owner_id, mine.name, mine.key, mine.config_digest) == ("bob", "mine", own.key, own.config_digest)
    assert (theirs.owner_id, theirs.name, theirs.key) == ("alice", "Acme", treasure.key)


def test_the_list_of_one_has_nothing_of_another(as_bob: Caller, treasure: Provider) -> None:
    assert envelope(as_bob.get("/api/llm-provider/list"))["data"] == []


# -- Another address, with the stored key ----------------------------------------------------------------------------------


def elsewhere(treasure: Provider, thief: Vendor) -> list[str]:
    """Addresses that are not the stored one, though some look like it."""
    host = treasure.base_url.removeprefix("http://").removesuffix("/v1")
    port = host.partition(":")[2]
    return [
        thief.base_url,
        f"http://{host}/v2",
        f"http://{host}/v1/..",
        f"http://{host}/v1/x",
        f"http://{host}//v1",
        f"http://{host}",
        f"https://{host}/v1",
        f"http://localhost:{port}/v1",
        f"http://127.0.0.1.:{port}/v1",
        f"http://127.1:{port}/v1",
        f"http://2130706433:{port}/v1",
        f"http://[::1]:{port}/v1",
        f"HTTP://{host}/v1",
        f"http://{host}/V1",
        f"http://{host}/v1%2f",
        f"http://{host}/v1;x",
    ]


@pytest.mark.parametrize("keys", [{}, {"api_keys": [MASKED]}], ids=["no key", "the masked key"])
@pytest.mark.parametrize("call", CHANGING)
def test_a_changed_address_does_not_get_the_stored_key(
    as_alice: Caller, treasure: Provider, thief: Vendor, call: Call, keys: dict[str, Any]
) -> None:
    before = stored()
    method, path = call
    for address in elsewhere(treasure, thief):
        for more in ({}, {"model": "scripted-small"}):
            sent = {"base_url": address} | keys | more
            assert envelope(as_alice.send(method, path.format(id=treasure.pk), sent)) == KEY_NEEDED, address
    assert stored() == before
    assert thief.requests == []


@pytest.mark.parametrize("keys", [["sk-p***XXXX"], ["XXXX***8Hd3"], ["***"]])
@pytest.mark.parametrize("call", CHANGING)
def test_another_masked_key_is_no_key(as_alice: Caller, treasure: Provider, thief: Vendor, call: Call, keys: list[str]) -> None:
    before = stored()
    method, path = call
    for address in (treasure.base_url, thief.base_url):
        sent = {"base_url": address, "api_keys": keys}
        assert envelope(as_alice.send(method, path.format(id=treasure.pk), sent)) == OTHER_MASK
    assert thief.requests == []
    assert stored() == before


def test_a_changed_address_in_the_admin_does_not_get_it(
    as_admin: Caller, treasure: Provider, vendor: Vendor, thief: Vendor
) -> None:
    before = stored()
    for number, address in enumerate(elsewhere(treasure, thief)):
        for typed in ("", " ", MASKED) if number == 0 else ("",):
            form = {"name": "Acme", "base_url": address, "model": MODEL, "new_key": typed} | NO_PROBES
            page = as_admin.form(ADMIN.format(id=treasure.pk), form)
            assert page.status_code == 200, address
            assert b"errorlist" in page.content
    assert vendor.requests == thief.requests == []
    assert stored() == before


def test_an_administrator_cannot_make_it_theirs(as_admin: Caller, treasure: Provider, vendor: Vendor) -> None:
    form = {"owner": "admin", "name": "Renamed", "base_url": vendor.base_url, "model": MODEL} | NO_PROBES
    assert as_admin.form(ADMIN.format(id=treasure.pk), form).status_code == 302
    kept = Provider.objects.get()
    assert (kept.owner_id, kept.name) == ("alice", "Renamed")


def test_the_address_with_a_new_key_gets_the_new_key_alone(
    as_alice: Caller, treasure: Provider, vendor: Vendor, thief: Vendor
) -> None:
    sent = {"base_url": thief.base_url, "api_keys": [OTHER_KEY]}
    assert envelope(as_alice.post(CHECK.format(id=treasure.pk), sent))["code"] == 200
    assert envelope(as_alice.send("PUT", UPDATE.format(id=treasure.pk), sent))["code"] == 200
    assert {received.key for received in thief.requests} == {OTHER_KEY}
    assert not [received for received in thief.requests if found_in(str(received.body)) or KEY in str(received)]
    assert vendor.requests == []
    assert Provider.objects.get().key.reveal() == OTHER_KEY


# -- The vendor itself -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [300, 301, 302, 303, 307, 308])
def test_a_vendor_that_redirects_takes_it_nowhere(
    as_alice: Caller, treasure: Provider, vendor: Vendor, thief: Vendor, status: int
) -> None:
    vendor.behave(redirect(f"{thief.base_url}/chat/completions", status))
    for method, path in (("POST", CHECK), ("GET", "/api/llm-provider/models?provider_id={id}")):
        response = envelope(as_alice.send(method, path.format(id=treasure.pk)))
        assert (response["code"], response["data"]) == (500, None)
    assert envelope(as_alice.send("PUT", UPDATE.format(id=treasure.pk), {"model": "other"}))["code"] == 500
    assert [received.key for received in vendor.requests] == [KEY] * 3
    assert thief.requests == []


def test_the_key_goes_out_in_one_header_and_nowhere_else(as_alice: Caller, treasure: Provider, vendor: Vendor) -> None:
    assert envelope(as_alice.post(CHECK.format(id=treasure.pk)))["code"] == 200
    assert envelope(as_alice.get("/api/llm-provider/models", {"provider_id": str(treasure.pk)}))["code"] == 200
    assert len(vendor.requests) >= 4
    for received in vendor.requests:
        headers = dict(received.headers)
        assert headers.pop("authorization") == f"Bearer {KEY}"
        assert found_in(f"{headers} {received.path} {received.body}") == []
