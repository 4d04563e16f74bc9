"""What is seen of each request that is answered: its route, how it ended, how long it took (docs/operations.md#metrics).

`front` makes an `Observed` of each request and puts it into the WSGI environ. Whoever finds out more about the request tells it:
the resolver its route, the middleware its id, sign-in its user.
"""

import re
from bisect import bisect_left
from collections.abc import Callable
from functools import lru_cache
from time import perf_counter, time
from typing import Any
from wsgiref.types import StartResponse

from prometheus_client import Counter, Gauge, Histogram

from sage_platform import paths
from sage_platform.telemetry.cells import Cell, cell_of, cells_of, lock
from sage_platform.telemetry.tracing import OTHER_METHOD, Root, request_ended, request_started

# Its key in the environ.
KEY = "sage.observed"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"})
# One value of the label for whatever anybody invents.
OTHER = OTHER_METHOD
UNKNOWN = "unknown"
# They are asked all the time by machines, and would be most of what is counted.
UNCOUNTED = frozenset({f"/{paths.ALIVE}", f"/{paths.API}/{paths.HEALTH}", f"/{paths.API}/{paths.METRICS}"})
# Of a route's variable part: its converter, and its name.
VARIABLE = re.compile(r"<(?:[^:>]+:)?([^>]+)>")

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
REQUESTS = Counter("sage_server_http_requests_total", "Requests that were answered.", ["method", "path", "status"])
DURATIONS = Histogram(
    "sage_server_http_request_duration_seconds",
    "How long it took until an answer was ready to be sent.",
    ["method", "path"],
    buckets=BUCKETS,
)
IN_PROGRESS = Gauge(
    "sage_server_http_requests_in_progress",
    "Requests whose answer is not sent to its end yet.",
    ["method", "path"],
    multiprocess_mode="livesum",
)
LAST_SEEN = Gauge(
    "sage_server_http_request_last_seen_timestamp_seconds",
    "When such a request was last answered.",
    ["method", "path", "status"],
    multiprocess_mode="max",
)


class Figures:
    """Those of one method and route. To look them up anew for each request would cost more than to count."""

    __slots__ = ("_buckets", "_by_status", "_labels", "_sum", "in_progress")

    def __init__(self, method: str, route: str) -> None:
        self._labels = (method, route)
        self._sum, self._buckets = cells_of(DURATIONS.labels(method, route))
        self.in_progress = cell_of(IN_PROGRESS.labels(method, route))
        self._by_status: dict[int, tuple[Cell, Cell]] = {}

    def count(self, status: int, seconds: float) -> None:
        """As the library would, but all numbers of a request under one lock: it is a good part of what `check` costs."""
        amount, last_seen = self._by_status.get(status) or self._of(status)
        total, bucket = self._sum, self._buckets[bisect_left(BUCKETS, seconds)]
        now = time()
        with lock:
            amount.numbers[amount.place] += 1.0
            last_seen.numbers[last_seen.place] = now
            total.numbers[total.place] += seconds
            bucket.numbers[bucket.place] += 1.0

    def _of(self, status: int) -> tuple[Cell, Cell]:
        labels = (*self._labels, str(status))
        found = self._by_status[status] = cell_of(REQUESTS.labels(*labels)), cell_of(LAST_SEEN.labels(*labels))
        return found


@lru_cache(maxsize=4096)  # More than there are: routes come from the code, methods from the list.
def figures(method: str, route: str) -> Figures:
    return Figures(method, route)


class Observed:
    """One request."""

    # As the OpenAPI document writes it; empty for an address that leads nowhere, and while it is not known.
    route = ""
    # Of its answer; 0 while there is none.
    status = 0
    seconds = 0.0
    # Of its body, where that is announced.
    length: int | None = None
    request_id = ""
    # Who asks, where the route wants to know: a person, an OAuth2 client, or a client in the name of a person.
    user_id = ""
    client_id = ""
    trace: Root | None = None
    _in_progress: Cell | None = None

    def __init__(self, method: str) -> None:
        # In capital letters, as Django takes it.
        self.method = method if method in METHODS else known if (known := method.upper()) in METHODS else OTHER
        self.began = perf_counter()

    @property
    def trace_id(self) -> str:
        return self.trace.trace_id if self.trace is not None else ""

    def leads_to(self, route: str) -> None:
        """Its route is known, and work on it begins."""
        self.route = route
        if self._in_progress is None and route not in UNCOUNTED:
            self._in_progress = figures(self.method, route).in_progress
            self._in_progress.inc(1.0)

    def starts(self, start_response: StartResponse) -> StartResponse:
        """The server's own, which the status goes through."""

        def start(status: str, headers: list[tuple[str, str]], *exc_info: Any) -> Callable[[bytes], object]:
            self.status = int(status[:3])
            return start_response(status, headers, *exc_info)

        return start

    def is_answered(self) -> None:
        """The answer is ready, though perhaps not sent. Whoever has the answer finds it counted."""
        self.seconds = perf_counter() - self.began
        if self.route not in UNCOUNTED:
            figures(self.method, self.route or UNKNOWN).count(self.status or 500, self.seconds)
        if self.trace is not None:
            route, status = self.route or UNKNOWN, self.status or 500
            request_ended(self.trace, method=self.method, route=route, status=status, request_id=self.request_id)

    def is_over(self) -> None:
        """The answer's last byte was taken over by the server, or its client has left."""
        if self._in_progress is not None:
            self._in_progress.inc(-1.0)
            self._in_progress = None


class Unobserved(Observed):
    """A request that did not come through `front`: nobody would tell that it is over, so it is never in progress."""

    def leads_to(self, route: str) -> None:
        self.route = route


def observe(environ: dict[str, Any], path: str) -> Observed:
    """A request that arrives, on the thread that answers it."""
    seen = environ[KEY] = Observed(environ["REQUEST_METHOD"])
    if path not in UNCOUNTED:
        seen.trace = request_started(environ)
    return seen


def observed(environ: dict[str, Any]) -> Observed:
    """Of a request that did not come through `front`, as in tests, one that is not counted."""
    found: Observed | None = environ.get(KEY)
    if found is None:
        found = environ[KEY] = Unobserved(environ["REQUEST_METHOD"])
    return found


def template(route: str) -> str:
    """A route of Django's, `api/x/<str:id>`, as the OpenAPI document writes it: `/api/x/{id}`."""
    return "/" + VARIABLE.sub(r"{\1}", route)
