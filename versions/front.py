"""`check` in front of Django, for the fleet: no database, session, cache, middleware or log line (docs/api.md#updates)."""

from collections.abc import Iterable
from functools import lru_cache
from wsgiref.types import StartResponse

from django.conf import settings
from django.http.request import split_domain_port, validate_host

from sage_platform import paths
from sage_platform.api.errors import InvalidInput
from sage_platform.api.middleware import GIVEN_ID
from sage_platform.api.seams import Environ
from sage_platform.request_body import has_body
from versions.feed import feed

PATH = f"/{paths.API}/system/version/check"


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
    if GIVEN_ID.match(given := environ.get("HTTP_X_REQUEST_ID", "")):
        headers.append(("X-Request-ID", given))
    start_response(answer.status_line, headers)
    return [answer.body] if environ["REQUEST_METHOD"] == "GET" else []
