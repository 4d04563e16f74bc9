"""Whatever fails is one line of JSON with the request that it failed in, and nothing that anybody has sent."""

import json
import time
from collections.abc import Iterator
from secrets import token_hex
from typing import Any

import pytest
import requests

from tests.e2e.served import Platform, served

pytestmark = [pytest.mark.served, pytest.mark.xdist_group(__name__)]

WAIT_SECONDS = 20
SECRET = "planted-in-the-request"


@pytest.fixture(scope="module")
def crashing() -> Iterator[Platform]:
    with served(workers=1, DJANGO_SETTINGS_MODULE="tests.e2e.crashing_settings") as platform:
        yield platform


def lines_of(platform: Platform, where: int, amount: int) -> list[dict[str, Any]]:
    """What was written since `where`, as soon as it is so much, that of the access log last. Each line is JSON."""
    until = time.monotonic() + WAIT_SECONDS
    while True:
        lines = platform.log[where:].splitlines()
        if len(lines) >= amount:
            return sorted(map(json.loads, lines), key=lambda line: bool(line["logger"] == "sage.access"))
        assert time.monotonic() < until, platform.log[where:]
        time.sleep(0.01)


def ask(platform: Platform, path: str, request_id: str) -> int:
    """The status; 0 where the answer breaks off."""
    caller = platform.caller(Authorization=f"Bearer {SECRET}", Cookie=f"sage_session={SECRET}")
    headers = {"X-Request-ID": request_id}
    try:
        return caller.post(f"{path}?token={SECRET}", {"password": SECRET}, headers=headers).status_code
    except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError):
        return 0


IN_DJANGO = {"logger": "django.request", "message": "Internal Server Error: /crash/{how}"}
OUTSIDE = {"logger": "sage.crash", "message": "crash outside of Django: RuntimeError"}
CRASHES = {
    "view": ("/crash/view", "/crash/{how}", 500, IN_DJANGO),
    "streaming answer": ("/crash/stream", "/crash/{how}", 0, OUTSIDE),
    "in front of Django": ("/crash-in-front", "/crash-in-front", 500, OUTSIDE),
}


@pytest.mark.parametrize(("path", "route", "status", "told"), CRASHES.values(), ids=list(CRASHES))
def test_a_crash(crashing: Platform, path: str, route: str, status: int, told: dict[str, str]) -> None:
    before, request_id = len(crashing.log), f"crash-{token_hex(8)}"
    assert ask(crashing, path, request_id) == status
    line, over = lines_of(crashing, before, 2)
    trace = line.pop("traceback")
    assert trace.startswith("Traceback (most recent call last):\n")
    assert trace.endswith("RuntimeError: a bug with 1 variable\nand two lines")
    assert line.pop("time")
    whose = {"request_id": request_id, "method": "POST", "route": route}
    assert line == {"level": "ERROR"} | told | whose
    assert (over["request_id"], over["route"], over["status"]) == (request_id, route, status or 200)
    assert over.get("incomplete", False) is (status == 0)
    for secret in (SECRET, "planted-in-a-variable"):
        assert secret not in crashing.log


OTHERS = {
    "a thread": ("thread", "ERROR", "sage.crash", "crash outside of a request: RuntimeError"),
    "a warning": ("warning", "WARNING", "py.warnings", "a library warns"),
    "a library": ("library", "WARNING", "some.library", "a library\nsays something"),
}


@pytest.mark.parametrize(("how", "level", "logger", "message"), OTHERS.values(), ids=list(OTHERS))
def test_what_else_is_said_is_one_line_of_json_too(crashing: Platform, how: str, level: str, logger: str, message: str) -> None:
    before = len(crashing.log)
    assert ask(crashing, f"/crash/{how}", "what-else-is-said") == 200
    line, _over = lines_of(crashing, before, 2)
    assert (line["level"], line["logger"]) == (level, logger)
    assert message in line["message"]
    assert SECRET not in crashing.log


def test_a_command_that_crashes_where_no_person_reads_it(crashing: Platform) -> None:
    done = crashing.manage("shell", "--no-imports", "-c", f"secret = {SECRET!r}\nraise RuntimeError('a bug')")
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = [json.loads(line) for line in done.stderr.splitlines()]
    assert line.pop("time")
    assert line.pop("traceback").endswith("RuntimeError: a bug")
    assert line == {"level": "ERROR", "logger": "sage.crash", "message": "crash outside of a request: RuntimeError"}
    assert SECRET not in done.stderr
