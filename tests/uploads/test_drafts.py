"""Files that are still coming."""

import errno
import fcntl
import hashlib
import os
import stat
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest
from pytest_django import Settings

from sage_platform.api.errors import BodyTooLarge
from uploads.drafts import abandoned, begin
from uploads.stores import StoreUnavailable

HOUR = timedelta(hours=1)


@pytest.fixture
def incoming(settings: Settings, tmp_path: Path) -> Path:
    settings.SAGE_MEDIA_ROOT = tmp_path / "media"
    settings.SAGE_DATA_DIR = tmp_path / "data"
    settings.SAGE_UPLOAD_STORE = "disk"
    return tmp_path / "media" / ".incoming"


def age(path: Path, seconds: float) -> None:
    then = time.time() - seconds
    os.utime(path, (then, then))


def test_it_is_written_hashed_and_judged(incoming: Path) -> None:
    with begin(most_bytes=100) as draft:
        draft.write(b"hello ")
        draft.write(b"world")
        draft.finish()
        assert (draft.size, draft.sha256, draft.content_type) == (11, hashlib.sha256(b"hello world").hexdigest(), "text/plain")
        assert draft.path.read_bytes() == b"hello world"
        assert draft.path.parent == incoming
        assert stat.S_IMODE(draft.path.stat().st_mode) == 0o600
        assert stat.S_IMODE(incoming.stat().st_mode) == 0o700
    assert list(incoming.iterdir()) == []


def test_a_large_one_is_whole(incoming: Path) -> None:
    """Parts of it are on their way to the disk before it ends."""
    piece = bytes(range(256)) * 1024
    with begin(most_bytes=1 << 30) as draft:
        for _ in range(80):
            draft.write(piece)
        draft.finish()
        assert draft.path.read_bytes() == piece * 80
        assert (draft.size, draft.sha256) == (20 * 1024 * 1024, hashlib.sha256(piece * 80).hexdigest())


def test_where_files_go_to_s3_it_is_in_the_data_folder(incoming: Path, settings: Settings) -> None:
    settings.SAGE_UPLOAD_STORE = "s3"
    with begin(most_bytes=100) as draft:
        assert draft.path.parent == settings.SAGE_DATA_DIR / ".incoming"


def test_a_failure_takes_it_away(incoming: Path) -> None:
    def fail_in_the_middle() -> None:
        with begin(most_bytes=100) as draft:
            draft.write(b"half")
            raise KeyError

    with pytest.raises(KeyError):
        fail_in_the_middle()
    assert list(incoming.iterdir()) == []


def test_what_a_store_took_stays(incoming: Path) -> None:
    with begin(most_bytes=100) as draft:
        draft.write(b"kept")
        draft.path.replace(incoming / "elsewhere")
    assert (incoming / "elsewhere").read_bytes() == b"kept"


def test_too_many_bytes(incoming: Path) -> None:
    with begin(most_bytes=10) as draft:
        draft.write(bytes(10))
        with pytest.raises(BodyTooLarge):
            draft.write(b"1")
        assert draft.path.stat().st_size == 10


@pytest.mark.parametrize("fault", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
def test_a_full_disk(incoming: Path, monkeypatch: pytest.MonkeyPatch, fault: int) -> None:
    def full(descriptor: int, piece: bytes) -> int:
        raise OSError(fault, os.strerror(fault))

    with begin(most_bytes=100) as draft:
        monkeypatch.setattr(os, "write", full)
        with pytest.raises(StoreUnavailable) as caught:
            draft.write(b"1")
        monkeypatch.undo()
    assert caught.value.cause == f"the disk: {os.strerror(fault)}"
    assert list(incoming.iterdir()) == []


def test_a_disk_that_takes_a_part_at_a_time(incoming: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """write(2) may take fewer bytes than it was given, as it does when the disk is nearly full."""
    whole = os.write
    with begin(most_bytes=100) as draft:
        monkeypatch.setattr(os, "write", lambda descriptor, piece: whole(descriptor, piece[:3]))
        draft.write(b"hello world")
        monkeypatch.undo()
        assert draft.path.read_bytes() == b"hello world"


def test_no_folder_can_be_made(incoming: Path, settings: Settings) -> None:
    settings.SAGE_MEDIA_ROOT.write_text("a file in its place")
    with pytest.raises(StoreUnavailable):
        begin(most_bytes=100)


def test_what_a_living_process_writes_is_not_abandoned(incoming: Path) -> None:
    with begin(most_bytes=100) as draft:
        draft.write(b"slow")
        age(draft.path, 7200)
        assert list(abandoned(older_than=HOUR)) == []


def test_what_a_killed_process_left_is_abandoned(incoming: Path, settings: Settings) -> None:
    """On both folders, since the deployment may have kept its files elsewhere before. Young ones may not be locked yet."""
    left = []
    for folder in (incoming, settings.SAGE_DATA_DIR / ".incoming"):
        folder.mkdir(parents=True)
        for name, seconds in (("old", 7200), ("young", 60)):
            (folder / name).write_bytes(b"half")
            age(folder / name, seconds)
        left.append(folder / "old")
    assert sorted(abandoned(older_than=HOUR)) == sorted(left)


def test_it_is_abandoned_once_its_writer_is_killed(incoming: Path) -> None:
    """The lock is the kernel's, so it goes with the process, whatever ends it."""
    incoming.mkdir(parents=True)
    path = incoming / "draft"
    program = (
        "import fcntl, sys, time; f = open(sys.argv[1], 'w'); fcntl.flock(f, fcntl.LOCK_EX); print(flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE) as writer:
        assert writer.stdout
        writer.stdout.readline()
        age(path, 7200)
        assert list(abandoned(older_than=HOUR)) == []
        writer.kill()
    assert list(abandoned(older_than=HOUR)) == [path]


def test_two_that_clean_up_do_not_meet(incoming: Path) -> None:
    incoming.mkdir(parents=True)
    (incoming / "old").touch()
    age(incoming / "old", 7200)
    for path in abandoned(older_than=HOUR):
        assert list(abandoned(older_than=HOUR)) == []
        path.unlink()
    assert list(abandoned(older_than=HOUR)) == []


def test_it_is_locked_from_its_first_moment(incoming: Path) -> None:
    with begin(most_bytes=1) as draft, draft.path.open("rb") as other, pytest.raises(BlockingIOError):
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_no_folder_has_nothing_abandoned(incoming: Path) -> None:
    assert list(abandoned(older_than=HOUR)) == []


def test_a_link_and_a_folder_are_no_drafts(incoming: Path, tmp_path: Path) -> None:
    incoming.mkdir(parents=True)
    (tmp_path / "precious").touch()
    (incoming / "link").symlink_to(tmp_path / "precious")
    age(tmp_path / "precious", 7200)
    (incoming / "folder").mkdir()
    age(incoming / "folder", 7200)
    assert list(abandoned(older_than=HOUR)) == []
