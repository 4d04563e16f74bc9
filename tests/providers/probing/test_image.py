"""check_image: yes, no, or not known. Whoever was not asked properly has not said no."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from providers.probing import Capability, ImageResult, ModelEndpoint, check_image
from providers.probing.pictures import COLOURS, Colour
from tests.vendor import Vendor, answering
from tests.vendor.behaviours import completion, openai_error

YES, NO, UNKNOWN = Capability.YES, Capability.NO, Capability.UNKNOWN
REFUSED = "The model does not take images."
NOT_SEEN = "The model did not name the colour of the picture that it was shown, so it does not seem to see images."
UNFINISHED = "The model used up its answer before it came to the point, so this could not be found out."
SERVICE = "The service answered with an error. Try again later, or ask the service."
TIMEOUT = "The service did not answer in time. Try again, or check whether it is up."
SILENT = "The service answered, but the model said nothing. Try again, or choose another model."
NO_IMAGES = "This model does not support image input."


def red(colours: Sequence[Colour]) -> Colour:
    return next(colour for colour in COLOURS if colour.name == "red")


RESULTS = {
    "good": ImageResult(YES, recognized=True, answer="Red."),
    "image_refused_400": ImageResult(NO, error=f"{REFUSED} The service says: {NO_IMAGES}"),
    "image_refused_422": ImageResult(NO, error=f"{REFUSED} The service says: {NO_IMAGES}"),
    "image_refused_500": ImageResult(
        UNKNOWN, error=f"{SERVICE} The service says: The server had an error while processing your request.", counts_as="error"
    ),
    "image_ignored": ImageResult(NO, answer="Hello! How can I help you today?", error=NOT_SEEN),
    "image_blind": ImageResult(NO, answer="I'm sorry, I cannot see images. Please describe it.", error=NOT_SEEN),
    "image_hangs": ImageResult(UNKNOWN, error=TIMEOUT, counts_as="error"),
    "reasoning_only": ImageResult(UNKNOWN, error=UNFINISHED),
    "length": ImageResult(UNKNOWN, error=UNFINISHED),
    "null_content": ImageResult(UNKNOWN, error=SILENT, counts_as="error"),
    "empty_choices": ImageResult(UNKNOWN, error=SILENT, counts_as="error"),
    "rate_limited_429": ImageResult(
        UNKNOWN,
        error="The service limits how often it may be asked. Wait a moment, then try again."
        " The service says: Rate limit reached for requests",
        counts_as="refused",
    ),
    "refuses_max_tokens": ImageResult(YES, recognized=True, answer="Red."),
}


@pytest.mark.parametrize("behaviour", RESULTS)
def test_each_result(behaviour: str, vendor: Vendor, target: ModelEndpoint) -> None:
    vendor.behave(behaviour)
    assert check_image(target, timeout=0.5 if "hang" in behaviour else 5, draw=red) == RESULTS[behaviour]


def test_what_is_sent(vendor: Vendor, target: ModelEndpoint) -> None:
    check_image(target, timeout=5)
    (received,) = vendor.requests
    assert received.body is not None
    (message,) = received.body.pop("messages")
    assert received.body == {"model": "scripted-large", "max_tokens": 512, "stream": False}
    words, picture = message.pop("content")
    assert message == {"role": "user"}
    assert words == {
        "type": "text",
        "text": "Which colour fills this picture? Answer with the name of one basic colour, in one word.",
    }
    assert not any(colour.name in words["text"] for colour in COLOURS), "a list to choose from would help who does not see"
    assert picture == {"type": "image_url", "image_url": {"url": picture["image_url"]["url"]}}
    assert picture["image_url"]["url"].startswith("data:image/png;base64,")


SAID: list[tuple[str, Any, Capability]] = [
    ("in Chinese", completion("红色"), YES),
    ("after thinking aloud", completion("<think>It may be blue or red.</think>Red"), YES),
    ("thinking apart", completion("Red", reasoning_content="Blue? No."), YES),
    ("in parts", completion([{"type": "text", "text": "Re"}, {"type": "text", "text": "d"}]), YES),
    ("named, then cut", completion("Red. " * 9, finish_reason="length"), YES),
    ("cut before the name", completion("The colour of this", finish_reason="length"), UNKNOWN),
    ("cut after another name", completion("Blue", finish_reason="length"), UNKNOWN),
    ("only in its thoughts", completion("", reasoning_content="It is red."), UNKNOWN),
    ("only in its thoughts, in the text", completion("<think>It is red.</think>"), UNKNOWN),
    ("thoughts that were cut", completion("<think>It is red.", finish_reason="length"), UNKNOWN),
    ("another colour", completion("Blue"), NO),
    ("several colours", completion("Red or blue"), NO),
    ("denied", completion("It is not red."), NO),
    ("a guess", completion("I can't see it, but I guess red"), NO),
    ("a refusal", completion(None, refusal="I cannot look at images."), NO),
]


@pytest.mark.parametrize(("body", "capability"), [row[1:] for row in SAID], ids=[row[0] for row in SAID])
def test_what_the_model_says(body: object, capability: Capability, vendor: Vendor, target: ModelEndpoint) -> None:
    vendor.behave(image=answering(body))
    found = check_image(target, timeout=5, draw=red)
    assert (found.capability, found.recognized) == (capability, capability is YES)


REFUSALS: list[tuple[str, int, Any]] = [
    ("OpenAI", 400, openai_error("Invalid content type. image_url is only supported by certain models.", code=None)),
    ("DeepSeek", 400, openai_error("Failed to deserialize: messages[0]: unknown variant `image_url`, expected `text`")),
    ("Groq", 400, openai_error("'messages.0' : for 'role:user': [('messages.0.content' : value must be a string)]")),
    ("vLLM", 400, {"object": "error", "message": "scripted-large is not a multimodal model", "code": 400}),
    ("Mistral", 422, {"detail": [{"loc": ["body", "messages", 0, "content"], "msg": "Input should be a valid string"}]}),
    ("Moonshot", 400, openai_error("Invalid request: model does not support image input")),
    ("OpenRouter", 404, {"error": {"message": "No endpoints found that support image input", "code": 404}}),
    ("DashScope", 400, {"code": "InvalidParameter", "message": "the model does not support vision"}),
    ("Ark", 400, {"error": {"message": "The parameter messages.content.type is invalid: image_url", "param": "image_url"}}),
    ("in Chinese", 400, {"error": {"code": "1210", "message": "当前模型不支持图片输入"}}),
    ("media type", 415, {"error": "images are not accepted here"}),
    ("inside HTTP 200", 200, {"error": {"message": "This model has no vision.", "code": 400}}),
    ("llama.cpp, with a 500", 500, openai_error("image input is not supported - hint: you may need to provide the mmproj")),
    ("vLLM, with a 500", 500, openai_error("scripted-large is not a multimodal model")),
    ("a gateway, with a 500", 500, openai_error("The model does not support multimodal input")),
]


@pytest.mark.parametrize(("status", "body"), [row[1:] for row in REFUSALS], ids=[row[0] for row in REFUSALS])
def test_images_refused(status: int, body: object, vendor: Vendor, target: ModelEndpoint) -> None:
    vendor.behave(image=answering(body, status=status))
    found = check_image(target, timeout=5)
    assert (found.capability, found.recognized, found.answer) == (NO, False, None)
    assert (found.error or "").startswith("The model does not take images. The service says: ")


OTHER_FAILURES: list[tuple[str, int, Any]] = [
    ("parameters", 400, openai_error("Invalid parameters.")),
    ("the key", 401, openai_error("Incorrect API key for image models.")),
    ("the key, with a 400", 400, openai_error("Incorrect API key for image models.", code="invalid_api_key")),
    ("balance", 402, openai_error("Insufficient balance for image input.")),
    ("quota", 429, openai_error("Image quota is used up.", code="insufficient_quota")),
    ("rate", 429, openai_error("Too many images per minute.")),
    ("too large", 413, openai_error("The request is too large.")),
    ("a crash", 500, openai_error("Failed to process image.")),
    ("a crash that is not about what it takes", 500, openai_error("The image could not be decoded, try again.")),
    ("overloaded", 503, openai_error("The vision model is overloaded.")),
    ("permission", 403, openai_error("You may not use vision.")),
    ("a page", 502, b"<html><title>502 Bad Gateway</title></html>"),
]


@pytest.mark.parametrize(("status", "body"), [row[1:] for row in OTHER_FAILURES], ids=[row[0] for row in OTHER_FAILURES])
def test_other_failures_teach_nothing(status: int, body: object, vendor: Vendor, target: ModelEndpoint) -> None:
    vendor.behave(image=answering(body, status=status))
    found = check_image(target, timeout=5)
    assert (found.capability, found.recognized, found.answer) == (UNKNOWN, False, None)
    assert found.error


@pytest.mark.parametrize("model", ["m", "i", "o1", "gpt-image", "image"])
def test_a_models_name_hides_no_refusal(model: str, vendor: Vendor, target: ModelEndpoint) -> None:
    vendor.behave(image=answering(openai_error(f"{model}: image input is not supported, vision neither"), status=400))
    assert check_image(replace(target, model=model), timeout=5).capability is NO


def test_a_models_name_is_no_word_about_images(vendor: Vendor, target: ModelEndpoint) -> None:
    body = openai_error("The model `acme-vision-image` does not exist.", code="model_not_found")
    vendor.behave(answering(body, status=404))
    assert check_image(replace(target, model="acme-vision-image"), timeout=5).capability is UNKNOWN


@pytest.mark.parametrize(
    "behaviour", ["hang", "drip", "reset", "cut_mid_body", "huge", "html", "redirect", "empty", "key_echoed"]
)
def test_it_never_raises(behaviour: str, vendor: Vendor, target: ModelEndpoint) -> None:
    vendor.behave(behaviour)
    found = check_image(target, timeout=0.3)
    assert (found.capability, found.recognized, found.answer) == (UNKNOWN, False, None)
    assert found.error


def test_the_draw_is_asked_once(vendor: Vendor, target: ModelEndpoint) -> None:
    drawn: list[Colour] = []

    def draw(colours: Sequence[Colour]) -> Colour:
        drawn.append(colours[3])
        return colours[3]

    passed_in: Callable[[Sequence[Colour]], Colour] = draw
    vendor.behave("refuses_max_tokens")
    assert check_image(target, timeout=5, draw=passed_in).answer == f"{drawn[0].name.capitalize()}."
    assert len(drawn) == 1
