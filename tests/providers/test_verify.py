"""POST /api/llm-provider/verify: does a chat completion get through with this key and model?"""

from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from pytest_django import Settings

from sage_platform.outbound import AllowedNetwork, using_resolver
from tests.answers import assert_refused
from tests.outbound.doors import Names
from tests.people import Caller, envelope
from tests.provider_rows import KEY, fields, started, stored
from tests.providers.sentences import ASKED_TWICE, AUTHENTICATION, CONNECTION, FAILURES, NOT_ALLOWED
from tests.vendor import BEHAVIOURS, Vendor, answering
from tests.vendor.behaviours import openai_error

PATH = "/api/llm-provider/verify"
VERIFIED = {"code": 200, "message": "Verified", "data": None}
# By behaviour: how many requests it takes.
CONNECTS = {
    "good": 1,
    "reasoning_only": 1,
    "length": 1,
    "wrong_content_type": 1,
    "parts": 1,
    # What the model can do beyond a chat is not asked here.
    "image_refused_400": 1,
    "image_refused_422": 1,
    "image_refused_500": 1,
    "image_ignored": 1,
    "image_blind": 1,
    "image_hangs": 1,
    "json_mode_refused": 1,
    "json_schema_only": 1,
    "json_object_only": 1,
    "json_ignored": 1,
    "json_fails_500": 1,
    "json_hangs": 1,
    # Once more with the other name.
    "refuses_max_tokens": 2,
    "refuses_max_completion_tokens": 1,
    "refuses_max_tokens_422": 2,
    "refuses_max_completion_tokens_422": 1,
    # Once more with room for more words, and once more as a stream.
    "needs_room": 2,
    "streams_only": 2,
    "streams_always": 1,
}


def test_every_behaviour_of_the_vendor_is_tried() -> None:
    assert sorted([*FAILURES, *CONNECTS]) == sorted(BEHAVIOURS)


@pytest.mark.parametrize("behaviour", CONNECTS)
def test_it_gets_through(behaviour: str, misbehave: Callable[[str], None], vendor: Vendor, as_alice: Caller) -> None:
    misbehave(behaviour)
    response = as_alice.post(PATH, fields(vendor))
    assert (response.status_code, envelope(response)) == (200, VERIFIED)
    assert [(received.method, received.path, received.key) for received in vendor.requests] == [
        ("POST", "/v1/chat/completions", KEY)
    ] * CONNECTS[behaviour]
    assert stored() == [[], []]


@pytest.mark.parametrize("behaviour", FAILURES)
def test_it_does_not_get_through(behaviour: str, misbehave: Callable[[str], None], vendor: Vendor, as_alice: Caller) -> None:
    misbehave(behaviour)
    response = as_alice.post(PATH, fields(vendor))
    assert_refused(response, 500, FAILURES[behaviour])
    assert KEY not in response.content.decode()
    assert len(vendor.requests) == (2 if behaviour in ASKED_TWICE else 1), "nothing is tried twice in secret"
    assert stored() == [[], []]


def test_the_other_way_round_for_a_model_that_takes_the_new_name(vendor: Vendor, as_alice: Caller) -> None:
    vendor.behave("refuses_max_completion_tokens")
    assert envelope(as_alice.post(PATH, fields(vendor, model="gpt-5-mini"))) == VERIFIED
    limits = [{name for name in body if name.startswith("max_")} for body in vendor.bodies()]
    assert limits == [{"max_completion_tokens"}, {"max_tokens"}]


def test_what_is_sent(vendor: Vendor, as_alice: Caller) -> None:
    """No temperature, though one is given: many models refuse it, and it is no question of the connection."""
    as_alice.post(PATH, fields(vendor, temperature=0.5, max_tokens=9, name="Acme"))
    (received,) = vendor.requests
    assert received.body == {
        "model": "scripted-large",
        "messages": [{"role": "user", "content": "Reply with the one word: OK"}],
        "max_tokens": 16,
        "stream": False,
    }
    assert set(received.headers) == {
        "host",
        "user-agent",
        "accept",
        "accept-encoding",
        "connection",
        "content-type",
        "content-length",
        "authorization",
    }


LONG = "The key sk-proj-Qx7Lw2Zt9Vb4Nm6Rk8Hd3 is not known here. " + "Lorem ipsum dolor sit amet. " * 50


def test_at_most_300_characters_of_the_vendors_text(vendor: Vendor, as_alice: Caller) -> None:
    vendor.behave(answering(openai_error(LONG, code="invalid_api_key"), status=401))
    message = envelope(as_alice.post(PATH, fields(vendor)))["message"]
    start = f"{AUTHENTICATION} The service says: "
    assert message.startswith(f"{start}The key *** is not known here. Lorem ipsum")
    assert 290 < len(message) - len(start) <= 300


# -- Addresses ------------------------------------------------------------------------------------------------------------

FORBIDDEN = [
    "http://169.254.169.254/v1",
    "http://2852039166/v1",
    "http://0251.0376.0251.0376/v1",
    "http://0xa9.0xfe.0xa9.0xfe/v1",
    "http://[::ffff:169.254.169.254]/v1",
    "http://[64:ff9b::a9fe:a9fe]/v1",
    "http://[2002:a9fe:a9fe::]/v1",
    "http://169.254.169.254./v1",
    "http://[fe80::1]/v1",
    "http://[fd00:ec2::254]/v1",
    "http://100.100.100.200/v1",
    "http://168.63.129.16/v1",
    "http://0.0.0.0/v1",
    "http://[::]/v1",
    "http://224.0.0.1/v1",
]


@pytest.mark.parametrize("base_url", FORBIDDEN)
@pytest.mark.parametrize("allow_private", [True, False], ids=["development", "production"])
def test_an_address_that_is_never_allowed(base_url: str, allow_private: bool, as_alice: Caller, settings: Settings) -> None:
    settings.SAGE_OUTBOUND_ALLOW_PRIVATE = allow_private
    response = as_alice.post(PATH, {"base_url": base_url, "api_keys": [KEY], "model": "m"})
    assert_refused(response, 500, NOT_ALLOWED)


def test_the_deployments_own_network_in_production(vendor: Vendor, as_alice: Caller, settings: Settings) -> None:
    settings.SAGE_OUTBOUND_ALLOW_PRIVATE = False
    assert_refused(as_alice.post(PATH, fields(vendor)), 500, NOT_ALLOWED)
    assert vendor.requests == []
    settings.SAGE_OUTBOUND_ALLOWED_NETWORKS = [AllowedNetwork.parse("127.0.0.1")]
    assert envelope(as_alice.post(PATH, fields(vendor))) == VERIFIED


def test_the_address_of_the_systems_provider_is_trusted_for_the_system_alone(
    vendor: Vendor, as_alice: Caller, settings: Settings
) -> None:
    settings.SAGE_OUTBOUND_ALLOW_PRIVATE = False
    settings.SAGE_DEFAULT_LLM_API_BASE_URL = vendor.base_url
    assert_refused(as_alice.post(PATH, fields(vendor)), 500, NOT_ALLOWED)
    assert vendor.requests == []


def test_a_name(vendor: Vendor, as_alice: Caller) -> None:
    port = urlsplit(vendor.base_url).port
    with using_resolver(Names({"llm.example": ["127.0.0.1"]})):
        response = as_alice.post(PATH, fields(vendor, base_url=f"http://LLM.example:{port}/v1"))
    assert envelope(response) == VERIFIED
    assert [received.headers["host"] for received in vendor.requests] == [f"llm.example:{port}"]


@pytest.mark.parametrize(
    ("addresses", "message"),
    [
        (["169.254.169.254"], NOT_ALLOWED),
        (["127.0.0.1", "169.254.169.254"], NOT_ALLOWED),
        (["::ffff:169.254.169.254"], NOT_ALLOWED),
        ([], f"{CONNECTION} The name of the server was not found."),
    ],
)
def test_a_name_that_leads_to_where_nobody_may_go(addresses: list[str], message: str, vendor: Vendor, as_alice: Caller) -> None:
    port = urlsplit(vendor.base_url).port
    with using_resolver(Names({"llm.example": addresses})):
        response = as_alice.post(PATH, fields(vendor, base_url=f"http://llm.example:{port}/v1"))
    assert_refused(response, 500, message)
    assert vendor.requests == []


def test_nobody_listens(vendor: Vendor, as_alice: Caller, dead_address: str) -> None:
    response = as_alice.post(PATH, fields(vendor, base_url=dead_address))
    assert_refused(response, 500, f"{CONNECTION} The server could not be reached.")


def test_a_failure_counts_like_a_success(vendor: Vendor, as_alice: Caller) -> None:
    as_alice.post(PATH, fields(vendor))
    vendor.behave("unauthorized_401")
    as_alice.post(PATH, fields(vendor))
    assert started() == 2
