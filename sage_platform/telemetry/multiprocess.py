"""Where the workers count: files in the data folder that any worker can add up, so that a scrape shows all of them.

They are those of prometheus_client's multiprocess mode, with two differences. A worker is known by a random name, not by its
process id, which the system gives to somebody else one day; and it lives as long as it holds a lock on a file of that name. And
what dead workers have counted is folded into one file when a worker starts, else each one that ever lived would cost every scrape
its share.
"""

import fcntl
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from logging import getLogger
from pathlib import Path
from secrets import token_hex

from prometheus_client import Metric, multiprocess, values
from prometheus_client.mmap_dict import MmapedDict

log = getLogger("sage.metrics")
# Named by `serve`, before a worker loads anything. The library reads it too, each time it opens a file.
FOLDER = "PROMETHEUS_MULTIPROC_DIR"
LOCK = "lock"
# The file whose lock a living worker holds.
ALIVE = "alive"
# The worker that never lived, whose files hold what the dead ones have counted.
FOLDED = "folded"
# What is to be done with files that are ready, so that a kill in between neither loses nor doubles anything.
PLAN = "plan.json"
# Of dead workers, this is kept: counters are sums over everybody who ever lived, and of these gauges the greatest counts.
KEPT = ("counter", "histogram", "gauge_max")
# The lock of this process, held until it ends, however it ends.
_held: list[int] = []


def folder() -> Path | None:
    """None where the process counts by itself: a command, a test, a server that `serve` has not started."""
    named = os.environ.get(FOLDER)  # noqa: TID251  `serve` tells it so, since the library reads it so.
    return Path(named) if named else None


def begin() -> None:
    """Count in files from now on. Call it before the first metric is defined, and in a process that forks no other that counts.

    A platform whose folder cannot be written answers all the same; this worker then counts for itself.
    """
    if (where := folder()) is None:
        return
    own = token_hex(8)
    try:
        with _locked(where, fcntl.LOCK_EX):
            _fold(where)
            alive = os.open(where / f"{own}.{ALIVE}", os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            fcntl.flock(alive, fcntl.LOCK_EX)
            _held.append(alive)
    except OSError as error:
        log.warning("metrics: this worker is not counted, since its files cannot be written: %s", error.strerror)
        del os.environ[FOLDER]  # noqa: TID251
        values.ValueClass = values.MutexValue
        return
    values.ValueClass = values.MultiProcessValue(lambda: own)


def collected(where: Path) -> Iterable[Metric]:
    """What all workers have counted, and the gauges of those that live."""
    with _locked(where, fcntl.LOCK_SH):
        living = _living(where)
        files = [path for path in sorted(where.glob("*.db")) if _kind(path) in KEPT or _worker(path) in living]
        metrics: Iterable[Metric] = multiprocess.MultiProcessCollector.merge([str(path) for path in files])
        return list(metrics)


def clear(where: Path) -> None:
    """Begin from zero where nobody is counting: `serve` asks, since what an older version has counted may have other labels."""
    # A folder that cannot be written is told of by each worker (`begin`).
    with suppress(OSError), _locked(where, fcntl.LOCK_EX):
        if not _living(where):
            for path in where.iterdir():
                if path.name != LOCK:
                    path.unlink()


@contextmanager
def _locked(where: Path, how: int) -> Iterator[None]:
    where.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (where / LOCK).open("w") as file:
        fcntl.flock(file, how)
        yield


def _living(where: Path) -> set[str]:
    return {path.stem for path in where.glob(f"*.{ALIVE}") if _is_held(path)}


def _is_held(path: Path) -> bool:
    with path.open("rb") as file:
        try:
            # Shared, so that two that look at once do not take each other for the worker.
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def _kind(path: Path) -> str:
    """`counter`, `histogram` or `gauge_` with its mode."""
    return path.stem.rpartition("_")[0]


def _worker(path: Path) -> str:
    return path.stem.rpartition("_")[2]


def _fold(where: Path) -> None:
    """Add the files of the dead to the one that is folded, and delete them."""
    _carry_out_plan(where)
    living = _living(where)
    dead = [path for path in where.glob("*.db") if _worker(path) not in living | {FOLDED}]
    plan: dict[str, list[str]] = {"ready": [], "gone": [path.name for path in dead]}
    for kind in KEPT:
        files = [path for path in [*dead, where / f"{kind}_{FOLDED}.db"] if _kind(path) == kind and path.exists()]
        if len(files) > 1 or (files and _worker(files[0]) != FOLDED):
            ready = where / f"{kind}_{FOLDED}.db.new"
            ready.unlink(missing_ok=True)
            _write(ready, _added_up(files, greatest=kind == "gauge_max"))
            plan["ready"].append(ready.name)
    if dead:
        draft = where / f"{PLAN}.new"
        draft.write_text(json.dumps(plan))
        draft.replace(where / PLAN)
        _carry_out_plan(where)
    for path in where.glob(f"*.{ALIVE}"):
        if path.stem not in living:
            path.unlink()


def _carry_out_plan(where: Path) -> None:
    """As often as it is begun, it ends in the same."""
    plan = where / PLAN
    if not plan.exists():
        return
    told = json.loads(plan.read_text())
    for name in told["ready"]:
        if (ready := where / name).exists():
            ready.replace(where / name.removesuffix(".new"))
    for name in told["gone"]:
        (where / name).unlink(missing_ok=True)
    plan.unlink()


def _added_up(files: Iterable[Path], *, greatest: bool) -> dict[str, float]:
    """By the library's key of a sample."""
    found: dict[str, float] = {}
    for path in files:
        for key, value, _timestamp, _position in MmapedDict.read_all_values_from_file(str(path)):
            found[key] = max(found.get(key, value), value) if greatest else found.get(key, 0.0) + value
    return found


def _write(path: Path, samples: dict[str, float]) -> None:
    file = MmapedDict(str(path))
    try:
        for key, value in samples.items():
            file.write_value(key, value, 0.0)
    finally:
        file.close()
