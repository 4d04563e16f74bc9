"""The cross-site rule: another site's page must not act with a visitor's cookie."""

from typing import Any

import pytest
from pytest_django import Settings

from sage_platform.accounts.models import User
from system.models import SystemSettings
from tests.answers import assert_forbidden, success
from tests.people import PASSWORD, Caller, envelope, signed_in
from tests.rows import rows

FRIEND = "https://app.friend.example"
EVIL = "https://evil.example"
# The platform's own origins in a test: the request's Host, and SAGE_PUBLIC_URL.
OWN = "http://testserver"
PUBLIC = "http://127.0.0.1:8000"

# Everything that a cookie opens and that changes something.
UNSAFE: list[tuple[str, dict[str, Any]]] = [
    ("/api/user/config", {"config": {"theme": "dark"}}),
    ("/api/user/change-password", {"old_password": PASSWORD, "new_password": "another uncommon phrase"}),
    ("/api/user/add", {"username": "carol", "password": PASSWORD, "role": "admin"}),
    ("/api/user/delete", {"user_id": "alice"}),
    ("/api/system/update_settings", {"allow_registration": True}),
    ("/api/auth/logout", {}),
    ("/api/user/logout", {}),
    ("/api/auth/login", {"username_or_email": "alice", "password": PASSWORD}),
    ("/api/user/login", {"username_or_email": "alice", "password": PASSWORD}),
]
every_route = pytest.mark.parametrize(("path", "body"), UNSAFE)

REFUSED: list[dict[str, str]] = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site", "Origin": EVIL},
    {"Sec-Fetch-Site": "same-site", "Origin": EVIL},
    {"Sec-Fetch-Site": "cross-site", "Origin": "null"},
    {"Sec-Fetch-Site": "cross-site", "Origin": OWN},
    {"Sec-Fetch-Site": "same-site", "Origin": PUBLIC},
    {"Sec-Fetch-Site": "Cross-Site"},
    {"Sec-Fetch-Site": "what-comes-next"},
    {"Sec-Fetch-Site": "same-origin, cross-site"},
    {"Origin": EVIL},
    {"Origin": "null"},
    {"Origin": "*"},
    {"Origin": "https://testserver"},
    {"Origin": "http://testserver:81"},
    {"Origin": "http://testserver.evil.example"},
    {"Origin": "http://evil.example/http://testserver"},
    {"Origin": f"{FRIEND}.evil.example"},
    {"Origin": "http://app.friend.example"},
    {"Origin": f"{OWN}, {EVIL}"},
]
PASSES: list[dict[str, str]] = [
    {},
    {"Sec-Fetch-Site": "same-origin"},
    {"Sec-Fetch-Site": "none"},
    {"Sec-Fetch-Site": "same-origin", "Origin": OWN},
    {"Sec-Fetch-Site": "same-origin", "Origin": EVIL},  # No page can make a browser send these together; Sec-Fetch-Site decides.
    {"Sec-Fetch-Site": "cross-site", "Origin": FRIEND},
    {"Sec-Fetch-Site": "same-site", "Origin": FRIEND},
    {"Origin": OWN},
    {"Origin": PUBLIC},
    {"Origin": FRIEND},
]


def label(headers: dict[str, str]) -> str:
    return " ".join(headers.values()) or "curl"


@pytest.fixture(autouse=True)
def _allowed(settings: Settings) -> None:
    settings.SAGE_CORS_ALLOWED_ORIGINS = [FRIEND]
    settings.CORS_ALLOWED_ORIGINS = [FRIEND]


def state() -> object:
    return rows(), list(SystemSettings.objects.values())


@every_route
@pytest.mark.parametrize("headers", REFUSED, ids=label)
def test_refused_and_nothing_changed(
    path: str, body: dict[str, Any], headers: dict[str, str], as_admin: Caller, alice: User
) -> None:
    before = state()
    response = as_admin.post(path, body, **headers)
    assert_forbidden(response)
    assert response.cookies == {}
    assert state() == before
    assert as_admin.get("/api/auth/session").status_code == 200


@pytest.mark.parametrize("headers", PASSES, ids=label)
def test_passes(headers: dict[str, str], as_alice: Caller) -> None:
    response = as_alice.post("/api/user/config", {"config": {"theme": "dark"}}, **headers)
    assert envelope(response) == success({"config": {"theme": "dark"}})
    assert envelope(as_alice.post("/api/auth/logout", None, **headers)) == success({})
    assert as_alice.get("/api/auth/session").status_code == 401


@every_route
def test_every_route_passes_for_our_own_page(path: str, body: dict[str, Any], as_admin: Caller, alice: User) -> None:
    response = as_admin.post(path, body, **{"Sec-Fetch-Site": "same-origin", "Origin": OWN})
    assert (response.status_code, envelope(response)["code"]) == (200, 200)


@every_route
@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
def test_a_plain_form_is_refused_for_its_origin_first(
    path: str, body: dict[str, Any], content_type: str, as_admin: Caller, alice: User
) -> None:
    """What a form can send without a preflight. 403 comes before 415 and 422."""
    before = state()
    headers = {"Sec-Fetch-Site": "cross-site", "Origin": EVIL, "Content-Type": content_type}
    assert_forbidden(as_admin.post(path, b'{"a": "=', **headers))
    assert state() == before


@pytest.mark.parametrize(
    "headers", [{"Host": "evil.example", "Origin": "http://evil.example"}, {"Host": "evil.example"}], ids=label
)
def test_a_forged_host_makes_no_origin_our_own(headers: dict[str, str], as_admin: Caller, alice: User) -> None:
    before = state()
    response = as_admin.post("/api/user/delete", {"user_id": "alice"}, **headers)
    assert response.status_code == 400
    assert envelope(response)["code"] == 400
    assert b"evil" not in response.content
    assert state() == before


def test_a_forwarded_host_makes_no_origin_our_own(as_admin: Caller, alice: User) -> None:
    before = state()
    headers = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https", "Origin": EVIL, "Forwarded": "host=evil.example"}
    assert_forbidden(as_admin.post("/api/user/delete", {"user_id": "alice"}, **headers))
    assert state() == before


def test_the_wildcard_lets_no_cookie_act(as_admin: Caller, alice: User, settings: Settings) -> None:
    settings.SAGE_CORS_ALLOWED_ORIGINS = ["*"]
    for headers in ({"Origin": EVIL}, {"Origin": "*"}, {"Sec-Fetch-Site": "cross-site", "Origin": EVIL}):
        assert_forbidden(as_admin.post("/api/user/delete", {"user_id": "alice"}, **headers))
    assert User.objects.filter(pk="alice").exists()


@pytest.mark.parametrize("headers", REFUSED, ids=label)
def test_a_bearer_token_alone_is_not_subject_to_it(headers: dict[str, str], alice: User) -> None:
    desktop = signed_in(alice, token=True)
    response = desktop.post("/api/user/config", {"config": {"theme": "dark"}}, **headers)
    assert envelope(response) == success({"config": {"theme": "dark"}})
    assert envelope(desktop.post("/api/auth/logout", None, **headers)) == success({})
    assert desktop.get("/api/auth/session").status_code == 401


def test_a_good_token_beside_a_cookie_acts_by_itself(alice: User, as_bob: Caller) -> None:
    token = signed_in(alice, token=True).headers["Authorization"]
    response = as_bob.post("/api/user/config", {"config": {"a": 1}}, **{"Sec-Fetch-Site": "cross-site", "Authorization": token})
    assert envelope(response) == success({"config": {"a": 1}})
    assert envelope(as_bob.get("/api/user/config")) == success({"config": {}})


@pytest.mark.parametrize("token", ["Bearer", "Bearer garbage", "Bearer sage_at_gone"])
def test_a_bad_token_is_no_way_round(token: str, as_admin: Caller, alice: User) -> None:
    before = state()
    headers = {"Sec-Fetch-Site": "cross-site", "Origin": EVIL, "Authorization": token}
    for path, body in UNSAFE:
        assert_forbidden(as_admin.post(path, body, **headers))
    assert state() == before


@pytest.mark.parametrize("path", ["/api/auth/session", "/api/user/config", "/api/user/options", "/api/user/list"])
def test_reading_is_not_subject_to_it(path: str, as_admin: Caller) -> None:
    """Another site cannot read the answer; the browser's own rule (CORS) sees to that."""
    response = as_admin.get(path, None, **{"Sec-Fetch-Site": "cross-site", "Origin": EVIL})
    assert response.status_code == 200
    assert "Access-Control-Allow-Origin" not in response.headers


def test_logged_out_it_is_a_401(anyone: Caller) -> None:
    response = anyone.post("/api/user/config", {"config": {}}, **{"Sec-Fetch-Site": "cross-site", "Origin": EVIL})
    assert response.status_code == 401


def test_in_chinese(as_admin: Caller, alice: User) -> None:
    headers = {"Sec-Fetch-Site": "cross-site", "X-Sage-Locale": "zh-CN"}
    response = as_admin.post("/api/user/delete", {"user_id": "alice"}, **headers)
    assert response.status_code == 403
    assert envelope(response) == {"code": 403, "message": "权限不足", "data": None}
    assert response.headers["Content-Language"] == "zh-CN"
