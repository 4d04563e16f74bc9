"""Fields take exactly the JSON type that they name, and no refusal repeats what was sent."""

import json
from typing import Any

import pytest

from tests.people import Caller, Response, envelope

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.api.scratch")]
MARKER = "zq7marker"
TEXT = {"text": "t"}


def errors(response: Response) -> list[dict[str, str]]:
    assert response.status_code == 422
    found: list[dict[str, str]] = envelope(response)["data"]["errors"]
    return found


WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"text": 1}, "text", "Not a valid string."),
    ({"text": 1.5}, "text", "Not a valid string."),
    ({"text": True}, "text", "Not a valid string."),
    ({"text": ["t"]}, "text", "Not a valid string."),
    ({"text": {"t": 1}}, "text", "Not a valid string."),
    ({"text": None}, "text", "This field may not be null."),
    ({"text": ""}, "text", "This field may not be blank."),
    ({"text": "   "}, "text", "This field may not be blank."),
    ({"text": "x" * 21}, "text", "Ensure this field has no more than 20 characters."),
    ({"text": "x" * 20 + " "}, "text", "Ensure this field has no more than 20 characters."),
    ({"text": "a\0b"}, "text", "Null characters are not allowed."),
    (TEXT | {"secret": 12345678}, "secret", "Not a valid string."),
    (TEXT | {"flag": "yes"}, "flag", "Must be true or false."),
    (TEXT | {"flag": "true"}, "flag", "Must be true or false."),
    (TEXT | {"flag": 0}, "flag", "Must be true or false."),
    (TEXT | {"flag": 1}, "flag", "Must be true or false."),
    (TEXT | {"flag": 1.0}, "flag", "Must be true or false."),
    (TEXT | {"flag": []}, "flag", "Must be true or false."),
    (TEXT | {"flag": None}, "flag", "This field may not be null."),
    (TEXT | {"choice": "blue"}, "choice", "Must be one of: red, green."),
    (TEXT | {"choice": "RED"}, "choice", "Must be one of: red, green."),
    (TEXT | {"choice": ["red"]}, "choice", "Must be one of: red, green."),
    (TEXT | {"choice": {"red": 1}}, "choice", "Must be one of: red, green."),
    (TEXT | {"choice": 0}, "choice", "Must be one of: red, green."),
    (TEXT | {"free": []}, "free", "Send a JSON object."),
    (TEXT | {"free": "{}"}, "free", "Send a JSON object."),
    (TEXT | {"free": None}, "free", "Send a JSON object."),
    (TEXT | {"inner": {}}, "inner.flag", "This field is required."),
    (TEXT | {"inner": {"flag": 1}}, "inner.flag", "Must be true or false."),
    (TEXT | {"many": [{"flag": True}, {"flag": "no"}]}, "many.1.flag", "Must be true or false."),
]


@pytest.mark.parametrize(("body", "field", "message"), WRONG)
def test_a_wrong_type_or_value(body: dict[str, Any], field: str, message: str, anyone: Caller) -> None:
    assert errors(anyone.post("/api/echo", body)) == [{"field": field, "message": message}]


def test_a_lone_surrogate(anyone: Caller) -> None:
    (error,) = errors(anyone.post("/api/echo", b'{"text": "\\ud800"}'))
    assert error["field"] == "text"
    assert error["message"].startswith("Surrogate characters are not allowed")


def test_white_space_is_trimmed_from_a_text_and_kept_in_a_secret(anyone: Caller) -> None:
    answer = envelope(anyone.post("/api/echo", {"text": " t ", "secret": " s "}))
    assert answer["data"] == {"text": "t", "secret": " s "}


@pytest.mark.parametrize("value", ["0", "101", "1.0", "1e1", "+5", "１", "", " 5", "0x10", "9" * 5000, "-1", "--1", "NaN", "5;6"])
def test_a_query_number_that_is_none(value: str, anyone: Caller) -> None:
    (error,) = errors(anyone.get("/api/number", {"number": value}))
    assert error["field"] == "number"


def test_a_query_number(anyone: Caller) -> None:
    assert envelope(anyone.get("/api/number", {"number": "100"}))["data"] == {"number": 100}
    assert errors(anyone.get("/api/number")) == [{"field": "number", "message": "This field is required."}]


def test_several_mistakes_are_told_at_once(anyone: Caller) -> None:
    found = errors(anyone.post("/api/echo", {"text": 1, "flag": "yes", "choice": "blue"}))
    assert sorted(error["field"] for error in found) == ["choice", "flag", "text"]


# Each of these is refused in each field, whatever the route.
POISON: list[Any] = [MARKER * 400, [MARKER], {MARKER: MARKER}, f"{MARKER}\0", f"{MARKER} @ {MARKER}", {"a": [MARKER]}]
ROUTES = {
    "/api/auth/login": ["username_or_email", "password"],
    "/api/auth/register": ["username", "password", "email", "phonenum", "verification_code"],
    "/api/auth/register/send-code": ["email"],
    "/api/auth/refresh": ["refresh_token"],
    "/api/user/change-password": ["old_password", "new_password"],
    "/api/user/add": ["username", "password", "role", "email", "phonenum"],
    "/api/user/delete": ["user_id"],
    "/api/user/config": ["config"],
    "/api/system/update_settings": ["allow_registration"],
    "/api/echo": ["text", "secret", "flag", "choice", "inner", "many"],
}


@pytest.mark.parametrize("path", ROUTES)
def test_no_422_repeats_what_was_sent(path: str, as_admin: Caller) -> None:
    for poison in POISON:
        body = dict.fromkeys(ROUTES[path], poison)
        response = as_admin.post(path, body)
        if path == "/api/user/config" and isinstance(poison, dict):
            continue  # Free-form on purpose: what was sent is kept and given back.
        assert response.status_code in {200, 422}, poison
        assert envelope(response)["code"] != 200, poison
        assert MARKER not in response.content.decode()
        assert MARKER not in str(dict(response.headers))


@pytest.mark.parametrize(
    "body",
    [
        MARKER.encode(),
        f'{{"{MARKER}": '.encode(),
        f'["{MARKER}"]'.encode(),
        f'{{"{MARKER}": 1, "{MARKER}": 2}}'.encode(),
        f'{{"text": "t", "free": {{"{MARKER}": "\\u0000"}}}}'.encode(),
    ],
)
def test_no_syntax_error_repeats_what_was_sent(body: bytes, anyone: Caller) -> None:
    response = anyone.post("/api/echo", body)
    assert response.status_code == 422
    assert MARKER not in response.content.decode()


def test_no_query_error_repeats_what_was_sent(as_admin: Caller) -> None:
    response = as_admin.get("/api/user/list", {"page": MARKER, "page_size": MARKER})
    assert [error["field"] for error in errors(response)] == ["page", "page_size"]
    assert MARKER not in json.dumps(envelope(response))
