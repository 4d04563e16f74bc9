"""Several processes count in one folder: killed, frozen, without room, and whoever is asked tells of all."""

import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from io import StringIO
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, Gauge

from observability.families import shown
from sage_platform.telemetry import cells, multiprocess
from sage_platform.telemetry.files import File
from tests.e2e.served import ROOT
from tests.telemetry.counting import Metrics, counting, kill, obey, tell

PROCESSES, KILLS, WORDS = 4, 30, 3
# With each of these the library would give a worker's number a label of the worker.
OF_ONE_WORKER = ("all", "liveall", "mostrecent", "livemostrecent", "min", "sum")


@pytest.fixture
def folder(quick_folder: Path) -> Path:
    return quick_folder / "metrics"


def samples(folder: Path) -> dict[str, float]:
    """As a scrape shows them."""
    return {
        f"{sample.name}{{{','.join(sorted(sample.labels.values()))}}}": sample.value
        for metric in shown(multiprocess.counted(folder))
        for sample in metric.samples
    }


def test_whoever_is_asked_tells_of_all_and_of_the_dead_only_what_lasts(folder: Path) -> None:
    with counting(folder, obey) as (one, to_one), counting(folder, obey) as (_two, to_two):
        to_one.recv(), to_two.recv()
        for _ in range(3):
            tell(to_one)
        tell(to_two)
        whole = samples(folder)
        assert whole == {
            "sage_server_asked_total{/a}": 4.0,
            "sage_server_took_seconds_bucket{/a,0.5}": 0.0,
            "sage_server_took_seconds_bucket{/a,1.0}": 4.0,
            "sage_server_took_seconds_bucket{+Inf,/a}": 4.0,
            "sage_server_took_seconds_count{/a}": 4.0,
            "sage_server_took_seconds_sum{/a}": 3.0,
            "sage_server_busy{}": 4.0,
            "sage_server_began{}": 0.0,
            "sage_server_worst{}": 0.0,
            "sage_server_seen{/a}": 3.0,
        }
        kill(one)
        assert samples(folder) == whole | {"sage_server_busy{}": 1.0}


def test_with_the_last_worker_everything_is_gone_for_a_server_that_starts(folder: Path) -> None:
    with counting(folder, obey) as (one, to_one):
        to_one.recv()
        tell(to_one)
        multiprocess.clear(folder)
        assert samples(folder)["sage_server_asked_total{/a}"] == 1.0, "somebody counts here: another server on the same folder"
        kill(one)
    multiprocess.clear(folder)
    assert [path.name for path in folder.iterdir()] == ["lock"]


def test_a_file_without_its_lock_is_no_worker_though_a_process_of_that_number_runs(folder: Path) -> None:
    """In a container each worker may get the number of the one before it."""
    with counting(folder, obey) as (one, to_one):
        name = to_one.recv()
        assert multiprocess._living(folder) == {name}
        assert str(one.pid) not in name
        kill(one)
        assert multiprocess._living(folder) == set()
        # It has the dead one's name and this process's number, and holds nothing.
        (folder / f"{name}.alive").write_text(str(os.getpid()))
        assert multiprocess._living(folder) == set()


def test_no_count_ever_falls_while_thirty_workers_are_killed(folder: Path) -> None:
    told, before, most_files = 0, 0.0, 0
    with ExitStack() as stack:
        lives = [stack.enter_context(counting(folder, obey)) for _ in range(PROCESSES)]
        for _one, end in lives:
            end.recv()
        for number in range(KILLS):
            for _one, end in lives:
                for _ in range(WORDS):
                    tell(end)
            told += PROCESSES * WORDS
            victim, end = lives[number % PROCESSES]
            end.send("/a")  # It may be at this when the kill comes.
            kill(victim)
            lives[number % PROCESSES] = stack.enter_context(counting(folder, obey))
            counted = samples(folder)["sage_server_asked_total{/a}"]
            assert counted >= max(told, before)
            assert counted <= told + number + 1
            lives[number % PROCESSES][1].recv()
            before = samples(folder)["sage_server_asked_total{/a}"]
            assert before >= counted
            most_files = max(most_files, len(list(folder.iterdir())))
    # Of each of the living one for each kind and its lock, as many of the last that died, and what is folded.
    assert most_files <= (PROCESSES + 1) * 7 + 5


@pytest.mark.parametrize("mode", OF_ONE_WORKER)
def test_a_gauge_that_would_show_single_workers_is_refused(mode: str) -> None:
    with pytest.raises(ValueError, match="sage_server_new: a metric is one of counter, "):
        Gauge("sage_server_new", "New.", registry=CollectorRegistry(), multiprocess_mode=mode)  # type: ignore[arg-type]


# -- What is in the way -----------------------------------------------------------------------------------------------------


@pytest.fixture
def this_process(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Metrics]:
    """As a worker, with metrics of its own; nothing of it is left for other tests."""
    worker = multiprocess.Worker()
    monkeypatch.setattr(multiprocess, "worker", worker)
    own = cells.Kept()
    monkeypatch.setattr(cells, "kept", own)
    monkeypatch.setattr(multiprocess, "kept", own)
    yield Metrics()
    if worker._alive is not None:
        os.close(worker._alive)
    for file in own._files.values():
        file._own._f.close()


@contextmanager
def lines(log: StringIO) -> Iterator[list[str]]:
    found: list[str] = []
    yield found
    found += [json.loads(line)["message"] for line in log.getvalue().splitlines()]


def test_a_frozen_process_that_holds_the_lock_keeps_no_worker_from_starting(
    folder: Path, this_process: Metrics, monkeypatch: pytest.MonkeyPatch, log: StringIO
) -> None:
    monkeypatch.setattr(multiprocess, "LOCK_SECONDS", 0.02)
    folder.mkdir()
    with lines(log) as written:
        with (folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            for _ in range(3):
                multiprocess.worker.count_in(folder)
                this_process.once()
            with pytest.raises(TimeoutError):
                multiprocess.counted(folder)
        multiprocess.worker.go_on()
        assert samples(folder)["sage_server_asked_total{/a}"] == 3.0, "nothing was lost"
        multiprocess.worker.go_on()
    assert written == [
        f"metrics: what this worker counts is not shown until its files in {folder} can be written (somebody holds the lock)",
        f"metrics: the files in {folder} can be written again, and nothing was lost",
    ]


def test_nobody_reads_while_a_worker_moves_its_numbers_into_its_files(
    folder: Path, this_process: Metrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader would see the zero that is there first, and take this worker for the oldest of all."""
    place, moved = File.place, []

    def looked(file: File, key: str) -> int:
        with (folder / "lock").open() as lock:
            assert not multiprocess._takes(lock.fileno())
        moved.append(key)
        return place(file, key)

    this_process.began.set(1000)
    monkeypatch.setattr(File, "place", looked)
    multiprocess.worker.count_in(folder)
    assert len(moved) == 3  # Those without labels.
    assert samples(folder)["sage_server_began{}"] == 1000


def test_a_folder_that_cannot_be_made_is_told_once(
    folder: Path, this_process: Metrics, log: StringIO, quick_folder: Path
) -> None:
    folder.write_text("a file")
    with lines(log) as written:
        for _ in range(3):
            multiprocess.worker.count_in(folder)
            this_process.once()
    assert written == [
        f"metrics: what this worker counts is not shown until its files in {folder} can be written (Not a directory)"
    ]
    assert this_process.asked.labels("/a")._value.get() == 3.0, "it counts for itself"


@contextmanager
def small_disk(place: Path, size: str) -> Iterator[Path]:
    """One of its own, which fills up."""
    place.mkdir()
    mount = shutil.which("mount")
    made = mount and subprocess.run(
        [mount, "-t", "tmpfs", "-o", f"size={size}", "tmpfs", place], capture_output=True, check=False
    )
    if not made or made.returncode:
        pytest.skip("this user may not mount a disk")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


def fill(disk: Path) -> Path:
    rest = disk / "rest"
    with rest.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(b"x" * 4096):
            pass
    assert os.statvfs(disk).f_bavail == 0
    return rest


def test_a_full_disk_ends_a_process_that_leaves_it_to_the_library(tmp_path: Path) -> None:
    """What the next test would be without what we do about it: the disk has no block for the file's holes."""
    code = "import sys; from prometheus_client.mmap_dict import MmapedDict; MmapedDict(sys.argv[1])"
    with small_disk(tmp_path / "disk", "256k") as disk:
        fill(disk)
        ended = subprocess.run([sys.executable, "-c", code, disk / "counter_1.db"], cwd=ROOT, capture_output=True, check=False)
    assert ended.returncode == -7  # SIGBUS


def count_many(told: Connection) -> None:
    """So many series that the disk has no room for them; then whatever is told, until it has."""
    metrics = Metrics()
    for number in range(2000):
        metrics.once(f"/{number}")
    told.send("full")
    while told.recv():
        multiprocess.worker.go_on()
        metrics.once("/1999")
        told.send("counted")


def test_a_full_disk_ends_no_worker_and_loses_no_count(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "1m") as disk, counting(disk / "metrics", count_many) as (process, end):
        assert end.poll(60)
        assert end.recv() == "full"
        rest = fill(disk)
        for _ in range(3):
            tell(end)
        counted = samples(disk / "metrics")
        assert counted["sage_server_asked_total{/0}"] == 1.0
        assert "sage_server_took_seconds_sum{/1999}" not in counted, "the disk was not full"
        rest.unlink()
        subprocess.run(["mount", "-o", "remount,size=16m", disk], check=True)
        tell(end)
        tell(end)
        counted = samples(disk / "metrics")
        assert counted["sage_server_asked_total{/1999}"] == 6.0
        assert counted["sage_server_took_seconds_count{/1999}"] == 6.0
        assert sum(value for name, value in counted.items() if name.startswith("sage_server_asked_total")) == 2005.0
        assert process.is_alive()


def test_a_worker_starts_on_a_full_disk(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "128k") as disk:
        (disk / "metrics").mkdir()
        fill(disk)
        with counting(disk / "metrics", obey) as (process, end):
            end.recv()
            for _ in range(3):
                tell(end)
            assert process.is_alive()


def test_a_worker_starts_on_a_disk_that_is_only_read(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "1m") as disk:
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        with counting(disk / "metrics", obey) as (process, end):
            end.recv()
            tell(end)
            assert process.is_alive()
            subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
            assert list(disk.iterdir()) == []


def going_on(told: Connection) -> None:
    """As `obey`, and the word "" has the worker look after its files, as it does every few seconds."""
    metrics = Metrics()
    told.send(multiprocess.worker._name)
    while True:
        if path := told.recv():
            metrics.once(path)
        else:
            multiprocess.worker.go_on()
        told.send("done")


def test_files_that_somebody_has_removed_are_made_anew_with_what_each_worker_had_counted(folder: Path) -> None:
    with counting(folder, going_on) as (_one, to_one), counting(folder, going_on) as (_two, to_two):
        to_one.recv(), to_two.recv()
        for _ in range(3):
            tell(to_one)
        tell(to_two)
        before = samples(folder)
        shutil.rmtree(folder)
        tell(to_one)
        assert multiprocess.counted(folder) == {}
        for end in (to_one, to_two):
            tell(end, "")
        after = samples(folder)
        assert (before["sage_server_asked_total{/a}"], after["sage_server_asked_total{/a}"]) == (4.0, 5.0)
        assert (after["sage_server_took_seconds_count{/a}"], after["sage_server_busy{}"]) == (5.0, 5.0)
        tell(to_two, "/b")
        assert samples(folder)["sage_server_asked_total{/b}"] == 1.0
