"""What a worker loads."""

import subprocess
import sys
from pathlib import Path

from tests.e2e.served import ROOT, bare_environment

LOADED = "import sys, sage_platform.worker; print([name for name in sys.argv[1:] if name in sys.modules])"


def test_a_worker_with_sqlite_and_disk_loads_no_driver_of_postgresql_and_no_client_of_s3(tmp_path: Path) -> None:
    """They would be 8 and 15 MiB in each."""
    own = {"SAGE_DATA_DIR": str(tmp_path), "DJANGO_SETTINGS_MODULE": "sage_platform.settings"}
    asked = [sys.executable, "-c", LOADED, "psycopg", "boto3", "msgspec"]
    done = subprocess.run(asked, cwd=ROOT, env=bare_environment() | own, check=False, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("['msgspec']\n", "")
