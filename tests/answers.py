"""The answers that many tests compare with, spelled out once."""

from typing import Any

from django.conf import settings

from tests.people import Caller, Response, envelope

WRONG = "Invalid username or password"
ENDED = "Your sign-in has ended. Please sign in again."


def success(data: object) -> dict[str, Any]:
    return {"code": 200, "message": "success", "data": data}


def refused(code: int, message: str) -> dict[str, Any]:
    return {"code": code, "message": message, "data": None}


def assert_refused(response: Response, code: int, message: str) -> None:
    """A business refusal: HTTP 200, the code and the text in the envelope."""
    assert envelope(response) == refused(code, message)
    assert response.status_code == 200


def assert_logged_out(response: Response, challenge: str = "Bearer") -> None:
    message = "Please sign in." if challenge == "Bearer" else ENDED
    assert (response.status_code, envelope(response)) == (401, refused(401, message))
    assert response.headers["WWW-Authenticate"] == challenge


def assert_forbidden(response: Response) -> None:
    assert (response.status_code, envelope(response)) == (403, refused(403, "Permission denied"))


def assert_not_for(caller: Caller, response: Response, path: str) -> None:
    """What the administration answers to who is no administrator: the login page, or a page that says so to who is signed in."""
    if caller.user is None:
        assert (response.status_code, response.headers["Location"]) == (302, f"/admin/login/?next={path}")
        return
    assert (response.status_code, response.headers["Content-Type"]) == (403, "text/html; charset=utf-8")
    told = f"The administration is for administrators. You are signed in as {caller.user.username}."
    assert told in response.content.decode()
    assert f'<a class="button plain" href="{settings.SAGE_WEB_BASE_PATH}/">Go to your account</a>' in response.content.decode()


def invalid_fields(response: Response) -> list[str]:
    """The fields that a 422 names."""
    assert response.status_code == 422, response.content
    body = envelope(response)
    assert set(body["data"]) == {"errors"}
    for error in body["data"]["errors"]:
        assert set(error) == {"field", "message"}
        assert isinstance(error["message"], str)
    assert body["code"] == 422
    return sorted({error["field"] for error in body["data"]["errors"]})


def refused_fields(response: Response) -> list[str]:
    """The fields of a form that a business refusal names; its message is their sentences."""
    assert response.status_code == 200, response.content
    body = envelope(response)
    assert body["code"] == 422
    assert set(body["data"]) == {"errors"}
    assert body["message"] == " ".join(dict.fromkeys(error["message"] for error in body["data"]["errors"]))
    return sorted({error["field"] for error in body["data"]["errors"]})
