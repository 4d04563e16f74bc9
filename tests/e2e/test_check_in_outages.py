"""PostgreSQL stopped and frozen: desktops are answered as before, at once, and a new release shows when it is back."""

import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count, product

import pytest

from scripts.with_services import PostgreSQL, running
from tests.e2e.crashes import signal_all
from tests.e2e.served import Browser, Platform, family, served
from tests.e2e.test_check import LINUX, publish, seen, wait_for
from tests.versions.fleet import CHECK, LATEST, Told, dynamic, static

pytestmark = [
    pytest.mark.served,
    pytest.mark.postgres,
    pytest.mark.xdist_group("timed"),
    pytest.mark.timeout(240),
]
# From the end of an outage to the first look: at most a look that still waits, and half a second.
BACK = 6.0
SORRY = "The service is temporarily unavailable. Please try again shortly."
# Each is newer than all before.
VERSIONS = (f"{number}.0.0" for number in count(10))


@dataclass
class Deployment:
    platform: Platform
    postgresql: PostgreSQL
    admin: Browser


@pytest.fixture(scope="module")
def deployment() -> Iterator[Deployment]:
    with running(PostgreSQL) as postgresql, served(workers=2, DATABASE_URL=postgresql.url) as platform:
        yield Deployment(platform, postgresql, platform.admin())


def freeze(postgresql: PostgreSQL) -> None:
    assert postgresql.process is not None
    signal_all(family(postgresql.process.pid), signal.SIGSTOP)


def thaw(postgresql: PostgreSQL) -> None:
    assert postgresql.process is not None
    signal_all(family(postgresql.process.pid), signal.SIGCONT)


WAYS: dict[str, tuple[Callable[[PostgreSQL], None], Callable[[PostgreSQL], None]]] = {
    "stopped": (PostgreSQL.stop, PostgreSQL.start),
    "frozen": (freeze, thaw),
}


@pytest.mark.parametrize("way", WAYS)
def test_the_last_answers_stand(deployment: Deployment, way: str) -> None:
    platform, (down, up) = deployment.platform, WAYS[way]
    told = publish(deployment.admin, next(VERSIONS))
    wait_for(platform, static(told))
    down(deployment.postgresql)
    try:
        check_all_are_answered(platform, told, seconds=7)
    finally:
        up(deployment.postgresql)
    until = time.monotonic() + BACK
    while deployment.admin.get("/api/system/version").status_code != 200:
        assert time.monotonic() < until, platform.log
    newer = publish(deployment.admin, next(VERSIONS))
    while seen(platform) != {static(newer)}:
        assert time.monotonic() < until, platform.log


def check_all_are_answered(platform: Platform, told: Told, *, seconds: float) -> None:
    """By both workers: no answer takes long, and none is another one."""
    expected = {CHECK: static(told), f"{CHECK}?{LINUX}": dynamic(told, "linux-x86_64")}
    until = time.monotonic() + seconds

    def ask(number: int) -> float:
        path = [*expected][number % 2]
        longest = 0.0
        while time.monotonic() < until:
            began = time.monotonic()
            response = platform.caller().get(path)
            longest = max(longest, time.monotonic() - began)
            assert (response.status_code, response.content) == (200, expected[path])
            assert platform.caller().get(LATEST).json()["data"]["version"] == told["version"]
        return longest

    with ThreadPoolExecutor(8) as pool:
        slowest = max(pool.map(ask, range(8)))
    # A moment passes before a frozen database is taken for one.
    assert slowest < 1.5


def test_cold_and_away(deployment: Deployment) -> None:
    """A worker that never read the releases answers 503 at once, and never that there is none."""
    platform = deployment.platform
    told = publish(deployment.admin, next(VERSIONS))
    assert platform.stop() == 0
    platform.start()
    freeze(deployment.postgresql)
    try:
        anybody = platform.caller(**{"Accept-Language": "en"})
        for caller, path in product(platform.each_worker(anybody), (CHECK, f"{CHECK}?{LINUX}", LATEST)):
            began = time.monotonic()
            response = caller.get(path)
            assert time.monotonic() - began < 2
            assert (response.status_code, response.headers["Retry-After"]) == (503, "60")
            body = response.json()
            assert (body["code"], body["message"], body["data"]) == (503, SORRY, None)
        assert platform.caller().get(f"{CHECK}?target=linux").status_code == 422
    finally:
        thaw(deployment.postgresql)
    until = time.monotonic() + BACK
    while seen(platform) != {static(told)}:
        assert time.monotonic() < until, platform.log
