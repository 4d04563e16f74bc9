"""The answers that many tests compare with, spelled out once."""

from typing import Any

from tests.people import Response, envelope

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
