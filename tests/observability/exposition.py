"""What the metrics are: each with its type, labels and help, as dashboards know them (docs/operations.md#metrics)."""

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from prometheus_client.parser import text_string_to_metric_families


class Family(NamedTuple):
    type: str
    labels: tuple[str, ...]
    help: str


REQUEST, OUTCOME, OPERATION = ("method", "path"), ("method", "path", "status"), ("category", "name")
# Those of the contract, by the names that samples have, without the histograms' endings.
FAMILIES = {
    "sage_server_http_requests_total": Family("counter", OUTCOME, "Requests that were answered."),
    "sage_server_http_request_duration_seconds": Family(
        "histogram", REQUEST, "How long it took until an answer was ready to be sent."
    ),
    "sage_server_http_requests_in_progress": Family("gauge", REQUEST, "Requests whose answer is not sent to its end yet."),
    "sage_server_http_request_last_seen_timestamp_seconds": Family("gauge", OUTCOME, "When such a request was last answered."),
    "sage_server_operations_total": Family("counter", (*OPERATION, "status"), "What people and clients had the platform do."),
    "sage_server_operation_duration_seconds": Family("histogram", OPERATION, "How long an operation took."),
    "sage_server_operations_active": Family("gauge", OPERATION, "Operations under way."),
    "sage_server_process_cpu_seconds_total": Family(
        "counter", (), "Time that the workers have used the processor for, those too that have ended."
    ),
    "sage_server_process_resident_memory_bytes": Family("gauge", (), "Memory that the workers have in the machine's."),
    "sage_server_process_virtual_memory_bytes": Family("gauge", (), "Addresses that the workers have reserved."),
    "sage_server_process_threads": Family("gauge", (), "Threads of the workers."),
    "sage_server_process_open_fds": Family("gauge", (), "Files and connections that the workers have open."),
    "sage_server_process_max_fds": Family("gauge", (), "How many files and connections the workers may have open."),
    "sage_server_process_start_time_seconds": Family("gauge", (), "When the oldest worker started."),
    "sage_server_uptime_seconds": Family("gauge", (), "How long the oldest worker has been there."),
    "sage_server_system_memory_total_bytes": Family("gauge", (), "Memory of the machine."),
    "sage_server_system_memory_used_bytes": Family("gauge", (), "Memory of the machine that is not to be had."),
    "sage_server_system_load1": Family("gauge", (), "Processes that run or wait to, over 1 min."),
    "sage_server_system_load5": Family("gauge", (), "Processes that run or wait to, over 5 min."),
    "sage_server_system_load15": Family("gauge", (), "Processes that run or wait to, over 15 min."),
    "sage_server_python_objects": Family("gauge", (), "Objects that the garbage collectors of the workers know."),
    "sage_server_python_gc_collections_total": Family("counter", ("generation",), "Times that the garbage collector ran."),
}
ENDINGS = {"histogram": ("_bucket", "_count", "_sum")}
Sample = tuple[str, frozenset[tuple[str, str]]]


def families(text: str) -> dict[str, Family]:
    """As Prometheus' own reader for Python finds them, of those that have a sample."""
    found = {}
    for metric in text_string_to_metric_families(text):
        labels = {tuple(sorted(set(sample.labels) - {"le"})) for sample in metric.samples}
        if labels:
            (own,) = labels
            name = f"{metric.name}_total" if metric.type == "counter" else metric.name
            found[name] = Family(metric.type, own, metric.documentation)
    return found


@lru_cache(maxsize=4)  # The reader takes its time, and a text is looked at in several ways.
def samples(text: str) -> Mapping[Sample, float]:
    """By name and labels; none is there twice."""
    all_of_them = [
        ((sample.name, frozenset(sample.labels.items())), sample.value)
        for metric in text_string_to_metric_families(text)
        for sample in metric.samples
    ]
    found = dict(all_of_them)
    assert len(found) == len(all_of_them)
    return found


def requests(text: str) -> dict[tuple[str, str, str], float]:
    """How many were answered: by method, path and status."""
    found = {}
    for (name, labels), value in samples(text).items():
        if name == "sage_server_http_requests_total":
            told = dict(labels)
            found[told["method"], told["path"], told["status"]] = value
    return found


def in_progress(text: str) -> float:
    return sum(value for (name, _labels), value in samples(text).items() if name == "sage_server_http_requests_in_progress")
