"""Start the server."""

import errno
import json
import os
import socket
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.management import CommandError
from django.db import DatabaseError, InterfaceError, connection

from sage_platform import data_files, data_folder, paths
from sage_platform.command_line import NOT_MIGRATED
from sage_platform.management.logged_checks import LoggedChecksCommand
from sage_platform.running import hold_for_server
from sage_platform.schema_state import pending_migrations
from sage_platform.telemetry import multiprocess

if TYPE_CHECKING:
    from sage_platform.server import Told  # Without granian installed the command says so.

# A client that takes nothing of its answer for so long is cut off.
STALLED_SECONDS = 60


class Command(LoggedChecksCommand):
    help = "Serve the platform with granian, by SAGE_BIND, SAGE_PORT, SAGE_WORKERS and SAGE_THREADS. Ends gracefully on SIGTERM."

    def handle(self, *args: object, **options: object) -> None:
        if find_spec("granian") is None:
            raise CommandError("granian is not installed; install requirements.txt.")
        data_folder.close_to_others()
        require_tables()
        with held_port() as held:
            if connection.vendor == "sqlite":
                hold_for_server()  # `restore` must not replace a database that a server has open.
            self.become_server(held.fileno())

    def become_server(self, held: int) -> None:
        multiprocess.clear(settings.SAGE_DATA_DIR / data_files.METRICS)
        # The C library would give threads arenas of memory of their own, and what is free in one is of no use to the others. One
        # arena is enough, since the interpreter runs one thread at a time.
        os.putenv("MALLOC_ARENA_MAX", "1")
        # The part of the server that is written in Rust has an allocator of its own, jemalloc, with the same trait. What is freed
        # there goes back to the system soon, but not at once: that would cost a large download two thirds of its speed.
        os.putenv("_RJEM_MALLOC_CONF", "narenas:1,dirty_decay_ms:100,muzzy_decay_ms:0")
        # The code is found here and not, as `-m` would have it, in the folder where the command was started.
        find_code = f"import sys; sys.path[0] = {str(settings.BASE_DIR)!r}; from sage_platform.server import main; main()"
        # The server replaces this process, so that it gets the signals itself and this process's memory is free.
        arguments = [sys.executable, "-c", find_code, json.dumps(told(held))]
        os.execv(sys.executable, arguments)  # noqa: S606  No shell is wanted.


def told(held: int) -> "Told":
    url = settings.SAGE_PUBLIC_URL
    return {
        "address": settings.SAGE_BIND,
        "port": settings.SAGE_PORT,
        "workers": settings.SAGE_WORKERS,
        "threads": settings.SAGE_THREADS,
        "log_level": settings.SAGE_LOG_LEVEL,
        "held_port": held,
        "stalled_seconds": STALLED_SECONDS,
        "listening": (
            f"Sage {settings.SAGE_VERSION} is at {url}{settings.SAGE_WEB_BASE_PATH}/login (sign in), "
            f"{url}/{paths.ADMIN}/ (administration), {url}/{paths.API}/docs (API)."
        ),
    }


def require_tables() -> None:
    """A database that is away is no reason not to start: requests get 503 until it is back."""
    try:
        pending = pending_migrations()
    except (DatabaseError, InterfaceError):
        return
    if pending:
        raise CommandError(NOT_MIGRATED)


def held_port() -> socket.socket:
    """The workers share the port (SO_REUSEPORT), so a second server would take part of the first one's requests unnoticed.

    So this process listens there first, by itself, which of two that start at the same moment one alone can do. Then it stops
    listening and stays bound, also as the server that takes its place: the workers can listen beside it, and nobody else can.
    """
    address, port = settings.SAGE_BIND, settings.SAGE_PORT
    held = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    # Connections of a server that has just ended do not count (TIME_WAIT); another one that listens does.
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        held.bind((address, port))
        held.listen(1)
    except OSError as error:
        held.close()
        raise CommandError(why_not_bound(error)) from None
    if sys.platform != "linux":
        held.close()  # Elsewhere the workers could not listen beside it.
        return held
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    held.shutdown(socket.SHUT_RDWR)
    held.set_inheritable(True)
    return held


def why_not_bound(error: OSError) -> str:
    address, port = settings.SAGE_BIND, settings.SAGE_PORT
    if error.errno == errno.EADDRINUSE:
        return f"SAGE_PORT: port {port} of SAGE_BIND ({address}) is taken by another program, or by a server that still runs."
    if error.errno == errno.EACCES:
        return f"SAGE_PORT: this user may not listen on port {port}."
    return f"SAGE_BIND: cannot listen on {address} ({error.strerror})."
