"""What is answered in front of Django: no database, session, cache, middleware or log line (docs/api.md#liveness)."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any
from wsgiref.types import StartResponse

from sage_platform import paths
from sage_platform.api.seams import Environ, FrontAnswer
from sage_platform.turns import turns

# What Django's own handler returns is an HttpResponse, which is such an iterable too.
Application = Callable[[Environ, StartResponse], Any]
# The prefix that a web application puts before every call, and that a proxy in front would take off.
PREFIX = f"/{paths.PROXIED}"


class LendingInput:
    """The body of a request (PEP 3333). A client may take its time, so whoever reads from it lends their turn."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def read(self, *size: int) -> bytes:
        with turns.lent():
            return bytes(self._stream.read(*size))

    def readline(self, *size: int) -> bytes:
        with turns.lent():
            return bytes(self._stream.readline(*size))

    def readlines(self, *hint: int) -> list[bytes]:
        with turns.lent():
            return list(self._stream.readlines(*hint))

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.readline, b"")


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
        if environ.get("CONTENT_LENGTH") or "HTTP_TRANSFER_ENCODING" in environ:
            environ["wsgi.input"] = LendingInput(environ["wsgi.input"])
        with turns.taken():
            return django(environ, start_response)

    return application
