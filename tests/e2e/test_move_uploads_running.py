"""manage.py move_uploads beside a running platform: whoever opens a file gets it, at every moment, in both directions."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from secrets import token_bytes

import pytest
import requests

from tests.e2e.served import Browser, served
from tests.object_store import ObjectServer
from uploads.stores.disk import DiskStore

pytestmark = [pytest.mark.served, pytest.mark.s3]
FILES = 24
READERS = 4
# With a second in the place of ten minutes.
MOVE_BACK = """
from datetime import timedelta
from django.core.management import call_command
from uploads.stores.s3 import S3Store
S3Store.readers_stay = timedelta(seconds=1)
call_command("move_uploads", "--to", "disk")
"""


class Crowd:
    """People who open files at random, and one who uploads others."""

    def __init__(self, admin: Browser) -> None:
        self.admin = admin
        self.files: dict[str, bytes] = {}
        self.read = 0
        self.wrong: list[str] = []
        self.over = threading.Event()

    def upload(self, content: bytes, path: str = "") -> str:
        given = {"path": path} if path else {}
        answer = self.admin.send("POST", "/api/oss/upload", files={"file": ("a.bin", content)}, data=given).json()
        assert answer["code"] == 200, answer
        url: str = answer["data"]["url"]
        self.files[url] = content
        return url

    def open_files(self, number: int) -> None:
        chance, session = Random(number), requests.Session()
        session.trust_env = False
        while not self.over.is_set():
            url, content = chance.choice(list(self.files.items()))
            answer = session.get(url, timeout=30)
            self.read += 1
            if (answer.status_code, answer.content) != (200, content) and url in self.files:
                self.wrong.append(f"{answer.status_code} {[each.status_code for each in answer.history]} {url}")

    def bring_files(self) -> None:
        while not self.over.is_set():
            self.upload(token_bytes(2000))
            self.over.wait(0.3)

    @contextmanager
    def busy(self) -> Iterator[None]:
        threads = [threading.Thread(target=self.open_files, args=(number,)) for number in range(READERS)]
        threads.append(threading.Thread(target=self.bring_files))
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self.over.set()
            for thread in threads:
                thread.join()
            self.over.clear()


@pytest.mark.parametrize("newcomers", ["disk", "s3"])
def test_whoever_opens_a_file_gets_it(object_server: ObjectServer, newcomers: str) -> None:
    """Wherever new files go meanwhile."""
    bucket = object_server.new_bucket()
    settings = object_server.settings(bucket) | {"SAGE_UPLOAD_STORE": newcomers}
    with served(workers=1, **settings) as platform:
        disk, s3 = DiskStore(location=platform.data / "media"), object_server.store(bucket)
        crowd = Crowd(platform.admin())
        for number in range(FILES):
            path = f"bundle/1.{number}.0/a.zip" if number % 8 == 1 else ""
            crowd.upload(token_bytes(3_000_000 if number % 10 == 0 else 1000), path)
        with crowd.busy():
            for target in ("s3", "disk"):
                done = platform.manage(*(["move_uploads", "--to", "s3"] if target == "s3" else ["shell", "-c", MOVE_BACK]))
                assert done.returncode == 0, done.stdout + done.stderr
                assert f" moved to {target}." in done.stdout
        assert crowd.wrong == []
        assert crowd.read > FILES
        last = platform.manage("move_uploads", "--to", "s3")
        assert last.returncode == 0, last.stdout + last.stderr
        assert [len(list(store.objects())) for store in (disk, s3)] == [0, len(crowd.files)]
        for url, content in crowd.files.items():
            assert requests.get(url, timeout=30).content == content
        checked = platform.manage("check_uploads", "--now")
        assert (checked.returncode, checked.stdout.splitlines()) == (0, ["0 cleared."]), checked.stderr
