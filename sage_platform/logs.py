"""Logs as JSON lines on standard error, each with the request's id, and with its trace's where there is one."""

import json
import logging
import re
import sys
import threading
import time
import traceback
from contextvars import ContextVar
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Protocol

from sage_platform import paths

# Whoever has a file's address can read the file: the id in it opens it (`uploads`).
CAPABILITY = re.compile(rf"(/{paths.FILES}/)[0-9a-f]{{32}}")
# Set by `telemetry.tracing`, while traces are recorded.
trace_id_var: ContextVar[str] = ContextVar("trace_id", default="")
# Where PostgreSQL's error quotes the statement, or tells which row was refused: with the values in it. Of such an error itself
# the first line is all that is told (`conceal`); these are for what others quote of one.
QUOTED = re.compile(r"^(?:LINE \d+:.*\n *\^|(?:DETAIL|CONTEXT):.*)\n?", re.MULTILINE)
# And where it cannot read a value.
UNREADABLE = re.compile(r'(invalid input (?:syntax|value) for [^\n":]+: )".*')

# The modules whose errors are a database's.
DATABASES = ("psycopg", "sqlite3", "django.db")


class Seen(Protocol):
    """What is known of a request so far; texts are empty as long as they are unknown."""

    method: str
    route: str
    request_id: str

    @property
    def trace_id(self) -> str: ...


# The request that this thread is answering.
request_var: ContextVar[Seen | None] = ContextVar("request", default=None)


class JSONLines(logging.Formatter):
    """One JSON object a line. The keys of `facts`, a dict given as `extra`, stand beside `message`. No file's id is told."""

    def format(self, record: logging.LogRecord) -> str:
        request, seen = getattr(record, "request", None), request_var.get()
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage() if request is None else without_path(record, seen.route if seen else ""),
        }
        told: dict[str, str] = {}
        if seen is None:
            # Django logs some refusals after the middleware has reset the variable. Such a record holds the request.
            told["request_id"] = getattr(request, "request_id", "")
        else:
            told["request_id"] = seen.request_id
        # A job has no request, and a request that is answered is no longer recorded.
        told["trace_id"] = trace_id_var.get() or (seen.trace_id if seen else "")
        if record.exc_info and seen is not None:
            told |= {"method": seen.method, "route": seen.route}
        line.update((name, value) for name, value in told.items() if value)
        line.update(getattr(record, "facts", {}))
        if record.exc_info:
            line["traceback"] = UNREADABLE.sub(r"\1…", QUOTED.sub("", self.formatException(record.exc_info)))
        return CAPABILITY.sub(r"\1…", json.dumps(line, ensure_ascii=False, default=str))

    def formatException(self, ei: Any) -> str:  # noqa: N802  The library's name.
        kind, error, trace = ei
        told = traceback.TracebackException(kind, error, trace)
        if error is not None:
            conceal(told, error)
        return "".join(told.format()).rstrip("\n")


def conceal(told: traceback.TracebackException, error: BaseException) -> None:
    """Leave of each database's error in the chain its first line: below it are values, which may be of many lines themselves."""
    if type(error).__module__.startswith(DATABASES):
        setattr(told, "_str", str(error).partition("\n")[0])  # noqa: B010  The one place where the library keeps it.
    for name in ("__cause__", "__context__"):
        inner, raised = getattr(told, name), getattr(error, name)
        if inner is not None and raised is not None:
            conceal(inner, raised)
    if isinstance(error, BaseExceptionGroup):
        for inner, raised in zip(told.exceptions or [], error.exceptions, strict=True):
            conceal(inner, raised)


def without_path(record: logging.LogRecord, route: str) -> str:
    """The message of a record of Django's. It names the path of its request, in which anything may be; the route says enough."""
    path = getattr(getattr(record, "request", None), "path", None)
    arguments = record.args if isinstance(record.args, tuple) else ()
    told = tuple((route or "unknown") if argument == path else argument for argument in arguments)
    return str(record.msg) % told if told else str(record.msg)


def logging_config(level: str, *, access_log: bool) -> dict[str, Any]:
    """The platform logs at `level`. Libraries log warnings alone, since below that some of them log bodies and headers."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": JSONLines}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
        "root": {"handlers": ["stderr"], "level": "WARNING"},
        "loggers": {
            "sage": {"level": level},
            "sage.access": {"level": "INFO" if access_log else "WARNING"},
            "django": {"handlers": [], "level": "WARNING", "propagate": True},
            # Refused requests are answers, not incidents; crashes alone are logged, once, with their traceback.
            "django.request": {"level": "ERROR"},
            # Anybody can send a forged Host, or a body that is too large, as often as they like; the answer says what it is.
            "django.security": {"level": "CRITICAL"},
            "django.server": {"handlers": [], "propagate": True},
            # `front` has told of what an application raises, with the request that did it.
            "_granian.utils": {"level": "CRITICAL"},
            # Its warnings quote answers that it cannot read, and their addresses. Either may hold a key that was sent back.
            "urllib3": {"level": "ERROR"},
        },
    }


class Seldom:
    """For a line that would be written again and again: it is written once in so many seconds, with how often it came since."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._times = 0
        self._next = 0.0

    def times(self) -> int:
        """How often it came since it was written last, this time included; 0 where it is not to be written now."""
        with self._lock:
            self._times += 1
            if (now := time.monotonic()) < self._next:
                return 0
            self._next, times, self._times = now + self._seconds, self._times, 0
            return times


class OneASecond(Seldom):
    """For what a flood would write."""

    def __init__(self) -> None:
        super().__init__(1)


def log_what_python_prints() -> None:
    """Crashes outside of requests, errors of finalizers and warnings become lines of the log. Python prints each over many."""
    logging.captureWarnings(True)
    sys.excepthook = _log_crash
    threading.excepthook = lambda args: _log_crash(args.exc_type, args.exc_value, args.exc_traceback)
    sys.unraisablehook = lambda args: _log_crash(args.exc_type, args.exc_value, args.exc_traceback)


def _log_crash(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    facts = (kind, error, trace) if error is not None else None
    logging.getLogger("sage.crash").error("crash outside of a request: %s", kind.__name__, exc_info=facts)
