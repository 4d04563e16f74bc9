"""Traces to a collector, over OTLP: OpenTelemetry's own SDK and exporters, set up so that no collector can slow the platform.

Imported only where a collector is set, by `tracing.start`, and never before a fork: a thread sends, and a fork takes none along.
"""

import logging
import random
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, cast

import requests
from django.conf import settings
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import (
    Span,
    SpanKind,
    Status,
    StatusCode,
    Tracer,
    format_trace_id,
    get_current_span,
    set_span_in_context,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from urllib3.exceptions import HTTPError

from sage_platform.logs import Seldom
from sage_platform.telemetry.collector import Collector
from sage_platform.telemetry.sql import record
from sage_platform.telemetry.tracing import Kind, Recorder, Recording, Value

log = logging.getLogger("sage.traces")
# What waits to be sent. Beyond that the oldest are dropped: memory has an end while a collector is away.
MOST_WAITING = 2048
# What is sent at once. Its encoding takes the interpreter from requests, so it is little.
BATCH = 128
SEND_EVERY_SECONDS = 1.0
# For an answer of the collector, with all attempts.
COLLECTOR_SECONDS = 5.0
FLUSH_SECONDS = 1.0
# Of one trace in this process: a command that moves a hundred thousand files would push everything else out of the queue.
MOST_SPANS = 1000
# Anybody can send a `traceparent` that asks for a record. Beyond our own share, so many a second get one in each worker.
ASKED_A_SECOND = 10
LONGEST_VALUE = 4096
# Of a `tracestate`, which waits with every span: what has to be passed on (W3C Trace Context §3.3.1.5). A longer one is left out.
LONGEST_STATE = 512
# Of a collector's answer, which says nothing that we need.
LONGEST_ANSWER = 64 * 1024
KINDS: Mapping[Kind, SpanKind] = {"internal": SpanKind.INTERNAL, "server": SpanKind.SERVER, "client": SpanKind.CLIENT}


class CollectorSession(requests.Session):
    """To the collector and nowhere else: no proxy and no password from the environment, no redirect, no long answer.

    `failure` says in words of ours why it was not answered well the last time. What the exporter says may hold the answer.
    """

    def __init__(self) -> None:
        super().__init__()
        self.trust_env = False
        self.failure = ""

    def request(self, method: str | bytes, url: str | bytes, *arguments: Any, **options: Any) -> requests.Response:
        try:
            answer = super().request(method, url, *arguments, **(options | {"allow_redirects": False, "stream": True}))
            with answer:
                if not answer.raw.read(LONGEST_ANSWER + 1)[LONGEST_ANSWER:]:
                    answer.raw.release_conn()
            if 300 <= answer.status_code < 400:
                # The exporter would take it for a success.
                raise RedirectedError
        except (requests.RequestException, HTTPError) as error:
            self.failure = next((words for kind, words in FAILURES.items() if isinstance(error, kind)), type(error).__name__)
            raise
        self.failure = f"HTTP {answer.status_code}" if answer.status_code >= 400 else ""
        return answer


class RedirectedError(requests.RequestException):
    """The collector leads elsewhere, and what is sent there is for the operator to say."""


# The first that fits counts.
FAILURES: dict[type[Exception], str] = {
    RedirectedError: "it redirects elsewhere",
    requests.exceptions.SSLError: "no secure connection",
    requests.exceptions.Timeout: "no answer in time",
    requests.exceptions.ConnectionError: "no connection",
}


def start(collector: Collector, share: float) -> Recorder:
    session = None if collector.is_grpc else CollectorSession()
    only_our_own_lines(session)
    resource = Resource.create(
        {
            "service.name": "sage",
            "service.version": settings.SAGE_VERSION,
            "service.instance.id": str(uuid.uuid4()),
            "deployment.environment.name": settings.SAGE_ENV,
        }
    )
    limits = SpanLimits(max_span_attributes=32, max_span_attribute_length=LONGEST_VALUE, max_events=0, max_links=0)
    provider = TracerProvider(
        sampler=ALWAYS_ON,  # `Sampler` has decided by then.
        resource=resource,
        span_limits=limits,
        shutdown_on_exit=False,  # It would wait for a collector that hangs for as long as that takes.
    )
    waiting = BatchSpanProcessor(
        exporter(collector, session),
        max_queue_size=MOST_WAITING,
        max_export_batch_size=BATCH,
        schedule_delay_millis=SEND_EVERY_SECONDS * 1000,
    )
    provider.add_span_processor(waiting)
    return OTLP(provider.get_tracer("sage"), waiting.force_flush, share)


def exporter(collector: Collector, session: CollectorSession | None) -> SpanExporter:
    """Each of the two is loaded only where it is used."""
    if session is None:
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as OverGRPC  # noqa: PLC0415

        return OverGRPC(
            endpoint=collector.address,
            insecure=not collector.is_secure,
            headers=tuple(collector.headers.items()),
            timeout=COLLECTOR_SECONDS,
            # No proxy from the environment.
            channel_options=cast("Any", (("grpc.enable_http_proxy", 0),)),
        )
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as OverHTTP  # noqa: PLC0415

    return OverHTTP(endpoint=collector.address, headers=collector.headers, timeout=COLLECTOR_SECONDS, session=session)


class Sampler:
    """Which requests are recorded. OpenTelemetry's own samplers would take as long for a request that is not as all the rest."""

    def __init__(self, share: float) -> None:
        self._share = share
        self._second = 0
        self._given = 0

    def takes(self) -> bool:
        return self._share >= 1 or random.random() < self._share  # noqa: S311  Nothing secret hangs on it.

    def takes_asked(self) -> bool:
        """For a caller who records. Drawn, and not read from the trace's id: that is the caller's to choose.

        Threads that meet here may get one more, which does no harm.
        """
        if self.takes():
            return True
        if (second := int(time.monotonic())) != self._second:
            self._second, self._given = second, 0
        self._given += 1
        return self._given <= ASKED_A_SECOND


class OTLP:
    """The `Recorder`."""

    def __init__(self, tracer: Tracer, send: Callable[[], object], share: float) -> None:
        self._tracer = tracer
        self._send = send
        self._sampler = Sampler(share)
        self._callers = TraceContextTextMapPropagator()

    def request(self, traceparent: str, tracestate: str) -> tuple[str, Recording | None]:
        context = Context()
        if traceparent:
            if len(tracestate) > LONGEST_STATE:
                tracestate = ""
            # W3C Trace Context §3.2 and §3.3: what is malformed begins a new trace.
            context = self._callers.extract({"traceparent": traceparent, "tracestate": tracestate}, context)
        caller = get_current_span(context).get_span_context()
        if not caller.is_valid:
            return self._begun("HTTP", context, SpanKind.SERVER) if self._sampler.takes() else (new_trace_id(), None)
        if caller.trace_flags.sampled and self._sampler.takes_asked():
            return self._begun("HTTP", context, SpanKind.SERVER)
        return format_trace_id(caller.trace_id), None

    def job(self, name: str) -> tuple[str, Recording | None]:
        """Commands are few, so that the share does not concern them."""
        return self._begun(name, Context(), SpanKind.INTERNAL)

    def around_statement(
        self, execute: Callable[..., Any], sql: object, params: object, many: bool, context: dict[str, Any], /
    ) -> Any:
        return record(execute, sql, params, many, context)

    def flush(self) -> None:
        """The exporter may be waiting for the collector just now, or for its next attempt."""
        thread = threading.Thread(target=self._send, name="traces-flush", daemon=True)
        thread.start()
        thread.join(FLUSH_SECONDS)

    def _begun(self, name: str, context: Context, kind: SpanKind) -> tuple[str, Recording]:
        span = self._tracer.start_span(name, context, kind)
        return format_trace_id(span.get_span_context().trace_id), OTLPSpan(self._tracer, span, Amount())


def new_trace_id() -> str:
    """W3C Trace Context §3.2.2.3: of a trace that nobody records, for the lines of the log."""
    return format_trace_id(random.getrandbits(128) or 1)


class Amount:
    """How many spans of a trace were recorded here, and how many were not, since there were too many."""

    __slots__ = ("left_out", "recorded")

    def __init__(self) -> None:
        self.recorded = 0
        self.left_out = 0


class OTLPSpan:
    """A `Recording`."""

    __slots__ = ("_amount", "_context", "_is_root", "_span", "_tracer")

    def __init__(self, tracer: Tracer, span: Span, amount: Amount, *, is_root: bool = True) -> None:
        self._tracer = tracer
        self._span = span
        self._amount = amount
        self._is_root = is_root
        self._context: Context | None = None

    def child(self, name: str, kind: Kind, attributes: Mapping[str, Value]) -> "OTLPSpan | None":
        if self._amount.recorded >= MOST_SPANS:
            self._amount.left_out += 1
            return None
        self._amount.recorded += 1
        if self._context is None:
            self._context = set_span_in_context(self._span, Context())
        span = self._tracer.start_span(name, self._context, KINDS[kind], attributes)
        return OTLPSpan(self._tracer, span, self._amount, is_root=False)

    def set(self, attributes: Mapping[str, Value]) -> None:
        self._span.set_attributes(attributes)

    def end(self, *, name: str = "", error: str = "") -> None:
        if name:
            self._span.update_name(name)
        if error:
            self._span.set_attribute("error.type", error)
            self._span.set_status(Status(StatusCode.ERROR))
        if self._is_root and self._amount.left_out:
            self._span.set_attribute("sage.spans_left_out", self._amount.left_out)
        self._span.end()


class Complaints(logging.Handler):
    """What OpenTelemetry says of a collector: one line a minute of ours, without an address, a header or an answer."""

    def __init__(self, session: CollectorSession | None) -> None:
        super().__init__()
        self._session = session
        self._seldom = Seldom(60)

    def emit(self, record: logging.LogRecord) -> None:
        if not record.name.startswith(("opentelemetry.exporter", "opentelemetry.sdk")):
            return  # Of a request's `traceparent`, say, which anybody can send.
        if times := self._seldom.times():
            facts = {"cause": self._cause(record), "times": times}
            log.warning("traces cannot be sent to the collector, and the oldest are dropped", extra={"facts": facts})

    def _cause(self, record: logging.LogRecord) -> str:
        if str(record.msg).startswith("Queue full"):
            return "too much waits"
        if self._session is not None and self._session.failure:
            return self._session.failure
        # Of gRPC, which is not loaded for HTTP. Its text has the address.
        codes = [part.name for part in record.args or () if type(part).__name__ == "StatusCode" and isinstance(part, Enum)]
        return f"gRPC {codes[0]}" if codes else "it failed"


def only_our_own_lines(session: CollectorSession | None) -> None:
    theirs = logging.getLogger("opentelemetry")
    theirs.setLevel(logging.WARNING)
    theirs.propagate = False
    theirs.handlers = [Complaints(session)]
