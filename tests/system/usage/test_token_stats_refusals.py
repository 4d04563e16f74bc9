"""POST /api/token-usage/stats: what it refuses."""

import json
from typing import Any

import pytest

from tests.answers import assert_logged_out
from tests.people import Caller
from tests.system.usage.bodies import TOKENS, assert_mistake

pytestmark = pytest.mark.django_db
DAYS = {"start_date": "2026-11-27", "end_date": "2026-11-28"}
ASKED = {"dimension": "agent", **DAYS}
BOTH_OR_NEITHER = "Send both dates, or neither."
NEEDED = "Send both dates. They may be left out with the dimension session and a session_id."
DAY = "A day, such as 2026-01-31."
DIMENSION = "Must be one of: agent, session, user."
TEXT = "A text of 0 to %d characters, without null characters and lone surrogates."
Mistake = tuple[Any, str, str]

DATES: list[Mistake] = [
    ({"dimension": "agent"}, "start_date", NEEDED),
    ({"dimension": "user", "session_id": "s1"}, "start_date", NEEDED),
    ({"dimension": "agent", "session_id": "s1", "start_date": "", "end_date": ""}, "start_date", NEEDED),
    ({"dimension": "session"}, "start_date", NEEDED),
    ({"dimension": "session", "session_id": ""}, "start_date", NEEDED),
    ({"dimension": "session", "session_id": None, "start_date": None, "end_date": ""}, "start_date", NEEDED),
    *(
        ({"dimension": "session", "session_id": "s1", one: "2026-11-28"} | more, other, BOTH_OR_NEITHER)
        for one, other in (("start_date", "end_date"), ("end_date", "start_date"))
        for more in ({}, {other: ""}, {other: None}, {"session_id": ""}, {"dimension": "user"})
    ),
    (ASKED | {"end_date": "2026-11-26"}, "end_date", "The end is before the start."),
    (ASKED | {"start_date": "9999-12-31", "end_date": "0001-01-01"}, "end_date", "The end is before the start."),
]
NO_DAYS: tuple[object, ...] = (
    "2026-02-30", "2026-2-3", "2027-02-29", "2026-13-01", "2026-00-01", "2026-01-00", "0000-01-01", "10000-01-01", "20261128",
    "2026-W48-6", "2026-332", "28.11.2026", "11/28/2026", "2026-11-28T00:00:00Z", "2026-11-28T00:00:00", " 2026-11-28",
    "2026-11-28 ", "2026-11-28\n", "\n", " ", "null", "today", "\u0662\u0660\u0662\u0666-11-28", "\uff12\uff10\uff12\uff16-11-28",
    "-2026-11-28", "2026-11-28\0", "\0", "\ud83d", "\U0001f600", "9" * 5000, 20261128, 1.5, 0, True, False, [], ["2026-11-28"],
    {},
)  # fmt: skip
NO_DIMENSIONS: tuple[object, ...] = (
    "day", "", "Agent", "agent ", "<script>alert(1)</script>", "x - at `$.user_id`", None, 1, True, ["agent"], {},
)  # fmt: skip
LONGEST = {"user_id": 64, "agent_id": 128, "session_id": 128, "request_source": 128}
NO_TEXTS: tuple[object, ...] = ("a\0", "\0", "\ud83d", "\ude00\ud83d", 5, 1.5, True, [], {"$ne": ""})


def one(name: str, message: str, *bad: object) -> list[Mistake]:
    return [(dict[str, object](ASKED) | {name: value}, name, message) for value in bad]


FIELDS: list[Mistake] = [
    *one("start_date", DAY, *NO_DAYS),
    *one("end_date", DAY, *NO_DAYS),
    (DAYS, "dimension", "This field is required."),
    ({}, "dimension", "This field is required."),
    *one("dimension", DIMENSION, *NO_DIMENSIONS),
    *(mistake for name, longest in LONGEST.items() for mistake in one(name, TEXT % longest, "x" * (longest + 1), *NO_TEXTS)),
    ([], "body", "Send a JSON object."),
    ("agent", "body", "Send a JSON object."),
    (ASKED | {"\ud83d": 1}, "body", "Null characters and lone surrogates are not allowed."),
]


@pytest.mark.parametrize("mistakes", [DATES, FIELDS])
def test_the_one_mistake_is_told(mistakes: list[Mistake], as_alice: Caller, as_admin: Caller) -> None:
    """The whole answer, which does not repeat what was sent, to anybody."""
    for body, field, message in mistakes:
        assert_mistake(as_alice.post(TOKENS, body), field, message)
        assert_mistake(as_admin.post(TOKENS, body), field, message)


@pytest.mark.parametrize("name", ["agent_id", "session_id", "request_source"])
def test_names_that_are_long_enough(name: str, as_alice: Caller) -> None:
    for longest in ("x" * 128, "\U0001f600" * 128):
        assert as_alice.post(TOKENS, ASKED | {name: longest}).status_code == 200
    assert as_alice.post(TOKENS, ASKED | {"user_id": "\U0001f600" * 64, "model": [{}], "limit": "9"}).status_code == 200


def test_in_chinese(as_alice: Caller) -> None:
    def told(body: object, field: str, message: str) -> None:
        assert_mistake(as_alice.post(TOKENS, body, Accept_Language="zh-CN"), field, message)

    told({"dimension": "agent"}, "start_date", "请提供两个日期。只有维度为 session 且给出 session_id 时才可以省略。")
    told({"dimension": "agent", "start_date": "2026-11-27"}, "end_date", "请同时提供两个日期，或者都不提供。")
    told(ASKED | {"end_date": "2026-11-26"}, "end_date", "结束日期早于开始日期。")
    told(ASKED | {"end_date": "2026-02-30"}, "end_date", "应为日期，例如 2026-01-31。")
    told(ASKED | {"dimension": "day"}, "dimension", "必须是以下之一：agent, session, user。")
    told(ASKED | {"agent_id": 5}, "agent_id", "应为 0 到 128 个字符的文本，不含空字符和孤立的代理项。")


def test_who_is_not_signed_in(anyone: Caller) -> None:
    for body in (ASKED, {}, b"{"):
        assert_logged_out(anyone.post(TOKENS, body))
    assert_logged_out(anyone.post(TOKENS, ASKED, Authorization="Bearer nonsense"), 'Bearer error="invalid_token"')


def test_the_document_says_what_dates_may_be(anyone: Caller) -> None:
    document = json.loads(anyone.get("/api/schema", {"format": "json"}, Accept="application/json").content)
    schema = document["paths"][TOKENS]["post"]["requestBody"]["content"]["application/json"]["schema"]
    pattern = {"type": "string", "pattern": "^([0-9]{4}-[0-9]{2}-[0-9]{2})?$"}
    first = {"description": "The first day, UTC, such as 2026-01-31.", **pattern}
    assert schema["properties"]["start_date"] == {"anyOf": [first, {"type": "null"}], "default": None}
    assert schema["required"] == ["dimension"]
