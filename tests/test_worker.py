"""What a worker and a command load, and what they do once it is loaded."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.served import ROOT, bare_environment

LOADED = "import sys, sage_platform.worker; print([name for name in sys.argv[1:] if name in sys.modules])"

COLLECTOR = "import gc; print(gc.isenabled(), gc.get_freeze_count() > 50_000)"


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
        pytest.param(["-c", f"import gc; gc.disable(); import sage_platform.worker; {COLLECTOR}"], id="worker"),
        pytest.param(["manage.py", "shell", "--no-imports", "-c", COLLECTOR], id="command"),
    ],
)
def test_garbage_is_collected_again_once_all_is_loaded(tmp_path: Path, arguments: list[str]) -> None:
    """And what was loaded is left out, which would be looked through each time."""
    assert run(tmp_path, *arguments) == ("True True\n", "")
