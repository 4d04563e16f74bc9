"""Logs are JSON lines with the request's id, and no line holds what a query string held."""

import io
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.test import RequestFactory

from sage_platform.logs import JSONLines, logging_config, request_var
from sage_platform.telemetry.requests import Observed
from sage_platform.telemetry.tracing import Root
from tests.people import PASSWORD, Caller

SECRET = "c0de-of-a-person"


def lines(log: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.getvalue().splitlines()]


@pytest.mark.django_db
def test_no_secret_of_a_request_is_logged(anyone: Caller, log: io.StringIO) -> None:
    headers = {"Authorization": f"Bearer {SECRET}", "Cookie": f"sage_session={SECRET}"}
    body = {"username_or_email": SECRET, "password": PASSWORD, "refresh_token": SECRET}
    for path in ("/api/auth/login", "/api/auth/refresh", "/api/auth/logout"):
        anyone.post(f"{path}?token={SECRET}", body, **headers)
    # The sign-in that failed has a line of its own.
    assert [line["message"] for line in lines(log)] == ["sign-in failed"]
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


@pytest.fixture
def seen() -> Iterator[Observed]:
    """A request that is being answered."""
    seen = Observed("POST")
    marker = request_var.set(seen)
    yield seen
    request_var.reset(marker)


def test_what_is_known_of_the_request_is_there_while_it_is_answered(seen: Observed) -> None:
    assert not {"request_id", "trace_id", "method", "route"} & set(json.loads(formatted("inside")))
    seen.request_id, seen.route, seen.trace = "log-test-2", "/api/auth/login", Root("0af7651916cd43dd8448eb211c80319c", None)
    # Also once the answer is there and the trace recorded.
    seen.trace.leave()
    told = json.loads(formatted("inside", facts={"event": "an event"}))
    assert list(told) == ["time", "level", "logger", "message", "request_id", "trace_id", "event"]
    assert (told["request_id"], told["trace_id"]) == ("log-test-2", "0af7651916cd43dd8448eb211c80319c")


def test_nothing_of_it_is_there_outside() -> None:
    assert list(json.loads(formatted("outside"))) == ["time", "level", "logger", "message"]


def crashed(error: Exception, message: str = "a crash", *args: object, **extra: object) -> dict[str, Any]:
    try:
        raise error
    except type(error):
        record = logging.getLogger("sage.test").makeRecord("sage.test", 40, "f", 1, message, args, sys.exc_info(), extra=extra)
    line = JSONLines().format(record)
    assert "\n" not in line
    told: dict[str, Any] = json.loads(line)
    return told


def test_a_crash_is_one_line_with_its_request_and_nothing_that_its_variables_hold(seen: Observed) -> None:
    seen.request_id, seen.route = "log-test-3", "/files/{public_id}/{filename}"
    path = "/files/0123456789abcdef0123456789abcdef/a.png"
    request = RequestFactory().post(f"{path}?token={SECRET}", {"password": SECRET}, headers={"Cookie": SECRET})
    # As Django logs a crash.
    told = crashed(RuntimeError("a bug"), "%s: %s", "Internal Server Error", path, request=request)
    trace = told.pop("traceback").splitlines()
    assert (trace[0], trace[-1]) == ("Traceback (most recent call last):", "RuntimeError: a bug")
    assert [line.strip() for line in trace[2:-1]] == ["raise error"]
    assert told.pop("time")
    assert told == {
        "level": "ERROR",
        "logger": "sage.test",
        "message": "Internal Server Error: /files/{public_id}/{filename}",
        "request_id": "log-test-3",
        "method": "POST",
        "route": "/files/{public_id}/{filename}",
    }


OF_POSTGRESQL = """\
null value in column "name" of relation "scratch" violates not-null constraint
DETAIL:  Failing row contains (planted, null).
CONTEXT:  COPY scratch, line 1: "planted"
LINE 1: INSERT INTO scratch VALUES ('planted', NULL)
                                    ^
"""


def test_what_postgresql_quotes_of_a_row_or_a_statement_is_left_out() -> None:
    unreadable = crashed(ValueError('invalid input syntax for type integer: "planted"'))["traceback"]
    assert unreadable.endswith("ValueError: invalid input syntax for type integer: …")
    told = crashed(ValueError(OF_POSTGRESQL))["traceback"]
    assert told.endswith('ValueError: null value in column "name" of relation "scratch" violates not-null constraint\n')
    assert "planted" not in told


def test_of_a_database_s_error_the_first_line_is_all_that_is_told() -> None:
    """Wherever it stands in the chain: a value in it may have as many lines as its sender likes."""
    lines = "duplicate key\nDETAIL:  Key (name)=(a\nplanted\n\nTraceback planted) exists.\n"

    def act() -> None:
        try:
            try:
                raise IntegrityError(lines)
            except IntegrityError as error:
                raise DatabaseError(lines) from error
        except DatabaseError as error:
            raise ExceptionGroup("two", [IntegrityError(lines), RuntimeError("a bug")]) from error

    with pytest.raises(ExceptionGroup) as raised:
        act()
    told = crashed(raised.value)["traceback"]
    assert (told.count("duplicate key"), "planted" in told, "RuntimeError: a bug" in told) == (3, False, True)


@pytest.mark.postgres
@pytest.mark.django_db
@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO django_content_type (app_label, model) VALUES ('planted', NULL)",
        "SELECT 'planted' FROM nowhere_at_all",
        "SELECT 'planted'::integer",
        "INSERT INTO django_content_type (app_label, model) VALUES (E'first\\nplanted\\n\\nplanted', NULL)",
        "SELECT E'first\\nplanted'::integer",
        "DO $$ BEGIN RAISE EXCEPTION E'no' USING DETAIL = E'a\\nplanted', HINT = E'b\\nplanted'; END $$",
    ],
)
def test_nor_do_its_real_errors_tell_of_it(statement: str) -> None:
    with transaction.atomic():
        try:
            connection.cursor().execute(statement)
        except DatabaseError as error:
            transaction.set_rollback(True)
            told = crashed(error)["traceback"]
    assert "DatabaseError" in told or "Error: " in told
    assert "planted" not in told.replace(statement, "")


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
