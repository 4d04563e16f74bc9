"""Start the server."""

import os
import sys
from importlib.util import find_spec

from django.conf import settings
from django.core.management import BaseCommand, CommandError

from sage_platform import paths


class Command(BaseCommand):
    help = "Serve the platform with granian, by SAGE_BIND, SAGE_PORT, SAGE_WORKERS and SAGE_THREADS. Ends gracefully on SIGTERM."

    def handle(self, *args: object, **options: object) -> None:
        if find_spec("granian") is None:
            raise CommandError("granian is not installed; install requirements.txt.")
        url = settings.SAGE_PUBLIC_URL
        self.stdout.write(
            f"Sage is at {url}{settings.SAGE_WEB_BASE_PATH}/login (sign in), {url}/{paths.ADMIN}/ (administration), "
            f"{url}/{paths.API}/docs (API)."
        )
        self.stdout.flush()
        # The C library would give threads arenas of memory of their own, and what is free in one is of no use to the others. One
        # arena is enough, since the interpreter runs one thread at a time.
        os.putenv("MALLOC_ARENA_MAX", "1")
        # The server replaces this process, so that it gets the signals itself and this process's memory is free. It is run as a
        # module, since the script beside the interpreter has the interpreter's path in it and breaks when the folder is moved.
        os.execv(sys.executable, [sys.executable, "-m", "granian", *server_arguments()])  # noqa: S606  No shell is wanted.


def server_arguments() -> list[str]:
    """Without secrets, since everybody on the machine can read a process's arguments."""
    return [
        "--interface=wsgi",
        f"--host={settings.SAGE_BIND}",
        f"--port={settings.SAGE_PORT}",
        f"--workers={settings.SAGE_WORKERS}",
        f"--blocking-threads={settings.SAGE_THREADS}",
        # In HTTP/2 a body may come without a length, and WSGI takes it for an empty one. Proxies speak HTTP/1.1 to us.
        "--http=1",
        "--no-ws",
        "--respawn-failed-workers",
        "--workers-kill-timeout=30",
        "--log-level=error",
        # So that the code is found from whatever folder the command was started in.
        f"--working-dir={settings.BASE_DIR}",
        "sage_platform.worker:application",
    ]
