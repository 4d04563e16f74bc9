"""What the world polls, in front of Django: no database, session, cache, middleware or log line (docs/api.md#updates)."""

from collections.abc import Iterable
from functools import lru_cache
from secrets import token_hex
from wsgiref.types import StartResponse

from django.conf import settings
from django.http.request import split_domain_port, validate_host

from sage_platform import paths
from sage_platform.api.envelope import CONTENT_TYPE, envelope_bytes
from sage_platform.api.errors import InvalidInput
from sage_platform.api.languages import HEADERS, TAGS, language_of_call
from sage_platform.api.middleware import GIVEN_ID
from sage_platform.api.seams import Environ
from sage_platform.request_body import has_body
from sage_platform.telemetry.requests import observed
from versions.answers import CACHED, NO_SNIFFING, is_known
from versions.feed import feed

CHECK = f"/{paths.API}/system/version/check"
LATEST = f"/{paths.API}/system/version/latest"
VARY = ("Vary", ", ".join(["origin", *HEADERS]))


# A name (RFC 1035 §2.3.4) with a port.
LONGEST_HOST = 255 + 6


@lru_cache(maxsize=256)
def is_ours(host: str) -> bool:
    return validate_host(split_domain_port(host)[0], settings.ALLOWED_HOSTS)


def is_plain(environ: Environ) -> bool:
    """Whether Django has nothing to add or to refuse: another site's page, a body, a Host that is not ours."""
    return (
        environ["REQUEST_METHOD"] in {"GET", "HEAD"}
        and "HTTP_ORIGIN" not in environ
        and not has_body(environ)
        and len(host := environ.get("HTTP_HOST", "")) <= LONGEST_HOST
        and is_ours(host)
    )


def check(environ: Environ, start_response: StartResponse) -> Iterable[bytes] | None:
    """Each answer gets a list of headers of its own, since the server may add to it (PEP 3333)."""
    if not is_plain(environ) or (answers := feed.current()) is None:
        return None
    try:
        answer = answers.check(environ.get("QUERY_STRING", ""))
    except InvalidInput:
        return None
    if "HTTP_IF_NONE_MATCH" in environ:
        answer = answer.unless_known(environ["HTTP_IF_NONE_MATCH"])
    headers = [*answer.headers]
    if (given := given_id(environ)) is not None:
        headers.append(("X-Request-ID", given))
        observed(environ).request_id = given
    start_response(answer.status_line, headers)
    return [answer.body] if environ["REQUEST_METHOD"] == "GET" else []


def latest(environ: Environ, start_response: StartResponse) -> Iterable[bytes] | None:
    """In the envelope, with the headers that the middleware adds to one."""
    if not is_plain(environ) or (answers := feed.current()) is None:
        return None
    data, etag = answers.latest
    request_id = observed(environ).request_id = given_id(environ) or token_hex(16)
    own = (("ETag", etag), ("X-Request-ID", request_id), ("Content-Language", TAGS[language_of_call(environ)]))
    headers = [CACHED, NO_SNIFFING, VARY, *own]
    if "HTTP_IF_NONE_MATCH" in environ and is_known(etag, environ["HTTP_IF_NONE_MATCH"]):
        start_response("304 Not Modified", headers)
        return []
    body = envelope_bytes(data, request_id=request_id)
    start_response("200 OK", [("Content-Type", CONTENT_TYPE), ("Content-Length", str(len(body))), *headers])
    return [body] if environ["REQUEST_METHOD"] == "GET" else []


def given_id(environ: Environ) -> str | None:
    given: str = environ.get("HTTP_X_REQUEST_ID", "")
    return given if GIVEN_ID.match(given) else None
