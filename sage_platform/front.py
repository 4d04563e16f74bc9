"""What is answered in front of Django: no database, session, cache, middleware or log line (docs/api.md#liveness)."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any
from wsgiref.types import StartResponse

from django.http import HttpResponse

from sage_platform import paths
from sage_platform.api.seams import Environ, FrontAnswer
from sage_platform.request_body import LingeringAnswer, RequestBody
from sage_platform.turns import turns

# PEP 3333 asks for an iterable of bytes. Django's handler returns an HttpResponse, which is one, but its type does not say so.
Application = Callable[[Environ, StartResponse], Any]
# The prefix that a web application puts before every call, and that a proxy in front would take off.
PREFIX = f"/{paths.PROXIED}"
# How long an answer that was given before the request's body waits for what the client still sends.
LINGER_SECONDS = 2.0


class WholeAnswer:
    """A response that is there as a whole: the turn ends with it, and not before the server has taken it over and closed it.

    Were the turn given on earlier, whoever gets it would wait for the interpreter that this thread still needs.
    """

    __slots__ = ("_response",)

    def __init__(self, response: HttpResponse) -> None:
        self._response = response

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._response)

    def close(self) -> None:
        try:
            self._response.close()
        finally:
            turns.leave()


def front(django: Application, answers: Mapping[str, FrontAnswer], *, takes_prefix: bool = False) -> Application:
    """A WSGI application (PEP 3333): `answers` by their paths, Django for the rest, without the prefix if it takes one."""

    def application(environ: Environ, start_response: StartResponse) -> Any:
        path: str = environ["PATH_INFO"]
        if takes_prefix and path.startswith(f"{PREFIX}/"):
            path = environ["PATH_INFO"] = path.removeprefix(PREFIX)
        answer = answers.get(path)
        told = answer(environ, start_response) if answer is not None else None
        if told is not None:
            return told
        body = take_body(environ)
        turns.enter()
        try:
            response = django(environ, start_response)
        except BaseException:
            turns.leave()
            raise
        if not getattr(response, "streaming", True) and (body is None or not body.lingers):
            return WholeAnswer(response)
        # What is sent piece by piece waits for its client, and runs no Python to speak of.
        turns.leave()
        return LingeringAnswer(response, body, seconds=LINGER_SECONDS) if body is not None and body.lingers else response

    return application


def take_body(environ: Environ) -> RequestBody | None:
    """Put our own reader in the place of the server's; None where there is no body."""
    length = environ.get("CONTENT_LENGTH") or ""
    chunked = "HTTP_TRANSFER_ENCODING" in environ
    if not chunked and length in {"", "0"}:
        return None
    # The server has seen to it that a length is a number.
    body = environ["wsgi.input"] = RequestBody(environ["wsgi.input"], None if chunked else int(length))
    return body
