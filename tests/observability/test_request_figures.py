"""Each request is counted once, by few values of each label, however it ends (docs/api.md#metrics)."""

import json
import random
import string
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest
from django.db import connections
from django.urls import URLPattern, URLResolver, get_resolver

from sage_platform import front, paths
from sage_platform.api import seams
from sage_platform.api_docs import document
from sage_platform.telemetry.requests import METHODS, UNCOUNTED, Observed
from sage_platform.wsgi import handler, route_of
from tests.observability.asking import ask, begin, counted, text
from tests.observability.exposition import FAMILIES, families, in_progress, samples
from versions.feed import feed

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _one_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server's requests close theirs when they are over. This one is the test's."""
    monkeypatch.setattr(connections["default"], "close", lambda: None)


ADMIN, STATIC, PAGES = "/admin", "/static", "/sage"
JSON: dict[str, Any] = {"CONTENT_TYPE": "application/json"}
CHECK, LATEST = "/api/system/version/check", "/api/system/version/latest"


def test_every_metric_has_the_type_the_labels_and_the_help_that_dashboards_know() -> None:
    ask("GET", "/api/system/info")
    ask("POST", "/api/auth/login", json.dumps({"username_or_email": "nobody", "password": "wrong"}).encode(), **JSON)
    found = families(text())
    assert {name: found.get(name) for name in FAMILIES} == FAMILIES


# -- The route --------------------------------------------------------------------------------------------------------------


def routes(patterns: Any, prefix: str = "") -> Iterator[str]:
    for pattern in patterns:
        whole = prefix + str(pattern.pattern)
        if isinstance(pattern, URLPattern):
            yield whole
        else:
            assert isinstance(pattern, URLResolver)
            yield from routes(pattern.url_patterns, whole)


def test_routes_are_named_as_the_document_has_them() -> None:
    found = {route_of(route) for route in routes(get_resolver().url_patterns)}
    described = set(json.loads(document())["paths"])
    # What people see is no part of the API.
    consent = {f"{root}/oauth2/{page}" for root in ("", "/api") for page in ("authorize", "consents")}
    assert found - described == {"/", ADMIN, PAGES, "/files", *consent}
    assert described - found - {f"/{paths.ALIVE}"} == set()
    assert set(seams.front_answers._entries) - UNCOUNTED <= described


@pytest.mark.parametrize(
    ("method", "path", "status", "route"),
    [
        ("GET", "/api/system/info", 200, "/api/system/info"),
        ("HEAD", "/api/system/info", 200, "/api/system/info"),
        ("POST", "/api/system/info", 405, "/api/system/info"),
        ("GET", "/api/system/version/1.2.3", 405, "/api/system/version/{version}"),
        ("GET", "/api/llm-provider/delete/acme", 405, "/api/llm-provider/delete/{provider_id}"),
        ("DELETE", "/api/llm-provider/delete/acme", 401, "/api/llm-provider/delete/{provider_id}"),
        ("GET", f"/files/{'0' * 32}/x.txt", 404, "/files/{public_id}/{filename}"),
        ("GET", "/api/observability/jaeger/a/b/c", 302, "/api/observability/jaeger/{path}"),
        ("GET", "/", 302, "/"),
        ("GET", "/admin", 302, ADMIN),
        ("GET", "/admin/", 302, ADMIN),
        ("GET", "/admin/login/", 200, ADMIN),
        ("GET", "/admin/accounts/user/7/change/", 302, ADMIN),
        ("GET", "/admin/nowhere/at/all", 302, ADMIN),
        ("GET", "/sage/login", 200, PAGES),
        ("GET", "/static/admin/css/base.css", 200, STATIC),
        ("GET", "/static/nowhere.css", 404, STATIC),
        ("GET", "/api/nowhere", 404, "unknown"),
        ("GET", "/api", 404, "unknown"),
        ("GET", "/api/system/info/", 404, "unknown"),
        ("GET", "/active/", 404, "unknown"),
        ("GET", "/wp-login.php", 404, "unknown"),
        ("GET", "/unknown", 404, "unknown"),
        ("GET", "/sage/nowhere", 404, "unknown"),
        ("GET", "/prod-api/api/system/info", 404, "unknown"),
        ("GET", "/\xff\xfe", 404, "unknown"),
        ("GET", '/"}\n{x="', 404, "unknown"),
    ],
)
def test_the_route_and_the_status_of_an_answer(method: str, path: str, status: int, route: str) -> None:
    assert counted(lambda: ask(method, path)) == {(method, route, str(status)): 1}


@pytest.mark.parametrize("path", sorted(UNCOUNTED))
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PURGE"])
def test_what_machines_ask_all_the_time_is_not_counted(method: str, path: str) -> None:
    assert counted(lambda: ask(method, path)) == {}


def test_the_prefix_of_the_web_application_is_none_of_the_route() -> None:
    prefixed = front.front(handler, dict(seams.front_answers.items()), takes_prefix=True)
    for path in ("/prod-api/api/system/info", f"/prod-api{CHECK}", "/prod-api/active", "/prod-api/sage/login"):
        found = counted(lambda path=path: begin("GET", path, application=prefixed).end())  # type: ignore[misc]
        assert {route for _method, route, _status in found} == {
            "/prod-api/api/system/info": {"/api/system/info"},
            f"/prod-api{CHECK}": {CHECK},
            "/prod-api/active": set(),
            "/prod-api/sage/login": {PAGES},
        }[path]


def test_ten_thousand_addresses_and_invented_methods_are_one_series_each() -> None:
    """A fifth of them is really asked for; of the rest, what chooses the values is asked."""
    for method in ("GET", "BREW"):
        ask(method, "/nowhere")
    before, chance = set(samples(text())), random.Random(15)
    signs = string.ascii_letters + string.digits + '/.-_%<>"\\{}\n\xe9'
    for number in range(10_000):
        path = f"/{''.join(chance.choices(signs, k=chance.randrange(1, 40)))}?"
        method = "GET" if number % 2 else "".join(chance.choices(string.ascii_letters, k=chance.randrange(3, 12)))
        if number % 5:
            assert (Observed(method).method, handler.route_of_unled(path)) == ("GET" if number % 2 else "OTHER", "")
        else:
            assert ask(method, path) == 404, (method, path)
    assert set(samples(text())) == before


@pytest.mark.parametrize("method", sorted(METHODS))
def test_each_method_of_http_is_its_own_value(method: str) -> None:
    assert counted(lambda: ask(method, "/nowhere")) == {(method, "unknown", "404"): 1}


@pytest.mark.parametrize("method", ["get", "Get"])
def test_in_small_letters_it_counts_as_what_django_takes_it_for(method: str) -> None:
    assert counted(lambda: ask(method, "/api/system/info")) == {("GET", "/api/system/info", "200"): 1}


@pytest.mark.parametrize("method", ["BREW", "PROPFIND", "CONNECT", "M-SEARCH", "QUERY", "OTHER", "X" * 10_000, "G\u00c9T", ""])
def test_any_other_method_is_one_value(method: str) -> None:
    assert counted(lambda: ask(method, "/nowhere")) == {("OTHER", "unknown", "404"): 1}


# -- How it ends ------------------------------------------------------------------------------------------------------------


def test_what_is_answered_in_front_of_django(monkeypatch: pytest.MonkeyPatch) -> None:
    query: dict[str, Any] = {"QUERY_STRING": "target=linux&arch=x86_64&current_version=1.0.0"}
    assert counted(lambda: ask("GET", CHECK, **query)) == {("GET", CHECK, "204"): 1}
    assert counted(lambda: ask("HEAD", CHECK, **query)) == {("HEAD", CHECK, "204"): 1}
    told = begin("GET", LATEST)
    told.end()
    etag = told.headers["ETag"]
    assert counted(lambda: ask("GET", LATEST)) == {("GET", LATEST, "200"): 1}
    assert counted(lambda: ask("GET", LATEST, HTTP_IF_NONE_MATCH=etag)) == {("GET", LATEST, "304"): 1}


def test_what_the_front_leaves_to_django_is_counted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    assert counted(lambda: ask("POST", CHECK)) == {("POST", CHECK, "405"): 1}
    assert counted(lambda: ask("GET", CHECK, QUERY_STRING="target=")) == {("GET", CHECK, "422"): 1}
    assert counted(lambda: ask("GET", CHECK, HTTP_HOST="evil.example")) == {("GET", CHECK, "400"): 1}
    monkeypatch.setattr(feed, "current", lambda: None)
    found = counted(lambda: ask("GET", LATEST))
    assert [(method, route) for method, route, _status in found] == [("GET", LATEST)]


def test_a_crash_in_front_of_django() -> None:
    def breaks(environ: Any, start_response: Any) -> Any:
        raise RuntimeError("broken")

    broken = front.front(handler, {"/api/broken": breaks}, takes_prefix=False)

    def crash() -> None:
        with pytest.raises(RuntimeError):
            begin("GET", "/api/broken", application=broken)

    assert counted(crash) == {("GET", "/api/broken", "500"): 1}


@pytest.mark.urls("tests.api.scratch")
def test_a_crash_of_a_view() -> None:
    assert counted(lambda: ask("GET", "/api/broken/crash")) == {("GET", "/api/broken/{how}", "500"): 1}


def test_a_crash_of_the_handler_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(environ: Any, start_response: Any) -> Any:
        raise MemoryError

    broken = front.front(breaks, {}, takes_prefix=False)

    def crash() -> None:
        with pytest.raises(MemoryError):
            begin("GET", "/api/system/info", application=broken)

    assert counted(crash) == {("GET", "unknown", "500"): 1}


def test_refused_bodies() -> None:
    login = "/api/auth/login"
    huge: dict[str, Any] = {"CONTENT_LENGTH": str(10**9), "wsgi.input": BytesIO(b"{")}
    assert counted(lambda: ask("POST", login, **huge, **JSON)) == {("POST", login, "413"): 1}
    assert counted(lambda: ask("POST", login, b"<x/>", CONTENT_TYPE="text/xml")) == {("POST", login, "415"): 1}
    assert counted(lambda: ask("POST", login, b"{", **JSON)) == {("POST", login, "422"): 1}


def test_preflights() -> None:
    """The CORS middleware answers them, whether the address leads anywhere or not."""
    asks: dict[str, Any] = {"HTTP_ORIGIN": "https://app.example", "HTTP_ACCESS_CONTROL_REQUEST_METHOD": "GET"}
    assert counted(lambda: ask("OPTIONS", "/api/system/info", **asks)) == {("OPTIONS", "/api/system/info", "200"): 1}
    assert counted(lambda: ask("OPTIONS", "/api/nowhere", **asks)) == {("OPTIONS", "unknown", "200"): 1}


def test_want_of_a_place(monkeypatch: pytest.MonkeyPatch) -> None:
    from sage_platform.api.gate import Gate

    monkeypatch.setattr(Gate, "enter", lambda self: False)
    assert counted(lambda: ask("GET", "/api/auth/session")) == {("GET", "/api/auth/session", "503"): 1}
    assert counted(lambda: ask("GET", f"/files/{'0' * 32}/a.txt")) == {("GET", "/files/{public_id}/{filename}", "503"): 1}
    assert counted(lambda: ask("GET", "/api/nowhere")) == {("GET", "unknown", "503"): 1}


def test_it_is_in_progress_until_it_is_sent() -> None:
    before = in_progress(text())
    sent = begin("GET", "/api/system/info")
    assert in_progress(text()) == before + 1
    sent.leave()
    assert in_progress(text()) == before
    sent.leave()
    assert in_progress(text()) == before


def test_who_has_an_answer_finds_it_counted() -> None:
    before = counted(lambda: None)
    sent = begin("GET", "/api/auth/session")
    assert before == {}
    assert samples(text())[
        "sage_server_http_requests_total", frozenset({("method", "GET"), ("path", "/api/auth/session"), ("status", "401")})
    ]
    sent.end()


def test_a_time_is_in_the_bucket_that_it_is_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also at the bounds, which belong to what is below them."""
    from sage_platform.telemetry.requests import BUCKETS, figures

    own = figures("TRACE", "/api/timed")
    for seconds in (0.0, 0.005, 0.0050001, 10.0, 10.1, 1e9):
        own.count(200, seconds)
    name, labels = "sage_server_http_request_duration_seconds", {("method", "TRACE"), ("path", "/api/timed")}
    found = samples(text())
    bounds = [*map(str, BUCKETS), "+Inf"]
    assert bounds == ["0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1.0", "2.5", "5.0", "10.0", "+Inf"]
    shown = [found[f"{name}_bucket", frozenset(labels | {("le", bound)})] for bound in bounds]
    assert shown == [2, 3, 3, 3, 3, 3, 3, 3, 3, 3, 4, 6]
    assert found[f"{name}_count", frozenset(labels)] == 6
    assert found[f"{name}_sum", frozenset(labels)] == pytest.approx(1e9 + 20.11, abs=0.01)
