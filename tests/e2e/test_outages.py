"""PostgreSQL and Redis stopped, killed, frozen and full under load: what people are told, and that all is well again."""

import json
import signal
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
import redis
import requests

from scripts.with_services import PostgreSQL, Redis, Service, running
from tests.e2e.crashes import database, kill_nine, signal_all
from tests.e2e.served import Browser, Platform, family, served
from tests.e2e.steady_load import PASSWORD, Answer, Load, people

pytestmark = [
    pytest.mark.served,
    pytest.mark.postgres,
    pytest.mark.redis,
    pytest.mark.xdist_group("timed"),
    pytest.mark.timeout(240),
]

API = ["token", "cookie", "write", "info", "sign-in", "add"]
KINDS = [*API, "page"]
SORRY = "The service is temporarily unavailable. Please try again shortly."
# The settings may be believed for 0.9 s, health for 2 s.
BELIEVED, KEPT = 1.0, 2.0
RECOVERY_SECONDS = 6.0


@dataclass
class Deployment:
    platform: Platform
    postgresql: PostgreSQL
    redis: Redis
    people: list[tuple[Browser, Browser]]
    admin: Browser


@dataclass(frozen=True)
class Outage:
    """How a service goes away and comes back, after how long, and within what time everybody has an answer meanwhile."""

    down: Callable[[Service], None]
    up: Callable[[Service], None]
    seconds: float
    answer_seconds: float
    # A frozen server first holds whoever waits for it, and while few threads are left some of the others are sent away.
    settles_in: float = 0.0


def kill(service: Service) -> None:
    kill_nine(service.process)
    service.process = None


def freeze(service: Service) -> None:
    assert service.process is not None
    signal_all(family(service.process.pid), signal.SIGSTOP)


def thaw(service: Service) -> None:
    assert service.process is not None
    signal_all(family(service.process.pid), signal.SIGCONT)


def fill(service: Service) -> None:
    """It can be read, and takes no write."""
    assert isinstance(service, Redis)
    with redis.Redis.from_url(service.url) as client:
        client.config_set("maxmemory", "1")


def empty(service: Service) -> None:
    assert isinstance(service, Redis)
    with redis.Redis.from_url(service.url) as client:
        client.config_set("maxmemory", "0")


# Two seconds for a connection; with a frozen server ten more for an answer. The rest is for a machine that is busy.
OUTAGES = {
    "stopped": Outage(Service.stop, Service.start, seconds=8, answer_seconds=5),
    "killed": Outage(kill, Service.start, seconds=6, answer_seconds=5),
    "frozen": Outage(freeze, thaw, seconds=16, answer_seconds=14, settles_in=3),
}
OF_REDIS = OUTAGES | {"full": Outage(fill, empty, seconds=6, answer_seconds=5)}


@pytest.fixture(scope="module")
def deployment() -> Iterator[Deployment]:
    """Few threads, so that few people are enough to take all of them."""
    with running(PostgreSQL) as postgresql, running(Redis) as redis:
        # Without it PostgreSQL tells of a commit before that is on its way to the disk, and loses it itself when it is killed.
        with psycopg.connect(postgresql.url, autocommit=True) as connection:
            connection.execute("ALTER DATABASE sage SET synchronous_commit = on")
        with served(workers=1, SAGE_THREADS="24", DATABASE_URL=postgresql.url, REDIS_URL=redis.url) as platform:
            yield Deployment(platform, postgresql, redis, people(platform), platform.admin())


def everybody(load: Load, deployment: Deployment, mark: str) -> None:
    """More people than threads, who read and write in every way, and somebody who only asks whether we are there."""
    platform = deployment.platform
    load.read("active", platform.caller(), "/active", pause=0.02)
    load.read("health", platform.caller(), "/api/health", pause=0.25)
    load.read("info", platform.caller(), "/api/system/info")
    load.read("page", deployment.people[0][1], "/sage/")
    for number, (by_token, by_cookie) in enumerate(deployment.people):
        load.read("token", by_token, "/api/auth/session")
        load.read("cookie", by_cookie, "/api/auth/session")
        load.write("write", by_token, str(number), mark)

    def add(number: int) -> requests.Response:
        name = f"{mark}-{number}"
        response = deployment.admin.post("/api/user/add", {"username": name, "password": PASSWORD})
        if response.status_code == 200:
            load.written["added"].append(name)
        return response

    def sign_in(number: int) -> requests.Response:
        """One after the other, since nobody may sign in more than 60 times a minute."""
        body = {"username_or_email": f"person{number % len(deployment.people)}", "password": PASSWORD}
        response = platform.caller().post("/api/auth/login", body)
        if response.status_code == 200:
            load.written["tokens"].append(response.json()["data"]["access_token"])
        return response

    load.go_on("add", add)
    load.go_on("sign-in", sign_in)


@dataclass(frozen=True)
class Times:
    """When the service went, when it was told to come back, when it was back, and when everybody was well served again."""

    down: float
    up: float
    back: float
    well: float


def suffer(load: Load, service: Service, outage: Outage, during: Callable[[], None] = lambda: None) -> Times:
    load.wait_until_well([*KINDS, "health"], since=time.monotonic(), most=60)
    with ExitStack() as stack:
        stack.callback(outage.up, service)
        down = time.monotonic()
        outage.down(service)
        during()
        time.sleep(max(0.0, down + outage.seconds - time.monotonic()))
        up = time.monotonic()
    back = time.monotonic()
    well = back + load.wait_until_well([*KINDS, "health"], since=back, most=RECOVERY_SECONDS)
    time.sleep(2.5)
    return Times(down, up, back, well)


def check_everybody_was_answered(load: Load, times: Times, outage: Outage) -> None:
    """Nobody was told anything but a success or a 503; before the outage, and soon after it, only successes."""
    wrong = {answer.wrong for answers in load.answers.values() for answer in answers if answer.wrong}
    assert not wrong, load.summary()
    for kind in KINDS:
        answers = load.answers[kind]
        assert max(answer.took for answer in answers) < outage.answer_seconds, load.summary()
        assert {answer.status for answer in answers if answer.ended < times.down} == {200}
        assert {answer.status for answer in load.since(times.well + 1.0, kind)} == {200}


def check_active_was_unharmed(load: Load) -> None:
    took = [answer.took for answer in load.answers["active"]]
    assert {(answer.status, answer.body) for answer in load.answers["active"]} == {(200, "Service is available.")}
    assert statistics.median(took) < 0.05, load.summary()
    assert max(took) < 1.5, load.summary()


def check_health_told(load: Load, times: Times, outage: Outage, failing: str) -> None:
    told = load.between(times.down + KEPT + 1.0, times.up, "health")
    assert len(told) >= 3
    for answer in told:
        assert answer.status == 503
        assert (answer.body["message"], answer.body["data"]["status"]) == ("unhealthy", "unhealthy")
        by_name = {name: check["status"] for name, check in answer.body["data"]["checks"].items()}
        assert by_name == {"cache": "healthy", "database": "healthy", "storage": "healthy"} | {failing: "unhealthy"}
    assert max(answer.took for answer in load.answers["health"]) < outage.answer_seconds


def check_nothing_acknowledged_is_lost(load: Load, deployment: Deployment) -> None:
    for number, (by_token, _by_cookie) in enumerate(deployment.people):
        kept = by_token.get("/api/user/config").json()["data"]["config"]
        written = load.written[str(number)]
        assert written
        assert set(written) <= set(kept)
    with database(deployment.platform) as execute:
        added = {name for (name,) in execute("SELECT username FROM accounts_user").fetchall()}
        # A user without the record of who added them, or a record without its user, would be half-written.
        recorded = execute("SELECT object_repr FROM django_admin_log WHERE action_flag = 1").fetchall()
    assert set(load.written["added"]) <= added
    made = {name for name in added if name != "admin" and not name.startswith("person")}
    assert sorted(name for (name,) in recorded) == sorted(made)
    for token in load.written["tokens"]:
        caller = deployment.platform.caller(Authorization=f"Bearer {token}")
        assert caller.get("/api/auth/session").json()["data"]["user"]["username"].startswith("person")


def check_the_log_is_calm(log: str) -> None:
    """A line for each refused request at most, and no traceback for what is nobody's mistake in the code."""
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    assert {line["logger"] for line in lines} <= {"sage.access", "sage.api", "sage.health", "sage.settings", "psycopg.pool"}
    assert not [line for line in lines if "traceback" in line]
    refused = [line["request_id"] for line in lines if line["logger"] == "sage.api"]
    assert len(refused) == len(set(refused))


def report(service: str, how: str, load: Load, times: Times) -> None:
    print(f"{service} {how} for {times.up - times.down:.1f} s, all well {times.well - times.back:.1f} s after it was back")
    print(load.summary())


@pytest.mark.parametrize("how", OUTAGES)
def test_postgresql_away(how: str, deployment: Deployment) -> None:
    platform, outage = deployment.platform, OUTAGES[how]
    served_by, log = platform.processes(), len(platform.log)
    with Load(platform) as load:
        everybody(load, deployment, f"postgresql-{how}")
        times = suffer(load, deployment.postgresql, outage)
    report("PostgreSQL", how, load, times)

    check_everybody_was_answered(load, times, outage)
    for kind in KINDS:
        refused = load.between(times.down + BELIEVED, times.up, kind)
        assert {answer.status for answer in refused} == {503}, kind
        if kind in API:
            assert {said(answer) for answer in refused} == {(503, SORRY, None)}
    check_active_was_unharmed(load)
    check_health_told(load, times, outage, "database")
    check_nothing_acknowledged_is_lost(load, deployment)
    assert platform.processes() == served_by
    check_the_log_is_calm(platform.log[log:])


def said(answer: Answer) -> tuple[Any, ...]:
    return answer.body["code"], answer.body["message"], answer.body["data"]


@pytest.mark.parametrize("how", OF_REDIS)
def test_redis_away(how: str, deployment: Deployment) -> None:
    """Sessions and settings are in the database, so that only health has bad news."""
    platform, outage = deployment.platform, OF_REDIS[how]
    served_by, log = platform.processes(), len(platform.log)

    def change_settings() -> None:
        for wanted in (True, False, True):
            changed = deployment.admin.post("/api/system/update_settings", {"allow_registration": wanted})
            assert (changed.status_code, changed.json()["data"]) == (200, {})
            info = platform.caller().get("/api/system/info").json()["data"]
            assert info["allow_registration"] is wanted

    with Load(platform) as load:
        everybody(load, deployment, f"redis-{how}")
        times = suffer(load, deployment.redis, outage, during=change_settings)
    report("Redis", how, load, times)

    check_everybody_was_answered(load, times, outage)
    for kind in KINDS:
        allowed = load.between(times.down - outage.answer_seconds, times.down + outage.settles_in, kind)
        assert {answer.status for answer in load.answers[kind] if answer not in allowed} == {200}, kind
    check_active_was_unharmed(load)
    check_health_told(load, times, outage, "cache")
    check_nothing_acknowledged_is_lost(load, deployment)
    assert platform.caller().get("/api/system/info").json()["data"]["allow_registration"] is True
    assert platform.processes() == served_by
    check_the_log_is_calm(platform.log[log:])
