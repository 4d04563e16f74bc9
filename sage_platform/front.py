"""What the server calls: it answers in front of Django what can be (docs/api.md#liveness), and sees each request to its end."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from logging import getLogger
from threading import Event
from typing import Any
from wsgiref.types import StartResponse

from sage_platform import paths
from sage_platform.api.client import client_key_in
from sage_platform.api.seams import Environ, FrontAnswer
from sage_platform.logs import request_var
from sage_platform.request_body import LingeringAnswer, RequestBody, declared_length, has_body, is_chunked
from sage_platform.stopping import under_way
from sage_platform.telemetry import access
from sage_platform.telemetry.requests import KEY, UNCOUNTED, Observed, observe
from sage_platform.turns import turns

log = getLogger("sage.crash")
# PEP 3333 asks for an iterable of bytes. Django's handler returns an HttpResponse, which is one, but its type does not say so.
Application = Callable[[Environ, StartResponse], Any]
# Writes the line of the access log: so many bytes of the body were sent, and its end was.
Line = Callable[[int, bool], None]
# The prefix that a web application puts before every call, and that a proxy in front would take off.
PREFIX = f"/{paths.PROXIED}"
# How long an answer that was given before the request's body waits for what the client still sends.
LINGER_SECONDS = 2.0
# Set in a worker that is being replaced. Each answer then ends its connection (RFC 9112 §9.6), so that a proxy keeps none that
# this worker would close while the next request arrives.
leaving = Event()


class Answer:
    """A response on its way. `left` is done once the server has taken over its last part and closed it (PEP 3333).

    `log` is then told how many bytes of the body were taken over, and whether its end was: a client may leave before.
    """

    __slots__ = ("_has_ended", "_left", "_log", "_parts", "_seen", "_sent")

    def __init__(self, parts: Iterable[bytes], seen: Observed, *left: Callable[[], None], log: Line | None = None) -> None:
        self._parts = parts
        self._seen = seen
        self._left = left
        self._log = log
        self._sent = 0
        self._has_ended = False

    def __iter__(self) -> Iterator[bytes]:
        try:
            for part in self._parts:
                self._sent += len(part)
                yield part
            self._has_ended = True
        except Exception as error:
            tell_crash(error, self._seen)
            raise

    def close(self) -> None:
        try:
            if (close := getattr(self._parts, "close", None)) is not None:
                close()
        except Exception as error:
            tell_crash(error, self._seen)
            raise
        finally:
            for act in self._left:
                act()
            if self._log is not None:
                self._log(self._sent, self._has_ended)


def tell_crash(error: Exception, seen: Observed | None) -> None:
    """The server would tell of it too, but not whose request it was."""
    marker = request_var.set(seen)
    log.error("crash outside of Django: %s", type(error).__name__, exc_info=error)
    request_var.reset(marker)


def front(
    django: Application, answers: Mapping[str, FrontAnswer], *, takes_prefix: bool = False, access_log: bool = False
) -> Application:
    """A WSGI application (PEP 3333): `answers` by their paths, Django for the rest, without the prefix if it takes one."""

    def application(environ: Environ, start_response: StartResponse) -> Any:
        try:
            return respond(environ, start_response)
        except Exception as error:
            tell_crash(error, environ.get(KEY))
            raise

    def respond(environ: Environ, start_response: StartResponse) -> Any:
        path: str = environ["PATH_INFO"]
        if takes_prefix and path.startswith(f"{PREFIX}/"):
            path = environ["PATH_INFO"] = path.removeprefix(PREFIX)
        if leaving.is_set():
            start_response = ending_connection(start_response)
        answer = answers.get(path)
        if path in UNCOUNTED and answer is not None and (told := answer(environ, start_response)) is not None:
            return told
        seen = observe(environ, path)
        start_response = seen.starts(start_response)
        line = access_line(environ, seen) if access_log else None
        if answer is not None and (told := in_front(answer, environ, start_response, seen, line)) is not None:
            return told
        marker = request_var.set(seen)
        try:
            return in_turn(django, environ, start_response, seen, line)
        finally:
            request_var.reset(marker)

    return application


def in_front(
    answer: FrontAnswer, environ: Environ, start_response: StartResponse, seen: Observed, line: Line | None
) -> Iterable[bytes] | None:
    """What is answered in front of Django; None where the request is left to it."""
    told: Iterable[bytes] | None = ()
    try:
        told = answer(environ, start_response)
    finally:
        if told is not None:
            seen.route = environ["PATH_INFO"]
            seen.is_answered()
            if line is not None:
                line(sum(map(len, told)), True)
    return told


def in_turn(django: Application, environ: Environ, start_response: StartResponse, seen: Observed, line: Line | None) -> Answer:
    """Django's answer, made while this request has the turn."""
    body = take_body(environ)
    over = [seen.is_over, under_way.leave] if body is None else [seen.is_over, under_way.leave, body.release]
    under_way.enter()
    turns.enter()
    try:
        response = django(environ, start_response)
    except BaseException:
        turns.leave()
        seen.is_answered()
        for act in over:
            act()
        if line is not None:
            line(0, True)
        raise
    seen.is_answered()
    if body is not None and body.lingers:
        response = LingeringAnswer(response, body, seconds=LINGER_SECONDS)
    elif not getattr(response, "streaming", True):
        # It is there as a whole. Were the turn given on before the server has it, whoever gets the turn would wait for the
        # interpreter that this thread still needs.
        return Answer(response, seen, turns.leave, *over, log=line)
    # What is sent piece by piece waits for its client, and runs no Python to speak of.
    turns.leave()
    return Answer(response, seen, *over, log=line)


def access_line(environ: Environ, seen: Observed) -> Line:
    """The line of the access log, to be written once the request is over."""

    def write(sent: int, has_ended: bool) -> None:
        access.write(seen, client=client_key_in(environ), sent=sent, has_ended=has_ended)

    return write


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
