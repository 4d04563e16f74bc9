"""Bodies whose shape is a struct: what is taken, the one mistake that is told, and what the OpenAPI document says."""

from typing import Annotated, Any

import pytest
from django.urls import path
from msgspec import Meta, Struct, convert

from sage_platform.api import structs
from sage_platform.api.errors import InvalidInput
from sage_platform.api.structs import checked
from tests.answers import success
from tests.api.scratch import ScratchViewSet
from tests.api.test_documentation import document_of
from tests.people import Caller, envelope

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.api.scratch")]
PATH = "/api/struct"
PARTS = {"parts": [{"count": 1}]}
EMPTY = {"name": None, "kind": "red", "number": None, "at": None, "day": None}
TEXT = "A text of %d to 20 characters, without null characters and lone surrogates."
TIME = "A time in ISO 8601 with an offset, such as 2026-01-31T08:00:00Z."
DAY = "A day, such as 2026-01-31."
OBJECT = "Send a JSON object."
COUNT = "A whole number from 1 to 9."
HUGE = 10**400


def test_it_is_taken(anyone: Caller) -> None:
    sent = {
        "parts": [{"count": 1, "name": "\U0001f600" * 20}, {"count": 9, "name": None}],
        "name": "",
        "kind": "green",
        "number": -(2**53),
        "at": "2028-02-29T23:59:59.5+14:00",
        "day": "2028-02-29",
    }
    answer = anyone.post(PATH, sent | {"other": [[[]]]})
    assert envelope(answer) == success(sent | {"at": "2028-02-29T23:59:59.500000+14:00"})


def test_what_is_left_out_is_its_default(anyone: Caller) -> None:
    assert envelope(anyone.post(PATH, PARTS)) == success({"parts": [{"count": 1, "name": None}], **EMPTY})
    assert envelope(anyone.post(PATH, PARTS | {"name": None, "number": None})) == envelope(anyone.post(PATH, PARTS))


def of_part(**member: object) -> dict[str, Any]:
    return {"parts": [{"count": 1} | member]}


Mistake = tuple[Any, str, str]


def each(name: str, message: str, *bad: object) -> list[Mistake]:
    """The member `name` of the whole, or of its first part, is one of these."""
    if name.startswith("parts.0."):
        return [(of_part(**{name.removeprefix("parts.0."): value}), name, message) for value in bad]
    return [(PARTS | {name: value}, name, message) for value in bad]


MISTAKES: list[Mistake] = [
    ({}, "parts", "This field is required."),
    ({"parts": None}, "parts", "A list of 1 to 3 entries."),
    ({"parts": {}}, "parts", "A list of 1 to 3 entries."),
    ({"parts": []}, "parts", "A list of 1 to 3 entries."),
    ({"parts": [{"count": 1}] * 4}, "parts", "A list of 1 to 3 entries."),
    ({"parts": [{"count": 1}, 5]}, "parts.1", OBJECT),
    ({"parts": [{"count": 1}, None]}, "parts.1", OBJECT),
    ({"parts": [{"count": 1}, []]}, "parts.1", OBJECT),
    ({"parts": [{"count": 1}, {}]}, "parts.1.count", "This field is required."),
    *each("parts.0.count", COUNT, 0, 10, HUGE, -HUGE, 1.0, 1.5, True, "1", None, []),
    *each("parts.0.name", TEXT % 1, "", "x" * 21, 5, True, {}, "a\0", "\ud83d"),
    *each("name", TEXT % 0, "x" * 21, 1.5, [], "\0\n", "\udfff\n"),
    *each("kind", "Must be one of: green, red.", "blue", "x - at `$.number`", 5, None, ["red"]),
    *each("number", "A whole number.", 1.0, "1", False, {}),
    *each(
        "at", TIME, "", "2026-01-31T08:00:00", "2026-01-31", "2025-02-29T08:00:00Z", "9999-12-31T23:59:59.9999999Z", 5, 1.5, []
    ),
    *each("day", DAY, "", "2025-02-29", "31.01.2026", 20260131, 1.5, []),
    ([], "body", OBJECT),
    ("text", "body", OBJECT),
]


@pytest.mark.parametrize(("body", "field", "message"), MISTAKES)
def test_the_first_mistake_is_told(body: object, field: str, message: str, anyone: Caller) -> None:
    """By a sentence that follows from the field's type, and never with what was sent."""
    answer = anyone.post(PATH, body)
    told = "The request is not valid. See data.errors for what to change."
    data = {"errors": [{"field": field, "message": message}]}
    assert (answer.status_code, envelope(answer)) == (422, {"code": 422, "message": told, "data": data})


@pytest.mark.parametrize("raw", [b'{"parts": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", b'{"number": ' + b"9" * 5000 + b"}"])
def test_what_python_s_parser_gives_up_on(raw: bytes, anyone: Caller) -> None:
    answer = anyone.send("POST", PATH, raw)
    assert (answer.status_code, envelope(answer)["data"]["errors"][0]["field"]) == (422, "body")


SURROGATES = [PARTS | {name: "\ud800"} for name in ("kind", "number", "at", "day")]


@pytest.mark.parametrize("body", [*SURROGATES, of_part(count="\udfff"), PARTS | {"\ud800": 1}, of_part(**{"\ud800": 1})])
def test_a_lone_surrogate_where_no_text_is_looked_for(body: object, anyone: Caller) -> None:
    answer = anyone.post(PATH, body)
    mistake = {"field": "body", "message": "Null characters and lone surrogates are not allowed."}
    assert (answer.status_code, envelope(answer)["data"]) == (422, {"errors": [mistake]})


def test_in_chinese(anyone: Caller) -> None:
    bodies: list[dict[str, Any]] = [
        {"parts": []}, {"parts": [{"count": 0}]}, {"parts": [{"count": 1, "name": ""}]},
        *(PARTS | {name: 1.5} for name in ("kind", "number", "at", "day")),
    ]  # fmt: skip
    answers = [envelope(anyone.post(PATH, body, Accept_Language="zh-CN"))["data"]["errors"][0]["message"] for body in bodies]
    assert answers == [
        "应为包含 1 到 3 项的列表。",
        "应为 1 到 9 之间的整数。",
        "应为 1 到 20 个字符的文本，不含空字符和孤立的代理项。",
        "必须是以下之一：green, red。",
        "应为整数。",
        "应为带时区偏移的 ISO 8601 时间，例如 2026-01-31T08:00:00Z。",
        "应为日期，例如 2026-01-31。",
    ]


def test_other_threads_get_the_interpreter_while_a_long_list_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library keeps it for as long as one call takes."""
    amounts = []

    class Long(Struct):
        name: str
        parts: Annotated[list[int], Meta(min_length=1, max_length=1000)]

    def counted(data: dict[str, Any], shape: type[Long]) -> Long:
        amounts.append(len(data["parts"]))
        return convert(data, shape)

    monkeypatch.setattr(structs, "convert", counted)
    sent = {"name": "n", "parts": list(range(120)), "other": 1}
    assert checked(Long, sent) == Long("n", list(range(120)))
    assert amounts == [50, 50, 20]
    assert sent["parts"] == list(range(120)), "what was sent is as it was"


@pytest.mark.parametrize(("parts", "field"), [([1] * 1001, "parts"), ([1] * 60 + ["1"], "parts.60"), ([1] * 60, "name")])
def test_mistakes_beside_and_in_a_long_list(parts: list[object], field: str) -> None:
    class Long(Struct):
        parts: Annotated[list[int], Meta(min_length=1, max_length=1000)]
        name: Annotated[str, structs.text(0, 20)] = ""

    with pytest.raises(InvalidInput) as refused:
        checked(Long, {"parts": parts, "name": 5 if field == "name" else ""})
    assert [name for name, _message in refused.value.errors] == [field]


NO_NUL = r"^[^\u0000]*$"


def or_null(schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [schema, {"type": "null"}], "default": None}


def test_the_document_says_the_same() -> None:
    """Without references, and texts by a pattern that ECMA 262 reads as the platform does."""
    document = document_of(path("api/here", ScratchViewSet.as_view({"post": "struct"})))
    body = document["paths"]["/api/here"]["post"]["requestBody"]
    assert body["required"] is True
    assert body["content"]["application/json"]["schema"] == {
        "title": "Whole",
        "description": "A body of many parts.",
        "type": "object",
        "properties": {
            "parts": {
                "type": "array",
                "items": {
                    "title": "Part",
                    "type": "object",
                    "properties": {
                        "count": {"type": "integer", "minimum": 1, "maximum": 9, "description": "How many."},
                        "name": or_null({"type": "string", "minLength": 1, "maxLength": 20, "pattern": NO_NUL}),
                    },
                    "required": ["count"],
                },
                "minItems": 1,
                "maxItems": 3,
            },
            "name": or_null(
                {"type": "string", "minLength": 0, "maxLength": 20, "pattern": NO_NUL, "description": "What it is called."}
            ),
            "kind": {"enum": ["green", "red"], "default": "red"},
            "number": or_null({"type": "integer"}),
            "at": or_null({"type": "string", "format": "date-time", "description": "When."}),
            "day": or_null({"type": "string", "format": "date"}),
        },
        "required": ["parts"],
    }
