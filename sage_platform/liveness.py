"""`/active`: whether this worker answers at all, whatever happens to Django and the database (docs/api.md#liveness)."""

from collections.abc import Iterable
from wsgiref.types import StartResponse

from sage_platform import paths
from sage_platform.api.seams import Environ, RawRoute

PATH = f"/{paths.ALIVE}"
BODY = b"Service is available."
HEADERS = [("Content-Type", "text/plain"), ("Content-Length", str(len(BODY))), ("Cache-Control", "no-store")]
REFUSED = [("Content-Type", "text/plain"), ("Content-Length", "0"), ("Allow", "GET, HEAD")]
ROUTE = RawRoute("get", PATH, "Whether this worker answers at all; looks at no dependency", "text/plain")


def active(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Each answer gets a list of headers of its own, since the server may add to it (PEP 3333)."""
    method = environ["REQUEST_METHOD"]
    if method not in {"GET", "HEAD"}:
        start_response("405 Method Not Allowed", [*REFUSED])
        return []
    start_response("200 OK", [*HEADERS])
    return [BODY] if method == "GET" else []
