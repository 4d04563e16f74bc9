"""The files in which the workers count, so that whichever of them is asked can add them up (docs/operations.md#metrics).

A worker is known by a random name, not by its process id, which the system gives to somebody else one day; and it lives as long
as it holds a lock on a file of that name. What dead workers have counted is folded into one file of each kind when a worker
starts, else each one that ever lived would cost every scrape its share.
"""

import fcntl
import json
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from logging import getLogger
from pathlib import Path
from secrets import token_hex

from sage_platform.telemetry.cells import TOGETHER, kept
from sage_platform.telemetry.files import File, Key, parsed, read

log = getLogger("sage.metrics")
LOCK = "lock"
# So long somebody waits for the lock, which is held for milliseconds. Who holds it may be frozen, and must not freeze the rest.
LOCK_SECONDS = 5.0
# The ending of the file whose lock a living worker holds.
ALIVE = "alive"
# The worker that never lived, whose files hold what the dead ones have counted.
FOLDED = "folded"
# What is to be done with files that are ready, so that a kill in between neither loses nor doubles anything.
PLAN = "plan.json"
# What is kept of dead workers.
LASTING = frozenset(kind for kind in TOGETHER if "live" not in kind)


class Worker:
    """This process, as the others know it."""

    def __init__(self) -> None:
        self._name = token_hex(8)
        # None where the process counts by itself: a command, a test, a server that `serve` has not started.
        self.folder: Path | None = None
        # Whose lock is held until the process ends, however it ends.
        self._alive: int | None = None
        self._failed = False
        # The damaged files that were told of.
        self.told: set[str] = set()

    @property
    def is_known(self) -> bool:
        """Whether the others would see what it counts."""
        return self._alive is not None

    def count_in(self, folder: Path) -> None:
        """From now on. The process must fork none that counts. Where the folder cannot be written, the platform answers all the
        same, and `go_on` tries again.
        """
        self.folder = folder
        self.go_on()

    def go_on(self) -> None:
        """What is in no file yet is moved into one, where there is a folder."""
        if self.folder is None:
            return
        try:
            if self._alive is not None and not (self.folder / f"{self._name}.{ALIVE}").exists():
                self._leave()
            if self._alive is None:
                self._join(self.folder)
            kept.settle()
        except OSError as error:
            if not self._failed:
                text = "metrics: what this worker counts is not shown until its files in %s can be written (%s)"
                log.warning(text, self.folder, error.strerror)
            self._failed = True
            return
        if self._failed:
            log.warning("metrics: the files in %s can be written again, and nothing was lost", self.folder)
        self._failed = False

    def _leave(self) -> None:
        """Somebody has removed the files, which this process alone still sees. What it has counted goes into new ones."""
        text = "metrics: the files in %s are gone, with what dead workers had counted; this worker makes its own anew"
        log.warning(text, self.folder)
        if self._alive is not None:
            os.close(self._alive)
        self._alive = None
        kept.leave()

    def _join(self, folder: Path) -> None:
        with _locked(folder):
            try:
                _fold(folder)
            except OSError as error:
                log.warning("metrics: the files of dead workers cannot be folded (%s)", error.strerror)
            alive = os.open(folder / f"{self._name}.{ALIVE}", os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(alive, fcntl.LOCK_EX)
            self._alive = alive
            kept.begin(folder, self._name)
            # Before anybody reads. Of a number that is being moved its place is there first, with a zero in it: whoever read that
            # would take this worker for the oldest of all.
            kept.settle()


worker = Worker()


def counted(where: Path) -> dict[str, list[tuple[Key, float]]]:
    """By the kind of a metric: what all workers have counted, and the gauges of those that live. Empty where nobody counts."""
    with _locked(where):
        living = _living(where)
        if not living:
            return {}
        _carry_out_plan(where)
        files = [path for path in sorted(where.glob("*.db")) if _kind(path) in LASTING or _worker(path) in living]
        numbers = {kind: _added_up(kind, [path for path in files if _kind(path) == kind]) for kind in TOGETHER}
    return {kind: [(parsed(key), number) for key, number in found.items()] for kind, found in numbers.items()}


def clear(where: Path) -> None:
    """Begin from zero where nobody is counting: `serve` asks, since what an older version has counted may have other labels."""
    # A folder that cannot be written is told of by each worker.
    with suppress(OSError), _locked(where):
        if not _living(where):
            for path in where.iterdir():
                if path.name != LOCK:
                    path.unlink()


@contextmanager
def _locked(where: Path) -> Iterator[None]:
    """Raises TimeoutError, which is an OSError, where somebody holds the lock and does not let it go."""
    with suppress(FileExistsError):
        where.mkdir(mode=0o700, parents=True)
    file = os.open(where / LOCK, os.O_RDONLY | os.O_CREAT, 0o600)
    try:
        until = time.monotonic() + LOCK_SECONDS
        while not _takes(file):
            if time.monotonic() > until:
                raise TimeoutError(None, "somebody holds the lock")
            time.sleep(0.002)
        yield
    finally:
        os.close(file)


def _takes(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _living(where: Path) -> set[str]:
    return {path.stem for path in where.glob(f"*.{ALIVE}") if _is_held(path)}


def _is_held(path: Path) -> bool:
    with path.open("rb") as file:
        return not _takes(file.fileno())


def _kind(path: Path) -> str:
    return path.stem.rpartition("_")[0]


def _worker(path: Path) -> str:
    return path.stem.rpartition("_")[2]


def _fold(where: Path) -> None:
    """Add the files of the dead to those that are folded, and delete them."""
    _carry_out_plan(where)
    living = _living(where)
    files = sorted(path for path in where.glob("*.db") if _worker(path) not in living)
    dead = [path.name for path in files if _worker(path) != FOLDED]
    if dead:
        ready = []
        for kind in sorted({_kind(path) for path in files if path.name in dead} & LASTING):
            draft = where / f"{kind}_{FOLDED}.db.new"
            draft.unlink(missing_ok=True)
            _write(draft, _added_up(kind, [path for path in files if _kind(path) == kind]))
            ready.append(draft.name)
        plan = where / f"{PLAN}.new"
        plan.write_text(json.dumps({"ready": ready, "gone": dead}))
        plan.replace(where / PLAN)
        _carry_out_plan(where)
    for path in where.glob(f"*.{ALIVE}"):
        if path.stem not in living:
            path.unlink()


def _carry_out_plan(where: Path) -> None:
    """As often as it is begun, it ends in the same."""
    plan = where / PLAN
    if not plan.exists():
        return
    try:
        told = json.loads(plan.read_text())
        for name in told["ready"]:
            if (ready := where / name).exists():
                ready.replace(where / name.removesuffix(".new"))
        for name in told["gone"]:
            (where / name).unlink(missing_ok=True)
    except (ValueError, TypeError, KeyError):
        log.error("metrics: %s is damaged and is left out; what it was about to fold may be counted twice", plan)
    plan.unlink()


def _added_up(kind: str, files: Iterable[Path]) -> dict[bytes, float]:
    found: dict[bytes, float] = {}
    together = TOGETHER[kind]
    for path in files:
        for key, number in _numbers(path):
            found[key] = together((found[key], number)) if key in found else number
    return found


def _numbers(path: Path) -> list[tuple[bytes, float]]:
    """None of a file that is damaged, which is told once."""
    try:
        return read(path)
    except ValueError as error:
        if path.name not in worker.told:
            worker.told.add(path.name)
            log.error("metrics: %s is left out, since it is damaged (%s)", path, error)
        return []


def _write(path: Path, numbers: dict[bytes, float]) -> None:
    file = File(path)
    try:
        for key, number in numbers.items():
            file.numbers[file.place(key.decode())] = number
    finally:
        file.close()
