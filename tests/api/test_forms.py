"""Actions that take a form or a file: the order of refusals, and what reaches the action."""

import io
from typing import Any, NamedTuple

import pytest
from pytest_django import Settings

from sage_platform.request_body import RequestBody
from tests.answers import success
from tests.api.scratch import MOST_BYTES
from tests.api.test_bodies import NEEDS_LENGTH, TOO_LARGE, Untouchable, refused_with
from tests.people import Caller, envelope

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.api.scratch")]
FORM_TYPE, FILE_TYPE = "application/x-www-form-urlencoded", "multipart/form-data; boundary=edge"
NOT_A_FORM = {"code": 415, "message": "Send the form as application/x-www-form-urlencoded.", "data": None}
NOT_FILES = {"code": 415, "message": "Send the form as multipart/form-data.", "data": None}
UNREADABLE = refused_with("The body is no multipart form that can be read.")


# -- The order of refusals: media type, missing length, length, content --------------------------------------------------


class Case(NamedTuple):
    """A body that must not be read, as its headers announce it, and the answer."""

    path: str
    content_type: str
    length: int
    chunked: bool
    status: int
    answer: dict[str, Any]


ORDER = [
    Case("/api/form", "text/plain", 1001, True, 415, NOT_A_FORM),
    Case("/api/form", "text/plain", 1001, False, 415, NOT_A_FORM),
    Case("/api/form", "application/json", 10, False, 415, NOT_A_FORM),
    Case("/api/form", FILE_TYPE, 10, False, 415, NOT_A_FORM),
    Case("/api/form", f"{FORM_TYPE}; charset=gbk", 10, False, 415, NOT_A_FORM),
    Case("/api/form", FORM_TYPE, 1001, True, 411, NEEDS_LENGTH),
    Case("/api/form", FORM_TYPE, 0, True, 411, NEEDS_LENGTH),
    Case("/api/form", FORM_TYPE, 1001, False, 413, TOO_LARGE),
    Case("/api/file", "text/plain", 1001, True, 415, NOT_FILES),
    Case("/api/file", "text/plain", 1001, False, 415, NOT_FILES),
    Case("/api/file", FORM_TYPE, 10, False, 415, NOT_FILES),
    Case("/api/file", "multipart/mixed; boundary=edge", 10, False, 415, NOT_FILES),
    Case("/api/file", FILE_TYPE, 1001, True, 411, NEEDS_LENGTH),
    Case("/api/file", FILE_TYPE, 0, True, 411, NEEDS_LENGTH),
    Case("/api/file", FILE_TYPE, 1001, False, 413, TOO_LARGE),
]


@pytest.mark.parametrize("case", ORDER, ids=lambda case: f"{case.status}-{case.path}-{case.content_type}")
def test_the_first_refusal_answers_before_the_body_is_read(case: Case, anyone: Caller, settings: Settings) -> None:
    """A form may be as long as a JSON body; a route that takes files states a length of its own."""
    settings.SAGE_MAX_JSON_BYTES = MOST_BYTES if case.path == "/api/form" else 1
    extra: dict[str, Any] = {"wsgi.input": Untouchable(), "CONTENT_LENGTH": str(case.length) if case.length else ""}
    if case.chunked:
        extra["HTTP_TRANSFER_ENCODING"] = "chunked"
    response = anyone.client.post(case.path, content_type=case.content_type, **extra)
    assert (response.status_code, envelope(response)) == (case.status, case.answer)


@pytest.mark.parametrize(
    ("address", "content_type", "body", "answer"),
    [
        ("/api/form", FORM_TYPE, b"text=", refused_with("This field may not be blank.", "text")),
        ("/api/form", FORM_TYPE, b"other=1", refused_with("This field is required.", "text")),
        ("/api/form", FORM_TYPE, b"text=%00", refused_with("Null characters are not allowed.", "text")),
        ("/api/form", "text/plain", b"", refused_with("This field is required.", "text")),
    ],
)
def test_the_content_is_judged_last(address: str, content_type: str, body: bytes, answer: dict[str, Any], anyone: Caller) -> None:
    response = anyone.send("POST", address, body, Content_Type=content_type)
    assert (response.status_code, envelope(response)) == (422, answer)


# -- What reaches the action ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("content_type", [FORM_TYPE, f"{FORM_TYPE}; charset=UTF-8", FORM_TYPE.title()])
def test_a_form(content_type: str, anyone: Caller) -> None:
    response = anyone.send("POST", "/api/form", "text=+a+%26+é+&ignored=1".encode(), Content_Type=content_type)
    assert (response.status_code, envelope(response)) == (200, success({"text": "a & é"}))


def test_of_a_field_that_is_sent_twice_the_last_value_counts(anyone: Caller) -> None:
    response = anyone.send("POST", "/api/form", b"text=first&text=last", Content_Type=FORM_TYPE)
    assert envelope(response) == success({"text": "last"})


FORM = b'--edge\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n' + b"x" * 60 + b"\r\n--edge--\r\n"


@pytest.mark.parametrize("content_type", [FILE_TYPE, 'Multipart/Form-Data; Boundary="edge"'])
def test_a_form_with_files_comes_unread(content_type: str, anyone: Caller) -> None:
    response = anyone.send("POST", "/api/file", FORM, Content_Type=content_type)
    text = FORM.decode()
    expected = {"boundary": "edge", "length": 145, "pieces": [text[:64], text[64:128], text[128:]]}
    assert (response.status_code, envelope(response)) == (200, success(expected))


def test_an_empty_form_has_no_parts(anyone: Caller) -> None:
    response = anyone.send("POST", "/api/file", b"", Content_Type="text/plain")
    assert envelope(response) == success({"boundary": "", "length": 0, "pieces": []})


def test_the_limit_is_for_the_whole_body(anyone: Caller) -> None:
    taken = anyone.send("POST", "/api/file", b"x" * MOST_BYTES, Content_Type=FILE_TYPE)
    assert envelope(taken)["data"]["length"] == 1000
    assert envelope(anyone.send("POST", "/api/file", b"x" * (MOST_BYTES + 1), Content_Type=FILE_TYPE)) == TOO_LARGE


def test_a_form_that_was_cut_short(anyone: Caller) -> None:
    """The client announced all of it and went away."""
    cut: dict[str, Any] = {"wsgi.input": RequestBody(io.BytesIO(FORM[:70]), len(FORM)), "CONTENT_LENGTH": str(len(FORM))}
    response = anyone.client.post("/api/file", content_type=FILE_TYPE, **cut)
    message = "The request did not arrive in full. Please send it again."
    assert (response.status_code, envelope(response)) == (400, {"code": 400, "message": message, "data": None})


@pytest.mark.parametrize(
    "content_type",
    [
        "multipart/form-data",
        "multipart/form-data; boundary=",
        'multipart/form-data; boundary=a"b',
        f"multipart/form-data; boundary={'x' * 300}",
    ],
)
def test_without_a_boundary_the_form_cannot_be_read(content_type: str, anyone: Caller) -> None:
    response = anyone.send("POST", "/api/file", FORM, Content_Type=content_type)
    assert (response.status_code, envelope(response)) == (422, UNREADABLE)
