"""Files that are still coming: each is written under a name of its own until it is whole, hashed and judged as it comes."""

import fcntl
import hashlib
import os
import stat
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from secrets import token_hex
from types import TracebackType
from typing import Self

from django.conf import settings

from sage_platform import data_files
from sage_platform.api.errors import BodyTooLarge
from uploads import stores
from uploads.content_types import TypeGuess
from uploads.models import Store
from uploads.stores.disk import failing_as_unavailable

# The kernel is told to begin with the disk after each of these, beside what still comes: else all of it waits for the `fsync` at
# the end, a fifth of the time that 300 MB take.
SEND_OUT_BYTES = 8 * 1024**2


class Draft:
    """Leaving its block deletes the file, unless a store has taken it away by then."""

    def __init__(self, path: Path, *, most_bytes: int) -> None:
        self.path = path
        self.size = 0
        self._sent_out = 0
        # Known once it is finished.
        self.sha256 = ""
        self.content_type = ""
        self._most_bytes = most_bytes
        self._hash = hashlib.sha256()
        self._guess = TypeGuess()
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        # It is held until the file is closed, or this process dies. So whoever gets it knows that nobody writes any more.
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)

    def write(self, piece: bytes) -> None:
        """Raises BodyTooLarge, or StoreUnavailable where the disk takes no more."""
        self.size += len(piece)
        if self.size > self._most_bytes:
            raise BodyTooLarge
        self._hash.update(piece)
        self._guess.feed(piece)
        with failing_as_unavailable():
            _write_whole(self._descriptor, piece)
        if self.size - self._sent_out >= SEND_OUT_BYTES:
            _send_out(self._descriptor, self._sent_out, self.size)
            self._sent_out = self.size

    def finish(self) -> None:
        """The file is whole."""
        self.sha256 = self._hash.hexdigest()
        self.content_type = self._guess.result()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            self.path.unlink(missing_ok=True)
        finally:
            os.close(self._descriptor)


def begin(*, most_bytes: int, store: Store | None = None) -> Draft:
    """For this store, or the one that new files go to. Raises StoreUnavailable where no file can be made."""
    folder = _folder_for(store or stores.current())
    with failing_as_unavailable():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return Draft(folder / token_hex(16), most_bytes=most_bytes)


def abandoned(*, older_than: timedelta) -> Iterator[Path]:
    """Drafts that nobody writes any more, since their process was killed. Each is locked until the next is asked for."""
    # A deployment that keeps its files elsewhere now may have left some where they were before.
    for folder in {_folder_for(store) for store in Store}:
        with suppress(FileNotFoundError):
            for path in sorted(folder.iterdir()):
                yield from _unless_in_use(path, older_than)


def _folder_for(store: Store) -> Path:
    """With files on the disk it is on their file system, so that a whole draft is only renamed."""
    root = settings.SAGE_MEDIA_ROOT if store == Store.DISK else settings.SAGE_DATA_DIR
    return Path(root) / data_files.INCOMING


def _unless_in_use(path: Path, older_than: timedelta) -> Iterator[Path]:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:  # It has just been taken away, or is a link, and so none of ours.
        return
    try:
        found = os.fstat(descriptor)
        # A new one is not locked yet between the moment when it is made and the next.
        if not stat.S_ISREG(found.st_mode) or found.st_mtime > time.time() - older_than.total_seconds():
            return
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield path
    except BlockingIOError:
        return
    finally:
        os.close(descriptor)


def _write_whole(descriptor: int, piece: bytes) -> None:
    """A single write may take a part alone (write(2))."""
    rest = memoryview(piece)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _send_out(descriptor: int, start: int, end: int) -> None:
    """Linux begins to write these bytes out, and waits for none (posix_fadvise(2)). Elsewhere it is a hint or not there."""
    if hasattr(os, "posix_fadvise"):
        with suppress(OSError):
            os.posix_fadvise(descriptor, start, end - start, os.POSIX_FADV_DONTNEED)
