"""Where a process keeps the numbers of its metrics: in its own memory, or in files that every worker reads (`multiprocess`).

Two things are unlike prometheus_client's own multiprocess mode: several numbers can be changed under one lock, and a number that
finds no room on the disk stays in this process's memory until there is some.
"""

from array import array
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from threading import Lock
from typing import cast

from prometheus_client import Counter, Gauge, Histogram, disable_created_metrics, values
from prometheus_client.mmap_dict import mmap_key

from sage_platform.telemetry.files import File

# By the kind of a file: what becomes of several workers' numbers. Of the kinds with `live`, those of the dead do not count.
TOGETHER: dict[str, Callable[[Iterable[float]], float]] = {
    "counter": sum,
    "histogram": sum,
    "gauge_livesum": sum,
    "gauge_livemax": max,
    "gauge_livemin": min,
    "gauge_max": max,
}
# One for all numbers: whoever changes several takes it once.
lock = Lock()


class Cell:
    """One number, with the methods that prometheus_client calls. `numbers[place]` is read and changed under `lock`."""

    _multiprocess = True
    __slots__ = ("key", "kind", "numbers", "place")

    def __init__(  # noqa: PLR0917  It is called so.
        self,
        typ: str,
        metric_name: str,
        name: str,
        labelnames: Sequence[str],
        labelvalues: Sequence[str],
        help_text: str,
        multiprocess_mode: str = "",
    ) -> None:
        self.kind = f"{typ}_{multiprocess_mode}" if typ == "gauge" else typ
        if self.kind not in TOGETHER:
            raise ValueError(f"{name}: a metric is one of {', '.join(TOGETHER)}, and this is {self.kind}.")
        self.key: str = mmap_key(metric_name, name, list(labelnames), list(labelvalues), help_text)
        self.numbers: memoryview[float] | array[float] = array("d", [0.0])
        self.place = 0
        kept.add(self)

    def inc(self, amount: float) -> None:
        with lock:
            self.numbers[self.place] += amount

    def set(self, value: float, timestamp: object = None) -> None:
        with lock:
            self.numbers[self.place] = value

    def get(self) -> float:
        with lock:
            return self.numbers[self.place]

    def get_exemplar(self) -> None:
        """There is none."""

    def move(self, file: File) -> None:
        """Into the file, with what it has counted by now."""
        place = file.place(self.key)
        with lock:
            file.numbers[place] = self.numbers[self.place]
            self.numbers, self.place = file.numbers, place

    def take_back(self) -> None:
        """Out of its file, into this process's memory."""
        with lock:
            self.numbers, self.place = array("d", [self.numbers[self.place]]), 0


class Kept:
    """The files of this process, and the numbers that are in none yet."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._folder: Path | None = None
        self._worker = ""
        self._files: dict[str, File] = {}
        self._inside: list[Cell] = []
        self._outside: list[Cell] = []

    def begin(self, folder: Path, worker: str) -> None:
        """Keep the numbers in files of this name from now on."""
        with self._lock:
            self._folder, self._worker = folder, worker

    def add(self, cell: Cell) -> None:
        with self._lock:
            try:
                # Behind those that wait, so that a file has them in the order in which they came.
                moved = not self._outside and self._move(cell)
            except OSError:
                moved = False
            (self._inside if moved else self._outside).append(cell)

    def settle(self) -> None:
        """Move what is outside into the files. Raises OSError where there is no room for all of it."""
        with self._lock:
            while self._outside and self._move(self._outside[0]):
                self._inside.append(self._outside.pop(0))

    def leave(self) -> None:
        """Keep all numbers in this process's memory until it begins anew: its files are gone."""
        with self._lock:
            for cell in self._inside:
                cell.take_back()
            self._inside, self._outside = [], [*self._inside, *self._outside]
            self._folder, self._files = None, {}

    def _move(self, cell: Cell) -> bool:
        if self._folder is None:
            return False
        if (file := self._files.get(cell.kind)) is None:
            file = self._files[cell.kind] = File(self._folder / f"{cell.kind}_{self._worker}.db")
        cell.move(file)
        return True


kept = Kept()
# prometheus_client asks this for a place whenever a metric, or a series of one, is made.
values.ValueClass = Cell
# When a process has made a series: of use to OpenMetrics alone, and for us a series more for each.
disable_created_metrics()


def cell_of(metric: Counter | Gauge) -> Cell:
    """Of one series."""
    return cast("Cell", metric._value)


def cells_of(histogram: Histogram) -> tuple[Cell, list[Cell]]:
    """Of one series: the sum, and the buckets in their order, each without those before it."""
    return cast("Cell", histogram._sum), cast("list[Cell]", histogram._buckets)
