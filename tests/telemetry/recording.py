"""Spans that are kept in the place of being sent, by the SDK as it is in a worker."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from sage_platform.telemetry import otlp, tracing
from sage_platform.telemetry.collector import Collector


class Keeper(SpanExporter):
    def __init__(self) -> None:
        self.spans: list[ReadableSpan] = []

    def export(self, spans: Any) -> SpanExportResult:
        self.spans.extend(spans)
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None: ...


@contextmanager
def recording(share: float = 1) -> Iterator[Keeper]:
    """`tracing.flush` brings what has ended so far."""
    keeper = Keeper()
    with patch.object(otlp, "exporter", return_value=keeper):
        tracing.use(otlp.start(Collector("nowhere", is_grpc=False, is_secure=False), share))
    try:
        yield keeper
    finally:
        tracing.flush()
        tracing.use(None)
