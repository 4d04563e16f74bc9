"""What a JSON body may be: media type, length, syntax (docs/api.md#the-envelope)."""

import io
import json
from typing import Any

import pytest
from django.core.handlers.wsgi import WSGIRequest

from sage_platform.api.bodies import JSON
from sage_platform.api.errors import BodyTooLarge
from tests.people import Caller, Response, envelope

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.api.scratch")]
LIMIT = 2 * 1024 * 1024
WRONG_TYPE = {"code": 415, "message": "Send the body as application/json in UTF-8.", "data": None}
TOO_LARGE = {"code": 413, "message": "The request body is too large.", "data": None}
NEEDS_LENGTH = {
    "code": 411,
    "message": "The request needs a Content-Length header; chunked bodies are not accepted.",
    "data": None,
}
INVALID = "The request is not valid. See data.errors for what to change."
NOT_JSON = "The body is not valid JSON in UTF-8."


def refused_with(message: str, field: str = "body") -> dict[str, Any]:
    return {"code": 422, "message": INVALID, "data": {"errors": [{"field": field, "message": message}]}}


TAKEN = [
    "application/json",
    "application/json;charset=UTF-8",
    "application/json; charset=utf-8",
    'application/json; charset="utf-8"',
    "application/json; charset=utf8",
    "Application/JSON; Charset=UTF-8",
]


@pytest.mark.parametrize("content_type", TAKEN)
def test_media_types_that_are_taken(content_type: str, anyone: Caller) -> None:
    response = anyone.post("/api/echo", b'{"text": "hello"}', Content_Type=content_type)
    assert envelope(response) == {"code": 200, "message": "success", "data": {"text": "hello"}}


NOT_TAKEN = [
    "text/plain",
    "application/json; charset=gbk",
    "application/json; charset=utf-16",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/jsonp",
    "application/problem+json",
    "json",
    "*/*",
    "",
]


@pytest.mark.parametrize("content_type", NOT_TAKEN)
def test_media_types_that_are_refused(content_type: str, anyone: Caller) -> None:
    response = anyone.post("/api/echo", b'{"text": "hello"}', Content_Type=content_type)
    assert response.status_code == 415
    assert envelope(response) == WRONG_TYPE


def test_an_empty_body_needs_no_media_type_and_is_the_empty_object(anyone: Caller) -> None:
    for content_type in ("", "text/plain", "application/json"):
        response = anyone.post("/api/echo", b"", Content_Type=content_type)
        assert response.status_code == 422
        assert envelope(response) == refused_with("This field is required.", "text")


def padded(size: int) -> bytes:
    start, end = b'{"text": "hello", "pad": "', b'"}'
    return start + b"x" * (size - len(start) - len(end)) + end


def test_a_body_of_exactly_the_limit_is_taken(anyone: Caller) -> None:
    assert envelope(anyone.post("/api/echo", padded(LIMIT)))["data"] == {"text": "hello"}


def test_a_body_of_one_byte_more_is_refused(anyone: Caller) -> None:
    response = anyone.post("/api/echo", padded(LIMIT + 1))
    assert response.status_code == 413
    assert envelope(response) == TOO_LARGE


class Untouchable(io.RawIOBase):
    """A body that must not be read."""

    def read(self, size: int = -1) -> bytes:
        raise AssertionError("the body was read")


def request_of(body: io.RawIOBase, **environ: str) -> WSGIRequest:
    return WSGIRequest(
        {"REQUEST_METHOD": "POST", "PATH_INFO": "/api/echo", "wsgi.input": body, "CONTENT_TYPE": "application/json"} | environ
    )


@pytest.mark.parametrize("length", [str(LIMIT + 1), "99999999999999999999", "9" * 5000])
def test_too_large_is_known_by_the_header_before_the_body_is_read(length: str) -> None:
    with pytest.raises(BodyTooLarge):
        JSON.read(request_of(Untouchable(), CONTENT_LENGTH=length))


@pytest.mark.parametrize("path", ["/api/echo", "/api/auth/login", "/api/user/config"])
def test_no_layer_reads_a_body_that_is_too_large(path: str, as_alice: Caller) -> None:
    answer: Response = as_alice.client.post(
        path,
        content_type="application/json",
        **{"wsgi.input": Untouchable(), "CONTENT_LENGTH": str(LIMIT + 1)},  # type: ignore[arg-type]
    )
    assert answer.status_code == 413
    assert envelope(answer) == TOO_LARGE


@pytest.mark.parametrize("length", [None, "0", "17"])
def test_a_chunked_body_is_refused_and_never_taken_as_empty(length: str | None, as_alice: Caller) -> None:
    extra: Any = {"wsgi.input": Untouchable(), "HTTP_TRANSFER_ENCODING": "chunked", "CONTENT_LENGTH": length or ""}
    answer: Response = as_alice.client.post("/api/auth/logout", content_type="application/json", **extra)
    assert answer.status_code == 411
    assert envelope(answer) == NEEDS_LENGTH
    assert as_alice.get("/api/auth/session").status_code == 200


@pytest.mark.parametrize("body", [b"[]", b'"text"', b"1", b"null", b"true", b'[{"text": "hello"}]'])
def test_the_body_must_be_an_object(body: bytes, anyone: Caller) -> None:
    response = anyone.post("/api/echo", body)
    assert response.status_code == 422
    assert envelope(response) == refused_with("Send a JSON object.")


NO_JSON = {
    "nothing but space": b" ",
    "cut short": b'{"text": "hello"',
    "single quotes": b"{'text': 'hello'}",
    "trailing comma": b'{"text": "hello",}',
    "two values": b'{"text": "hello"}{}',
    "comment": b'{"text": "hello"} // ok',
    "NaN": b'{"text": "hello", "free": {"a": NaN}}',
    "Infinity": b'{"text": "hello", "free": {"a": -Infinity}}',
    "byte order mark": b'\xef\xbb\xbf{"text": "hello"}',
    "latin-1": '{"text": "é"}'.encode("latin-1"),
    "utf-16": '{"text": "hello"}'.encode("utf-16"),
    "overlong utf-8": b'{"text": "\xc0\xaf"}',
    "surrogate bytes": b'{"text": "\xed\xa0\x80"}',
    "a name twice": b'{"text": "hello", "text": "world"}',
    "a name twice, escaped": b'{"text": "hello", "\\u0074ext": "world"}',
    "a name twice, inside": b'{"text": "hello", "free": {"a": 1, "a": 2}}',
    "raw control character": b'{"text": "a\nb"}',
    "five thousand digits": b'{"text": "hello", "free": {"a": ' + b"1" * 5000 + b"}}",
    "form": b"text=hello",
}


@pytest.mark.parametrize("body", NO_JSON.values(), ids=NO_JSON.keys())
def test_what_is_no_json(body: bytes, anyone: Caller) -> None:
    response = anyone.post("/api/echo", body)
    assert response.status_code == 422
    assert envelope(response) == refused_with(NOT_JSON)


BOMBS = {
    "lists": b"[" * 1_000_000,
    "objects": b'{"a":' * 200_000,
    "lists in a field": b'{"text": ' + b"[" * 1_000_000,
    "closed": b'{"text": "hello", "free": {"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}}",
}


@pytest.mark.parametrize("body", BOMBS.values(), ids=BOMBS.keys())
def test_a_nesting_bomb_is_refused(body: bytes, anyone: Caller) -> None:
    response = anyone.post("/api/echo", body)
    assert response.status_code == 422
    assert envelope(response) == refused_with("The JSON is nested too deeply.")


def nested(depth: int) -> dict[str, Any]:
    """An object of `depth` levels."""
    value: Any = 1
    for _ in range(depth - 1):
        value = [value]
    return {"a": value}


def test_free_json_may_be_64_levels_deep(anyone: Caller) -> None:
    deepest = nested(63)
    assert envelope(anyone.post("/api/echo", {"text": "t", "free": deepest}))["data"]["free"] == deepest
    response = anyone.post("/api/echo", {"text": "t", "free": nested(64)})
    assert envelope(response) == refused_with("The JSON is nested too deeply.", "free")


NOT_STORABLE = [
    ('{"a": "\\u0000"}', "Null characters and lone surrogates are not allowed."),
    ('{"\\u0000": 1}', "Null characters and lone surrogates are not allowed."),
    ('{"a": ["\\ud800"]}', "Null characters and lone surrogates are not allowed."),
    ('{"a": 1e999}', "A number is too large."),
    ('{"a": -1e999}', "A number is too large."),
    ('{"a": 9223372036854775808}', "Whole numbers must fit in 64 bits."),
    ('{"a": -9223372036854775809}', "Whole numbers must fit in 64 bits."),
]


@pytest.mark.parametrize(("free", "message"), NOT_STORABLE)
def test_free_json_that_no_database_could_keep(free: str, message: str, anyone: Caller) -> None:
    response = anyone.post("/api/echo", f'{{"text": "t", "free": {free}}}'.encode())
    assert response.status_code == 422
    assert envelope(response) == refused_with(message, "free")


def test_free_json_that_is_fine(anyone: Caller) -> None:
    free: dict[str, Any] = {"é😀": [1, 2.5, None, True, "\u2028", 9223372036854775807, -9223372036854775808, {"": {}}]}
    assert envelope(anyone.post("/api/echo", {"text": "t", "free": free}))["data"]["free"] == free


def test_unknown_fields_are_ignored(anyone: Caller) -> None:
    assert envelope(anyone.post("/api/echo", {"text": "t", "role": "admin"}))["data"] == {"text": "t"}


def test_a_get_with_the_web_applications_content_type(as_alice: Caller) -> None:
    response = as_alice.send("GET", "/api/auth/session", b"", Content_Type="application/json;charset=UTF-8")
    assert json.loads(response.content)["code"] == 200
