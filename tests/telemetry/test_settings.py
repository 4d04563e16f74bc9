"""The settings of traces as they are read from the environment."""

import os
from typing import Any

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from sage_platform import configuration, env
from sage_platform.telemetry.collector import Collector

ENDPOINT, HEADERS, SAMPLE = "SAGE_TRACE_JAEGER_ENDPOINT", "SAGE_TRACE_HEADERS", "SAGE_TRACE_SAMPLE"


def test_nothing_is_recorded_unless_it_is_asked_for() -> None:
    assert (settings.SAGE_TRACE_COLLECTOR, settings.SAGE_TRACE_SAMPLE) == (None, 1.0)


def test_the_collector_gets_the_headers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENDPOINT, " http://jaeger:4318/ ")
    headers = configuration.trace_headers(HEADERS, "Authorization=Bearer%20s3cret")
    made = configuration.collector(ENDPOINT, headers)
    assert made == Collector(
        "http://jaeger:4318/v1/traces", is_grpc=False, is_secure=False, headers={"authorization": "Bearer s3cret"}
    )


WRONG: list[tuple[str, str, Any, str]] = [
    (
        ENDPOINT,
        "jaeger:4318",
        lambda: configuration.collector(ENDPOINT, {}),
        "an address such as http://127.0.0.1:4318 (OTLP over HTTP) or grpc://127.0.0.1:4317 (OTLP over gRPC)",
    ),
    (
        HEADERS,
        "a b=s3cret",
        lambda: configuration.trace_headers(HEADERS, os.environ[HEADERS]),
        "headers such as Authorization=Bearer%20KEY, separated by commas",
    ),
]


@pytest.mark.parametrize(("name", "value", "read", "expected"), WRONG, ids=[row[0] for row in WRONG])
def test_a_wrong_value_is_named_and_not_repeated(
    name: str, value: str, read: Any, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ImproperlyConfigured) as refused:
        read()
    assert str(refused.value) == f"{name}: expected {expected}."


@pytest.mark.parametrize(("value", "read"), [("", 1.0), ("0", 0.0), ("1", 1.0), ("0.05", 0.05), (".5", 0.5), ("1.0", 1.0)])
def test_a_share(value: str, read: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SAMPLE, value)
    assert env.share(SAMPLE, "1") == read


@pytest.mark.parametrize("value", ["2", "1.01", "-0.1", "nan", "inf", "1e-3", "5%", "0,5", "0.", "1_0", "٠.٥", "+0.1", "one"])
def test_what_is_no_share(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SAMPLE, value)
    with pytest.raises(ImproperlyConfigured) as refused:
        env.share(SAMPLE, "1")
    assert str(refused.value) == f"{SAMPLE}: expected a number from 0 to 1, such as 0.1."
