"""Each view's own form of errors, also where a request never reaches the view: a forged Host, no place at the gate."""

import json
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from sage_platform.api.middleware import RequestContextMiddleware
from tests.people import Caller, Response, envelope
from tests.visitor import policy_for

pytestmark = pytest.mark.django_db
PROGRAMS = ["/oauth2/token", "/api/oauth2/token", "/api/oauth2/jwks", "/.well-known/oauth-authorization-server"]
# A page of OAuth2 is a page under /api as well. Outside /api, an address whose view states no form of its own answers a page.
PAGES = ["/oauth2/authorize", "/api/oauth2/authorize", "/api/oauth2/consents", "/sage/login", "/admin/", "/", "/nowhere", "/apis"]
ENVELOPED = ["/api/auth/session", "/api/system/info", "/api/schema", "/api/nowhere", "/api", "/api/", "/api/oauth2/nowhere"]


def without_a_place(caller: Caller, method: str, path: str) -> Response:
    """What a request gets when every place at the gate is taken, and somebody has waited for one in vain just now."""
    caller.client.handler.load_middleware()
    middleware = vars(caller.client.handler)["_middleware_chain"].__wrapped__  # The outermost one.
    assert isinstance(middleware, RequestContextMiddleware)
    while middleware.gate._places.acquire(blocking=False):
        pass
    middleware.gate.hurry()
    return caller.send(method, path, b"")


def with_a_forged_host(caller: Caller, method: str, path: str) -> Response:
    return caller.send(method, path, b"", Host="evil.example")


def check_page(response: Response, status: int, message: str) -> None:
    assert response.status_code == status
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert response.headers["Content-Security-Policy"] == policy_for(response)
    text = response.content.decode()
    assert message in text
    assert response.headers["X-Request-ID"] in text


@dataclass(frozen=True)
class Cause:
    """Why a request never reaches its view, and what each kind of client is told of it."""

    ask: Callable[[Caller, str, str], Response]
    status: int
    message: str
    oauth2: dict[str, str]
    retry_after: str | None


CAUSES = {
    "no place": Cause(
        without_a_place,
        503,
        "The service is temporarily unavailable. Please try again shortly.",
        {"error": "temporarily_unavailable", "error_description": "Try again later."},
        "5",
    ),
    "a forged host": Cause(
        with_a_forged_host,
        400,
        "The request is not valid.",
        {"error": "invalid_request", "error_description": "The request is not acceptable."},
        None,
    ),
}
every_cause = pytest.mark.parametrize("cause", CAUSES.values(), ids=CAUSES)
every_method = pytest.mark.parametrize("method", ["GET", "POST"])


@every_cause
@every_method
@pytest.mark.parametrize("path", PROGRAMS)
def test_a_program_reads_an_error_of_oauth2(path: str, method: str, cause: Cause, anyone: Caller) -> None:
    """RFC 6749 §5.2"""
    response = cause.ask(anyone, method, path)
    assert (response.status_code, json.loads(response.content)) == (cause.status, cause.oauth2)
    assert response.headers.get("Retry-After") == cause.retry_after


@every_cause
@every_method
@pytest.mark.parametrize("path", PAGES)
def test_a_person_reads_a_page(path: str, method: str, cause: Cause, anyone: Caller) -> None:
    response = cause.ask(anyone, method, path)
    check_page(response, cause.status, cause.message)
    assert response.headers.get("Retry-After") == cause.retry_after


@every_cause
@every_method
@pytest.mark.parametrize("path", ENVELOPED)
def test_the_api_answers_in_its_envelope(path: str, method: str, cause: Cause, anyone: Caller) -> None:
    response = cause.ask(anyone, method, path)
    expected = {"code": cause.status, "message": cause.message, "data": None}
    assert (response.status_code, envelope(response)) == (cause.status, expected)
    assert response.headers.get("Retry-After") == cause.retry_after


@pytest.mark.parametrize("path", ["/api/nowhere", "/api/oauth2/nowhere"])
def test_an_unknown_address_under_api_is_enveloped(path: str, anyone: Caller) -> None:
    response = anyone.get(path)
    expected = {"code": 404, "message": "There is nothing at this address.", "data": None}
    assert (response.status_code, envelope(response)) == (404, expected)


@pytest.mark.parametrize("path", ["/nowhere", "/oauth2/nowhere", "/apis"])
def test_an_unknown_address_elsewhere_is_a_page(path: str, anyone: Caller) -> None:
    check_page(anyone.get(path), 404, "There is nothing at this address.")


@pytest.mark.urls("tests.api.scratch")
@pytest.mark.parametrize(("seconds", "told"), [("29.4", "30"), ("29", "29"), ("29.9999", "30"), ("0.2", "1"), ("0", "1")])
def test_who_waits_as_long_as_told_is_not_too_early(seconds: str, told: str, anyone: Caller) -> None:
    """RFC 9110 §10.2.3 takes whole seconds alone."""
    response = anyone.get(f"/api/throttled/{seconds}")
    assert (response.status_code, response.headers["Retry-After"]) == (429, told)
