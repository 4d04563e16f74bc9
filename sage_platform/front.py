"""What is answered before Django is asked: no database, session, cache, middleware or log line (contract section 8)."""

from collections.abc import Callable, Iterable
from typing import Any

StartResponse = Callable[..., Any]
Application = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]

ALIVE = b"Service is available."
# Each answer gets a list of its own, which the server may add to (PEP 3333).
HEADERS = [("Content-Type", "text/plain"), ("Content-Length", str(len(ALIVE))), ("Cache-Control", "no-store")]
REFUSED = [("Content-Type", "text/plain"), ("Content-Length", "0"), ("Allow", "GET, HEAD")]


# The prefix that a web application puts before every call, and that a proxy in front would take off.
API_PREFIX = "/prod-api"


def front(django: Application, *, takes_prefix: bool = False) -> Application:
    """A WSGI application (PEP 3333) that answers `/active` itself and passes the rest on, without the prefix if it takes one."""

    def application(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        if takes_prefix and environ["PATH_INFO"].startswith(f"{API_PREFIX}/"):
            environ["PATH_INFO"] = environ["PATH_INFO"].removeprefix(API_PREFIX)
        if environ["PATH_INFO"] != "/active":
            return django(environ, start_response)
        method = environ["REQUEST_METHOD"]
        if method == "GET":
            start_response("200 OK", [*HEADERS])
            return [ALIVE]
        if method == "HEAD":
            start_response("200 OK", [*HEADERS])
            return []
        start_response("405 Method Not Allowed", [*REFUSED])
        return []

    return application
