"""Whether a folder takes a file just now."""

from pathlib import Path
from tempfile import TemporaryFile

# Two pages of SQLite's.
TRIAL_BYTES = 8192


def try_to_write(folder: Path) -> None:
    """OSError where nothing can be kept there: no permission, read-only, or full. The trial is gone when it is closed."""
    with TemporaryFile(dir=folder) as file:
        file.write(bytes(TRIAL_BYTES))
