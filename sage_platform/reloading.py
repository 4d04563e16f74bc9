"""The reload on SIGHUP: one worker after the other is replaced by a new one, which reads code and settings anew.

Granian's own reload waits some seconds, whether the new worker is ready or not, and ends the whole server when it cannot start.
Here the old worker goes when the new one is ready, and stays when it is not.
"""

import os
import select
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from logging import getLogger
from typing import Any

from granian.server.mp import MPServer, WorkerProcess

log = getLogger("sage.server")

# What a request that is under way is given to end in, when its worker has to.
KILL_SECONDS = 30
# A start takes seconds. One that hangs, on a network share say, must not hold up a stop for ever.
READY_SECONDS = 60
# From the application's being loaded to the listening socket it takes milliseconds, which the server's Rust code tells nobody of.
LISTENING_SECONDS = 1.0
# What an old worker is given to end its connections with the answers of their next requests (`worker.leave`).
LEAVING_SECONDS = 2.0

Loader = Callable[[], Callable[..., object]]


class Wakeups:
    """What the server's process waits at, in the place of granian's `threading.Event`, and only its main thread.

    An answer to a signal runs in the main thread, wherever that is. It must not set an `Event` at which this thread is just about
    to wait: both would wait for its lock for ever. And a signal that comes just before the thread sleeps, or to another thread,
    does not wake it from a lock. It does wake it from this pipe (`signal.set_wakeup_fd`).
    """

    def __init__(self) -> None:
        self._is_set = False
        self._heard, self._told = os.pipe()
        os.set_blocking(self._heard, False)
        os.set_blocking(self._told, False)
        signal.set_wakeup_fd(self._told, warn_on_full_buffer=False)

    def set(self) -> None:
        self._is_set = True
        with suppress(BlockingIOError):  # Full, so it wakes anyway.
            os.write(self._told, b".")

    def clear(self) -> None:
        self._is_set = False

    def wait(self) -> None:
        while not self._is_set:
            select.select([self._heard], [], [])
            with suppress(BlockingIOError):
                os.read(self._heard, 4096)


class ReloadingServer(MPServer):
    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.main_loop_interrupt: Any = Wakeups()

    def _reload(self, spawn_target: Any, target_loader: Any) -> None:
        self.reload_signal = False
        self.respawned_wrks.clear()
        self.main_loop_interrupt.clear()
        log.info("reload: the workers are replaced by new ones")
        for index in range(self.workers):
            if self.interrupt_signal or self.interrupt_children:
                self.main_loop_interrupt.set()
                log.warning("reload: broken off")
                return
            if not self._replace(index, spawn_target, target_loader):
                log.error("reload: a new worker could not start; the old ones go on, and the next SIGHUP tries again")
                return
        log.info("reload: done")

    def _replace(self, index: int, spawn_target: Any, target_loader: Loader) -> bool:
        ready, tell = os.pipe()
        try:
            new = self._spawn_worker(
                idx=index, target=spawn_target, callback_loader=partial(_loaded_and_told, tell, target_loader)
            )
            # While nobody relies on it, its death is no reason to start another.
            new.interrupt_by_parent = True
            new.start()
            os.close(tell)
            is_ready = self._is_told(ready)
        finally:
            os.close(ready)
        if is_ready:
            time.sleep(LISTENING_SECONDS)
            new.interrupt_by_parent = False
        if not is_ready or not new.is_alive():
            new.kill()
            return False
        old, self.wrks[index] = self.wrks[index], new
        old.interrupt_by_parent = True
        if old.is_alive():  # Memory may have run out meanwhile: an upgrade has one worker more.
            with suppress(ProcessLookupError):
                os.kill(old.inner.pid, signal.SIGUSR1)
            time.sleep(LEAVING_SECONDS)
        old.terminate()
        if not _ends(old, within=KILL_SECONDS):
            log.warning("reload: an old worker did not end within %s seconds and is killed", KILL_SECONDS)
            old.kill()
        return True

    def _is_told(self, ready: int) -> bool:
        """Whether the new worker says that it is ready. If it ends before that, its end of the pipe closes."""
        until = time.monotonic() + READY_SECONDS
        while time.monotonic() < until and not self.interrupt_signal:
            if select.select([ready], [], [], 0.2)[0]:
                return os.read(ready, 1) != b""
        return False


def _ends(worker: WorkerProcess, *, within: float) -> bool:
    """By looking: `join` returns too early when the thread that watches the worker has been told of its end first."""
    until = time.monotonic() + within
    while worker.is_alive():
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


def _loaded_and_told(tell: int, load: Loader) -> Callable[..., object]:
    """In the new worker."""
    application = load()
    os.write(tell, b".")
    os.close(tell)
    return application
