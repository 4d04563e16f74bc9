"""The limit of the answer: the name that is refused gives way to the other, and the value that is too low to a higher one."""

import json
from dataclasses import replace
from typing import Any

import pytest

from providers.probing import Category, ModelEndpoint, ProbeFailed, check_capabilities, check_connection
from providers.probing.results import Capability
from tests.providers.probing.sources import SOURCE
from tests.vendor import Exchange, Vendor, answering, saying
from tests.vendor.behaviours import completion, good, openai_error

OLD, NEW = "max_tokens", "max_completion_tokens"


def limits(vendor: Vendor) -> list[dict[str, int]]:
    """What was sent as the limit, request by request."""
    return [{name: body[name] for name in (OLD, NEW) if name in body} for body in vendor.bodies()]


@pytest.mark.parametrize("behaviour", ["refuses_max_tokens", "refuses_max_tokens_422"])
def test_max_tokens_refused(behaviour: str, vendor: Vendor, target: ModelEndpoint) -> None:
    vendor.behave(behaviour)
    assert check_connection(target, timeout=5).answer == "OK"
    assert limits(vendor) == [{OLD: 16}, {NEW: 16}]


@pytest.mark.parametrize("behaviour", ["refuses_max_completion_tokens", "refuses_max_completion_tokens_422"])
@pytest.mark.parametrize("model", ["gpt-5-mini", "openai/o3", "o1", "GPT-5"])
def test_max_completion_tokens_refused(behaviour: str, model: str, vendor: Vendor, target: ModelEndpoint) -> None:
    """Models that are known to take the new name alone are asked with it first; a gateway may not know it."""
    vendor.behave(behaviour)
    assert check_connection(replace(target, model=model), timeout=5).answer == "OK"
    assert limits(vendor) == [{NEW: 16}, {OLD: 16}]


@pytest.mark.parametrize("model", ["gpt-4o", "o", "llama-o3", "gpt-oss-20b", "qwen3", "opus"])
def test_the_old_name_goes_first_elsewhere(model: str, vendor: Vendor, target: ModelEndpoint) -> None:
    check_connection(replace(target, model=model), timeout=5)
    assert limits(vendor) == [{OLD: 16}]


PYDANTIC = {"type": "extra_forbidden", "loc": ["body", OLD], "msg": "Extra inputs are not permitted", "input": 512}
REFUSALS: list[tuple[str, int, Any]] = [
    ("OpenAI", 400, openai_error(f"Unsupported parameter: '{OLD}' is not supported with this model.", param=OLD)),
    ("by code and param alone", 400, openai_error("Unsupported parameter.", param=OLD, code="unsupported_parameter")),
    ("Copilot", 400, openai_error(f"Unsupported parameter: '{OLD}'. Use '{NEW}' instead.", code="invalid_request_body")),
    ("FastAPI", 422, {"detail": [PYDANTIC]}),
    ("Mistral", 422, {"object": "error", "message": {"detail": [PYDANTIC]}, "type": "invalid_request_error", "code": None}),
    (
        "Mistral's proxy",
        422,
        {"object": "error", "message": '{"detail":[{"loc":["body","max_tokens"],"msg":"Extra"}]}', "code": "1000"},
    ),
    ("vLLM", 400, {"object": "error", "message": f"[{{'type': 'extra_forbidden', 'loc': ('body', '{OLD}'), 'input': 512}}]"}),
    (
        "Anthropic",
        400,
        {"type": "error", "error": {"type": "invalid_request_error", "message": f"{OLD}: Extra inputs are not permitted"}},
    ),
    (
        "Google",
        400,
        [{"error": {"code": 400, "message": f'Unknown name "{OLD}": Cannot find field.', "status": "INVALID_ARGUMENT"}}],
    ),
    ("Rust", 422, f"Failed to deserialize the JSON body into the target type: unknown field `{OLD}`".encode()),
    ("in prose", 400, {"error": "This model does not take max tokens"}),
    ("in Chinese", 400, {"error": {"code": "1210", "message": f"不支持参数 {OLD}"}}),
    ("model first", 400, {"error": {"message": f"Model gpt-x: '{OLD}' is not supported"}}),
]


@pytest.mark.parametrize(("status", "body"), [row[1:] for row in REFUSALS], ids=[row[0] for row in REFUSALS])
def test_each_spelling_of_a_refusal(status: int, body: object, vendor: Vendor, target: ModelEndpoint) -> None:
    refuse = answering(body, status=status)
    vendor.behave(lambda exchange: (refuse if OLD in (exchange.received.body or {}) else good)(exchange))
    assert check_connection(target, timeout=5).answer == "OK"
    assert limits(vendor) == [{OLD: 16}, {NEW: 16}]


NO_REFUSALS: list[tuple[str, int, Any]] = [
    ("another parameter", 400, openai_error("Unsupported parameter: 'stream'", param="stream")),
    ("the other name alone", 400, openai_error(f"Unsupported parameter: '{NEW}'", param=NEW)),
    ("a longer name", 400, openai_error("Unsupported parameter: 'my_max_tokens_2'")),
    ("its value", 400, openai_error(f"{OLD} is too large: 16. This model supports at most 8.", param=OLD)),
    ("not a refusal of the request", 500, openai_error(f"{OLD} is unknown to me")),
    ("credits", 402, openai_error(f"This request requires more credits, or fewer {OLD}.")),
    ("the key", 400, openai_error(f"Incorrect API key provided. You sent {OLD}.", code="invalid_api_key")),
    ("an echo of the input", 422, {"detail": [{"loc": ["body", "model"], "msg": "unknown", "input": {OLD: 512}}]}),
]


@pytest.mark.parametrize(("status", "body"), [row[1:] for row in NO_REFUSALS], ids=[row[0] for row in NO_REFUSALS])
def test_what_is_no_refusal_of_the_name(status: int, body: object, vendor: Vendor, target: ModelEndpoint) -> None:
    vendor.behave(answering(body, status=status))
    with pytest.raises(ProbeFailed):
        check_connection(target, timeout=5)
    assert limits(vendor) == [{OLD: 16}]


def test_both_refused(vendor: Vendor, target: ModelEndpoint) -> None:
    """Once more means once; what the second answer says is told."""

    def refuse(exchange: Exchange) -> None:
        name = OLD if OLD in (exchange.received.body or {}) else NEW
        exchange.json(openai_error(f"Unsupported parameter: '{name}'", param=name), status=400)

    vendor.behave(refuse)
    with pytest.raises(ProbeFailed) as failed:
        check_connection(target, timeout=5)
    assert (failed.value.category, failed.value.detail) == (Category.SERVICE, f"Unsupported parameter: '{NEW}'")
    assert limits(vendor) == [{OLD: 16}, {NEW: 16}]


def test_the_capabilities_remember_what_the_connection_learned(vendor: Vendor, target: ModelEndpoint) -> None:
    vendor.behave("refuses_max_tokens")
    found = check_capabilities(target, timeout=5)
    assert (found.image.capability, found.structured.capability) == (Capability.YES, Capability.YES)
    assert limits(vendor) == [{OLD: 16}, {NEW: 16}, {NEW: 512}, {NEW: 512}]


def test_temperature_is_never_sent(vendor: Vendor, target: ModelEndpoint) -> None:
    for behaviour in ("good", "refuses_max_tokens", "json_mode_refused"):
        vendor.behave(behaviour)
        check_capabilities(target, timeout=5)
    allowed = {"model", "messages", "stream", "response_format", OLD, NEW}
    assert all(body.keys() <= allowed for body in vendor.bodies())


# -- A limit that is too low ----------------------------------------------------------------------------------------------

BELOW = "Invalid 'max_output_tokens': integer below minimum value. Expected a value >= 16, but got 10 instead."
UNFINISHED = (
    "Could not finish the message because max_tokens or model output limit was reached. Please try again with higher max_tokens."
)
# Who says so, the status, the body, and the source.
TOO_LOW: list[tuple[str, int, Any, str]] = [
    ("OpenAI: reasoning", 400, openai_error(UNFINISHED), "BerriAI/litellm#26987"),
    ("OpenAI: reasoning, in short", 400, openai_error(UNFINISHED.partition(". ")[0]), "srbhr/Resume-Matcher#747"),
    (
        "OpenAI: least value",
        400,
        openai_error(BELOW, param="max_output_tokens", code="integer_below_min_value"),
        "wm94i/Work-Review#41",
    ),
    (
        "OpenRouter: what its provider said",
        400,
        {"error": {"message": "Provider returned error", "code": 400, "metadata": {"raw": json.dumps(openai_error(BELOW))}}},
        "vectorize-io/hindsight#58",
    ),
    (
        "Anthropic: thinking",
        400,
        {
            "type": "error",
            "error": {"type": "invalid_request_error", "message": "`max_tokens` must be greater than `thinking.budget_tokens`."},
        },
        "liuw1535/antigravity2api-nodejs#149",
    ),
    ("in Chinese", 400, {"error": {"message": "max_tokens 不能小于 32", "code": "1214"}}, "made up after Zhipu's code 1214"),
    ("nothing said", 200, completion(""), "nashsu/llm_wiki#332"),
    ("null", 200, completion(None), "openJiuwen-ai/jiuwenswarm#25"),
    ("no choice", 200, completion("") | {"choices": []}, "made up after jiuwenswarm#25"),
]


@pytest.mark.parametrize(("status", "body"), [row[1:3] for row in TOO_LOW], ids=[row[0] for row in TOO_LOW])
def test_more_room(status: int, body: object, vendor: Vendor, target: ModelEndpoint) -> None:
    refuse = answering(body, status=status)
    vendor.behave(lambda exchange: (good if (exchange.received.body or {})[OLD] > 16 else refuse)(exchange))
    assert check_connection(target, timeout=5).answer == "OK"
    assert limits(vendor) == [{OLD: 16}, {OLD: 512}]


@pytest.mark.parametrize(("status", "body"), [row[1:3] for row in TOO_LOW], ids=[row[0] for row in TOO_LOW])
def test_more_room_is_given_once(status: int, body: object, vendor: Vendor, target: ModelEndpoint) -> None:
    """And it is no refusal of the limit's name."""
    vendor.behave(answering(body, status=status))
    with pytest.raises(ProbeFailed) as failed:
        check_connection(target, timeout=5)
    assert failed.value.category is Category.SERVICE
    assert limits(vendor) == [{OLD: 16}, {OLD: 512}]


def test_each_source_of_a_limit_is_named() -> None:
    assert [row[0] for row in TOO_LOW if not SOURCE.fullmatch(row[3])] == []


@pytest.mark.parametrize("reason", ["length", "max_tokens"])
def test_an_answer_that_was_cut_needs_no_more(reason: str, vendor: Vendor, target: ModelEndpoint) -> None:
    vendor.behave(saying("", finish_reason=reason))
    assert check_connection(target, timeout=5).answer == ""
    assert limits(vendor) == [{OLD: 16}]


def test_the_capabilities_have_all_the_room_at_once(vendor: Vendor, target: ModelEndpoint) -> None:
    """What a model could not finish is no refusal of images or of a JSON mode."""
    vendor.behave(image=answering(openai_error(UNFINISHED), status=400), json=answering(openai_error(UNFINISHED), status=400))
    found = check_capabilities(target, timeout=5)
    assert (found.image.capability, found.structured.capability) == (Capability.UNKNOWN, Capability.UNKNOWN)
    assert limits(vendor) == [{OLD: 16}, *[{OLD: 512}] * 4]


def test_all_that_a_service_may_want_at_once(vendor: Vendor, target: ModelEndpoint) -> None:
    """Each way is tried once, in the order in which the service asks."""

    def want(exchange: Exchange) -> None:
        body = exchange.received.body or {}
        if OLD in body:
            exchange.json(openai_error(f"Unsupported parameter: '{OLD}'. Use '{NEW}' instead.", param=OLD), status=400)
        elif not body["stream"]:
            exchange.json({"detail": "Stream must be set to true"}, status=400)
        elif body[NEW] == 16:
            exchange.json(openai_error(UNFINISHED), status=400)
        else:
            good(exchange)

    vendor.behave(want)
    assert check_connection(target, timeout=5).answer == "OK"
    assert limits(vendor) == [{OLD: 16}, {NEW: 16}, {NEW: 16}, {NEW: 512}]
    assert [body["stream"] for body in vendor.bodies()] == [False, False, True, True]
