"""Ending processes as a crash would, and looking at what they left behind."""

import os
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, ClassVar, Generic, TypeVar

import psycopg
import requests

from tests.e2e.served import CALL_SECONDS, Platform, family

T = TypeVar("T")


@dataclass(kw_only=True)
class Senders(Generic[T]):
    """Clients that send what waits. Whoever gets no answer ends, and what they have sent waits for the next start."""

    at_once: ClassVar[int]
    waiting: SimpleQueue[T] = field(default_factory=SimpleQueue)
    unanswered: set[T] = field(default_factory=set)

    def send(self, one: T) -> None:
        raise NotImplementedError

    @property
    def done(self) -> int:
        """How many have had an answer."""
        raise NotImplementedError

    def start(self) -> None:
        self.over = threading.Event()
        self.pool = ThreadPoolExecutor(self.at_once)
        self.clients = [self.pool.submit(self._client) for _ in range(self.at_once)]

    def end(self) -> None:
        self.over.set()
        self.pool.shutdown()
        for client in self.clients:
            client.result()

    def wait_for(self, amount: int) -> None:
        deadline = time.monotonic() + 60
        while self.done < amount:
            assert time.monotonic() < deadline
            assert any(not client.done() for client in self.clients) or self.done >= amount, "the clients ended early"
            time.sleep(0.002)

    def _client(self) -> None:
        while not self.over.is_set():
            try:
                one = self.waiting.get_nowait()
            except Empty:
                return
            try:
                self.send(one)
            except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError):
                self.unanswered.add(one)
                self.waiting.put(one)
                return


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
