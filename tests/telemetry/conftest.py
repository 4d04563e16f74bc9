"""Where these tests have their files."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

IN_MEMORY = Path("/dev/shm")


@pytest.fixture
def quick_folder() -> Iterator[Path]:
    """In memory where there is such a place: some disks need milliseconds to delete a file, and these tests delete thousands."""
    with tempfile.TemporaryDirectory(prefix="sage-metrics-", dir=IN_MEMORY if IN_MEMORY.is_dir() else None) as folder:
        yield Path(folder)
