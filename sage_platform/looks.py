"""Looking at something that may hang, such as a disk or a database, without hanging with it."""

from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import Generic, TypeVar

from django.db import connections

T = TypeVar("T")


class Look(Generic[T]):
    """`run` in a thread of its own. One that hangs keeps that thread until it comes back: no second is started beside it."""

    def __init__(self, run: Callable[[], T], *, name: str) -> None:
        self._run = run
        self._name = name
        self._pending: Future[T] | None = None

    def start(self) -> "Future[T]":
        """What comes of it; of the look that is still under way, if there is one. Whoever waits for it says how long."""
        if self._pending is None or self._pending.done():
            self._pending = Future()
            # A daemon thread, since a worker could not end while another kind of thread hangs.
            Thread(target=self._look, args=(self._pending,), name=self._name, daemon=True).start()
        return self._pending

    def _look(self, told: "Future[T]") -> None:
        try:
            try:
                found = self._run()
            finally:
                connections.close_all()
        except Exception as error:  # noqa: BLE001  Whatever it raises is told to who asked.
            told.set_exception(error)
        else:
            told.set_result(found)
