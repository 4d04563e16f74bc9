"""Start the server."""

import os
import shutil
import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError


class Command(BaseCommand):
    help = "Serve the platform with granian, by SAGE_BIND, SAGE_PORT, SAGE_WORKERS and SAGE_THREADS. Ends gracefully on SIGTERM."

    def handle(self, *args: Any, **options: Any) -> None:
        granian = Path(sys.executable).with_name("granian")
        program = str(granian) if granian.exists() else shutil.which("granian")
        if program is None:
            raise CommandError("granian is not installed; install requirements.txt.")
        url = settings.SAGE_PUBLIC_URL
        self.stdout.write(
            f"Sage is at {url}{settings.SAGE_WEB_BASE_PATH}/login (sign in), {url}/admin/ (administration), {url}/api/docs (API)."
        )
        self.stdout.flush()
        # The server takes this process's place: signals reach it without a go-between, and this one's memory is free again.
        os.execv(program, [program, *server_arguments()])  # noqa: S606  There is no shell, and that is meant.


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
        "sage_platform.wsgi:application",
    ]
