"""GET /api/health"""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sage_platform.api import seams
from system import health as module
from system import views
from system.health import Health
from tests.people import Caller, envelope

pytestmark = pytest.mark.django_db
SECRET = "could not connect to postgres://sage:hunter2@db.internal"
Put = Callable[[str, Callable[[], None]], None]
CHECKS = ["cache", "database", "storage"]


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> Health:
    health = Health()
    monkeypatch.setattr(views, "health", health)
    return health


@pytest.fixture
def put(monkeypatch: pytest.MonkeyPatch) -> Put:
    """Puts another check in the place of a registered one."""

    def replace(name: str, check: Callable[[], None]) -> None:
        monkeypatch.setitem(seams.health_checks._entries, name, check)

    return replace


@pytest.fixture
def hang() -> Iterator[Callable[[], None]]:
    """A check that does not come back until the test ends."""
    release = threading.Event()

    def stay() -> None:
        release.wait(60)

    yield stay
    release.set()


def fail() -> None:
    raise RuntimeError(SECRET)


def test_all_is_well(anyone: Caller) -> None:
    before = time.time()
    response = anyone.get("/api/health")
    assert response.status_code == 200
    body = envelope(response)
    data = body.pop("data")
    assert body == {"code": 200, "message": "success"}
    assert set(data) == {"status", "timestamp", "service", "checks"}
    assert (data["status"], data["service"]) == ("healthy", "SagePlatform")
    assert before <= data["timestamp"] <= time.time()
    assert sorted(data["checks"]) == CHECKS
    for check in data["checks"].values():
        assert set(check) == {"status", "latency_ms"}
        assert check["status"] == "healthy"
        assert 0 <= check["latency_ms"] < 1000


@pytest.mark.parametrize("name", CHECKS)
def test_a_failing_check(name: str, anyone: Caller, put: Put, caplog: pytest.LogCaptureFixture) -> None:
    put(name, fail)
    response = anyone.get("/api/health")
    assert response.status_code == 503
    assert int(response.headers["Retry-After"]) >= 1
    body = envelope(response)
    assert (body["code"], body["data"]["status"]) == (503, "unhealthy")
    assert body["data"]["checks"].pop(name) == {"status": "unhealthy", "latency_ms": None}
    assert {check["status"] for check in body["data"]["checks"].values()} == {"healthy"}
    # One line for each look, and none for each answer.
    anyone.get("/api/health")
    assert [(record.name, record.getMessage()) for record in caplog.records] == [("sage.health", "health check failed")]
    everything = response.content.decode() + str(dict(response.headers))
    for secret in (SECRET, "hunter2", "RuntimeError", "Traceback"):
        assert secret not in everything


def test_checks_that_hang_end_together_within_a_second_and_pile_up_no_threads(
    anyone: Caller, put: Put, hang: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "KEPT_SECONDS", 0.0)
    for name in CHECKS:
        put(name, hang)
    began = time.monotonic()
    response = anyone.get("/api/health")
    assert time.monotonic() - began < 2.5, "one after the other they would take three seconds"
    assert response.status_code == 503
    assert {check["status"] for check in envelope(response)["data"]["checks"].values()} == {"unhealthy"}
    threads = threading.active_count()
    monkeypatch.setattr(module, "CHECK_SECONDS", 0.05)
    for _ in range(5):
        assert anyone.get("/api/health").status_code == 503
    assert threading.active_count() == threads


def test_many_callers_at_once_look_once(fresh: Health, put: Put) -> None:
    looked: list[int] = []

    def look() -> None:
        looked.append(1)
        time.sleep(0.2)

    put("database", look)
    callers = [threading.Thread(target=fresh.checks) for _ in range(16)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert len(looked) == 1


def test_a_result_is_kept_two_seconds(anyone: Caller, put: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr("system.health.time.monotonic", lambda: now[0])
    looked: list[int] = []
    put("cache", lambda: looked.append(1))
    anyone.get("/api/health")
    now[0] += 1.9
    anyone.get("/api/health")
    assert len(looked) == 1
    now[0] += 0.2
    anyone.get("/api/health")
    assert len(looked) == 2


def test_it_is_well_again_when_the_dependency_is(anyone: Caller, put: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEPT_SECONDS", 0.0)
    broken = [True]
    put("cache", lambda: fail() if broken[0] else None)
    assert anyone.get("/api/health").status_code == 503
    broken[0] = False
    assert anyone.get("/api/health").status_code == 200


def test_it_is_told_in_the_callers_language_without_credentials(anyone: Caller) -> None:
    response = anyone.get("/api/health", Authorization="Bearer nonsense", X_Sage_Locale="zh-CN")
    assert response.status_code == 200
    assert json.loads(response.content)["data"]["status"] == "healthy"


HANGS = """
import os, time
os.environ["DJANGO_SETTINGS_MODULE"] = "sage_platform.settings"
import django
django.setup()
from sage_platform.api import seams
from system import health
seams.health_checks._entries.clear()
seams.health_checks.register("stuck", lambda: time.sleep(60))
print(health.health.checks())
"""


def test_a_check_that_hangs_does_not_keep_the_process_from_ending(tmp_path: Path) -> None:
    """Else a worker could not be stopped gracefully just when its database is away."""
    done = subprocess.run(
        [sys.executable, "-c", HANGS],
        env={"SAGE_DATA_DIR": str(tmp_path), "PYTHONPATH": "."},
        check=True,
        timeout=45,
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == "{'stuck': {'status': 'unhealthy', 'latency_ms': None}}"


@pytest.mark.parametrize("host", ["10.42.0.17:8000", "evil.example", "pod-7", "::", "a b"])
def test_it_answers_whatever_the_host_header_says(host: str, anyone: Caller) -> None:
    """A probe asks a pod by its address, which no deployment lists."""
    assert anyone.get("/api/health", Host=host).status_code == 200
    assert anyone.get("/api/system/info", Host=host).status_code == 400
