"""Ending processes as a crash would, and looking at what they left behind."""

import os
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg

from tests.e2e.served import CALL_SECONDS, Platform


def family(pid: int) -> list[int]:
    """A process and all below it."""
    known = [pid]
    for member in known:
        for children in Path(f"/proc/{member}/task").glob("*/children"):
            known.extend(int(child) for child in children.read_text().split() if int(child) not in known)
    return known


def signal_all(pids: Sequence[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def kill_nine(process: Any) -> None:
    """None of them gets to do anything more. Returns when all are gone."""
    running = family(process.pid)
    signal_all(running, signal.SIGKILL)
    process.wait(CALL_SECONDS)
    deadline = time.monotonic() + CALL_SECONDS
    while any(is_alive(pid) for pid in running):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def is_alive(pid: int) -> bool:
    """A zombie is not: nothing of it is left but the number, for whoever adopted it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@contextmanager
def database(platform: Platform) -> Iterator[Callable[[str], Any]]:
    """The platform's own database, asked behind its back."""
    if url := platform.environment["DATABASE_URL"]:
        with psycopg.connect(url) as connection:
            yield connection.execute
    else:
        with closing(sqlite3.connect(platform.data / "sage.sqlite3")) as file:
            yield file.execute
