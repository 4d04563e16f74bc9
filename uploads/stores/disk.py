"""Objects as files below the media root. A key is a path there."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from stat import S_ISREG
from typing import BinaryIO

from django.core.files.storage import FileSystemStorage

from sage_platform import data_files
from sage_platform.disk import try_to_write
from uploads.models import Store
from uploads.stores.base import ObjectInfo, StoreUnavailable, UnfinishedUpload, count_failure

# What the system says of a key that is none, is a folder, or would be below a file. On S3 it is all the same.
NO_FILE = (FileNotFoundError, NotADirectoryError, IsADirectoryError)


class DiskStore(FileSystemStorage):
    """An `ObjectStore`. A caller may also use what Django's own storage has, by which the deployment's default is one too."""

    # From the look at a row to the opening of its file. An open file can be read to its end when it has been deleted.
    readers_stay = timedelta(seconds=5)

    def keep(self, draft: Path, key: str, *, content_type: str, disposition: str) -> None:
        target = self.place_of(key)
        with failing_as_unavailable():
            with draft.open("rb") as file:
                os.fchmod(file.fileno(), self.file_permissions_mode or 0o600)
                os.fsync(file.fileno())
            # Deleting the last object of a folder deletes the folder, perhaps between these two steps.
            for _attempt in range(3):
                made = make_folders(target.parent, self.directory_permissions_mode or 0o700)
                try:
                    draft.replace(target)
                    break
                except FileNotFoundError:
                    continue
            else:
                draft.replace(target)
            for folder in [target.parent, *made]:
                sync_folder(folder)

    def open_object(self, key: str) -> BinaryIO:
        with failing_as_unavailable():
            try:
                return self.place_of(key).open("rb")
            except NO_FILE:
                raise FileNotFoundError(errno.ENOENT, "no such object") from None

    def delete_object(self, key: str) -> None:
        target = self.place_of(key)
        with failing_as_unavailable():
            # Not every system says of a folder that it is one.
            if target.is_dir():
                return
            with suppress(*NO_FILE):
                target.unlink()
                sync_folder(target.parent)
            self._remove_empty(target.parent)

    def check(self) -> None:
        root = Path(self.location)
        root.mkdir(parents=True, exist_ok=True)
        try_to_write(root)

    def info(self, key: str) -> ObjectInfo | None:
        with failing_as_unavailable():
            try:
                found = self.place_of(key).stat()
            except NO_FILE:
                return None
        if not S_ISREG(found.st_mode):
            return None
        return ObjectInfo(key, found.st_size, datetime.fromtimestamp(found.st_mtime, UTC))

    def objects(self) -> Iterator[ObjectInfo]:
        root = Path(self.location)
        with failing_as_unavailable():
            for folder, folders, names in os.walk(root):
                if Path(folder) == root:
                    folders[:] = [name for name in folders if name != data_files.INCOMING]
                for name in names:
                    key = str((Path(folder) / name).relative_to(root))
                    if (found := self.info(key)) is not None:
                        yield found

    def unfinished(self, key: str = "") -> Iterator[UnfinishedUpload]:
        """None: a file comes into its place whole."""
        return iter(())

    def abort(self, upload: UnfinishedUpload) -> None:
        """There are none."""

    def place_of(self, key: str) -> Path:
        """Raises SuspiciousFileOperation for a key that would lead out of the root, which no key of ours does."""
        return Path(self.path(key))

    def _remove_empty(self, folder: Path) -> None:
        root = Path(self.location)
        while folder != root and root in folder.parents:
            try:
                folder.rmdir()
            except OSError:  # It holds something, or another has removed it.
                return
            folder = folder.parent


@contextmanager
def failing_as_unavailable() -> Iterator[None]:
    """FileNotFoundError is an answer; every other fault of the disk (no room, read-only, no permission) is the store's."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        count_failure(Store.DISK)
        raise StoreUnavailable(cause=f"the disk: {error.strerror}") from error


def make_folders(folder: Path, mode: int) -> list[Path]:
    """Make the folder and those above it that are missing; the folders in which the new names stand."""
    missing = []
    above = folder
    while not above.is_dir():
        missing.append(above)
        above = above.parent
    for each in reversed(missing):
        each.mkdir(mode=0o700, exist_ok=True)
        each.chmod(mode)  # The umask would take from it what a proxy in front is to have.
    return [each.parent for each in missing]


def sync_folder(folder: Path) -> None:
    """A name survives a loss of power once its folder is written (fsync(2))."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
