"""SIGHUP brings new code and new secrets, through nginx, without a failed request; what cannot start changes nothing."""

import json
import os
import re
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.nginx import Nginx, nginx, production
from tests.e2e.served import ROOT, Mailbox, Platform, lay_database, mail_server, prepared
from tests.e2e.steady_load import Load, people
from tests.observability.exposition import requests

pytestmark = [pytest.mark.served, pytest.mark.nginx, pytest.mark.xdist_group("timed")]

NOT_CODE = shutil.ignore_patterns(".*", "__pycache__", "build", "data", "docs", "node_modules", "tests")
CODE = "code"
INFO = ("GET", "/api/system/info", "200")
SECRETS = ("SAGE_ENCRYPTION_KEYS", "EMAIL_URL")


@pytest.fixture(scope="module")
def other_mail() -> Iterator[tuple[Mailbox, str]]:
    with mail_server() as server:
        yield server


@pytest.fixture(scope="module")
def platform() -> Iterator[Platform]:
    """In production, with a copy of the code and secrets in files."""
    settings = production()
    with prepared(SAGE_WORKERS="2", **settings) as platform:
        for name in SECRETS:
            (platform.folder / name).write_text(platform.environment[name])
            platform.environment |= {name: "", f"{name}_FILE": str(platform.folder / name)}
        platform.code = Path(shutil.copytree(ROOT, platform.folder / CODE, ignore=NOT_CODE))
        lay_database(platform)
        assert platform.manage("bootstrap").returncode == 0
        platform.start()
        yield platform


@pytest.fixture(scope="module")
def front(platform: Platform) -> Iterator[Nginx]:
    with nginx(platform.port) as running:
        yield running


def wait_for(true: Callable[[], object], platform: Platform, seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, platform.log
        time.sleep(0.05)


def reload(platform: Platform, last_words: str) -> None:
    """Send SIGHUP, and wait until the log says how it ended."""
    assert platform.process
    before = len(platform.log)
    platform.process.send_signal(signal.SIGHUP)
    wait_for(lambda: f"reload: {last_words}" in platform.log[before:], platform)


def versions(front: Nginx) -> set[str]:
    """As both workers tell it."""
    return {front.caller().get("/api/system/info").json()["data"]["version"] for _ in range(20)}


@pytest.mark.timeout(300)  # It waits for starts and reloads, and a busy machine is slow at both.
def test_an_upgrade_fails_no_request(platform: Platform, front: Nginx, other_mail: tuple[Mailbox, str]) -> None:
    mailbox, email_url = other_mail
    server, *old = platform.processes()
    with Load(platform, pause=0.02) as load:
        for number, pair in enumerate(people(platform)[:3]):
            by_token, by_cookie = (front.caller(person.headers) for person in pair)
            load.read("info", front.caller(), "/api/system/info")
            load.read("session", by_cookie, "/api/auth/session")
            load.write("write", by_token, f"person{number}", "during")
        wait_for(lambda: len(load.answers["write"]) > 20, platform)

        module = platform.code / "sage_platform" / "__init__.py"
        module.write_text(re.sub(r'__version__ = ".*"', '__version__ = "99.1.2"', module.read_text()))
        (platform.folder / "EMAIL_URL").write_text(email_url)
        assert platform.manage("bootstrap").returncode == 0
        began = time.monotonic()
        reload(platform, "done")
        ended = time.monotonic()
        wait_for(lambda: len(load.since(ended, "write")) > 20, platform)
    print(f"reload: {ended - began:.1f} s\n{load.summary()}")
    answers = [answer for kind in load.answers.values() for answer in kind]
    assert [answer for answer in answers if answer.status != 200 or answer.wrong] == []
    assert len(load.between(began, ended, "write")) > 20

    after = platform.processes()
    assert (after[0], len(after), set(after) & set(old)) == (server, 3, set())
    assert versions(front) == {"99.1.2"}
    admin = front.caller()
    admin.post("/api/auth/login", {"username_or_email": "admin", "password": platform.admin_password})
    assert admin.post("/api/system/update_settings", {"allow_registration": True}).json()["code"] == 200
    sent = front.caller().post("/api/auth/register/send-code", {"email": "late@sage.example"})
    assert sent.json()["code"] == 200
    assert mailbox.code_for("late@sage.example")


def test_what_cannot_start_leaves_the_old_workers_on_duty(platform: Platform, front: Nginx) -> None:
    secret = platform.folder / "SAGE_ENCRYPTION_KEYS"
    right, before, logged = secret.read_text(), platform.processes(), len(platform.log)
    assert front.caller().get("/api/system/info").status_code == 200
    counted = requests(platform.caller().get("/api/observability/metrics").text)
    secret.write_text("not-a-key-4711")
    reload(platform, "a new worker could not start; the old ones go on, and the next SIGHUP tries again")
    assert platform.processes() == before
    assert "a worker cannot start: SAGE_ENCRYPTION_KEYS: expected " in platform.log[logged:]
    assert "4711" not in platform.log
    assert {front.caller().get("/api/health").status_code for _ in range(10)} == {200}

    secret.write_text(right)
    reload(platform, "done")
    assert set(platform.processes()) & set(before) == {before[0]}
    now = requests(platform.caller().get("/api/observability/metrics").text)
    assert counted[INFO] == now[INFO] > 0, "what the old workers had counted is still there"

    second = platform.manage("serve")
    assert (second.returncode, second.stdout, len(second.stderr.splitlines())) == (1, "", 1)
    assert second.stderr.startswith(
        f"CommandError: SAGE_PORT: port {platform.port} of SAGE_BIND (127.0.0.1) is taken by another program"
    )
    # The address is told at a start alone.
    assert not [line for line in platform.log[logged:].splitlines() if not line.startswith("{")]


def test_a_stop_in_the_middle_of_a_reload_is_a_stop(platform: Platform, front: Nginx) -> None:
    """And the log of all that happened is JSON, but for the address."""
    assert platform.process
    logged, victim = len(platform.log), platform.processes()[-1]
    os.kill(victim, signal.SIGKILL)
    wait_for(lambda: "Unexpected exit from worker-" in platform.log[logged:], platform)
    wait_for(lambda: len(platform.processes()) == 3 and victim not in platform.processes(), platform)
    platform.process.send_signal(signal.SIGHUP)
    wait_for(lambda: len(platform.processes()) == 4, platform)
    began = time.monotonic()
    assert platform.stop() == 0
    assert time.monotonic() - began < 20
    assert platform.log.endswith('"message": "server stopped"}\n')
    for line in platform.log.splitlines():
        assert line.startswith("Sage ") or {"time", "level", "logger", "message"} <= set(json.loads(line))
    platform.start()


def test_old_workers_that_die_while_they_are_replaced(platform: Platform, front: Nginx) -> None:
    """An upgrade has one worker more for a while, and memory may run out. The server goes on watching those that there are."""
    if platform.process is None:  # It was stopped by the test before.
        platform.start()
    server, *old = platform.processes()
    assert platform.process
    platform.process.send_signal(signal.SIGHUP)
    wait_for(lambda: len(platform.processes()) == 4, platform)
    for worker in old:
        os.kill(worker, signal.SIGKILL)
    wait_for(lambda: len(platform.processes()) == 3 and not set(platform.processes()) & set(old), platform)
    assert platform.processes()[0] == server
    wait_for(lambda: all(platform.answers() for _ in range(8)), platform)
    reload(platform, "done")
    assert {front.caller().get("/api/health").status_code for _ in range(10)} == {200}
