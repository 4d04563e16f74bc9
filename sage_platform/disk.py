"""Whether a folder takes a file just now, and how much room the disks have."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryFile

from django.conf import settings

# Two pages of SQLite's.
TRIAL_BYTES = 8192


def try_to_write(folder: Path) -> None:
    """OSError where nothing can be kept there: no permission, read-only, or full. The trial is gone when it is closed."""
    with TemporaryFile(dir=folder) as file:
        file.write(bytes(TRIAL_BYTES))


def places() -> dict[str, Path]:
    """Where the platform writes. Both may be on one disk."""
    return {"data": settings.SAGE_DATA_DIR, "media": settings.SAGE_MEDIA_ROOT}


def free() -> Iterator[tuple[tuple[str, ...], float]]:
    """For whoever is not root, for whom the system keeps some more."""
    for place, folder in places().items():
        yield (place,), shutil.disk_usage(existing(folder)).free


def total() -> Iterator[tuple[tuple[str, ...], float]]:
    for place, folder in places().items():
        yield (place,), shutil.disk_usage(existing(folder)).total


def existing(folder: Path) -> Path:
    """The folder, or the one above it where it will be made."""
    return next(path for path in (folder, *folder.parents) if path.exists())
