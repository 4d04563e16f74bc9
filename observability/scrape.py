"""The metrics as text, as Prometheus reads them (docs/operations.md#metrics)."""

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from logging import getLogger
from pathlib import Path

from prometheus_client import REGISTRY, CollectorRegistry, Metric, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from observability.families import shown
from observability.gauges import gauges
from sage_platform.logs import OneASecond
from sage_platform.telemetry import multiprocess
from sage_platform.telemetry.process import publisher

log = getLogger("sage.metrics")
# What every Prometheus reads; the names have none of the signs that a later version of it allows.
CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
PREFIX = "sage_server_"
STARTED = f"{PREFIX}process_start_time_seconds"
unreadable = OneASecond()


def exposition() -> bytes:
    """Of all workers of this machine; of this process alone where `serve` has not started it."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Everything())
    return generate_latest(registry)


class Everything(Collector):
    def collect(self) -> Iterator[Metric]:
        readable("what this worker takes of the machine", own_process)
        for metric in readable("what the workers have counted", counted):
            yield metric
            if metric.name == STARTED:
                uptime = max(0.0, time.time() - metric.samples[0].value)  # The clock may have been set back.
                yield gauge(f"{PREFIX}uptime_seconds", "How long the oldest worker has been there.", uptime)
        yield from readable("the machine", machine)
        yield from readable("the rooms", gauges.families)


def readable(what: str, read: Callable[[], Iterable[Metric]]) -> list[Metric]:
    """What cannot be read just now must not hide the rest."""
    try:
        return list(read())
    except Exception as error:  # noqa: BLE001  A machine may have no such file, a disk no room.
        if times := unreadable.times():
            log.warning("metrics: %s cannot be read (%s)", what, type(error).__name__, extra={"facts": {"times": times}})
        return []


def own_process() -> Iterable[Metric]:
    """Published now, as each worker does every few seconds."""
    publisher.publish()
    return []


def counted() -> Iterable[Metric]:
    """Without what prometheus_client shows of a process by itself, under names of its own."""
    if (folder := multiprocess.worker.folder) is not None:
        try:
            if numbers := multiprocess.counted(folder):
                return shown(numbers)
            if multiprocess.worker.is_known:
                raise FileNotFoundError(None, "the files of the workers are gone")
        except OSError as error:
            # Where others may be counted, to show this worker alone would look as if all had begun from zero.
            if multiprocess.worker.is_known or isinstance(error, TimeoutError):
                raise
    return [metric for metric in REGISTRY.collect() if metric.name.startswith(PREFIX)]


def machine() -> Iterator[Metric]:
    for minutes, load in zip((1, 5, 15), os.getloadavg(), strict=True):
        yield gauge(f"{PREFIX}system_load{minutes}", f"Processes that run or wait to, over {minutes} min.", load)
    if sys.platform == "linux":
        with Path("/proc/meminfo").open() as file:
            kibibytes = {name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in file)}
        total, free = kibibytes["MemTotal"] * 1024, kibibytes["MemAvailable"] * 1024
        yield gauge(f"{PREFIX}system_memory_total_bytes", "Memory of the machine.", total)
        yield gauge(f"{PREFIX}system_memory_used_bytes", "Memory of the machine that is not to be had.", total - free)


def gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=value)
