"""`kill -9` of the whole server in the middle of uploads: what was acknowledged is whole, and nothing else is left."""

import random
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from hashlib import sha256
from threading import Event
from typing import Any

import pytest
import requests

from sage_platform.data_files import INCOMING
from tests.e2e.crashes import database, kill_nine
from tests.e2e.served import Browser, Platform, served
from tests.object_store import ObjectServer
from uploads.stores import ObjectStore
from uploads.stores.disk import DiskStore

pytestmark = [pytest.mark.served, pytest.mark.slow, pytest.mark.xdist_group("timed")]

UPLOADS = 50
CLIENTS = 8
KILLS = 3
ROWS = "SELECT public_id, state, sha256, size, key FROM uploads_upload"


@dataclass
class Uploads:
    """Files of all sizes, eight at a time. A file whose answer was lost is not sent again."""

    platform: Platform
    seed: int
    sizes: list[int]
    acknowledged: dict[str, bytes] = field(default_factory=dict)  # The content by the id.
    # What is at the bundle's key if the last upload there was acknowledged, and if it was stored but its answer was lost.
    bundle: set[bytes] = field(default_factory=set)
    unanswered: int = 0

    def start(self) -> None:
        self.over = Event()
        who = self.platform.admin()
        self.pool = ThreadPoolExecutor(CLIENTS)
        self.clients = [self.pool.submit(self._client, who, number) for number in range(CLIENTS)]

    def end(self) -> None:
        self.over.set()
        self.pool.shutdown()
        for client in self.clients:
            client.result()

    def _client(self, who: Browser, number: int) -> None:
        chance = random.Random(f"{self.seed} {number} {len(self.acknowledged)}")
        while not self.over.is_set():
            content = chance.randbytes(chance.choice(self.sizes))
            # A bundle that is replaced again and again, and files of their own.
            is_bundle = number == 0
            if is_bundle:
                self.bundle.add(content)
            path = {"path": "bundle/1.0/app.exe"} if is_bundle else {}
            try:
                answer = who.send("POST", "/api/oss/upload", files={"file": ("a.bin", content)}, data=path)
            except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError):
                self.unanswered += 1
                return
            assert answer.status_code == 200, answer.text
            told = answer.json()["data"]
            assert told["sha256"] == sha256(content).hexdigest()
            if is_bundle:
                self.bundle = {content}
            else:
                self.acknowledged[told["id"]] = content

    def wait_for(self, amount: int) -> None:
        deadline = time.monotonic() + 60
        while len(self.acknowledged) < amount:
            assert time.monotonic() < deadline
            time.sleep(0.002)


def rows(platform: Platform) -> list[Any]:
    with database(platform) as execute:
        return list(execute(ROWS).fetchall())


def content_of(store: ObjectStore, key: str) -> bytes:
    with store.open_object(key) as file:
        return file.read()


SIZES = {
    "disk": [1, 1000, 200_000, 3_000_000],
    # The largest comes in parts.
    "s3": [1, 1000, 200_000, 200_000, 3_000_000, 17_000_000],
}


@pytest.mark.parametrize("where", ["disk", pytest.param("s3", marks=pytest.mark.s3)])
def test_every_acknowledged_file_survives_and_nothing_else_is_left(where: str, request: pytest.FixtureRequest) -> None:
    seed = random.getrandbits(32)
    print(f"seed of the kills: {seed}")
    moments = random.Random(seed)
    server: ObjectServer | None = request.getfixturevalue("object_server") if where == "s3" else None
    bucket = server.new_bucket() if server else ""
    settings = {"DJANGO_SETTINGS_MODULE": "tests.e2e.cheap_hashes"} | (server.settings(bucket) if server else {})
    with served(workers=2, **settings) as platform:
        uploads = Uploads(platform, seed, SIZES[where])
        under_way = 0
        for _kill in range(KILLS):
            uploads.start()
            uploads.wait_for(len(uploads.acknowledged) + UPLOADS // KILLS + 1)
            time.sleep(moments.uniform(0, 0.05))
            assert platform.process is not None
            kill_nine(platform.process)
            platform.process = None
            uploads.end()
            under_way += sum(state != "stored" for _id, state, *_facts in rows(platform))
            done = platform.manage("check_uploads", "--now")
            assert done.returncode == 0, done.stdout + done.stderr
            platform.start()

        kept = {public_id: (state, digest, size, key) for public_id, state, digest, size, key in rows(platform)}
        assert {state for state, *_facts in kept.values()} == {"stored"}
        store: ObjectStore = server.store(bucket) if server else DiskStore(location=platform.data / "media")
        there = {found.key: content_of(store, found.key) for found in store.objects()}
        assert list(store.unfinished()) == []
        assert list(platform.data.rglob(f"{INCOMING}/*")) == []
        # No record lacks its object, and no object its record.
        assert {key: (sha256(content).hexdigest(), len(content)) for key, content in there.items()} == {
            key: (digest, size) for _state, digest, size, key in kept.values()
        }
        who = platform.caller()
        for public_id, content in uploads.acknowledged.items():
            assert who.get(f"/files/{public_id}/a.bin", allow_redirects=True).content == content
        assert there.pop("bundle/1.0/app.exe") in uploads.bundle
        # Whoever was cut off may find the file all the same: it was stored, and the answer was lost.
        more = len(there) - len(uploads.acknowledged)
        assert more <= uploads.unanswered
        print(f"{len(uploads.acknowledged)} acknowledged, {uploads.unanswered} cut off, {more} of them stored all the same")
    assert under_way, "no kill came in the middle of an upload"
