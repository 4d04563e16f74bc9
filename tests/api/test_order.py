"""When several refusals apply, the first in the order of docs/api.md#the-order-of-refusals answers."""

from typing import Any, NamedTuple

import pytest
from django.contrib.admin.models import LogEntry

from sage_platform.accounts.models import User
from system.models import SystemSettings
from tests.people import Caller, envelope

pytestmark = pytest.mark.django_db
LARGE = b'{"a": "' + b"x" * (2 * 1024 * 1024) + b'"}'
CROSS_SITE = {"Sec_Fetch_Site": "cross-site"}
BAD_TOKEN = {"Authorization": "Bearer nonsense"}
TEXT = {"Content_Type": "text/plain"}
CHUNKED = {"Transfer_Encoding": "chunked"}
SETTINGS = "/api/system/update_settings"
RELEASES = "/api/system/version"
NOT_JSON = b"{"


class Case(NamedTuple):
    """A request, and the one status that answers it."""

    who: str
    method: str
    path: str
    body: bytes
    headers: dict[str, str]
    status: int


ORDER = [
    # Wrong in every way, and one fault fewer in each line.
    Case("anyone", "PURGE", "/api/nowhere", LARGE, BAD_TOKEN | TEXT | CROSS_SITE, 404),
    Case("anyone", "PURGE", SETTINGS, LARGE, BAD_TOKEN | TEXT | CROSS_SITE, 405),
    Case("anyone", "POST", SETTINGS, LARGE, BAD_TOKEN | TEXT | CROSS_SITE, 401),
    Case("as_alice", "POST", SETTINGS, LARGE, TEXT | CROSS_SITE, 403),
    Case("as_alice", "POST", SETTINGS, LARGE, TEXT, 403),
    Case("as_admin", "POST", SETTINGS, LARGE, TEXT | CROSS_SITE, 403),
    Case("as_admin", "POST", SETTINGS, LARGE, TEXT, 415),
    Case("as_admin", "POST", SETTINGS, LARGE, TEXT | CHUNKED, 415),
    Case("as_admin", "POST", SETTINGS, LARGE, CHUNKED, 411),
    Case("as_admin", "POST", SETTINGS, LARGE, {}, 413),
    Case("as_admin", "POST", SETTINGS, NOT_JSON, {}, 422),
    # The same for a logged-out caller of a public route.
    Case("anyone", "GET", "/api/auth/login", b"", BAD_TOKEN, 405),
    Case("anyone", "POST", "/api/auth/login", LARGE, TEXT | BAD_TOKEN, 415),
    Case("anyone", "POST", "/api/auth/login", LARGE, BAD_TOKEN, 413),
    Case("anyone", "POST", "/api/auth/login", NOT_JSON, BAD_TOKEN, 422),
    # An address that is nearly a route is none, whoever asks.
    Case("anyone", "GET", "/api/auth/session/", b"", BAD_TOKEN, 404),
    Case("anyone", "GET", "/api", b"", {}, 404),
    Case("anyone", "GET", "/api/", b"", {}, 404),
    Case("anyone", "GET", "/api//auth/session", b"", {}, 404),
    Case("anyone", "GET", "/api/auth/Session", b"", {}, 404),
    Case("as_admin", "DELETE", "/api/user", b"", {}, 404),
    # A query is judged after the right to ask.
    Case("anyone", "GET", "/api/user/list?page_size=-1", b"", {}, 401),
    Case("as_alice", "GET", "/api/user/list?page_size=-1", b"", {}, 403),
    Case("as_admin", "GET", "/api/user/list?page_size=-1", b"", {}, 422),
    # Of a route that takes both, after the body's type and length.
    Case("anyone", "POST", f"{RELEASES}?dry_run=perhaps", LARGE, TEXT, 401),
    Case("as_alice", "POST", f"{RELEASES}?dry_run=perhaps", LARGE, TEXT, 403),
    Case("as_admin", "POST", f"{RELEASES}?dry_run=perhaps", LARGE, TEXT, 415),
    Case("as_admin", "POST", f"{RELEASES}?dry_run=perhaps", LARGE, {}, 413),
    Case("as_admin", "POST", f"{RELEASES}?dry_run=perhaps", NOT_JSON, {}, 422),
    Case("as_admin", "PUT", f"{RELEASES}/1.0.0", LARGE, BAD_TOKEN | TEXT, 405),
    Case("as_admin", "DELETE", f"{RELEASES}/1.0.0/", b"", {}, 404),
]


@pytest.mark.parametrize("case", ORDER, ids=lambda case: f"{case.status}-{case.who}-{case.path}")
def test_the_first_refusal_in_order_answers(case: Case, request: pytest.FixtureRequest) -> None:
    caller: Caller = request.getfixturevalue(case.who)
    before = everything()
    response = caller.send(case.method, case.path, case.body, **case.headers)
    assert response.status_code == case.status
    assert envelope(response)["code"] == case.status
    assert ("WWW-Authenticate" in response.headers) == (case.status == 401)
    assert ("Allow" in response.headers) or case.status != 405
    assert everything() == before


def everything() -> list[Any]:
    return [
        list(User.objects.order_by("pk").values()),
        list(SystemSettings.objects.values()),
        list(LogEntry.objects.values()),
    ]


def test_422_comes_before_429(anyone: Caller) -> None:
    """With the limit reached: what is malformed is told so, and the well-formed is throttled."""
    for _ in range(10):
        anyone.post("/api/auth/login", {"username_or_email": "nobody", "password": "wrong horse"})
    throttled = anyone.post("/api/auth/login", {"username_or_email": "nobody", "password": "wrong horse"})
    assert (throttled.status_code, envelope(throttled)["code"]) == (429, 429)
    assert int(throttled.headers["Retry-After"]) > 0
    assert anyone.post("/api/auth/login", {"username_or_email": "nobody"}).status_code == 422
    assert anyone.post("/api/auth/login", b"x", Content_Type="text/plain").status_code == 415


def test_a_bad_token_alone_says_so(anyone: Caller) -> None:
    response = anyone.get("/api/auth/session", {}, **BAD_TOKEN)
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    assert envelope(response) == {"code": 401, "message": "Your sign-in has ended. Please sign in again.", "data": None}


NOWHERE = {"code": 404, "message": "There is nothing at this address.", "data": None}


@pytest.mark.parametrize("who", ["anyone", "as_alice", "as_admin"])
@pytest.mark.parametrize("path", ["/api", "/api/", "/api/nowhere", "/api/auth/", "/api/user/add/", "/api/%00", "/api/../x"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "OPTIONS"])
def test_an_unknown_address_under_api_is_enveloped(method: str, path: str, who: str, request: pytest.FixtureRequest) -> None:
    response = request.getfixturevalue(who).send(method, path, {}, Accept="text/html")
    assert response.status_code == 404
    assert envelope(response) == NOWHERE
    assert "WWW-Authenticate" not in response.headers


@pytest.mark.parametrize("path", ["/nowhere", "/apis", "/apiary/auth", "/oauth2/nowhere", "/sage/nowhere", "/active/"])
def test_an_unknown_address_elsewhere_is_a_page(path: str, anyone: Caller) -> None:
    response = anyone.get(path, Accept="application/json")
    assert response.status_code == 404
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "There is nothing at this address." in response.content.decode()
    assert response.headers["X-Request-ID"] in response.content.decode()
