"""Responses that an action makes for itself: passed through as they are; a streamed one keeps its place at the gate."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple
from wsgiref.util import setup_testing_defaults

import pytest
from django.core.handlers.wsgi import WSGIHandler
from pytest_django import Settings

from sage_platform.api.middleware import RequestContextMiddleware
from tests.people import Caller

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.api.scratch")]
# What middleware adds to every response; tests of its own look at these.
ADDED = {"X-Request-ID", "Content-Language", "Vary", "X-Content-Type-Options", "Referrer-Policy", "X-Frame-Options"}
ADDED |= {"Cross-Origin-Opener-Policy"}

PASSED = [
    ("empty", 204, {"Content-Type": "text/html; charset=utf-8", "Content-Length": "0"}, b""),
    ("found", 302, {"Content-Type": "text/html; charset=utf-8", "Location": "https://sage.example/elsewhere?a=1&b=2",
                    "Content-Length": "0"}, b""),
    ("same-method", 307, {"Content-Type": "text/html; charset=utf-8", "Location": "/elsewhere", "Content-Length": "0"}, b""),
    ("text", 200, {"Content-Type": "text/plain", "Cache-Control": "max-age=60", "Content-Length": "5"}, b"plain"),
    ("stream", 200, {"Content-Type": "application/x-scratch", "ETag": '"scratch"'}, b"one two three"),
]  # fmt: skip


@pytest.mark.parametrize(("how", "status", "headers", "body"), PASSED)
def test_a_response_is_passed_through(how: str, status: int, headers: dict[str, str], body: bytes, anyone: Caller) -> None:
    """Unless it says otherwise no cache keeps it, as with every answer of an action."""
    response = anyone.get(f"/api/whole/{how}")
    own = {name: value for name, value in response.headers.items() if name not in ADDED}
    content = response.getvalue() if response.streaming else response.content
    assert (response.status_code, own, content) == (status, {"Cache-Control": "no-store"} | headers, body)
    assert response.headers["X-Request-ID"]


# -- The place at the gate -----------------------------------------------------------------------------------------------


# Of the eight threads that the fixture asks for two are kept for what needs no place.
PLACES = 6


class Server(NamedTuple):
    """Calls Django as a WSGI server does, and knows how many places at the gate are taken."""

    handler: WSGIHandler
    middleware: RequestContextMiddleware

    def call(self, path: str) -> Any:
        """The response, not yet read and not yet closed."""
        environ: dict[str, Any] = {"PATH_INFO": path, "HTTP_HOST": "127.0.0.1"}
        setup_testing_defaults(environ)
        return self.handler(environ, lambda *_: lambda _data: None)

    def taken(self) -> int:
        places = self.middleware.gate._places
        free = 0
        while places.acquire(blocking=False):
            free += 1
        for _ in range(free):
            places.release()
        return PLACES - free


@pytest.fixture
def server(settings: Settings) -> Server:
    settings.SAGE_THREADS = 8
    handler = WSGIHandler()
    middleware = vars(handler)["_middleware_chain"].__wrapped__  # The outermost one.
    assert isinstance(middleware, RequestContextMiddleware)
    return Server(handler, middleware)


def read_all(response: Iterable[bytes]) -> None:
    assert b"".join(response) == b"one two three"


def read_one(response: Iterable[bytes]) -> None:
    assert next(iter(response)) == b"one "


def read_nothing(response: Iterable[bytes]) -> None:
    pass


@pytest.mark.parametrize("read", [read_all, read_one, read_nothing])
def test_a_streamed_response_keeps_its_place_until_it_is_closed(read: Callable[[Iterable[bytes]], None], server: Server) -> None:
    """Also where the client leaves after the first part, or before it. Another response keeps its own place all the while."""
    other = server.call("/api/whole/stream")
    response = server.call("/api/whole/stream")
    assert server.taken() == 2
    read(response)
    assert server.taken() == 2
    response.close()
    assert server.taken() == 1
    # The server may close it a second time, which must not give back the other's place.
    response.close()
    assert server.taken() == 1
    other.close()
    assert server.taken() == 0


@pytest.mark.parametrize("path", ["/api/whole/text", "/api/whole/empty", "/api/nowhere", "/api/broken/crash", "/page/crash"])
def test_any_other_response_gives_its_place_back_at_once(path: str, server: Server) -> None:
    other = server.call("/api/whole/stream")
    response = server.call(path)
    assert server.taken() == 1
    response.close()
    response.close()
    assert server.taken() == 1
    other.close()
    assert server.taken() == 0


def test_streams_that_nobody_closes_leave_places_for_others(server: Server) -> None:
    streams = [server.call("/api/whole/stream") for _ in range(PLACES + 1)]
    assert [stream.status_code for stream in streams] == [200] * 4 + [503] * 3
    assert server.call("/api/whole/text").status_code == 200
    streams[0].close()
    streams.append(server.call("/api/whole/stream"))
    assert streams[-1].status_code == 200
    for stream in streams:
        stream.close()
    assert server.taken() == 0
