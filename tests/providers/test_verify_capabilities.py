"""POST /api/llm-provider/verify-capabilities: what can this endpoint do?"""

import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from pytest_django import Settings

from tests.answers import assert_refused, success
from tests.people import Caller, envelope
from tests.provider_rows import KEY, fields, stored
from tests.providers.sentences import ASKED_TWICE, FAILURES, NO_IMAGES, NO_JSON, NOT_SEEN, SERVICE, TIMEOUT, UNFINISHED
from tests.vendor import BEHAVIOURS, Vendor, after, answering, saying
from tests.vendor.behaviours import openai_error

PATH = "/api/llm-provider/verify-capabilities"
# Stands for the colour that the vendor was shown.
COLOUR = "<the colour>"
SEEN = {"supported": True, "recognized": True, "response": COLOUR}
OBEYED = {"supported": True, "response": '{"ok": true}', "parsed": {"ok": True}}
DOWN = f"{SERVICE} The service says: The server had an error while processing your request."
IMAGES_REFUSED = {"supported": False, "error": f"{NO_IMAGES} The service says: This model does not support image input."}


def unseen(response: str) -> dict[str, Any]:
    return {"supported": False, "recognized": False, "response": response, "error": NOT_SEEN}


def unknown(error: str) -> dict[str, Any]:
    return {"supported": False, "error": error}


def disobeyed(response: str, error: str = NO_JSON) -> dict[str, Any]:
    return {"supported": False, "response": response, "error": error}


NO_MODE = f"{NO_JSON} The service says: response_format of type 'json_object' is not supported"
# By behaviour: what the connection answered, what is said of images and of JSON, and how many requests each took.
FOUND: dict[str, tuple[str, dict[str, Any], dict[str, Any], tuple[int, int, int]]] = {
    "good": ("OK", SEEN, OBEYED, (1, 1, 1)),
    "reasoning_only": ("The person wants one word.", unknown(UNFINISHED), unknown(UNFINISHED), (1, 1, 3)),
    "length": ("", unknown(UNFINISHED), unknown(UNFINISHED), (1, 1, 3)),
    "wrong_content_type": ("OK", unseen("OK"), disobeyed("OK"), (1, 1, 3)),
    "parts": ("OK", unseen("OK"), disobeyed("OK"), (1, 1, 3)),
    "image_refused_400": ("OK", IMAGES_REFUSED, OBEYED, (1, 1, 1)),
    "image_refused_422": ("OK", IMAGES_REFUSED, OBEYED, (1, 1, 1)),
    "image_refused_500": ("OK", unknown(DOWN), OBEYED, (1, 1, 1)),
    "image_ignored": ("OK", unseen("Hello! How can I help you today?"), OBEYED, (1, 1, 1)),
    "image_blind": ("OK", unseen("I'm sorry, I cannot see images. Please describe it."), OBEYED, (1, 1, 1)),
    "image_hangs": ("OK", unknown(TIMEOUT), OBEYED, (1, 1, 1)),
    "json_mode_refused": ("OK", SEEN, disobeyed("Sure! It is all right.", NO_MODE), (1, 1, 3)),
    "json_schema_only": ("OK", SEEN, OBEYED, (1, 1, 1)),
    "json_object_only": ("OK", SEEN, OBEYED, (1, 1, 2)),
    "json_ignored": ("OK", SEEN, disobeyed("Sure! It is all right."), (1, 1, 3)),
    "json_fails_500": ("OK", SEEN, unknown(DOWN), (1, 1, 3)),
    "json_hangs": ("OK", SEEN, unknown(TIMEOUT), (1, 1, 1)),
    # The connection finds out which name the limit has; the probes do not ask again.
    "refuses_max_tokens": ("OK", SEEN, OBEYED, (2, 1, 1)),
    "refuses_max_completion_tokens": ("OK", SEEN, OBEYED, (1, 1, 1)),
    "refuses_max_tokens_422": ("OK", SEEN, OBEYED, (2, 1, 1)),
    "refuses_max_completion_tokens_422": ("OK", SEEN, OBEYED, (1, 1, 1)),
    # Nor whether it only streams. They have more room from the start.
    "needs_room": ("OK", SEEN, OBEYED, (2, 1, 1)),
    "streams_only": ("OK", SEEN, OBEYED, (2, 1, 1)),
    "streams_always": ("OK", SEEN, OBEYED, (1, 1, 1)),
}
HANGING = {"image_hangs", "json_hangs"}
# Gateways answer 404 to a mode that none of a model's hosts has, so with a model that has just answered it is about the mode.
NOT_FOUND_IN_JSON = {
    "not_found_404": f"{NO_JSON} The service says: The model `nope` does not exist or you do not have access to it."
}


def shown(vendor: Vendor) -> str:
    """What a vendor with eyes says of the picture that it was sent last."""
    return next(received.colour() for received in reversed(vendor.requests) if received.kind == "image").capitalize() + "."


def whole(vendor: Vendor, connection: str, image: dict[str, Any], structured: dict[str, Any]) -> dict[str, Any]:
    image = image | ({"response": shown(vendor)} if image.get("response") == COLOUR else {})
    return {
        "connection": {"supported": True, "response": connection},
        "supports_multimodal": image["supported"],
        "supports_structured_output": structured["supported"],
        "multimodal": image,
        "structured_output": structured,
        "model": "scripted-large",
        "base_url": vendor.base_url,
    }


def test_every_behaviour_of_the_vendor_is_tried() -> None:
    assert sorted([*FAILURES, *FOUND]) == sorted(BEHAVIOURS)


@pytest.mark.parametrize("behaviour", FOUND)
def test_what_it_can_do(behaviour: str, vendor: Vendor, as_alice: Caller, settings: Settings) -> None:
    connection, image, structured, requests = FOUND[behaviour]
    settings.SAGE_PROBE_TIMEOUT = 1 if behaviour in HANGING else 10
    vendor.behave(behaviour)
    response = as_alice.post(PATH, fields(vendor))
    assert (response.status_code, envelope(response)) == (200, success(whole(vendor, connection, image, structured)))
    kinds = Counter(received.kind for received in vendor.requests)
    assert (kinds["chat"], kinds["image"], kinds["json"], kinds["models"]) == (*requests, 0)
    assert {received.key for received in vendor.requests} == {KEY}
    assert stored() == [[], []]


@pytest.mark.parametrize("behaviour", FAILURES)
def test_no_connection(behaviour: str, misbehave: Callable[[str], None], vendor: Vendor, as_alice: Caller) -> None:
    """Nothing more is asked then."""
    misbehave(behaviour)
    response = as_alice.post(PATH, fields(vendor))
    assert_refused(response, 500, FAILURES[behaviour])
    assert KEY not in response.content.decode()
    assert [received.kind for received in vendor.requests] == ["chat"] * (2 if behaviour in ASKED_TWICE else 1)
    assert stored() == [[], []]


@pytest.mark.parametrize("behaviour", FAILURES)
def test_both_probes_fail_and_the_answer_stands(
    behaviour: str, misbehave: Callable[[str], None], vendor: Vendor, as_alice: Caller
) -> None:
    misbehave(behaviour)
    vendor.behave(image=behaviour, json=behaviour)
    response = as_alice.post(PATH, fields(vendor))
    image, structured = unknown(FAILURES[behaviour]), unknown(NOT_FOUND_IN_JSON.get(behaviour, FAILURES[behaviour]))
    assert (response.status_code, envelope(response)) == (200, success(whole(vendor, "OK", image, structured)))
    assert KEY not in response.content.decode()


def test_the_two_probes_run_at_the_same_time(vendor: Vendor, as_alice: Caller) -> None:
    vendor.behave(image=after(0.5), json=after(0.5))
    response = as_alice.post(PATH, fields(vendor))
    assert envelope(response) == success(whole(vendor, "OK", SEEN, OBEYED))
    assert vendor.most_at_once == 2


def test_both_together_have_as_much_time_again(vendor: Vendor, as_alice: Caller, settings: Settings) -> None:
    """One after the other they would take two seconds."""
    settings.SAGE_PROBE_TIMEOUT = 1
    vendor.behave(image="hang", json="drip_body")
    began = time.monotonic()
    response = as_alice.post(PATH, fields(vendor))
    assert 1.0 <= time.monotonic() - began < 1.9
    assert envelope(response) == success(whole(vendor, "OK", unknown(TIMEOUT), unknown(TIMEOUT)))


ANSWERS: list[tuple[str, dict[str, Any]]] = [
    ('{"ok": true}', OBEYED),
    ('```json\n{"ok": true}\n```', OBEYED | {"response": '```json\n{"ok": true}\n```'}),
    ('{"ok": false, "x": [1]}', OBEYED | {"response": '{"ok": false, "x": [1]}', "parsed": {"ok": False, "x": [1]}}),
    ('{"fine": true}', disobeyed('{"fine": true}')),
    ("[true]", disobeyed("[true]")),
    ("true", disobeyed("true")),
    ('{"ok": tr', disobeyed('{"ok": tr')),
]


@pytest.mark.parametrize(("answer", "structured"), ANSWERS)
def test_the_parsed_answer_must_be_an_object_with_ok(
    answer: str, structured: dict[str, Any], vendor: Vendor, as_alice: Caller
) -> None:
    vendor.behave(json=saying(answer))
    assert envelope(as_alice.post(PATH, fields(vendor))) == success(whole(vendor, "OK", SEEN, structured))


def test_the_json_probe_tries_a_schema_then_an_object_then_nothing(vendor: Vendor, as_alice: Caller) -> None:
    vendor.behave("json_ignored")
    as_alice.post(PATH, fields(vendor))
    asked = vendor.bodies("json")
    assert [body.get("response_format", {}).get("type") for body in asked] == ["json_schema", "json_object", None]
    assert all("json" in body["messages"][0]["content"].lower() for body in asked)


def test_the_key_is_in_no_part_of_the_answer(vendor: Vendor, as_alice: Caller) -> None:
    """Not in what the model says, nor in the object that was parsed from it."""
    echo = saying(f'{{"ok": "{KEY}", "{KEY}": "Bearer {KEY}"}}')
    vendor.behave(chat=saying(f"Your key is {KEY}"), json=echo, image=saying(f"Red? {KEY}"))
    response = as_alice.post(PATH, fields(vendor))
    data = envelope(response)["data"]
    assert data["connection"] == {"supported": True, "response": "Your key is ***"}
    assert data["structured_output"] == {
        "supported": True,
        "response": '{"ok": "***", "***": "Bearer ***"}',
        "parsed": {"ok": "***", "***": "Bearer ***"},
    }
    assert KEY not in response.content.decode()


def test_a_rate_limit_is_no_no(vendor: Vendor, as_alice: Caller) -> None:
    """False on the wire, and the reason says that nothing was found out."""
    limit = answering(openai_error("Rate limit reached for requests", code="rate_limit_exceeded"), status=429)
    vendor.behave(image=limit)
    said = "The service limits how often it may be asked. Wait a moment, then try again. The service says: "
    assert envelope(as_alice.post(PATH, fields(vendor)))["data"]["multimodal"] == {
        "supported": False,
        "error": f"{said}Rate limit reached for requests",
    }
