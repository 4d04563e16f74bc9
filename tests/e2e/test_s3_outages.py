"""A platform whose store refuses, breaks or hangs: uploads are 503 within seconds, all else goes on, and nothing is left."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
import requests

from tests import faulty_s3
from tests.e2e.served import Browser, Platform, served
from tests.faulty_s3 import Behaviour, FaultyServer
from tests.object_store import ObjectServer
from tests.uploads.sending import END, TYPE, part
from uploads.stores import ObjectStore

pytestmark = [pytest.mark.served, pytest.mark.s3]


@dataclass
class Site:
    platform: Platform
    front: FaultyServer
    # The bucket itself, past the front.
    real: ObjectStore
    admin: Browser


@pytest.fixture(scope="module")
def site(object_server: ObjectServer) -> Iterator[Site]:
    bucket = object_server.new_bucket()
    with (
        faulty_s3.faulty_s3(object_server) as front,
        served(workers=1, SAGE_TRUSTED_PROXIES="127.0.0.1", **front.server.settings(bucket)) as platform,
    ):
        yield Site(platform, front, object_server.store(bucket), platform.admin())


def upload(site: Site, *, address: str = "192.0.2.1", content: bytes = b"Hello") -> requests.Response:
    body = part("file", content, "a.txt") + END
    headers = {"Content-Type": TYPE, "X-Forwarded-For": address, "Authorization": site.admin.session.headers["Authorization"]}
    return requests.post(f"{site.platform.base}/api/oss/upload", data=body, headers=headers, timeout=60)


TELL = """
import json
from uploads.models import Upload
print("ROWS", json.dumps(list(Upload.objects.values_list("key", "state"))))
"""


def rows(site: Site) -> list[tuple[str, str]]:
    told = site.platform.manage("shell", "-c", TELL)
    assert told.returncode == 0, told.stderr
    return [(key, state) for key, state in json.loads(told.stdout.partition("ROWS ")[2])]


FAULTS: dict[str, tuple[Behaviour, float, str]] = {
    "hangs": (faulty_s3.hang, 15, "S3: no answer in time"),
    "refuses": (faulty_s3.saying(403, "AccessDenied"), 5, "S3: HTTP 403 AccessDenied"),
    "breaks": (faulty_s3.close, 5, "S3: ConnectionClosedError"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_store_that_fails(site: Site, name: str) -> None:
    site.front.behave, most_seconds, cause = FAULTS[name]
    before = rows(site)
    began = time.monotonic()
    answer = upload(site)
    # Putting the object is tried, and then deleting it, in case that it came to be.
    assert time.monotonic() - began < most_seconds
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert answer.json()["message"] == "The service is temporarily unavailable. Please try again shortly."
    assert rows(site) == before
    assert {found.key for found in site.real.objects()} == {key for key, _state in before}
    health = site.platform.caller().get("/api/health")
    assert health.status_code == 503
    assert {check: told["status"] for check, told in health.json()["data"]["checks"].items()} == {
        "cache": "healthy",
        "database": "healthy",
        "storage": "unhealthy",
    }
    log = site.platform.log
    assert cause in log
    for secret in (site.front.server.secret_key, site.front.server.access_key, "Signature", "users/"):
        assert secret not in log
    site.front.behave = faulty_s3.good
    healed = upload(site)
    assert healed.json()["code"] == 200, healed.text
    assert len(rows(site)) == len(before) + 1


def test_a_store_that_hangs_holds_up_nobody_else(site: Site) -> None:
    """80 uploads wait for it, and monitoring looks at it; people sign in meanwhile as ever."""
    site.front.behave = faulty_s3.hang
    with ThreadPoolExecutor(90) as pool:
        uploads = [pool.submit(upload, site, address=f"192.0.2.{number}") for number in range(80)]
        looks = [pool.submit(site.platform.caller().get, "/api/health") for _look in range(10)]
        took = []
        for number in range(10):
            began = time.monotonic()
            site.platform.signed_in("admin", site.platform.admin_password, address=f"198.51.100.{number}")
            took.append(time.monotonic() - began)
        assert {done.result().status_code for done in uploads} == {503}
        assert {look.result().status_code for look in looks} == {503}
    assert max(took) < 5, took
    assert site.platform.caller().get("/active").status_code == 200
    site.front.behave = faulty_s3.good
    assert upload(site).json()["code"] == 200
