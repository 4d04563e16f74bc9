"""What people and clients have the platform do, counted by the names that dashboards read (docs/operations.md#metrics).

Who counts passes a category and a name: nothing here knows requests or views. Of the
REST framework it knows the exception alone, by which a refusal is told from a fault.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import Counter, Gauge, Histogram
from rest_framework.exceptions import APIException

OPERATIONS = Counter(
    "sage_server_operations_total", "What people and clients had the platform do.", ["category", "name", "status"]
)
DURATIONS = Histogram("sage_server_operation_duration_seconds", "How long an operation took.", ["category", "name"])
ACTIVE = Gauge("sage_server_operations_active", "Operations under way.", ["category", "name"], multiprocess_mode="livesum")


@contextmanager
def operation(category: str, name: str) -> Iterator[None]:
    """Count one operation with its duration: as a context manager, or as a decorator of the function that does it.

    Its status is `ok`; `refused` when the product said no, which is an answer and no fault; `error` for any other exception, also
    when a dependency is down.
    """
    active = ACTIVE.labels(category, name)
    active.inc()
    began = time.perf_counter()
    status = "ok"
    try:
        yield
    except APIException as error:
        status = "error" if error.status_code >= 500 else "refused"
        raise
    except BaseException:
        status = "error"
        raise
    finally:
        DURATIONS.labels(category, name).observe(time.perf_counter() - began)
        active.dec()
        OPERATIONS.labels(category, name, status).inc()
