"""POST /api/system/agent/usage: what each member of an event may be, and what is said of one that is wrong."""

from typing import Any

import pytest

from system.usage.models import UsageEvent
from tests.people import Caller, envelope
from tests.system.usage.bodies import REPORT, assert_mistake, batch, event, taken
from tests.system.usage.stored import everything

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon")]
HUGE = 10**400
NAMES = ("event_id", "agent_id", "session_id", "action")
TOKENS = ("input_tokens", "output_tokens", "cached_tokens", "reasoning_tokens")
NO_NAMES: tuple[Any, ...] = ("", "x" * 129, "\U0001f600" * 129, 5, 1.5, True, [], {}, None, "a\0b", "\ud83d", "\udfff\n")
NO_NUMBERS: tuple[Any, ...] = (-1, HUGE, -HUGE, 2**63, 2**64, 1.0, 1.5, -0.0, 1e300, True, False, "1", "", [], {})
NO_TIMES: tuple[Any, ...] = (
    "", "now", "2026-11-28", "2026-11-28T12:00:00", "2026-11-28T12:00Z", "2026-11-28T12:00:00+24:00", "2026-11-28T24:00:00Z",
    "2026-11-31T12:00:00Z", "2026-02-29T12:00:00Z", "0000-01-01T00:00:00Z", "\uff12026-11-28T12:00:00Z",
    1795867200, 1.5, True, [], {},
)  # fmt: skip
NAME, ENGLISH_NAME = (
    "应为 %d 到 %d 个字符的文本，不含空字符和孤立的代理项。",
    "A text of %d to %d characters, without null characters and lone surrogates.",
)
NUMBER, ENGLISH_NUMBER = "应为 %d 到 %d 之间的整数。", "A whole number from %d to %d."
TIME = "应为带时区偏移的 ISO 8601 时间，例如 2026-01-31T08:00:00Z。"
ENGLISH_TIME = "A time in ISO 8601 with an offset, such as 2026-01-31T08:00:00Z."
# The member; what it cannot be; what is said, in English and Chinese.
RULES: list[tuple[str, tuple[Any, ...], str, str]] = [
    *[(name, NO_NAMES, ENGLISH_NAME % (1, 128), NAME % (1, 128)) for name in NAMES],
    ("user_id", ("", "x" * 65, 5, True, [], {}, "a\0", "\ud83d"), ENGLISH_NAME % (1, 64), NAME % (1, 64)),
    *[
        (name, ("x" * 129, 5, True, [], {}, "a\0", "\ud83d"), ENGLISH_NAME % (0, 128), NAME % (0, 128))
        for name in ("request_source", "model")
    ],
    ("count", (0, 10**6 + 1, *NO_NUMBERS), ENGLISH_NUMBER % (1, 10**6), NUMBER % (1, 10**6)),
    *[(name, (10**12 + 1, *NO_NUMBERS), ENGLISH_NUMBER % (0, 10**12), NUMBER % (0, 10**12)) for name in TOKENS],
    ("occurred_at", NO_TIMES, ENGLISH_TIME, TIME),
]


@pytest.mark.parametrize(("name", "wrong", "english", "chinese"), RULES, ids=[rule[0] for rule in RULES])
def test_a_wrong_member(name: str, wrong: tuple[Any, ...], english: str, chinese: str, as_alice: Caller) -> None:
    before = everything()
    for value in wrong:
        sent = batch(event("e1"), event("e2") | {name: value}, event("e3", count=0))
        assert_mistake(as_alice.post(REPORT, sent), f"events.1.{name}", english)
    assert_mistake(as_alice.post(REPORT, sent, Accept_Language="zh-CN"), f"events.1.{name}", chinese)
    assert everything() == before


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_member(name: str, as_alice: Caller) -> None:
    sent = batch(event("e1"), {key: value for key, value in event("e2").items() if key != name})
    before = everything()
    assert_mistake(as_alice.post(REPORT, sent), f"events.1.{name}", "This field is required.")
    assert_mistake(as_alice.post(REPORT, sent, Accept_Language="zh-CN"), f"events.1.{name}", "该字段是必填项。")
    assert everything() == before


@pytest.mark.parametrize("events", [None, {}, "e1", 1, True])
def test_events_that_are_no_list(events: object, as_alice: Caller) -> None:
    assert_mistake(as_alice.post(REPORT, {"events": events}), "events", "A list of 1 to 1000 entries.")


@pytest.mark.parametrize("one", [None, [], "e1", 1, True])
def test_an_event_that_is_no_object(one: object, as_alice: Caller) -> None:
    assert_mistake(as_alice.post(REPORT, {"events": [event(), one]}), "events.1", "Send a JSON object.")


@pytest.mark.parametrize("body", [[], [event()], "events", 1, None])
def test_a_body_that_is_no_object(body: object, as_alice: Caller) -> None:
    assert_mistake(as_alice.send("POST", REPORT, b"null" if body is None else body), "body", "Send a JSON object.")


def test_no_events(as_alice: Caller) -> None:
    for body in ({}, {"event": [event()]}):
        assert_mistake(as_alice.post(REPORT, body), "events", "This field is required.")


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b'{"events": [' + b'{"a":' * 100_000, "The JSON is nested too deeply."),
        (b'{"events": [{"count": 1, "count": 2}]}', "The body is not valid JSON in UTF-8."),
        (b'{"events": [{"count": NaN}]}', "The body is not valid JSON in UTF-8."),
        (b'{"events": [{"count": ' + b"9" * 5000 + b"}]}", "The body is not valid JSON in UTF-8."),
        (b'{"events": "\xff"}', "The body is not valid JSON in UTF-8."),
    ],
)
def test_what_is_no_json(raw: bytes, message: str, as_alice: Caller) -> None:
    assert_mistake(as_alice.send("POST", REPORT, raw), "body", message)


FIELDS = ("count", "model", "request_source", *TOKENS, "user_id", "occurred_at")


def test_null_is_as_good_as_left_out(as_alice: Caller) -> None:
    assert envelope(as_alice.post(REPORT, batch(event("e1"), event("e2", **dict.fromkeys(FIELDS))))) == taken(2)
    rows = UsageEvent.objects.values(*FIELDS, "received_at")
    plain = {"count": 1, "model": "", "request_source": "", **dict.fromkeys(TOKENS, 0), "user_id": "alice"}
    (now,) = set(UsageEvent.objects.values_list("received_at", flat=True))
    assert list(rows) == [plain | {"occurred_at": now, "received_at": now}] * 2


def test_what_is_at_the_bounds_is_kept_as_it_was_sent(as_alice: Caller) -> None:
    least: dict[str, Any] = dict.fromkeys(NAMES, "x") | {
        "count": 1,
        "model": "",
        "request_source": "",
        **dict.fromkeys(TOKENS, 0),
    }
    most: dict[str, Any] = dict.fromkeys((*NAMES, "model", "request_source"), "\U0001f600\n" * 64)
    most |= {"count": 10**6, **dict.fromkeys(TOKENS, 10**12)}
    assert envelope(as_alice.post(REPORT, batch(least, most | {"unknown": [[{}]]}))) == taken(2)
    assert list(UsageEvent.objects.order_by("count").values(*least)) == [least, most]


@pytest.mark.parametrize("place", [49, 50, 99, 100, 450, 499])
def test_the_place_of_a_mistake_among_hundreds(place: int, as_alice: Caller) -> None:
    """They are read in pieces of fifty."""
    sent = [event(f"e{number}") for number in range(500)]
    before = everything()
    mistakes: list[tuple[Any, str, str]] = [
        (event("x", count=0), f"events.{place}.count", ENGLISH_NUMBER % (1, 10**6)),
        ({"event_id": "x"}, f"events.{place}.agent_id", "This field is required."),
        ([], f"events.{place}", "Send a JSON object."),
    ]
    for wrong, field, message in mistakes:
        assert_mistake(as_alice.post(REPORT, batch(*sent[:place], wrong, *sent[place + 1 :])), field, message)
    assert everything() == before
