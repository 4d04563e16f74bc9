"""What is answered in front of Django: no database, session, cache, middleware or log line (docs/api.md#liveness)."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from threading import Event
from typing import Any
from wsgiref.types import StartResponse

from sage_platform import paths
from sage_platform.api.seams import Environ, FrontAnswer
from sage_platform.request_body import LingeringAnswer, RequestBody, declared_length, has_body, is_chunked
from sage_platform.stopping import under_way
from sage_platform.telemetry.requests import UNCOUNTED, Observed, observe
from sage_platform.turns import turns

# PEP 3333 asks for an iterable of bytes. Django's handler returns an HttpResponse, which is one, but its type does not say so.
Application = Callable[[Environ, StartResponse], Any]
# The prefix that a web application puts before every call, and that a proxy in front would take off.
PREFIX = f"/{paths.PROXIED}"
# How long an answer that was given before the request's body waits for what the client still sends.
LINGER_SECONDS = 2.0
# Set in a worker that is being replaced. Each answer then ends its connection (RFC 9112 §9.6), so that a proxy keeps none that
# this worker would close while the next request arrives.
leaving = Event()


class Answer:
    """A response on its way. `left` is done once the server has taken over its last part and closed it (PEP 3333)."""

    __slots__ = ("_left", "_parts")

    def __init__(self, parts: Iterable[bytes], *left: Callable[[], None]) -> None:
        self._parts = parts
        self._left = left

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._parts)

    def close(self) -> None:
        try:
            if (close := getattr(self._parts, "close", None)) is not None:
                close()
        finally:
            for act in self._left:
                act()


def front(django: Application, answers: Mapping[str, FrontAnswer], *, takes_prefix: bool = False) -> Application:
    """A WSGI application (PEP 3333): `answers` by their paths, Django for the rest, without the prefix if it takes one."""

    def application(environ: Environ, start_response: StartResponse) -> Any:
        path: str = environ["PATH_INFO"]
        if takes_prefix and path.startswith(f"{PREFIX}/"):
            path = environ["PATH_INFO"] = path.removeprefix(PREFIX)
        if leaving.is_set():
            start_response = ending_connection(start_response)
        answer = answers.get(path)
        if path in UNCOUNTED and answer is not None and (told := answer(environ, start_response)) is not None:
            return told
        observed = observe(environ, path)
        start_response = observed.starts(start_response)
        if answer is not None and (told := counted(answer, environ, start_response, observed)) is not None:
            return told
        body = take_body(environ)
        over = [observed.is_over, under_way.leave] if body is None else [observed.is_over, under_way.leave, body.release]
        under_way.enter()
        turns.enter()
        try:
            response = django(environ, start_response)
        except BaseException:
            turns.leave()
            observed.is_answered()
            for act in over:
                act()
            raise
        observed.is_answered()
        if body is not None and body.lingers:
            response = LingeringAnswer(response, body, seconds=LINGER_SECONDS)
        elif not getattr(response, "streaming", True):
            # It is there as a whole. Were the turn given on before the server has it, whoever gets the turn would wait for the
            # interpreter that this thread still needs.
            return Answer(response, turns.leave, *over)
        # What is sent piece by piece waits for its client, and runs no Python to speak of.
        turns.leave()
        return Answer(response, *over)

    return application


def counted(answer: FrontAnswer, environ: Environ, start_response: StartResponse, observed: Observed) -> Iterable[bytes] | None:
    """What is answered in front of Django; None where the request is left to it."""
    told: Iterable[bytes] | None = ()
    try:
        told = answer(environ, start_response)
    finally:
        if told is not None:
            observed.route = environ["PATH_INFO"]
            observed.is_answered()
    return told


def ending_connection(start_response: StartResponse) -> StartResponse:
    def start(status: str, headers: list[tuple[str, str]], *exc_info: Any) -> Callable[[bytes], object]:
        kept = [(name, value) for name, value in headers if name.lower() != "connection"]
        return start_response(status, [*kept, ("Connection", "close")], *exc_info)

    return start


def take_body(environ: Environ) -> RequestBody | None:
    """Put our own reader in the place of the server's; None where there is no body."""
    if not has_body(environ):
        return None
    length = None if is_chunked(environ) else declared_length(environ)
    body = environ["wsgi.input"] = RequestBody(environ["wsgi.input"], length)
    return body
