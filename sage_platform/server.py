"""The server's own process, which starts the workers and watches them: `serve` puts it in its own place.

It loads neither Django nor the settings, since all that its memory holds is held for as long as the server runs. So `serve` tells
it everything in one argument, as JSON. And what a reload brings is read by the workers alone.
"""

import gc
import json
import multiprocessing
import os
import resource
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from importlib import import_module
from logging import getLogger
from typing import NamedTuple, NoReturn, TypedDict

from granian.constants import HTTPModes, Interfaces
from granian.errors import FatalError
from granian.http import HTTP1Settings
from granian.log import LogLevels

from sage_platform.logs import log_what_python_prints, logging_config
from sage_platform.reloading import KILL_SECONDS, ReloadingServer
from sage_platform.stalled_clients import spawn_target
from sage_platform.stopping import STOPS

log = getLogger("sage.server")
# Open connections in each worker, idle ones among them (docs/security.md#known-limits). Beyond that the worker takes no more, and
# whoever comes waits until one ends. Granian alone would share out a thousand among all workers.
MOST_CONNECTIONS = 8192
# What a worker may have open besides: its files, and for each thread a connection to a database, a cache, another server.
OTHER_FILES = 128
FILES_OF_A_THREAD = 4
# Of a connection, how much the server reads before anybody wants it. With granian's 408 KiB a large upload is a seventh faster,
# but the memory of a worker stays far larger after many at once (docs/benchmarks.md#memory).
AHEAD_BYTES = 192 * 1024


class Told(TypedDict):
    """No secret is in it: everybody on the machine can read a process's arguments."""

    address: str
    port: int
    workers: int
    threads: int
    log_level: str
    # The descriptor of the socket that keeps the port for this server; -1 where there is none.
    held_port: int
    # How long a client may take nothing of an answer before its connection is ended.
    stalled_seconds: int
    # Told on standard output once somebody would be answered.
    listening: str


class Pipes(NamedTuple):
    """What the server's process shares with its workers."""

    # Whoever takes the one byte tells the address, so that it is told once, by the first worker that is ready.
    token: int
    # The server's process alone keeps this pipe's other end open, so that it ends with it, however it ends.
    server_lives: int
    held_by_server: int


def serve(told: Told) -> None:
    server = ReloadingServer(
        "sage_platform.worker:application",
        address=told["address"],
        port=told["port"],
        interface=Interfaces.WSGI,
        workers=told["workers"],
        blocking_threads=told["threads"],
        backpressure=connections(told["threads"]),
        # In HTTP/2 a body may come without a length, and WSGI takes it for an empty one. Proxies speak HTTP/1.1 to us.
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(max_buffer_size=AHEAD_BYTES),
        websockets=False,
        respawn_failed_workers=True,
        workers_kill_timeout=KILL_SECONDS,
        log_level=LogLevels.error,
        log_dictconfig=logging_config(told["log_level"], access_log=False),
    )
    token, source = os.pipe()
    os.set_blocking(token, False)
    os.write(source, b".")
    server.on_shutdown(lambda: log.info("server stopped"))
    server.serve(spawn_target(told["stalled_seconds"]), target_loader=partial(loaded, told, Pipes(token, *os.pipe())))


def connections(threads: int) -> int:
    """How many a worker may have open. Raises the limit on open files as far as this user may, and leaves room for all the rest.

    There are always more than threads: else requests that stall would keep even `/active` from being asked for.
    """
    others = OTHER_FILES + FILES_OF_A_THREAD * threads
    wanted = MOST_CONNECTIONS + others
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return MOST_CONNECTIONS
    files = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
    return max(threads + 64, files - others)


def loaded(told: Told, pipes: Pipes, target: str) -> Callable[..., object]:
    """The application, in a worker. A worker that cannot load it says why in one line of the log, and ends."""
    os.close(pipes.held_by_server)
    if told["held_port"] >= 0:
        os.close(told["held_port"])  # Else the next server would wait for a worker that ends slowly.
    forget_own_modules()
    gc.disable()  # Until all is loaded (`worker`): nearly nothing of it is garbage.
    try:
        module, _, name = target.partition(":")
        application: Callable[..., object] = getattr(import_module(module), name)
        threading.Thread(target=end_with_server, args=(pipes.server_lives,), daemon=True).start()
        with suppress(BlockingIOError):
            os.read(pipes.token, 1)
            threading.Thread(target=tell_when_listening, args=(told,), daemon=True).start()
        return application
    except Exception as error:
        log.critical("a worker cannot start: %s", error, exc_info=error)
        sys.exit(1)


def forget_own_modules() -> None:
    """What the server's process has loaded of ours may be of the version before. A worker loads all of it anew."""
    for name in list(sys.modules):
        if name.partition(".")[0] == __package__:
            del sys.modules[name]


def end_with_server(server_lives: int) -> None:
    """A worker without the server's process (`kill -9`) would go on answering, with old code and keys, beside the next server."""
    os.read(server_lives, 1)
    log.error("the server's process is gone, and this worker ends with it")
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(KILL_SECONDS)
    os.kill(os.getpid(), signal.SIGKILL)


def tell_when_listening(told: Told) -> None:
    """A worker listens soon after it has loaded the application. In the parent this thread could hold a lock while it forks."""
    everywhere = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  Whoever listens on every address listens on this one.
    place = (everywhere.get(told["address"], told["address"]), told["port"])
    while True:
        try:
            socket.create_connection(place, timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            print(told["listening"], flush=True)  # noqa: T201  It is no log line but what the command answers.
            return


def let_signals_end_who_still_loads() -> None:
    """A worker is forked with the server's own answers to signals, which in it do nothing. Until it has set its own, after it has
    loaded the application, a signal has to end it: one that is lost makes the stop wait for the whole kill timeout. So a signal
    that comes while it is forked waits until it can end it. And none of its own may wake the server.
    """

    def in_the_worker() -> None:
        signal.set_wakeup_fd(-1)
        for number in STOPS:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)

    os.register_at_fork(
        before=lambda: signal.pthread_sigmask(signal.SIG_BLOCK, STOPS),
        after_in_parent=lambda: signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS),
        after_in_child=in_the_worker,
    )


def main() -> NoReturn:
    log_what_python_prints()
    # Newer Pythons would start workers otherwise, and those do not share what is open here.
    multiprocessing.set_start_method("fork")
    let_signals_end_who_still_loads()
    try:
        serve(json.loads(sys.argv[1]))
    except FatalError as error:
        log.critical("the server cannot start: %s", error)
        sys.exit(1)
    except Exception as error:
        log.critical("the server ends, since it has failed: %s", error, exc_info=error)
        # Python would wait for the workers first, and they for nothing, while nobody watches them.
        os._exit(1)
    sys.exit(0)
