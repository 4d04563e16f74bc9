"""Actions that take a form or a file: the order of refusals, and what reaches the action."""

import io
from typing import Any, NamedTuple

import pytest
from pytest_django import Settings

from tests.answers import success
from tests.api.scratch import MOST_BYTES
from tests.api.test_bodies import NEEDS_LENGTH, TOO_LARGE, Untouchable, refused_with
from tests.people import Caller, Response, envelope

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.api.scratch")]
FORM_TYPE, FILE_TYPE = "application/x-www-form-urlencoded", "multipart/form-data; boundary=edge"
NOT_A_FORM = {"code": 415, "message": "Send the form as application/x-www-form-urlencoded.", "data": None}
NOT_FILES = {"code": 415, "message": "Send the form as multipart/form-data.", "data": None}
UNREADABLE = refused_with("The body is no multipart form that can be read.")
NO_FILE = refused_with("No file was submitted.", "file")


def part(name: str, content: bytes, filename: str = "") -> bytes:
    """One part of a multipart form (RFC 7578 §4.2)."""
    file = f'; filename="{filename}"\r\nContent-Type: image/png' if filename else ""
    return f'--edge\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'.encode() + content + b"\r\n"


END = b"--edge--\r\n"
PICTURE = bytes(range(256))


def told(content: bytes, name: str) -> dict[str, Any]:
    """What the action answers about a file that it got."""
    text = content.decode("latin-1")
    return {"type": "TemporaryUploadedFile", "name": name, "size": len(content), "content": text}


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
        ("/api/file", FILE_TYPE, part("text", b"hello") + END, NO_FILE),
        ("/api/file", FILE_TYPE, part("file", b"no file name") + END, refused_with(
            "The submitted data was not a file. Check the encoding type on the form.", "file")),
        ("/api/file", FILE_TYPE, part("file", b"", "empty.png") + END, refused_with("The submitted file is empty.", "file")),
        ("/api/file", "text/plain", b"", NO_FILE),
    ],
)  # fmt: skip
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


def send_parts(anyone: Caller, *parts: bytes) -> Response:
    return anyone.send("POST", "/api/file", b"".join(parts) + END, Content_Type=FILE_TYPE)


def test_a_file_is_on_the_disk_when_the_action_gets_it(anyone: Caller) -> None:
    response = send_parts(anyone, part("text", b"hello"), part("file", PICTURE, "cat.png"), part("ignored", b"x"))
    expected = success({"text": "hello", "file": told(PICTURE, "cat.png"), "on_disk": True})
    assert (response.status_code, envelope(response)) == (200, expected)


def test_of_parts_with_one_name_the_last_counts(anyone: Caller) -> None:
    texts = part("text", b"first"), part("text", b"last")
    response = send_parts(anyone, *texts, part("file", b"first", "a.png"), part("file", b"last", "b.png"))
    assert envelope(response) == success({"text": "last", "file": told(b"last", "b.png"), "on_disk": True})


def test_a_file_counts_before_a_text_of_the_same_name(anyone: Caller) -> None:
    response = send_parts(anyone, part("file", b"content", "a.png"), part("file", b"a text"))
    assert envelope(response) == success({"file": told(b"content", "a.png"), "on_disk": True})


def test_the_limit_is_for_the_whole_body(anyone: Caller) -> None:
    room = MOST_BYTES - len(part("file", b"", "a.png") + END)
    taken = send_parts(anyone, part("file", b"x" * room, "a.png"))
    assert envelope(taken) == success({"file": told(b"x" * room, "a.png"), "on_disk": True})
    assert envelope(send_parts(anyone, part("file", b"x" * (room + 1), "a.png"))) == TOO_LARGE


@pytest.mark.parametrize("kept", [len(part("file", PICTURE, "cat.png")) - 2, 150, 60, 20, 0])
def test_a_file_that_was_cut_short_never_reaches_the_action(kept: int, anyone: Caller) -> None:
    """The client announced all of it and went away: at the end of the file, within it, and within the part's headers."""
    body = part("file", PICTURE, "cat.png") + END
    cut: dict[str, Any] = {"wsgi.input": io.BytesIO(body[:kept]), "CONTENT_LENGTH": str(len(body))}
    response = anyone.client.post("/api/file", content_type=FILE_TYPE, **cut)
    assert (response.status_code, envelope(response)) == (422, NO_FILE)


@pytest.mark.parametrize(
    "content_type",
    ["multipart/form-data", "multipart/form-data; boundary=", f"multipart/form-data; boundary={'x' * 300}"],
)
def test_without_a_boundary_the_form_cannot_be_read(content_type: str, anyone: Caller) -> None:
    response = anyone.send("POST", "/api/file", part("file", PICTURE, "cat.png") + END, Content_Type=content_type)
    assert (response.status_code, envelope(response)) == (422, UNREADABLE)


def test_with_another_boundary_there_is_nothing_in_the_form(anyone: Caller) -> None:
    body = part("file", PICTURE, "cat.png") + END
    response = anyone.send("POST", "/api/file", body, Content_Type="multipart/form-data; boundary=another")
    assert (response.status_code, envelope(response)) == (422, NO_FILE)


def test_more_files_than_django_takes_are_refused(anyone: Caller, settings: Settings) -> None:
    settings.DATA_UPLOAD_MAX_NUMBER_FILES = 2
    two = [part(f"file{number}", b"x", "a.png") for number in range(2)]
    assert envelope(send_parts(anyone, *two)) == NO_FILE
    assert envelope(send_parts(anyone, *two, part("file", b"x", "a.png"))) == UNREADABLE
