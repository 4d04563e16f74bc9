"""Start the server."""

import os
import sys
from importlib.util import find_spec
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError

from sage_platform import paths


class Command(BaseCommand):
    help = "Serve the platform with granian, by SAGE_BIND, SAGE_PORT, SAGE_WORKERS and SAGE_THREADS. Ends gracefully on SIGTERM."

    def handle(self, *args: Any, **options: Any) -> None:
        if find_spec("granian") is None:
            raise CommandError("granian is not installed; install requirements.txt.")
        url = settings.SAGE_PUBLIC_URL
        self.stdout.write(
            f"Sage is at {url}{settings.SAGE_WEB_BASE_PATH}/login (sign in), {url}/{paths.ADMIN}/ (administration), "
            f"{url}/{paths.API}/docs (API)."
        )
        self.stdout.flush()
        # The server takes this process's place: signals reach it without a go-between, and this one's memory is free again.
        # It is run as a module, since the script beside the interpreter breaks when the folder is moved.
        # The C library would keep an arena for each of several threads, and what one leaves free no other gets. One will do,
        # since the interpreter lets one thread run at a time.
        os.putenv("MALLOC_ARENA_MAX", "1")
        os.execv(sys.executable, [sys.executable, "-m", "granian", *server_arguments()])  # noqa: S606  No shell, and that is meant.


def server_arguments() -> list[str]:
    """No secret among them: a process's arguments are seen by everybody on the machine."""
    return [
        "--interface=wsgi",
        f"--host={settings.SAGE_BIND}",
        f"--port={settings.SAGE_PORT}",
        f"--workers={settings.SAGE_WORKERS}",
        f"--blocking-threads={settings.SAGE_THREADS}",
        # HTTP/2 lets a body come without a length, which WSGI cannot tell from an empty one; a proxy speaks HTTP/1.1 to us.
        "--http=1",
        "--no-ws",
        "--respawn-failed-workers",
        "--workers-kill-timeout=30",
        "--log-level=error",
        # The code is found wherever the command was started from.
        f"--working-dir={settings.BASE_DIR}",
        "sage_platform.worker:application",
    ]
