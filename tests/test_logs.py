"""Logs are JSON lines with the request's id, and no line holds what a query string held."""

import io
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from sage_platform.logs import JSONLines, logging_config, request_id_var
from tests.people import PASSWORD, Caller

SECRET = "c0de-of-a-person"


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JSONLines())
    access = logging.getLogger("sage.access")
    level = access.level
    logging.getLogger().addHandler(handler)
    access.setLevel(logging.INFO)
    yield stream
    access.setLevel(level)
    logging.getLogger().removeHandler(handler)


def lines(log: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.getvalue().splitlines()]


@pytest.mark.django_db
def test_an_access_line(anyone: Caller, log: io.StringIO) -> None:
    anyone.client.get(f"/api/nowhere?code={SECRET}&state={SECRET}", headers={"X-Request-ID": "log-test-1"})
    (line,) = lines(log)
    assert isinstance(line.pop("duration_ms"), float)
    assert line.pop("time").endswith("+00:00")
    assert line == {
        "level": "INFO",
        "logger": "sage.access",
        "message": "request",
        "request_id": "log-test-1",
        "method": "GET",
        "path": "/api/nowhere",
        "status": 404,
    }


@pytest.mark.django_db
def test_no_secret_of_a_request_is_logged(anyone: Caller, log: io.StringIO) -> None:
    headers = {"Authorization": f"Bearer {SECRET}", "Cookie": f"sage_session={SECRET}"}
    body = {"username_or_email": SECRET, "password": PASSWORD, "refresh_token": SECRET}
    for path in ("/api/auth/login", "/api/auth/refresh", "/api/auth/logout"):
        anyone.post(f"{path}?token={SECRET}", body, **headers)
    # The sign-in that failed has a line of its own.
    assert [line["message"] for line in lines(log)] == ["sign-in failed", *["request"] * 3]
    assert SECRET not in log.getvalue()
    assert PASSWORD not in log.getvalue()


def formatted(message: str, *args: object, **extra: object) -> str:
    record = logging.getLogger("sage.test").makeRecord("sage.test", 20, "file", 1, message, args, None, extra=extra)
    return JSONLines().format(record)


def test_a_line_is_one_line_whatever_is_in_it() -> None:
    line = formatted("first\nsecond %s", '\r\n{"level": "ERROR"}', facts={"name": "a\nb"})
    assert "\n" not in line
    assert "\r" not in line
    assert json.loads(line)["message"] == 'first\nsecond \r\n{"level": "ERROR"}'
    assert json.loads(line)["name"] == "a\nb"


def test_what_json_cannot_say_is_written_as_text() -> None:
    assert json.loads(formatted("odd", facts={"thing": {1, 2} & {1}, "kind": ValueError}))["thing"] == "{1}"


def test_the_request_id_is_there_while_the_request_is() -> None:
    marker = request_id_var.set("log-test-2")
    inside = json.loads(formatted("inside"))
    request_id_var.reset(marker)
    assert inside["request_id"] == "log-test-2"
    assert "request_id" not in json.loads(formatted("outside"))


@pytest.mark.parametrize(("access_log", "level"), [(True, "INFO"), (False, "WARNING")])
def test_the_access_log_is_a_setting(access_log: bool, level: str) -> None:
    assert logging_config("INFO", access_log=access_log)["loggers"]["sage.access"] == {"level": level}


def test_libraries_log_warnings_only() -> None:
    """Below that some of them log headers and bodies."""
    config = logging_config("DEBUG", access_log=True)
    assert config["root"]["level"] == "WARNING"
    assert config["loggers"]["sage"]["level"] == "DEBUG"
    assert config["loggers"]["django"]["level"] == "WARNING"


PRINTS = """
import logging.config, threading, warnings
from sage_platform import logs
logging.config.dictConfig(logs.logging_config("INFO", access_log=False))
logs.log_what_python_prints()
class Broken:
    def __del__(self):
        raise KeyError("finalizer")
warnings.warn("a warning")
thread = threading.Thread(target=lambda: [][1])
thread.start()
thread.join()
Broken()
raise ValueError("the end")
"""


def test_what_python_would_print_is_a_line_as_well() -> None:
    done = subprocess.run([sys.executable, "-c", PRINTS], env={"PYTHONPATH": "."}, check=False, capture_output=True, text=True)
    found = [json.loads(line) for line in done.stderr.splitlines()]
    assert [(line["level"], line["logger"]) for line in found] == [("WARNING", "py.warnings"), *[("ERROR", "sage.crash")] * 3]
    assert [line["message"].rpartition(": ")[2] for line in found[1:]] == ["IndexError", "KeyError", "ValueError"]
    assert all("Traceback" in line["traceback"] for line in found[1:])
