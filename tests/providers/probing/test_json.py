"""check_json: a JSON schema, then any JSON object, then no mode at all, which is only reported."""

import time
from typing import Any

import pytest

from providers.probing import Capability, JSONResult, ModelEndpoint, check_json
from providers.probing.replies import read_reply
from providers.probing.structured import find_object
from tests.vendor import Behaviour, Exchange, Vendor, answering, saying
from tests.vendor.behaviours import completion, good, hang, openai_error

YES, NO, UNKNOWN = Capability.YES, Capability.NO, Capability.UNKNOWN
OK = {"ok": True}
NO_MODE = "There is no JSON mode that this model obeys."
UNFINISHED = "The model used up its answer before it came to the point, so this could not be found out."
TIMEOUT = "The service did not answer in time. Try again, or check whether it is up."
DOWN = (
    "The service answered with an error. Try again later, or ask the service."
    " The service says: The server had an error while processing your request."
)
RATE = (
    "The service limits how often it may be asked. Wait a moment, then try again."
    " The service says: Rate limit reached for requests"
)
SCHEMA, OBJECT, PLAIN = "json_schema", "json_object", None
ALL = [SCHEMA, OBJECT, PLAIN]


def modes(vendor: Vendor) -> list[str | None]:
    """The modes that were asked for, request by request."""
    return [body.get("response_format", {}).get("type") for body in vendor.bodies()]


RESULTS: dict[str, tuple[JSONResult, list[str | None]]] = {
    "good": (JSONResult(YES, '{"ok": true}', OK), [SCHEMA]),
    "json_schema_only": (JSONResult(YES, '{"ok": true}', OK), [SCHEMA]),
    "json_object_only": (JSONResult(YES, '{"ok": true}', OK), [SCHEMA, OBJECT]),
    "json_mode_refused": (
        JSONResult(
            NO,
            "Sure! It is all right.",
            error=f"{NO_MODE} The service says: response_format of type 'json_object' is not supported",
        ),
        ALL,
    ),
    "json_ignored": (JSONResult(NO, "Sure! It is all right.", error=NO_MODE), ALL),
    "json_fails_500": (JSONResult(UNKNOWN, error=DOWN), ALL),
    "json_hangs": (JSONResult(UNKNOWN, error=TIMEOUT), [SCHEMA]),
    "reasoning_only": (JSONResult(UNKNOWN, error=UNFINISHED), ALL),
    "length": (JSONResult(UNKNOWN, error=UNFINISHED), ALL),
    "rate_limited_429": (JSONResult(UNKNOWN, error=RATE), [SCHEMA]),
    "refuses_max_tokens": (JSONResult(YES, '{"ok": true}', OK), [SCHEMA, SCHEMA]),
}


@pytest.mark.parametrize("behaviour", RESULTS)
def test_each_result(behaviour: str, vendor: Vendor, target: ModelEndpoint) -> None:
    result, asked = RESULTS[behaviour]
    vendor.behave(behaviour)
    assert check_json(target, timeout=0.5 if "hang" in behaviour else 5) == result
    assert modes(vendor) == asked


def test_what_is_sent(vendor: Vendor, target: ModelEndpoint) -> None:
    vendor.behave("json_mode_refused")
    check_json(target, timeout=5)
    prompt = 'Answer in JSON: one object with one key, "ok", whose value is true. Write nothing but the JSON.'
    usual = {
        "model": "scripted-large",
        "messages": [{"role": "user", "content": prompt}],
        "max_tokens": 512,
        "stream": False,
    }
    schema = {"type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"], "additionalProperties": False}
    assert vendor.bodies() == [
        usual | {"response_format": {"type": "json_schema", "json_schema": {"name": "probe", "strict": True, "schema": schema}}},
        usual | {"response_format": {"type": "json_object"}},
        usual,
    ]


def by_mode(**behaviours: Behaviour) -> Behaviour:
    """One behaviour for each mode; what is not named is good."""

    def behave(exchange: Exchange) -> None:
        mode = (exchange.received.body or {}).get("response_format", {}).get("type", "plain")
        behaviours.get(mode, good)(exchange)

    return behave


REFUSE = answering(openai_error("response_format is not supported"), status=400)
CRASH = answering(openai_error("The server had an error."), status=500)
PROSE = saying("All right.")
CUT = saying("Well, let me", finish_reason="length")

COMBINED: list[tuple[str, Behaviour, Capability, Any, list[str | None]]] = [
    ("a good plain answer is no yes", by_mode(json_schema=REFUSE, json_object=REFUSE), NO, OK, ALL),
    ("after a crash an object is a yes", by_mode(json_schema=CRASH), YES, OK, [SCHEMA, OBJECT]),
    ("after prose an object is a yes", by_mode(json_schema=PROSE), YES, OK, [SCHEMA, OBJECT]),
    ("a crash and a refusal are not known", by_mode(json_schema=CRASH, json_object=REFUSE, plain=PROSE), UNKNOWN, None, ALL),
    ("a refusal and a crash are not known", by_mode(json_schema=REFUSE, json_object=CRASH, plain=PROSE), UNKNOWN, None, ALL),
    ("a refusal and half an answer are not known", by_mode(json_schema=REFUSE, json_object=CUT), UNKNOWN, OK, ALL),
    ("prose and a refusal are a no", by_mode(json_schema=PROSE, json_object=REFUSE, plain=PROSE), NO, None, ALL),
    ("a plain request that fails takes nothing back", by_mode(json_schema=PROSE, json_object=PROSE, plain=CRASH), NO, None, ALL),
    ("a plain request that hangs takes nothing back", by_mode(json_schema=PROSE, json_object=PROSE, plain=hang), NO, None, ALL),
]


@pytest.mark.parametrize("row", [row[1:] for row in COMBINED], ids=[row[0] for row in COMBINED])
def test_modes_together(row: tuple[Behaviour, Capability, Any, list[str | None]], vendor: Vendor, target: ModelEndpoint) -> None:
    behaviour, capability, parsed, asked = row
    vendor.behave(behaviour)
    found = check_json(target, timeout=2)
    assert (found.capability, found.parsed, modes(vendor)) == (capability, parsed, asked)
    assert (found.error is None) == (capability is YES)


SAID: list[tuple[str, str | None, Any]] = [
    ("bare", '{"ok": true}', OK),
    ("with blanks", '\n {"ok" : true} \n', OK),
    ("with a byte order mark", '\ufeff{"ok": true}', OK),
    ("fenced", '```json\n{"ok": true}\n```', OK),
    ("fenced without a language", '```\n{"ok": true}\n```', OK),
    ("after words", 'Here you are: {"ok": true}. Anything else?', OK),
    ("after thinking in the text", '<think>{"ok": false}?</think>{"ok": true}', OK),
    ("after another object", 'I tried {"a": 1} and {"ok": false}. The answer: {"ok": true}', OK),
    ("after something broken", '{"ok": tru {"ok": true}', OK),
    ("ok is not true", '{"ok": "yes"}', {"ok": "yes"}),
    ("ok is null", '{"ok": null}', {"ok": None}),
    ("more than ok", '{"ok": true, "why": "因为"}', {"ok": True, "why": "因为"}),
    ("without ok", '{"okay": true}', None),
    ("a list", '["ok"]', None),
    ("ok within another object's value is not the answer's", '{"answer": {"ok": true}}', None),
    ("a string", '"ok"', None),
    ("a word", "ok", None),
    ("Python", "{'ok': True}", None),
    ("broken", '{"ok": true', None),
    ("nothing", "", None),
    ("deep", '{"ok":' * 5000, None),
    ("many braces", "{" * 50_000, None),
]


@pytest.mark.parametrize(("text", "found"), [row[1:] for row in SAID], ids=[row[0] for row in SAID])
def test_finding_the_object(text: str, found: object) -> None:
    reply = read_reply(completion(text))
    assert reply is not None
    began = time.process_time()
    assert find_object(reply.content) == found
    assert time.process_time() - began < 0.5


def test_an_object_that_was_cut_after_its_end(vendor: Vendor, target: ModelEndpoint) -> None:
    """JSON modes are known to go on with blanks until the budget is gone."""
    vendor.behave(json=saying('{"ok": true}' + "\n" * 200, finish_reason="length"))
    assert check_json(target, timeout=5) == JSONResult(YES, '{"ok": true}', OK)


def test_a_tool_call_is_no_answer(vendor: Vendor, target: ModelEndpoint) -> None:
    vendor.behave(json="tool_call")
    found = check_json(target, timeout=5)
    silent = "The service answered, but the model said nothing. Try again, or choose another model."
    assert found == JSONResult(UNKNOWN, error=silent)


def test_all_modes_share_the_deadline(vendor: Vendor, target: ModelEndpoint) -> None:
    def slow(exchange: Exchange) -> None:
        exchange.wait(0.25)
        PROSE(exchange)

    vendor.behave(json=slow)
    began = time.monotonic()
    found = check_json(target, timeout=0.4)
    assert time.monotonic() - began < 2.0
    assert found == JSONResult(UNKNOWN, error=TIMEOUT)


@pytest.mark.parametrize(
    "behaviour", ["other_json", "hang", "drip", "reset", "cut_mid_body", "huge", "html", "redirect", "empty", "key_echoed"]
)
def test_it_never_raises(behaviour: str, vendor: Vendor, target: ModelEndpoint) -> None:
    vendor.behave(behaviour)
    found = check_json(target, timeout=0.3)
    assert (found.capability, found.answer, found.parsed) == (UNKNOWN, None, None)
    assert found.error
