"""manage.py move_uploads, killed again and again: at every moment each file is whole where its row says."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.served import Platform, lay_database, prepared
from tests.object_store import ObjectServer
from uploads.stores import ObjectStore, sha256_of
from uploads.stores.disk import DiskStore

pytestmark = [pytest.mark.served, pytest.mark.s3]
FILES = 24
# Makes the rows and objects of uploads, large ones and release bundles among them.
MAKE = f"""
from datetime import datetime, UTC
from hashlib import sha256
from pathlib import Path
from django.conf import settings
from uploads import stores
from uploads.models import Upload, new_public_id
draft = Path(settings.SAGE_DATA_DIR, "draft")
for number in range({FILES}):
    content = (b"%d " % number) * (6_000_000 if number % 12 == 7 else 1000)
    public_id = new_public_id()
    key = f"bundle/1.{{number}}.0/sage.zip" if number % 7 == 3 else f"users/alice/{{public_id}}"
    draft.write_bytes(content)
    stores.store_named("disk").keep(draft, key, content_type="text/plain", disposition="inline")
    Upload.objects.create(
        public_id=public_id, name="a.txt", size=len(content), content_type="text/plain", sha256=sha256(content).hexdigest(),
        state="stored", store="disk", key=key, source="upload", created_at=datetime.now(UTC),
    )
"""
TELL = """
import json
from uploads.models import Upload
print("ROWS", json.dumps(list(Upload.objects.order_by("pk").values("key", "sha256", "store", "state"))))
"""


def rows(platform: Platform) -> list[dict[str, Any]]:
    told = platform.manage("shell", "-c", TELL)
    assert told.returncode == 0, told.stderr
    found: list[dict[str, Any]] = json.loads(told.stdout.partition("ROWS ")[2])
    return found


def start(platform: Platform) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "manage.py", "move_uploads", "--to", "s3"],
        cwd=platform.code,
        env=platform.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def kill_when(process: "subprocess.Popen[bytes]", amount: int, s3: ObjectStore) -> None:
    """When so many objects have arrived, wherever it is then."""
    deadline = time.monotonic() + 60
    while process.poll() is None and sum(1 for _each in s3.objects()) < amount:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()


def test_nothing_is_lost(object_server: ObjectServer) -> None:
    bucket = object_server.new_bucket()
    with prepared(**object_server.settings(bucket)) as platform:
        lay_database(platform)
        made = platform.manage("shell", "-c", MAKE)
        assert made.returncode == 0, made.stderr
        disk, s3 = DiskStore(location=platform.data / "media"), object_server.store(bucket)
        there: dict[str, ObjectStore] = {"disk": disk, "s3": s3}
        first = {row["key"]: row["sha256"] for row in rows(platform)}
        assert len(first) == FILES
        for amount in (2, 9, 17):
            kill_when(start(platform), amount, s3)
            stored = [row for row in rows(platform) if row["state"] == "stored"]
            assert {row["key"]: row["sha256"] for row in stored} == first
            assert {row["key"]: sha256_of(there[row["store"]], row["key"]) for row in stored} == first
            # The claim of the file that it was at; where that was a bundle.
            assert len(rows(platform)) - len(stored) <= 1
        done = platform.manage("move_uploads", "--to", "s3")
        assert done.returncode == 0, done.stdout + done.stderr
        assert {(row["store"], row["state"]) for row in rows(platform)} == {("s3", "stored")}
        assert {found.key: sha256_of(s3, found.key) for found in s3.objects()} == first
        assert [found.key for found in disk.objects()] == []
        # What is left of the killed runs: at most the draft, and the parts, of the file that each was at.
        cleared = platform.manage("check_uploads", "--now")
        assert cleared.returncode == 0, cleared.stdout + cleared.stderr
        assert {line.partition(":")[0] for line in cleared.stdout.splitlines()[:-1]} <= {
            "draft of nobody",
            "unfinished parts of nobody",
        }
        assert list(s3.unfinished()) == []
        assert {found.key: sha256_of(s3, found.key) for found in s3.objects()} == first
        assert not any((platform.data / "media" / ".incoming").glob("*"))
        assert not any(Path(platform.data, ".incoming").glob("*"))
