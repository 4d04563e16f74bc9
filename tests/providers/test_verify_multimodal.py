"""POST /api/llm-provider/verify-multimodal: does it really see an image?"""

from collections.abc import Callable
from typing import Any

import pytest
from pytest_django import Settings

from tests.answers import success
from tests.people import Caller, envelope
from tests.provider_rows import KEY, fields, stored
from tests.providers.sentences import FAILURES, NO_IMAGES, NOT_ALLOWED, NOT_SEEN, SERVICE, TIMEOUT, UNFINISHED
from tests.vendor import BEHAVIOURS, Exchange, Vendor
from tests.vendor.behaviours import completion
from tests.vendor.exchange import COLOURS

PATH = "/api/llm-provider/verify-multimodal"
DOWN = f"{SERVICE} The service says: The server had an error while processing your request."
REFUSED = {"supports_multimodal": False, "error": f"{NO_IMAGES} The service says: This model does not support image input."}


def unseen(response: str) -> dict[str, Any]:
    return {"supports_multimodal": False, "recognized": False, "response": response, "error": NOT_SEEN}


# By behaviour: the whole of `data`; None where the vendor sees the picture.
FOUND: dict[str, dict[str, Any] | None] = {
    "good": None,
    "reasoning_only": {"supports_multimodal": False, "error": UNFINISHED},
    "length": {"supports_multimodal": False, "error": UNFINISHED},
    "wrong_content_type": unseen("OK"),
    "parts": unseen("OK"),
    "image_refused_400": REFUSED,
    "image_refused_422": REFUSED,
    "image_refused_500": {"supports_multimodal": False, "error": DOWN},
    "image_ignored": unseen("Hello! How can I help you today?"),
    "image_blind": unseen("I'm sorry, I cannot see images. Please describe it."),
    "image_hangs": {"supports_multimodal": False, "error": TIMEOUT},
    "json_mode_refused": None,
    "json_schema_only": None,
    "json_object_only": None,
    "json_ignored": None,
    "json_fails_500": None,
    "json_hangs": None,
    "refuses_max_tokens": None,
    "refuses_max_completion_tokens": None,
    "refuses_max_tokens_422": None,
    "refuses_max_completion_tokens_422": None,
    "needs_room": None,
    "streams_only": None,
    "streams_always": None,
}
REQUESTS = {"refuses_max_tokens": 2, "refuses_max_tokens_422": 2, "streams_only": 2}


def seen(vendor: Vendor) -> dict[str, Any]:
    colour = vendor.requests[-1].colour().capitalize()
    return {"supports_multimodal": True, "recognized": True, "response": f"{colour}."}


def test_every_behaviour_of_the_vendor_is_tried() -> None:
    assert sorted([*FAILURES, *FOUND]) == sorted(BEHAVIOURS)


@pytest.mark.parametrize("behaviour", FOUND)
def test_whether_it_sees(behaviour: str, vendor: Vendor, as_alice: Caller, settings: Settings) -> None:
    settings.SAGE_PROBE_TIMEOUT = 0.3 if behaviour == "image_hangs" else 10
    vendor.behave(behaviour)
    response = as_alice.post(PATH, fields(vendor))
    expected = FOUND[behaviour] or seen(vendor)
    assert (response.status_code, envelope(response)) == (200, success(expected))
    assert [received.kind for received in vendor.requests] == ["image"] * REQUESTS.get(behaviour, 1)
    assert stored() == [[], []]


@pytest.mark.parametrize("behaviour", FAILURES)
def test_a_failure_is_still_a_success(behaviour: str, misbehave: Callable[[str], None], vendor: Vendor, as_alice: Caller) -> None:
    misbehave(behaviour)
    response = as_alice.post(PATH, fields(vendor))
    expected = success({"supports_multimodal": False, "error": FAILURES[behaviour]})
    assert (response.status_code, envelope(response)) == (200, expected)
    assert KEY not in response.content.decode()
    assert len(vendor.requests) == 1
    assert stored() == [[], []]


def test_an_address_that_is_not_allowed(as_alice: Caller) -> None:
    body = {"base_url": "http://169.254.169.254/v1", "api_keys": [KEY], "model": "m"}
    assert envelope(as_alice.post(PATH, body)) == success({"supports_multimodal": False, "error": NOT_ALLOWED})


def test_the_picture(vendor: Vendor, as_alice: Caller) -> None:
    as_alice.post(PATH, fields(vendor))
    (received,) = vendor.requests
    width, height, pixels = received.picture()
    assert (width, height) == (112, 112)
    assert len(set(pixels)) == 1
    assert pixels[0] in COLOURS
    assert received.body is not None
    assert received.body["max_tokens"] == 512
    assert "temperature" not in received.body


CHINESE = {
    "red": "红色", "green": "绿色", "blue": "蓝色", "yellow": "黄色",
    "orange": "橙色", "purple": "紫色", "black": "黑色", "white": "白色",
}  # fmt: skip


def test_an_answer_in_chinese(vendor: Vendor, as_alice: Caller) -> None:
    def in_chinese(exchange: Exchange) -> None:
        exchange.json(completion(f"这张图片是{CHINESE[exchange.received.colour()]}的。"))

    vendor.behave(image=in_chinese)
    data = envelope(as_alice.post(PATH, fields(vendor)))["data"]
    colour = CHINESE[vendor.requests[0].colour()]
    assert data == {"supports_multimodal": True, "recognized": True, "response": f"这张图片是{colour}的。"}


def test_another_colour_is_no_sight(vendor: Vendor, as_alice: Caller) -> None:
    def wrong(exchange: Exchange) -> None:
        exchange.json(completion("Blue." if exchange.received.colour() == "red" else "Red."))

    vendor.behave(image=wrong)
    data = envelope(as_alice.post(PATH, fields(vendor)))["data"]
    assert data == unseen("Blue." if vendor.requests[0].colour() == "red" else "Red.")


def test_who_names_them_all_has_seen_none(vendor: Vendor, as_alice: Caller) -> None:
    guess = "Red, green, blue, yellow, orange, purple, black or white."

    def everything(exchange: Exchange) -> None:
        exchange.json(completion(guess))

    vendor.behave(image=everything)
    assert envelope(as_alice.post(PATH, fields(vendor)))["data"] == unseen(guess)


def test_the_colour_is_drawn_anew_each_time(vendor: Vendor, as_alice: Caller, settings: Settings) -> None:
    """Else an answer that a vendor had kept would do. That 25 draws of eight are all the same: 1 in 10²¹."""
    settings.SAGE_PROBE_RATE = (1000, settings.SAGE_PROBE_RATE[1])
    for _ in range(25):
        as_alice.post(PATH, fields(vendor))
    assert len({received.colour() for received in vendor.requests}) > 1
