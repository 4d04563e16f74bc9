"""What is answered in front of Django: no database, session, cache, middleware or log line (docs/api.md#liveness)."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any
from wsgiref.types import StartResponse

from sage_platform import paths
from sage_platform.api.seams import Environ, FrontAnswer

# What Django's own handler returns is an HttpResponse, which is such an iterable too.
Application = Callable[[Environ, StartResponse], Any]
# The prefix that a web application puts before every call, and that a proxy in front would take off.
PREFIX = f"/{paths.PROXIED}"


def front(django: Application, answers: Mapping[str, FrontAnswer], *, takes_prefix: bool = False) -> Application:
    """A WSGI application (PEP 3333): `answers` by their paths, Django for the rest, without the prefix if it takes one."""

    def application(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        path: str = environ["PATH_INFO"]
        if takes_prefix and path.startswith(f"{PREFIX}/"):
            path = environ["PATH_INFO"] = path.removeprefix(PREFIX)
        answer = answers.get(path)
        told = answer(environ, start_response) if answer is not None else None
        if told is None:
            told = django(environ, start_response)
        return told

    return application
