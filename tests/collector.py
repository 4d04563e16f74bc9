"""Collectors of traces on loopback: they take OTLP, over HTTP and over gRPC, in OpenTelemetry's own protobufs."""

import gzip
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest, ExportTraceServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import (
    TraceServiceServicer,
    add_TraceServiceServicer_to_server,
)
from opentelemetry.proto.common.v1.common_pb2 import KeyValue

WAIT_SECONDS = 20
KINDS = {1: "internal", 2: "server", 3: "client"}
ERROR = 2


@dataclass(frozen=True)
class Span:
    name: str
    kind: str
    trace: str
    id: str
    parent: str
    failed: bool
    started: int
    ended: int
    attributes: dict[str, Any]
    # Of the process that recorded it.
    resource: dict[str, Any]


@dataclass
class Collector:
    """`answer` is what it does with each request over HTTP, once it has read it; an HTTP status by itself is that answer."""

    port: int = 0
    answer: "Answer" = 200
    bodies: list[bytes] = field(default_factory=list)
    # Of each request: its path and its headers, their names in small letters; over gRPC the metadata.
    heads: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    arrived: threading.Condition = field(default_factory=threading.Condition)
    # Set when the test is over, for answers that wait.
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def take(self, path: str, headers: dict[str, str], body: bytes) -> None:
        with self.arrived:
            self.bodies.append(body)
            self.heads.append((path, headers))
            self.arrived.notify_all()

    @property
    def spans(self) -> list[Span]:
        return [span for body in list(self.bodies) for span in spans_in(body)]

    def wait_for(self, true: Callable[[list[Span]], object], *, log: Callable[[], str] = str) -> list[Span]:
        """All spans, once they are as wanted."""
        until = time.monotonic() + WAIT_SECONDS
        with self.arrived:
            while not true(spans := self.spans):
                left = until - time.monotonic()
                assert left > 0, f"{[(span.name, span.trace) for span in spans]}\n{log()}"
                self.arrived.wait(left)
        return spans

    def request(self, name: str, *, trace: str = "") -> tuple[Span, list[Span]]:
        """The newest request of that name, or the one of that trace, with all that belongs to it, once it is there.

        A request's own span is the last of its trace to end, and so the last to be sent.
        """

        def found(spans: list[Span]) -> list[Span]:
            return [span for span in spans if span.name == name and span.kind == "server" and trace in {"", span.trace}]

        spans = self.wait_for(found)
        root = found(spans)[-1]
        return root, [span for span in spans if span.trace == root.trace and span.id != root.id]


Answer = int | Callable[[BaseHTTPRequestHandler, Collector], None]


def spans_in(body: bytes) -> Iterator[Span]:
    for group in ExportTraceServiceRequest.FromString(body).resource_spans:
        resource = values(group.resource.attributes)
        for scope in group.scope_spans:
            for span in scope.spans:
                yield Span(
                    name=span.name,
                    kind=KINDS[span.kind],
                    trace=span.trace_id.hex(),
                    id=span.span_id.hex(),
                    parent=span.parent_span_id.hex(),
                    failed=span.status.code == ERROR,
                    started=span.start_time_unix_nano,
                    ended=span.end_time_unix_nano,
                    attributes=values(span.attributes),
                    resource=resource,
                )


def values(attributes: Iterable[KeyValue]) -> dict[str, Any]:
    return {pair.key: getattr(pair.value, str(pair.value.WhichOneof("value"))) for pair in attributes}


def hangs(handler: BaseHTTPRequestHandler, collector: Collector) -> None:
    """Takes the spans, and says nothing for as long as the test lasts."""
    collector.over.wait(60)
    handler.close_connection = True


def leads_to(address: str) -> Callable[[BaseHTTPRequestHandler, Collector], None]:
    def redirect(handler: BaseHTTPRequestHandler, collector: Collector) -> None:
        handler.send_response(307)
        handler.send_header("Location", address)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return redirect


@contextmanager
def collecting(answer: Answer = 200) -> Iterator[Collector]:
    """Over HTTP."""
    collector = Collector(answer=answer)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            collector.take(self.path, headers, gzip.decompress(body) if headers.get("content-encoding") == "gzip" else body)
            if callable(collector.answer):
                collector.answer(self, collector)
                return
            self.send_response(collector.answer)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *arguments: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    collector.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield collector
    finally:
        collector.over.set()
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def collecting_grpc() -> Iterator[Collector]:
    collector = Collector()

    class Service(TraceServiceServicer):
        def Export(self, request: Any, context: Any) -> Any:  # noqa: N802  The protocol's name.
            metadata = {name: str(value) for name, value in context.invocation_metadata()}
            collector.take("Export", metadata, request.SerializeToString())
            return ExportTraceServiceResponse()

    server = grpc.server(ThreadPoolExecutor(4))
    add_TraceServiceServicer_to_server(Service(), server)  # type: ignore[no-untyped-call]
    collector.port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield collector
    finally:
        collector.over.set()
        server.stop(None).wait()
