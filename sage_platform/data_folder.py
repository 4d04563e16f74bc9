"""The files that the platform keeps on this machine, which nobody but their owner may read.

New ones are made so by the umask. SQLite gives its side files the mode that the database has.
"""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.db import connection

from sage_platform import data_files

UMASK = 0o077
SIDE_FILES = ("", "-wal", "-shm", "-journal")


def own_files() -> Iterator[Path]:
    """Those that there may be: secrets, lock and stamp in the data folder, and SQLite's files wherever they are."""
    for name in data_files.CLOSED:
        yield from settings.SAGE_DATA_DIR.glob(f"{name}*")
    if connection.vendor == "sqlite":
        yield from (Path(f"{connection.settings_dict['NAME']}{ending}") for ending in SIDE_FILES)


def close_to_others() -> None:
    """Take from group and others what an earlier version, another umask or a copy gave them. Another owner's file is left."""
    for path in own_files():
        try:
            mode = stat.S_IMODE(path.stat().st_mode)
            if mode & UMASK:
                path.chmod(mode & ~UMASK)
        except (FileNotFoundError, PermissionError):
            continue


def close_new_files() -> None:
    """For this process and what it starts."""
    os.umask(UMASK)
