"""What people and clients have the platform do, counted by the names that dashboards read (docs/operations.md#metrics).

Who counts passes a category and a name: nothing here knows requests, views or what an exception is about.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Literal, ParamSpec, TypeVar

from prometheus_client import Counter, Gauge, Histogram

P = ParamSpec("P")
T = TypeVar("T")
# `refused` is the product's no, or that of whoever it asked, which is an answer and no fault; `error` is a fault of ours, and a
# dependency that is down.
Failure = Literal["refused", "error"]
Status = Literal["ok"] | Failure

OPERATIONS = Counter(
    "sage_server_operations_total", "What people and clients had the platform do.", ["category", "name", "status"]
)
DURATIONS = Histogram("sage_server_operation_duration_seconds", "How long an operation took.", ["category", "name"])
ACTIVE = Gauge("sage_server_operations_active", "Operations under way.", ["category", "name"], multiprocess_mode="livesum")


class Ending:
    """How one operation ended. Whoever does it says so where no exception does."""

    def __init__(self) -> None:
        self.status: Status = "ok"


class Operation:
    """One that is counted with its duration: each call of a function that it decorates, or each block `with counted()`.

    The status is `ok`, or for an exception what `failure_by` says.
    """

    def __init__(self, category: str, name: str) -> None:
        self._labels = (category, name)
        # There from the start: Prometheus takes the first number that it sees for what was there before, not for an increase.
        self._active = ACTIVE.labels(category, name)
        self._endings = {status: OPERATIONS.labels(category, name, status) for status in ("ok", "refused", "error")}

    @contextmanager
    def counted(self) -> Iterator[Ending]:
        ending = Ending()
        self._active.inc()
        began = time.perf_counter()
        try:
            yield ending
        except BaseException as error:
            ending.status = failure_by(error)
            raise
        finally:
            DURATIONS.labels(*self._labels).observe(time.perf_counter() - began)
            self._active.dec()
            self._endings[ending.status].inc()

    def __call__(self, act: Callable[P, T]) -> Callable[P, T]:
        @wraps(act)
        def run(*args: P.args, **kwargs: P.kwargs) -> T:
            with self.counted():
                return act(*args, **kwargs)

        return run


def failure_by(error: BaseException) -> Failure:
    """What the exception says of itself as `counts_as`; else a `status_code` below 500, as the REST framework's and oauthlib's
    exceptions have one, is a refusal, and everything else an error.
    """
    told: Failure | None = getattr(error, "counts_as", None)
    if told is not None:
        return told
    status = getattr(error, "status_code", 500)
    return failure_of(status) if isinstance(status, int) else "error"


def failure_of(status: int) -> Failure:
    """By the HTTP status of the answer."""
    return "refused" if status < 500 else "error"
