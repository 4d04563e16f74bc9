"""A connection to PostgreSQL that does not wait for ever, and lends its turn while it waits."""

import threading
from typing import Any, ClassVar

import psycopg
from psycopg.abc import RV, PQGen
from psycopg.errors import OperationalError

from sage_platform.turns import turns

ANSWER_SECONDS = 10.0


class DatabaseSilentError(OperationalError):
    """The server took a statement and did not answer in time."""


class ImpatientConnection(psycopg.Connection[Any]):
    """A frozen server, or one behind a network that swallows everything, would otherwise hold a thread for as long as it likes.

    A command of manage.py, which runs in the main thread, may wait: a migration takes the time that it takes.
    """

    answer_seconds: ClassVar[float] = ANSWER_SECONDS

    def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        if timeout is None and threading.current_thread() is not threading.main_thread():
            timeout = self.answer_seconds
        try:
            with turns.lent():
                return super().wait(gen, interval=interval, timeout=timeout)
        except psycopg.errors._WaitTimeout:
            # Its state is unknown, and an answer that comes after all must not be taken for another statement's.
            self.pgconn.finish()
            raise DatabaseSilentError(f"no answer within {timeout:g} seconds") from None
