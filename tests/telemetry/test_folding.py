"""What dead workers have counted is folded into one file of each kind; no kill, and no damage, makes a sum wrong."""

import fcntl
import json
import os
import random
import struct
from collections.abc import Iterator
from contextlib import suppress
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from sage_platform.telemetry import multiprocess
from sage_platform.telemetry.files import File, read
from tests.telemetry.counting import lay, numbers

KINDS = ("counter", "histogram", "gauge_max", "gauge_livesum")
TOLD = {
    "counter": {"/a": 5.0, "/b": 7.0, "/c": 9.0},
    "histogram": {"/a": 5.0, "/b": 7.0, "/c": 9.0},
    "gauge_max": {"/a": 4.0, "/b": 7.0, "/c": 9.0},
}


class Killed(BaseException):
    """What happens at no place of the code's own choice."""


@pytest.fixture
def folder(quick_folder: Path) -> Iterator[Path]:
    """Two workers that are dead, what older ones left, and one that lives and counts nothing: else nothing would be shown."""
    folder = quick_folder / "metrics"
    for kind in KINDS:
        lay(folder, "one", kind, {"/a": 1, "/b": 7})
        lay(folder, "two", kind, {"/a": 4})
        if kind in TOLD:
            lay(folder, "folded", kind, {"/c": 9})
    for dead in ("one", "two"):
        (folder / f"{dead}.alive").touch()
    (folder / "lives.alive").touch()
    with (folder / "lives.alive").open() as alive:
        fcntl.flock(alive, fcntl.LOCK_EX)
        yield folder


def fold(folder: Path) -> None:
    with multiprocess._locked(folder):
        multiprocess._fold(folder)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


FOLDED = ["counter_folded.db", "gauge_max_folded.db", "histogram_folded.db", "lives.alive", "lock"]


def test_sums_and_maxima_stay_and_what_the_living_are_doing_goes(folder: Path) -> None:
    assert numbers(folder) == TOLD
    fold(folder)
    assert numbers(folder) == TOLD
    assert names(folder) == FOLDED


def test_to_fold_again_changes_nothing(folder: Path) -> None:
    fold(folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    fold(folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


# What it does to the disk.
STEPS = [(Path, "unlink"), (Path, "replace"), (Path, "write_text"), (File, "place"), (os, "posix_fallocate")]


@pytest.mark.parametrize("comes", ["before", "after"])
@pytest.mark.parametrize(("owner", "step"), STEPS, ids=lambda each: getattr(each, "__name__", each))
def test_a_kill_at_any_step_neither_loses_nor_doubles_anything(
    owner: Any, step: str, comes: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    real = getattr(owner, step)
    for number in range(1, 40):
        for path in folder.iterdir():
            if path.name != "lives.alive":  # Its lock is the worker's life.
                path.unlink()
        for name, content in files.items():
            (folder / name).write_bytes(content)
        done = 0

        def killed(*given: Any, number: int = number, **named: Any) -> Any:
            nonlocal done
            done += 1
            if done == number and comes == "before":
                raise Killed
            told = real(*given, **named)
            if done == number:
                raise Killed
            return told

        with monkeypatch.context() as patch:
            patch.setattr(owner, step, killed)
            try:
                fold(folder)
            except Killed:
                pass
            else:
                break
        assert numbers(folder) == TOLD, f"a scrape after {step} number {number}"
        fold(folder)
        assert numbers(folder) == TOLD, f"to fold again after {step} number {number}"
        assert names(folder) == FOLDED
    assert 1 < number < 39, "the step was never made, or there was no end of it"


def test_a_scrape_between_the_plan_and_its_end_counts_each_worker_once(folder: Path) -> None:
    """What is ready has the dead ones in it, and their files are still there."""
    draft = lay(folder, "draft", "counter", TOLD["counter"])
    draft.rename(folder / "counter_folded.db.new")
    dead = ["counter_one.db", "counter_two.db"]
    (folder / "plan.json").write_text(json.dumps({"ready": ["counter_folded.db.new"], "gone": dead}))
    assert numbers(folder)["counter"] == TOLD["counter"]
    assert not {*dead, "plan.json", "counter_folded.db.new"} & set(names(folder))


def test_what_nobody_has_planned_yet_counts_for_nothing(folder: Path) -> None:
    (folder / "counter_folded.db.new").write_bytes(b"half a dra")
    (folder / "plan.json.new").write_text('{"ready": ["coun')
    assert numbers(folder) == TOLD
    fold(folder)
    assert numbers(folder) == TOLD


def test_a_disk_without_room_leaves_everything_as_it_is(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*given: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(OSError, match="No space"):
        fold(folder)
    assert numbers(folder) == TOLD


# -- Damage -----------------------------------------------------------------------------------------------------------------


def integer(value: int) -> bytes:
    return struct.pack("=i", value)


def damages(whole: bytes) -> Iterator[bytes]:
    used = struct.unpack("=i", whole[:4])[0]
    yield whole[: used - 1]
    yield whole[:7]
    yield integer(-5) + whole[4:]
    yield integer(7) + whole[4:]
    yield integer(2**31 - 1) + whole[4:]
    yield integer(used + 3) + whole[4:]
    for length in (-100, -1, 0, 1, used, 2**31 - 1):
        yield whole[:8] + integer(length) + whole[12:]
    length = struct.unpack("=i", whole[8:12])[0]
    for key in (b"\xff" * 20, b"1", b"[]", b"null", b'{"a": 1}', b"[1, 2, 3, 4]"):
        yield whole[:12] + key.ljust(length) + whole[12 + length :]


def test_a_damaged_file_is_left_out_and_told_once(folder: Path, log: StringIO) -> None:
    path = folder / "counter_two.db"
    for damaged in damages(path.read_bytes()):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"."):
            read(path)
    multiprocess.worker.told.clear()
    for _ in range(3):
        assert numbers(folder)["counter"] == {"/a": 1, "/b": 7, "/c": 9}
    fold(folder)
    assert numbers(folder) == TOLD | {"counter": {"/a": 1, "/b": 7, "/c": 9}}
    assert names(folder) == FOLDED
    (line,) = log.getvalue().splitlines()
    assert json.loads(line)["message"] == f"metrics: {path} is left out, since it is damaged (a key is none)"


@pytest.mark.parametrize("content", ["", "{", "1", "[]", "{}", '{"ready": 1, "gone": []}', '{"ready": [], "gone": [7]}'])
def test_a_damaged_plan_is_told_and_forgotten(content: str, folder: Path, log: StringIO) -> None:
    (folder / "plan.json").write_text(content)
    assert numbers(folder) == TOLD
    fold(folder)
    assert numbers(folder) == TOLD
    (line,) = log.getvalue().splitlines()
    assert json.loads(line)["message"].startswith(f"metrics: {folder / 'plan.json'} is damaged and is left out")


def test_no_bytes_whatever_make_a_reader_fail_otherwise_or_run_on(quick_folder: Path) -> None:
    whole = lay(quick_folder, "one", "counter", {"/a": 1, "/b": 2}).read_bytes()[:512]
    path, chance = quick_folder / "damaged", random.Random(15)
    for _ in range(2000):
        damaged = bytearray(whole[: chance.choice([len(whole), chance.randrange(len(whole))])])
        for _ in range(chance.randrange(4)):
            if damaged:
                damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        path.write_bytes(damaged)
        with suppress(ValueError):
            read(path)


def test_what_is_just_being_made_has_no_numbers(quick_folder: Path) -> None:
    for content in (b"", b"\0" * 3, b"\0" * 4096):
        (quick_folder / "file").write_bytes(content)
        assert read(quick_folder / "file") == []
