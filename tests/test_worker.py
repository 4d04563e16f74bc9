"""What a worker loads."""

import subprocess
import sys
from pathlib import Path

from tests.e2e.served import ROOT, bare_environment

LOADED = "import sys, sage_platform.worker; print([name for name in sys.argv[1:] if name in sys.modules])"


def run(code: str, folder: Path, *arguments: str) -> tuple[str, str]:
    """What this prints in a process of its own, and its errors."""
    own = {"SAGE_DATA_DIR": str(folder), "DJANGO_SETTINGS_MODULE": "sage_platform.settings"}
    asked = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(asked, cwd=ROOT, env=bare_environment() | own, check=False, capture_output=True, text=True)
    return done.stdout, done.stderr


def test_a_worker_with_sqlite_and_disk_loads_no_driver_of_postgresql_and_no_client_of_s3(tmp_path: Path) -> None:
    """They would be 8 and 15 MiB in each."""
    assert run(LOADED, tmp_path, "psycopg", "boto3", "msgspec") == ("['msgspec']\n", "")


INTERVAL = "import sys, sage_platform.worker; print(sys.getswitchinterval())"


def test_a_thread_that_computes_gives_the_interpreter_to_others_soon(tmp_path: Path) -> None:
    """After half a millisecond. Python's own 5 ms are ten times as long as `/active` takes."""
    assert run(INTERVAL, tmp_path) == ("0.0005\n", "")
