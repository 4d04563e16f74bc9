"""Processes that count: a folder of files, real ones forked from the test's, and pretended ones that are dead."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.mmap_dict import mmap_key

from sage_platform.telemetry import cells, multiprocess
from sage_platform.telemetry.files import File

SECONDS = 20


class Metrics:
    """One of each kind, of a process of its own."""

    def __init__(self) -> None:
        own = CollectorRegistry()
        self.asked = Counter("sage_server_asked_total", "Asked.", ["path"], registry=own)
        self.took = Histogram("sage_server_took_seconds", "Took.", ["path"], buckets=(0.5, 1), registry=own)
        self.busy = Gauge("sage_server_busy", "Busy.", registry=own, multiprocess_mode="livesum")
        self.began = Gauge("sage_server_began", "Began.", registry=own, multiprocess_mode="livemin")
        self.worst = Gauge("sage_server_worst", "Worst.", registry=own, multiprocess_mode="livemax")
        self.seen = Gauge("sage_server_seen", "Seen.", ["path"], registry=own, multiprocess_mode="max")

    def once(self, path: str = "/a") -> None:
        self.asked.labels(path).inc()
        self.took.labels(path).observe(0.75)
        self.busy.inc()
        self.seen.labels(path).set(self.asked.labels(path)._value.get())


def forget() -> None:
    """In a process that was forked: it is none of those that it comes from."""
    cells.kept.__init__()  # type: ignore[misc]
    multiprocess.worker.__init__()  # type: ignore[misc]


@contextmanager
def counting(folder: Path, act: Callable[[Connection], None]) -> Iterator[tuple[Any, Connection]]:
    """A process that counts in the folder, and its end of a pipe. It is killed at the end."""
    ours, theirs = get_context("fork").Pipe()

    def run() -> None:
        ours.close()
        forget()
        multiprocess.worker.count_in(folder)
        act(theirs)

    process = get_context("fork").Process(target=run)
    process.start()
    theirs.close()
    try:
        yield process, ours
    finally:
        process.kill()
        process.join(SECONDS)


def obey(told: Connection) -> None:
    """Count once for each word that comes."""
    metrics = Metrics()
    told.send(multiprocess.worker._name)
    while (path := told.recv()) is not None:
        metrics.once(path)
        told.send("counted")


def tell(end: Connection, path: str = "/a") -> None:
    end.send(path)
    assert end.poll(SECONDS)
    end.recv()


def kill(process: Any) -> None:
    os.kill(process.pid, signal.SIGKILL)
    process.join(SECONDS)
    assert process.exitcode == -signal.SIGKILL


def lay(folder: Path, worker: str, kind: str, numbers: dict[str, float]) -> Path:
    """The file of a worker that is dead, with a number of each path."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{kind}_{worker}.db"
    file = File(path)
    for label, number in numbers.items():
        name = f"sage_server_{kind}"
        file.numbers[file.place(mmap_key(name, name, ["path"], [label], "Told."))] = number
    file.close()
    return path


def numbers(folder: Path) -> dict[str, dict[str, float]]:
    """By kind and path, of those that `lay` has laid."""
    found = multiprocess.counted(folder)
    return {kind: {dict(key.labels)["path"]: number for key, number in own} for kind, own in found.items() if own}
