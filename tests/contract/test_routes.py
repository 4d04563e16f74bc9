"""Every route against the kept table: nothing missing, nothing extra, and each open to whom the table says."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from django.urls import URLPattern, URLResolver, get_resolver

from tests.answers import assert_not_for
from tests.contract.routes import ANY_METHOD, ROUTES, SUBTREES, Row
from tests.people import Caller, envelope

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PURGE")
FOR_ADMINISTRATORS = {"Administrator", "AdministratorOrProgram"}
PATHS = sorted({row.path for row in ROUTES})


def allowed_methods(path: str) -> set[str]:
    methods = {row.method for row in ROUTES if row.path == path} | (set(METHODS) if path in ANY_METHOD else set())
    return methods | {"HEAD"} if "GET" in methods else methods


def address(path: str) -> str:
    return path.replace("<str:provider_id>", "acme").replace("<str:version>", "1.2.0").replace("<rest:path>", "search")


def leaves(patterns: Sequence[URLPattern | URLResolver], prefix: str = "/") -> Iterator[tuple[str, Any]]:
    """(path, view) of each route that the resolver knows; a subtree with None."""
    for pattern in patterns:
        path = prefix + str(pattern.pattern)
        if isinstance(pattern, URLPattern):
            yield path, pattern.callback
        elif path in SUBTREES:
            yield path, None
        else:
            yield from leaves(pattern.url_patterns, path)


def described(path: str, view: Any) -> Iterator[tuple[str, str, str, str]]:
    """(method, path, view, who) of a view, as far as the code states them; "" where only a call can tell."""
    view_class = getattr(view, "cls", None) or getattr(view, "view_class", None)
    if view_class is None:
        yield "", path, f"{view.__module__}.{view.__qualname__}", ""
        return
    name = f"{view_class.__module__}.{view_class.__qualname__}"
    if actions := getattr(view, "actions", None):
        # The REST framework adds `head` beside `get` at the first call.
        for method, action in [pair for pair in actions.items() if pair[0] != "head"]:
            stated = getattr(view_class, action).endpoint
            yield method.upper(), path, f"{name}.{action}", stated.who.__name__
        return
    permissions = getattr(view_class, "permission_classes", ())
    yield "", path, name, permissions[0].__name__ if permissions else ""


def test_the_resolver_and_the_table_are_the_same() -> None:
    found = list(leaves(get_resolver().url_patterns))
    assert {path for path, view in found if view is None} == SUBTREES
    assert sorted({path for path, view in found if view is not None}) == PATHS
    for path, view in found:
        for method, _path, name, who in described(path, view) if view is not None else ():
            rows = [row for row in ROUTES if row.path == path and method in {"", row.method}]
            assert rows, (method, path)
            assert {row.view for row in rows} == {name}
            assert not who or {row.who for row in rows} == {who}


def test_no_address_is_routed_twice() -> None:
    found = [path for path, _view in leaves(get_resolver().url_patterns)]
    assert sorted(found) == sorted(set(found))


def called(caller: Caller, method: str, row_path: str, **headers: str) -> Any:
    """As a stranger's program would call: without the token of a form."""
    caller.client.handler.enforce_csrf_checks = True
    if any(row.answer == "page" for row in ROUTES if row.path == row_path):
        return caller.send(method, row_path, b"a=b", Content_Type="application/x-www-form-urlencoded", **headers)
    return caller.send(method, address(row_path), {}, **headers)


def check_answer(row: Row, response: Any) -> None:
    """Enveloped routes answer in the envelope, whatever they say; raw ones and pages never do."""
    if row.answer == "enveloped" or (row.answer == "led" and response.status_code >= 400):
        envelope(response)
    elif row.answer == "page":
        assert response.headers["Content-Type"].startswith("text/html")
    elif response.status_code == 204:
        assert (response.content, "Content-Type" in response.headers) == (b"", False)
    else:
        assert b'"request_id"' not in response.content[:200]
        assert response.headers["Content-Type"] in {
            "application/json",
            "application/vnd.oai.openapi+json",
            "text/html; charset=utf-8",
            "text/plain; version=0.0.4; charset=utf-8",
        }


def label(row: Row) -> str:
    return f"{row.method} {row.path}"


@pytest.mark.parametrize("row", ROUTES, ids=label)
def test_logged_out(row: Row, anyone: Caller) -> None:
    response = called(anyone, row.method, row.path)
    assert response.status_code == row.logged_out
    check_answer(row, response)
    if row.logged_out == 401:
        assert response.headers["WWW-Authenticate"] == "Bearer"
    if row.logged_out == 401 and row.answer == "enveloped":
        assert envelope(response) == {"code": 401, "message": "Please sign in.", "data": None}
    if row.who == "SignedIn" and row.answer == "page" and row.method == "GET":
        assert response.headers["Location"].startswith("/sage/login?next=")


@pytest.mark.parametrize("row", ROUTES, ids=label)
def test_a_user(row: Row, as_alice: Caller) -> None:
    response = called(as_alice, row.method, row.path)
    assert response.status_code == row.user
    check_answer(row, response)
    if row.who in FOR_ADMINISTRATORS:
        assert envelope(response) == {"code": 403, "message": "Permission denied", "data": None}


@pytest.mark.parametrize("row", [row for row in ROUTES if row.who in FOR_ADMINISTRATORS], ids=label)
def test_a_user_is_refused_in_chinese(row: Row, as_alice: Caller) -> None:
    response = called(as_alice, row.method, row.path, X_Sage_Locale="zh-CN")
    assert envelope(response) == {"code": 403, "message": "权限不足", "data": None}


@pytest.mark.parametrize("row", ROUTES, ids=label)
def test_an_administrator(row: Row, as_admin: Caller) -> None:
    response = called(as_admin, row.method, row.path)
    assert response.status_code == row.admin
    check_answer(row, response)


@pytest.mark.parametrize("path", [row.path for row in ROUTES if row.method == "GET"])
def test_head_is_get_without_a_body(path: str, as_admin: Caller) -> None:
    get, head = (called(as_admin, method, path) for method in ("GET", "HEAD"))
    assert (head.status_code, head.content) == (get.status_code, b"")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("who", ["anyone", "as_alice"])
def test_any_other_method_is_405(path: str, who: str, request: pytest.FixtureRequest) -> None:
    caller: Caller = request.getfixturevalue(who)
    allowed = allowed_methods(path)
    for method in [method for method in METHODS if method not in allowed]:
        response = called(caller, method, path)
        assert (method, response.status_code) == (method, 405)
        assert set(response.headers["Allow"].split(", ")) == allowed
        if any(row.answer == "enveloped" for row in ROUTES if row.path == path):
            assert envelope(response)["code"] == 405


@pytest.mark.parametrize("path", ["/", "/sage/login", "/api/auth/login", "/api/system/info", "/api/schema", "/api/nowhere"])
def test_options_is_answered_only_as_a_cors_preflight(path: str, anyone: Caller) -> None:
    preflight = anyone.send("OPTIONS", path, b"", Origin="https://elsewhere.example", Access_Control_Request_Method="POST")
    assert preflight.status_code == 200
    assert "Access-Control-Allow-Origin" not in preflight.headers
    without_origin = anyone.send("OPTIONS", path, b"", Access_Control_Request_Method="POST")
    without_method = anyone.send("OPTIONS", path, b"", Origin="https://elsewhere.example")
    refused = 404 if path == "/api/nowhere" else 405
    assert (without_origin.status_code, without_method.status_code) == (refused, refused)


ADMIN_PATHS = [
    "/admin/",
    "/admin/accounts/user/",
    "/admin/accounts/user/add/",
    "/admin/accounts/user/alice/change/",
    "/admin/accounts/user/alice/delete/",
    "/admin/system/systemsettings/",
    "/admin/no/such/page/",
]


@pytest.mark.parametrize("path", ADMIN_PATHS)
@pytest.mark.parametrize("who", ["anyone", "as_alice"])
def test_the_admin_is_closed_to_who_is_no_administrator(path: str, who: str, request: pytest.FixtureRequest) -> None:
    caller: Caller = request.getfixturevalue(who)
    response = caller.get(path)
    assert_not_for(caller, response, path)


def test_the_admin_is_open_to_administrators(as_admin: Caller) -> None:
    assert as_admin.get("/admin/").status_code == 200
    assert as_admin.get("/admin/accounts/user/").status_code == 200


def test_no_route_is_raw_but_those_that_are_named() -> None:
    """docs/api.md#raw-routes lists them; a route that is not on the list has to be enveloped."""
    raw = {row.path for row in ROUTES if row.answer == "raw"}
    named = {path for path in raw if "oauth" in path or "openid" in path} | {"/api/schema", "/api/docs"}
    named |= {path for path in raw if path.startswith("/files/")} | {"/api/system/version/check"}
    assert raw == named


def test_the_table_is_json_all_over(anyone: Caller) -> None:
    """An enveloped route always answers JSON, also to who asks for something else."""
    for accept in ("text/html", "image/png", "application/xml;q=1, */*;q=0", "nonsense"):
        response = anyone.get("/api/auth/session", Accept=accept)
        assert json.loads(response.content)["code"] == 401
        assert anyone.get("/api/docs", Accept=accept).status_code == 200
        assert anyone.get("/api/schema", Accept=accept).status_code == 200
