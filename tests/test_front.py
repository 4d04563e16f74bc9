"""GET and HEAD /active: answered in front of Django, whatever happens to Django (docs/api.md#liveness)."""

import json
import weakref
from collections.abc import Iterable, Iterator
from io import BytesIO, StringIO
from threading import Event
from typing import Any
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import pytest

from sage_platform.api import seams
from sage_platform.front import front as platform_front
from sage_platform.telemetry.requests import observed
from sage_platform.turns import Turns


def front(django: Any, *, takes_prefix: bool) -> Any:
    return platform_front(django, dict(seams.front_answers.items()), takes_prefix=takes_prefix)


Answer = tuple[str, list[tuple[str, str]], bytes]


def broken_django(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    raise AssertionError("Django was called")


def test_a_crash_of_django_gives_the_turn_back(monkeypatch: pytest.MonkeyPatch) -> None:
    own = Turns(1)
    monkeypatch.setattr("sage_platform.front.turns", own)
    for _ in range(2):
        with pytest.raises(AssertionError, match="Django was called"):
            call(front(broken_django, takes_prefix=False), "GET", "/api/system/info")
        assert own._free == 1


class ServersStream(BytesIO):
    """One that can be watched."""


@pytest.mark.parametrize("read", [0, 3, 5])
@pytest.mark.parametrize("lingers", [False, True])
def test_the_servers_stream_goes_with_the_answer_though_the_request_stays(read: int, lingers: bool) -> None:
    """It holds the buffers of the connection, and a request points to itself until Python collects such circles."""
    stays: list[dict[str, Any]] = []

    def django(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        stays.append(environ)
        environ["wsgi.input"].read(read)
        environ["wsgi.input"].lingers = lingers
        start_response("204 No Content", [])
        return []

    stream = ServersStream(b"12345")
    gone = weakref.ref(stream)
    environ: dict[str, Any] = {"REQUEST_METHOD": "POST", "PATH_INFO": "/", "CONTENT_LENGTH": "5", "wsgi.input": stream}
    del stream
    parts = front(django, takes_prefix=False)(environ, lambda *start: None)
    assert list(parts) == []
    assert gone() is not None, "an answer that is sent piece by piece may still read"
    parts.close()
    assert gone() is None
    assert stays == [environ]
    assert environ["wsgi.input"].read() == b""


def test_the_servers_stream_goes_with_a_crash_of_django() -> None:
    stream = ServersStream(b"12345")
    gone = weakref.ref(stream)
    environ: dict[str, Any] = {"REQUEST_METHOD": "POST", "PATH_INFO": "/", "CONTENT_LENGTH": "5", "wsgi.input": stream}
    del stream
    with pytest.raises(AssertionError, match="Django was called"):
        front(broken_django, takes_prefix=False)(environ, lambda *start: None)
    assert gone() is None


def call(application: Any, method: str, path: str, query: str = "", **more: str) -> Answer:
    environ: dict[str, Any] = {"REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": query, "SCRIPT_NAME": "", **more}
    setup_testing_defaults(environ)
    started: list[Any] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        started.append((status, list(headers)))
        # PEP 3333: "the server … may change its contents in any way it desires".
        headers.append(("X-Server", "changed"))
        return lambda data: None

    parts = application(environ, start_response)
    body = b"".join(parts)
    if hasattr(parts, "close"):
        parts.close()
    ((status, headers),) = started
    return status, headers, body


ALIVE = [("Content-Type", "text/plain"), ("Content-Length", "21"), ("Cache-Control", "no-store")]


@pytest.mark.parametrize("query", ["", "probe=1"])
def test_get(query: str) -> None:
    assert call(front(broken_django, takes_prefix=False), "GET", "/active", query) == ("200 OK", ALIVE, b"Service is available.")


def test_head() -> None:
    assert call(front(broken_django, takes_prefix=False), "HEAD", "/active") == ("200 OK", ALIVE, b"")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PURGE"])
def test_any_other_method_is_405(method: str) -> None:
    status, headers, body = call(front(broken_django, takes_prefix=False), method, "/active")
    assert (status, body) == ("405 Method Not Allowed", b"")
    assert dict(headers)["Allow"] == "GET, HEAD"


def test_one_answer_does_not_change_the_next() -> None:
    """The server may add to the list of headers that it is given."""
    answers = [call(front(broken_django, takes_prefix=False), "GET", "/active") for _ in range(3)]
    assert answers == [answers[0]] * 3
    refusals = [call(front(broken_django, takes_prefix=False), "POST", "/active") for _ in range(3)]
    assert refusals == [refusals[0]] * 3


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_it_keeps_the_rules_of_wsgi(method: str) -> None:
    assert call(validator(front(broken_django, takes_prefix=False)), method, "/active")[0] == "200 OK"


@pytest.mark.parametrize("path", ["/", "/active/", "/activex", "/api/active", "//active", "/Active"])
def test_every_other_address_is_djangos(path: str) -> None:
    asked: list[str] = []

    def django(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        asked.append(environ["PATH_INFO"])
        start_response("204 No Content", [])
        return []

    assert call(front(django, takes_prefix=False), "GET", path) == ("204 No Content", [], b"")
    assert asked == [path]


@pytest.mark.parametrize(
    ("takes_prefix", "path", "seen"),
    [
        (True, "/prod-api/api/system/info", "/api/system/info"),
        (True, "/prod-api/prod-api/x", "/prod-api/x"),
        (True, "/prod-apis/x", "/prod-apis/x"),
        (True, "/prod-api", "/prod-api"),
        (False, "/prod-api/api/system/info", "/prod-api/api/system/info"),
    ],
)
def test_the_web_applications_prefix(takes_prefix: bool, path: str, seen: str) -> None:
    asked: list[str] = []

    def django(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        asked.append(environ["PATH_INFO"])
        start_response("204 No Content", [])
        return []

    call(front(django, takes_prefix=takes_prefix), "GET", path)
    assert asked == [seen]


def test_liveness_behind_the_prefix() -> None:
    assert call(front(broken_django, takes_prefix=True), "GET", "/prod-api/active")[2] == b"Service is available."


def test_a_worker_that_is_replaced_ends_its_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    def django(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [("connection", "keep-alive"), ("X-Own", "kept")])
        return [b"an answer"]

    application = front(django, takes_prefix=False)
    assert ("Connection", "close") not in call(application, "GET", "/active")[1]
    leaving = Event()
    leaving.set()
    monkeypatch.setattr("sage_platform.front.leaving", leaving)
    assert call(application, "GET", "/active") == ("200 OK", [*ALIVE, ("Connection", "close")], b"Service is available.")
    assert call(application, "GET", "/") == ("200 OK", [("X-Own", "kept"), ("Connection", "close")], b"an answer")


class Crashing(list[bytes]):
    def __init__(self, where: str) -> None:
        super().__init__([b"a piece"])
        self.where = where

    def __iter__(self) -> Iterator[bytes]:
        yield from super().__iter__()
        if self.where == "sending":
            raise RuntimeError("a bug")

    def close(self) -> None:
        if self.where == "closing":
            raise RuntimeError("a bug")


@pytest.mark.parametrize("where", ["sending", "closing"])
def test_a_crash_after_the_view_is_told_with_its_request(where: str, log: StringIO) -> None:
    def django(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        seen = observed(environ)
        seen.request_id, seen.route = "crash-after-the-view", "/api/x/{id}"
        return Crashing(where)

    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/api/x/1"}
    parts = front(django, takes_prefix=False)(environ, lambda *start: None)
    if where == "closing":
        list(parts)
    with pytest.raises(RuntimeError, match="a bug"):
        list(parts) if where == "sending" else parts.close()
    (line,) = [json.loads(line) for line in log.getvalue().splitlines()]
    assert line.pop("time")
    assert line.pop("traceback").endswith("RuntimeError: a bug")
    assert line == {
        "level": "ERROR",
        "logger": "sage.crash",
        "message": "crash outside of Django: RuntimeError",
        "request_id": "crash-after-the-view",
        "method": "GET",
        "route": "/api/x/{id}",
    }
