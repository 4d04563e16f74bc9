"""What the exporters of a worker send to a collector, and what of a collector that fails comes into the log."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from sage_platform.telemetry import otlp, tracing
from sage_platform.telemetry.collector import read_collector
from tests.collector import Answer, collecting, collecting_grpc, hangs, leads_to

SECRET = "s3cret-of-the-collector"
HEADERS = {"authorization": f"Bearer {SECRET}"}
MESSAGE = "traces cannot be sent to the collector, and the oldest are dropped"


@pytest.fixture(autouse=True)
def end_sending(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """Nobody is patient, and nothing goes on sending after the test, whose failure would be the next one's."""
    monkeypatch.setattr(otlp, "COLLECTOR_SECONDS", 3)
    made: list[BatchSpanProcessor] = []

    def kept(*arguments: Any, **options: Any) -> BatchSpanProcessor:
        made.append(BatchSpanProcessor(*arguments, **options))
        return made[-1]

    def end() -> None:
        while made:
            processor = made.pop()
            processor.span_exporter.shutdown()
            processor.shutdown()  # type: ignore[no-untyped-call]

    monkeypatch.setattr(otlp, "BatchSpanProcessor", kept)
    yield end
    end()


@contextmanager
def exporting(endpoint: str) -> Iterator[None]:
    tracing.use(otlp.start(read_collector(endpoint, HEADERS), 1))
    try:
        yield
    finally:
        tracing.use(None)


def one_request() -> str:
    root = tracing.request_started({})
    assert root is not None
    tracing.request_ended(root, method="GET", route="/x", status=503, request_id="")
    tracing.flush()
    return root.trace_id


def told(caplog: pytest.LogCaptureFixture) -> list[tuple[str, int]]:
    """As `causes`, once there is one."""
    until = time.monotonic() + 20
    while not (found := causes(caplog)):
        assert time.monotonic() < until
        time.sleep(0.01)
    return found


def causes(caplog: pytest.LogCaptureFixture) -> list[tuple[str, int]]:
    assert all(SECRET not in record.getMessage() for record in caplog.records)
    lines: list[Any] = [record for record in caplog.records if record.name == "sage.traces"]
    assert all((line.levelno, line.getMessage(), line.exc_info) == (logging.WARNING, MESSAGE, None) for line in lines)
    assert len(caplog.records) == len(lines)
    return [(line.facts["cause"], line.facts["times"]) for line in lines]


FAILING: list[tuple[Answer, str]] = [
    (500, "HTTP 500"),
    (503, "HTTP 503"),
    (401, "HTTP 401"),
    (leads_to("/v1/traces"), "it redirects elsewhere"),
    (hangs, "no answer in time"),
]


@pytest.mark.parametrize(("answer", "cause"), FAILING, ids=[row[1] for row in FAILING])
def test_a_collector_that_fails_is_one_line(
    answer: Answer, cause: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    if answer in {503, hangs}:  # It is tried again, or waited for, as long as there is time.
        monkeypatch.setattr(otlp, "COLLECTOR_SECONDS", 0.5)
    with collecting(answer) as collector, exporting(collector.url):
        for _ in range(3):
            one_request()
        assert told(caplog) == [(cause, 1)]


@pytest.mark.parametrize(("scheme", "cause"), [("http", "no connection"), ("grpc", "gRPC UNAVAILABLE")])
def test_a_collector_that_is_away_is_one_line(scheme: str, cause: str, caplog: pytest.LogCaptureFixture) -> None:
    with collecting() as collector:
        pass
    with exporting(f"{scheme}://127.0.0.1:{collector.port}"):
        for _ in range(3):
            one_request()
        assert told(caplog) == [(cause, 1)]


def test_a_collector_without_tls_is_told_from_one_that_is_away(
    caplog: pytest.LogCaptureFixture, end_sending: Callable[[], None]
) -> None:
    with collecting() as collector, exporting(f"https://127.0.0.1:{collector.port}"):
        one_request()
        assert told(caplog) == [("no secure connection", 1)]
        assert collector.heads == []
        # Before the collector ends: one more try would be reset as it begins, and Python's TLS leaves such a socket open.
        end_sending()


def test_a_minute_later_it_is_told_again(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    moment = [1000.0]
    with collecting(500) as collector, exporting(collector.url):
        with monkeypatch.context() as patched:
            patched.setattr(time, "monotonic", lambda: moment[0])
            complaints = logging.getLogger("opentelemetry").handlers[0]
            record = logging.LogRecord("opentelemetry.exporter", logging.ERROR, "", 1, "Failed", None, None)
            for seconds in (0, 1, 58.9, 0.2, 1):
                moment[0] += seconds
                complaints.emit(record)
        assert causes(caplog) == [("it failed", 1), ("it failed", 3)]


def test_what_a_stranger_sends_is_no_complaint(caplog: pytest.LogCaptureFixture) -> None:
    caller = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    with collecting() as collector, exporting(collector.url):
        for state in ("s3cret of a stranger", "a=b," * 600, "x" * 100_000):
            root = tracing.request_started({"HTTP_TRACEPARENT": caller, "HTTP_TRACESTATE": state})
            assert root is not None
            tracing.request_ended(root, method="GET", route="/x", status=200, request_id="")
        tracing.flush()
        assert causes(caplog) == []
        assert sum(len(body) for body in collector.bodies) < 10_000


@pytest.mark.parametrize("grpc", [False, True])
def test_what_is_sent(grpc: bool, caplog: pytest.LogCaptureFixture) -> None:
    with collecting_grpc() if grpc else collecting() as collector:
        with exporting(collector.url.replace("http", "grpc" if grpc else "http")):
            trace = one_request()
            root, parts = collector.request("GET /x", trace=trace)
        assert (root.failed, root.attributes["error.type"], parts) == (True, "503", [])
        assert {headers["authorization"] for _path, headers in collector.heads} == {f"Bearer {SECRET}"}
        assert not [headers for _path, headers in collector.heads if "traceparent" in headers]
        assert causes(caplog) == []


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY", "grpc_proxy", "all_proxy"])
@pytest.mark.parametrize("grpc", [False, True])
def test_no_proxy_of_the_environment_is_taken(name: str, grpc: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    with collecting() as proxy, collecting_grpc() if grpc else collecting() as collector:
        monkeypatch.setenv(name, proxy.url)
        with exporting(collector.url.replace("http", "grpc" if grpc else "http")):
            collector.request("GET /x", trace=one_request())
        assert proxy.bodies == []


def test_a_netrc_is_not_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1\nlogin alice\npassword hunter2\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    with collecting() as collector, exporting(collector.url):
        collector.request("GET /x", trace=one_request())
        assert {headers["authorization"] for _path, headers in collector.heads} == {f"Bearer {SECRET}"}


def test_a_flush_waits_for_a_second_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(otlp, "COLLECTOR_SECONDS", 30)
    with collecting(hangs) as collector, exporting(collector.url):
        began = time.monotonic()
        one_request()
        assert 0.9 < time.monotonic() - began < 5


def test_what_waits_has_an_end(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(otlp, "COLLECTOR_SECONDS", 30)
    monkeypatch.setattr(otlp, "MOST_WAITING", 20)
    monkeypatch.setattr(otlp, "BATCH", 10)
    with collecting(hangs) as collector, exporting(collector.url):
        one_request()
        collector.wait_for(lambda spans: spans)
        with tracing.job("prune"):
            for _ in range(100):
                with tracing.span("part"):
                    pass
        assert causes(caplog) == [("too much waits", 1)]
        collector.answer = 200
        collector.over.set()
        spans = collector.wait_for(lambda spans: "prune" in {span.name for span in spans})
        assert len(spans) <= 1 + 20 + 10
