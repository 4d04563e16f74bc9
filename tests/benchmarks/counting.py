"""How many statements a request takes, counted while the whole stack answers it in this process."""

import json
import logging
from importlib import import_module
from multiprocessing import get_context
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import RequestFactory

FORM = "application/x-www-form-urlencoded"


class Counter(logging.Handler):
    """Counts the statements that Django logs, BEGIN and COMMIT too, on whichever thread and connection they run."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0
        BaseDatabaseWrapper.queries_logged = property(lambda self: True)  # type: ignore[assignment,method-assign]
        logger = logging.getLogger("django.db.backends")
        logger.setLevel(logging.DEBUG)
        logger.handlers, logger.propagate = [self], False

    def emit(self, record: logging.LogRecord) -> None:
        self.count += 1

    def of(self, ask: dict[str, Any]) -> int:
        self.count = 0
        answer(ask)
        return self.count


def answer(ask: dict[str, Any]) -> tuple[dict[str, str], bytes]:
    """Ask as the server does; the headers and the body of the answer, which must be a success."""
    application = import_module("sage_platform.wsgi").application
    headers = ask.get("headers", {})
    factory = RequestFactory(SERVER_NAME="127.0.0.1", SERVER_PORT="80")
    request = factory.generic(
        ask.get("method", "GET"), ask["path"], ask.get("body", ""), headers.get("Content-Type", ""), headers=headers
    )
    told: list[Any] = []
    parts = application(request.environ, lambda *start: told.extend(start))
    body = b"".join(parts)
    if hasattr(parts, "close"):
        parts.close()
    if not told[0].startswith(("2", "3")):
        raise AssertionError(f"{ask['path']}: {told[0]} {body[:300]!r}")
    return dict(told[1]), body


def queries(asks: list[dict[str, Any]]) -> list[list[int]]:
    """For each request how many statements it took: the first time in a fresh process, and again when that one is warm."""
    import_module("sage_platform.wsgi")
    # A fresh process for each is a copy of this one, which has loaded the platform and opened no connection.
    with get_context("fork").Pool(1, maxtasksperchild=1) as pool:
        return pool.map(_first_and_then, asks, chunksize=1)


def _first_and_then(ask: dict[str, Any]) -> list[int]:
    counter = Counter()
    return [counter.of(ask), counter.of(ask)]


def oauth2_queries(flow: dict[str, Any], headers: dict[str, str]) -> dict[str, int]:
    """Of one exchange and one refresh, in a process that has done both before. `headers` are of a signed-in browser."""
    import_module("sage_platform.wsgi")  # It sets the loggers up; what counts comes after.
    counter = Counter()
    counts: dict[str, int] = {}
    for _ in range(2):
        location = answer({"path": flow["authorize"], "headers": headers})[0]["Location"]
        [code] = parse_qs(urlsplit(location).query)["code"]
        token = _counted(counter, counts, "exchange", flow, flow["exchange"] | {"code": code})
        _counted(counter, counts, "refresh", flow, {"grant_type": "refresh_token", "refresh_token": token})
    return counts


def _counted(counter: Counter, counts: dict[str, int], name: str, flow: dict[str, Any], fields: dict[str, str]) -> str:
    """The refresh token of the answer."""
    counter.count = 0
    headers = {"Authorization": flow["client"], "Content-Type": FORM}
    body = answer({"method": "POST", "path": "/oauth2/token", "headers": headers, "body": urlencode(fields)})[1]
    counts[name] = counter.count
    return str(json.loads(body)["refresh_token"])
