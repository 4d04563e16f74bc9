"""POST /api/llm-provider/create: store a provider that works."""

import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from pytest_django import Settings

from providers.models import Provider
from sage_platform.accounts.models import User
from tests.answers import assert_refused
from tests.people import Caller, envelope
from tests.provider_rows import KEY, OTHER_KEY, exhaust_rate, fields, make_provider, started, stored
from tests.providers.sentences import ASKED_TWICE, FAILURES, NOT_ALLOWED
from tests.vendor import Vendor, scripted_vendor

PATH = "/api/llm-provider/create"
NOTHING: list[list[Any]] = [[], []]
BARE = {
    "name": "scripted-large@127.0.0.1",
    "model": "scripted-large",
    "key_hint": "sk-p***8Hd3",
    "owner_id": "alice",
    "max_tokens": None,
    "max_model_len": None,
    "temperature": None,
    "top_p": None,
    "presence_penalty": None,
    "supports_multimodal": False,
    "supports_structured_output": False,
    "is_default": False,
    "probe_result": "works",
    "probe_category": "",
    "probe_streams_only": False,
}
MADE_BY_US = {"id", "key", "config_digest", "created_at", "updated_at", "probed_at", "probe_latency_ms"}


def created(caller: Caller, body: dict[str, Any]) -> Provider:
    """Create, and answer the stored record; the whole answer is the new id."""
    response = caller.post(PATH, body)
    assert response.status_code == 200
    said = envelope(response)
    provider_id = said["data"]["provider_id"]
    assert said == {"code": 200, "message": "success", "data": {"provider_id": provider_id}}
    assert str(uuid.UUID(provider_id)) == provider_id
    provider: Provider = Provider.objects.get(pk=provider_id)
    return provider


def kept(provider: Provider) -> dict[str, Any]:
    (row,) = Provider.objects.filter(pk=provider.pk).values()
    assert set(row) >= MADE_BY_US
    return {name: value for name, value in row.items() if name not in MADE_BY_US}


def test_what_is_stored(vendor: Vendor, as_alice: Caller) -> None:
    provider = created(as_alice, fields(vendor))
    assert kept(provider) == BARE | {"base_url": vendor.base_url}
    assert provider.key.reveal() == KEY
    now = datetime.now(UTC)
    for moment in (provider.created_at, provider.updated_at, provider.probed_at):
        assert moment is not None
        assert now - timedelta(seconds=30) < moment <= now
    assert [received.kind for received in vendor.requests] == ["chat"]
    (probe,) = provider.probes.all()
    assert (probe.result, probe.category, probe.detail, probe.sees_images, probe.speaks_json) == ("works", "", "", "", "")
    assert probe.latency_ms == provider.probe_latency_ms


@pytest.mark.parametrize("behaviour", ["streams_only", "streams_always"])
def test_one_that_only_streams_is_stored_and_noted(behaviour: str, vendor: Vendor, as_alice: Caller) -> None:
    vendor.behave(behaviour)
    provider = created(as_alice, fields(vendor))
    assert kept(provider) == BARE | {"base_url": vendor.base_url, "probe_streams_only": True}


def test_the_key_is_not_in_the_database(vendor: Vendor, as_alice: Caller) -> None:
    provider = created(as_alice, fields(vendor))
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            assert KEY not in str(cursor.fetchall()), table
        cursor.execute("SELECT key FROM providers_provider")
        ((raw,),) = cursor.fetchall()
    assert raw.startswith(provider.key.stored[:9])
    assert KEY not in repr(provider.__dict__)


def test_all_that_is_sent_is_stored(vendor: Vendor, as_alice: Caller) -> None:
    given = {
        "name": "艾克米",
        "max_tokens": 4096,
        "max_model_len": 131072,
        "temperature": 0.7,
        "top_p": 1,
        "presence_penalty": -0.5,
        "supports_multimodal": True,
        "supports_structured_output": True,
        "is_default": True,
    }
    assert kept(created(as_alice, fields(vendor, **given))) == BARE | given | {"base_url": vendor.base_url}


@pytest.mark.parametrize("not_set", [0, "", None])
def test_lengths_that_are_not_set(not_set: object, vendor: Vendor, as_alice: Caller) -> None:
    provider = created(as_alice, fields(vendor, max_tokens=not_set, max_model_len=not_set))
    assert (provider.max_tokens, provider.max_model_len) == (None, None)


def test_zero_is_a_sampling_number(vendor: Vendor, as_alice: Caller) -> None:
    provider = created(as_alice, fields(vendor, temperature=0, top_p=0, presence_penalty=0))
    assert (provider.temperature, provider.top_p, provider.presence_penalty) == (0, 0, 0)


@pytest.mark.parametrize("images", [True, False])
@pytest.mark.parametrize("structured", [True, False])
@pytest.mark.parametrize("behaviour", ["good", "image_refused_400", "json_mode_refused"])
def test_capabilities_are_stored_as_sent(
    behaviour: str, images: bool, structured: bool, vendor: Vendor, as_alice: Caller
) -> None:
    """Whatever the vendor can do, which nobody asks it here."""
    vendor.behave(behaviour)
    provider = created(as_alice, fields(vendor, supports_multimodal=images, supports_structured_output=structured))
    assert (provider.supports_multimodal, provider.supports_structured_output) == (images, structured)
    assert [received.kind for received in vendor.requests] == ["chat"]


@pytest.mark.parametrize("name", ["", " ", None, "absent"])
def test_the_name_is_the_model_at_the_host(name: object, vendor: Vendor, as_alice: Caller) -> None:
    body = fields(vendor, model="gpt-4o", name=name)
    if name == "absent":
        del body["name"]
    assert created(as_alice, body).name == "gpt-4o@127.0.0.1"


def test_a_long_model_still_gives_a_name(vendor: Vendor, as_alice: Caller) -> None:
    assert created(as_alice, fields(vendor, model="m" * 255)).name == "m" * 255


@pytest.mark.parametrize("end", ["/", "//"])
def test_the_address_loses_its_trailing_slash(end: str, vendor: Vendor, as_alice: Caller) -> None:
    assert created(as_alice, fields(vendor, base_url=vendor.base_url + end)).base_url == vendor.base_url


def test_what_a_caller_cannot_set(vendor: Vendor, bob: User, as_alice: Caller) -> None:
    theirs = {
        "id": "0b7f7f0e-6a53-4b7e-9f0c-2d1c5a1e9a11",
        "user_id": "bob",
        "owner": "bob",
        "owner_id": "bob",
        "trusted": True,
        "key": "x",
        "key_hint": "x",
        "config_digest": "x",
        "probe_result": "fails",
        "created_at": "2001-01-01T00:00:00Z",
        "updated_at": "2001-01-01T00:00:00Z",
    }
    provider = created(as_alice, fields(vendor, **theirs))
    assert kept(provider) == BARE | {"base_url": vendor.base_url}
    assert str(provider.pk) != theirs["id"]
    assert provider.created_at.year > 2001


# -- The same again -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["", "/", " "])
def test_the_same_again_is_the_old_record(end: str, vendor: Vendor, alice: User, as_alice: Caller) -> None:
    """Nothing is probed, so a dead vendor and a used-up rate do not matter; nothing changes, whatever else is sent."""
    provider = created(as_alice, fields(vendor, name="First", temperature=1))
    vendor.behave("unauthorized_401")
    exhaust_rate(alice)
    before, counted = stored(), started()
    again = fields(
        vendor, base_url=vendor.base_url + end, name="Second", temperature=0, is_default=True, supports_multimodal=True
    )
    assert created(as_alice, again).pk == provider.pk
    assert (len(vendor.requests), stored(), started()) == (1, before, counted)


def test_the_same_again_after_the_secret_key_was_changed(vendor: Vendor, as_alice: Caller, settings: Settings) -> None:
    provider = created(as_alice, fields(vendor))
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another secret of the deployment, long enough to be one"
    assert created(as_alice, fields(vendor)).pk == provider.pk
    assert len(vendor.requests) == 1


def test_another_key_model_or_address_is_another_record(vendor: Vendor, as_alice: Caller) -> None:
    with scripted_vendor() as other:
        bodies = [
            fields(vendor),
            fields(vendor, api_keys=[OTHER_KEY]),
            fields(vendor, model="scripted-small"),
            fields(vendor, base_url=f"{vendor.base_url}/v2"),
            fields(other),
        ]
        assert len({created(as_alice, body).pk for body in bodies}) == 5
    assert Provider.objects.count() == 5


def test_the_same_of_somebody_else_is_their_own(vendor: Vendor, as_alice: Caller, as_bob: Caller) -> None:
    """That alice has it already must not show: bob's is probed and stored like any other."""
    hers = created(as_alice, fields(vendor))
    vendor.behave("unauthorized_401")
    before = stored()
    assert_refused(as_bob.post(PATH, fields(vendor)), 500, f"Cannot save provider. {FAILURES['unauthorized_401']}")
    assert stored() == before
    vendor.behave("good")
    his = created(as_bob, fields(vendor))
    assert his.pk != hers.pk
    assert (his.owner_id, hers.owner_id) == ("bob", "alice")


def test_the_systems_is_nobodys_own(vendor: Vendor, as_alice: Caller) -> None:
    systems = make_provider(None, vendor.base_url)
    assert created(as_alice, fields(vendor)).pk != systems.pk


# -- Refusals -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("behaviour", FAILURES)
def test_one_that_does_not_work(behaviour: str, misbehave: Callable[[str], None], vendor: Vendor, as_alice: Caller) -> None:
    misbehave(behaviour)
    response = as_alice.post(PATH, fields(vendor))
    assert_refused(response, 500, f"Cannot save provider. {FAILURES[behaviour]}")
    assert KEY not in response.content.decode()
    assert (len(vendor.requests), stored()) == (2 if behaviour in ASKED_TWICE else 1, NOTHING)


def test_an_address_that_is_not_allowed(as_alice: Caller) -> None:
    body = {"base_url": "http://169.254.169.254/v1", "api_keys": [KEY], "model": "m"}
    assert_refused(as_alice.post(PATH, body), 500, f"Cannot save provider. {NOT_ALLOWED}")
    assert stored() == NOTHING


def test_the_default_of_before_stays_when_a_new_one_fails(vendor: Vendor, alice: User, as_alice: Caller) -> None:
    make_provider(alice, "https://api.example.com/v1", is_default=True)
    before = stored()
    vendor.behave("unauthorized_401")
    as_alice.post(PATH, fields(vendor, is_default=True))
    assert stored() == before


def test_a_new_default_takes_the_place_of_the_old(vendor: Vendor, alice: User, bob: User, as_alice: Caller) -> None:
    old = make_provider(alice, "https://api.example.com/v1", is_default=True)
    others = [make_provider(owner, "https://api.example.com/v1", is_default=True) for owner in (bob, None)]
    new = created(as_alice, fields(vendor, is_default=True))
    assert set(Provider.objects.filter(is_default=True).values_list("pk", flat=True)) == {new.pk, *(row.pk for row in others)}
    old.refresh_from_db()
    assert not old.is_default


def test_there_is_a_most_that_one_person_keeps(vendor: Vendor, alice: User, bob: User, as_alice: Caller) -> None:
    one = make_provider(alice, vendor.base_url, model="m0")
    values = {"owner": alice, "name": "x", "base_url": vendor.base_url, "key": one.key, "key_hint": "***"}
    Provider.objects.bulk_create(Provider(**values, model=f"m{n}", config_digest=str(n)) for n in range(1, 199))
    make_provider(bob, vendor.base_url)
    created(as_alice, fields(vendor))
    before = stored()
    response = as_alice.post(PATH, fields(vendor, model="scripted-small"))
    assert_refused(response, 400, "You have too many providers. Delete one that you no longer need.")
    assert (len(vendor.requests), started(), stored()) == (1, 1, before)
    assert created(as_alice, fields(vendor)).model == "scripted-large", "one that is there is still found"


def test_the_key_is_in_no_log_line(vendor: Vendor, as_alice: Caller, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    for behaviour in ("good", "key_echoed", "reset"):
        vendor.behave(behaviour)
        as_alice.post(PATH, fields(vendor, model=behaviour))
    lines = json.dumps([[record.getMessage(), repr(record.__dict__)] for record in caplog.records])
    assert KEY not in lines
    assert KEY[:12] not in lines
