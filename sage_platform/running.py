"""Whether a server runs on a data folder, told by a lock that its process and its workers hold until the last of them ends."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings

from sage_platform import data_files


def hold_for_server() -> None:
    """Stays locked when another program takes this process's place, and in what that one starts. Several servers may hold it."""
    settings.SAGE_DATA_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(settings.SAGE_DATA_DIR / data_files.SERVER_LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    os.set_inheritable(descriptor, True)


@contextmanager
def no_server() -> Iterator[bool]:
    """Whether there is none; while the block runs none can start."""
    settings.SAGE_DATA_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (settings.SAGE_DATA_DIR / data_files.SERVER_LOCK).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
