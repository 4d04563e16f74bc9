"""Traces: what a request, or a job, consists of and how long each part took. Everybody calls this module, and it alone.

It imports nothing of OpenTelemetry. While no collector is set, each call here ends after one comparison with None; `start` loads
the rest (`otlp`), in the process that records: a worker after its fork, or a command.

A span is recorded as a part of the request or job that is under way in its context. What no request and no job caused, such as a
thread that looks at the database each second, is recorded nowhere.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar, Token
from typing import Any, Literal, Protocol

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections

from sage_platform.logs import trace_id_var

Environ = dict[str, Any]
Kind = Literal["internal", "server", "client"]
Value = str | int | float | bool
# What figures call a method that somebody invented.
OTHER_METHOD = "OTHER"


class Recording(Protocol):
    """A span that is being recorded."""

    def child(self, name: str, kind: Kind, attributes: Mapping[str, Value]) -> "Recording | None":
        """A part of it; None where the trace has too many already."""

    def set(self, attributes: Mapping[str, Value]) -> None: ...

    def end(self, *, name: str = "", error: str = "") -> None:
        """With the name that it has found meanwhile. `error` is the kind of what went wrong, never an error's text."""


class Recorder(Protocol):
    """What sends spans to a collector. Each answers the trace's id, and a span unless this trace is not to be recorded."""

    def request(self, traceparent: str, tracestate: str) -> tuple[str, Recording | None]: ...

    def job(self, name: str) -> tuple[str, Recording | None]: ...

    def around_statement(
        self, execute: Callable[..., Any], sql: object, params: object, many: bool, context: dict[str, Any], /
    ) -> Any:
        """What Django calls in the place of each statement, while a request or a job is recorded on its thread."""

    def flush(self) -> None:
        """Send what waits, within a second or not at all."""


_recorder: Recorder | None = None
_current: ContextVar[Recording | None] = ContextVar("span", default=None)


def start() -> None:
    """Record from now on, in this process, if a collector is set."""
    if settings.SAGE_TRACE_COLLECTOR is None:
        return
    # Loaded for those alone who asked for it: it takes some 25 MiB.
    from sage_platform.telemetry import otlp  # noqa: PLC0415

    use(otlp.start(settings.SAGE_TRACE_COLLECTOR, settings.SAGE_TRACE_SAMPLE))


def use(recorder: Recorder | None) -> None:
    global _recorder  # noqa: PLW0603  It is one for the process.
    _recorder = recorder


def flush() -> None:
    """At the end of a process."""
    if _recorder is not None:
        _recorder.flush()


def trace_id() -> str:
    """Of the request or job that is under way: 32 hexadecimal digits, or nothing."""
    return trace_id_var.get()


class Part(Protocol):
    """What a `with` around a part of the work gets."""

    def set(self, name: str, value: Value) -> None: ...

    def fail(self, error: str) -> None:
        """It went wrong, and no exception says so."""

    def __enter__(self) -> "Part": ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None: ...


class _Unrecorded:
    """A part of what is not recorded."""

    def set(self, name: str, value: Value) -> None: ...

    def fail(self, error: str) -> None: ...

    def __enter__(self) -> Part:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None: ...


class _Recorded:
    __slots__ = ("_error", "_recording", "_token")

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._error = ""

    def set(self, name: str, value: Value) -> None:
        self._recording.set({name: value})

    def fail(self, error: str) -> None:
        self._error = error

    def __enter__(self) -> Part:
        self._token = _current.set(self._recording)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        _leave(self._token)
        self._recording.end(error=self._error or kind_of(kind))


UNRECORDED = _Unrecorded()


def span(name: str, *, kind: Kind = "internal", **attributes: Value) -> Part:
    """A part of the request or job under way; nothing where none is recorded.

    The names of attributes are those of OpenTelemetry's semantic conventions. No attribute may hold what a person sent, an
    address's path or query, a header, or a key.
    """
    parent = _current.get()
    if parent is None:
        return UNRECORDED
    recording = parent.child(name, kind, attributes)
    return UNRECORDED if recording is None else _Recorded(recording)


def is_recording() -> bool:
    """For whoever would have to work out a span's attributes."""
    return _current.get() is not None


class Root:
    """A request or a job that is under way on this thread."""

    __slots__ = ("_id_token", "_recording", "_token", "trace_id")

    def __init__(self, trace: str, recording: Recording | None) -> None:
        # There also where nothing is recorded.
        self.trace_id = trace
        self._recording = recording
        self._token = _current.set(recording)
        self._id_token = trace_id_var.set(trace)
        if recording is not None and _recorder is not None:
            statements = connections[DEFAULT_DB_ALIAS].execute_wrappers
            if _recorder.around_statement not in statements:
                statements.append(_recorder.around_statement)

    def leave(self) -> Recording | None:
        """Call it once, on the thread where it began. Answers what is still to be ended."""
        _leave(self._token)
        trace_id_var.reset(self._id_token)
        if self._recording is not None and _recorder is not None:
            connections[DEFAULT_DB_ALIAS].execute_wrappers.remove(_recorder.around_statement)
        return self._recording


def request_started(environ: Environ) -> Root | None:
    """None while nothing is recorded in this process. The trace is the caller's, if the request names one that is well-formed."""
    if _recorder is None:
        return None
    return Root(*_recorder.request(environ.get("HTTP_TRACEPARENT", ""), environ.get("HTTP_TRACESTATE", "")))


def request_ended(root: Root, *, method: str, route: str, status: int, request_id: str) -> None:
    """The answer is ready. `route` is a template, never the address that was asked for."""
    span = root.leave()
    if span is None:
        return
    known = method != OTHER_METHOD
    facts: dict[str, Value] = {
        "http.request.method": method if known else "_OTHER",
        "http.route": route,
        "http.response.status_code": status,
    }
    span.set(facts | {"sage.request_id": request_id} if request_id else facts)
    span.end(name=f"{method if known else 'HTTP'} {route}", error=str(status) if status >= 500 else "")


@contextmanager
def job(name: str) -> Iterator[None]:
    """A command's work, a trace of its own."""
    if _recorder is None:
        yield
        return
    root = Root(*_recorder.job(name))
    error = ""
    try:
        yield
    except BaseException as raised:
        error = kind_of(type(raised))
        raise
    finally:
        if (span := root.leave()) is not None:
            span.end(error=error)


def kind_of(error: type[BaseException] | None) -> str:
    """Never an error's text, which may hold what somebody sent."""
    return "" if error is None else f"{error.__module__}.{error.__qualname__}"


def _leave(token: "Token[Recording | None]") -> None:
    """A part that is ended elsewhere than it began, as an abandoned generator is, has no place to give back there."""
    with suppress(ValueError):
        _current.reset(token)
