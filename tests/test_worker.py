"""What a worker and a command load, and what they do once it is loaded."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.served import ROOT, bare_environment

LOADED = "import sys, sage_platform.worker; print([name for name in sys.argv[1:] if name in sys.modules])"

# Whether garbage is collected, whether what was loaded is left out of it, and whether it was looked through while it was loaded.
COLLECTOR = "print(gc.isenabled(), gc.get_freeze_count() > 50_000, gc.get_stats()[0]['collections'] > 100)"
# As the server has a worker load the application, with nobody to tell when it listens.
WORKER = f"""
import gc, os
from sage_platform import server
token, lives = os.pipe(), os.pipe()
os.set_blocking(token[0], False)
told = {{"held_port": -1}}
server.loaded(told, server.Pipes(token[0], lives[0], os.dup(lives[1])), "sage_platform.worker:application")
{COLLECTOR}
"""


def run(tmp_path: Path, *arguments: str) -> tuple[str, str]:
    """What Python says, on standard output and as errors."""
    own = {"SAGE_DATA_DIR": str(tmp_path), "DJANGO_SETTINGS_MODULE": "sage_platform.settings"}
    asked = [sys.executable, *arguments]
    done = subprocess.run(asked, cwd=ROOT, env=bare_environment() | own, check=False, capture_output=True, text=True)
    return done.stdout, done.stderr


def test_a_worker_with_sqlite_and_disk_loads_no_driver_of_postgresql_and_no_client_of_s3(tmp_path: Path) -> None:
    """They would be 8 and 15 MiB in each."""
    assert run(tmp_path, "-c", LOADED, "psycopg", "boto3", "msgspec") == ("['msgspec']\n", "")


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["-c", WORKER], id="worker"),
        pytest.param(["manage.py", "shell", "--no-imports", "-c", f"import gc; {COLLECTOR}"], id="command"),
    ],
)
def test_garbage_is_collected_once_all_is_loaded_and_not_before(tmp_path: Path, arguments: list[str]) -> None:
    assert run(tmp_path, *arguments) == ("True True False\n", "")
