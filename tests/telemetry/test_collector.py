"""SAGE_TRACE_JAEGER_ENDPOINT and SAGE_TRACE_HEADERS: what is taken for what, and what is refused."""

import pytest

from sage_platform.telemetry.collector import Collector, CollectorError, read_collector, read_headers

EXPECTED = "an address such as http://127.0.0.1:4318 (OTLP over HTTP) or grpc://127.0.0.1:4317 (OTLP over gRPC)"
HTTP = {
    "http://jaeger:4318": "http://jaeger:4318/v1/traces",
    "http://jaeger:4318/": "http://jaeger:4318/v1/traces",
    "http://jaeger:4318/v1/traces": "http://jaeger:4318/v1/traces",
    "http://jaeger:4318/v1/traces/": "http://jaeger:4318/v1/traces",
    "https://otlp.example/otlp": "https://otlp.example/otlp/v1/traces",
    "http://[::1]:4318": "http://[::1]:4318/v1/traces",
    "http://under_score": "http://under_score/v1/traces",
}
GRPC = {
    "grpc://jaeger": ("jaeger:4317", False),
    "grpc://jaeger:14317": ("jaeger:14317", False),
    "grpcs://jaeger:4317/": ("jaeger:4317", True),
    "http://jaeger:4317": ("jaeger:4317", False),
    "https://jaeger:4317": ("jaeger:4317", True),
    "grpc://[fd00::1]:4317": ("[fd00::1]:4317", False),
}
REFUSED = [
    "jaeger",
    "jaeger:4318",
    "http://",
    "http://:4318",
    "http://jaeger:0",
    "http://jaeger:",
    "http://jaeger:99999",
    "http://jaeger:4318?key=s3cret",
    "http://jaeger:4318/#s3cret",
    "http://jaeger:4318/a b",
    "http://jae ger:4318",
    "http://jaeger:4318/\r\nX: y",
    "http://[::1",
    "ftp://jaeger:4318",
    "udp://jaeger:6831",
]


@pytest.mark.parametrize(("value", "address"), HTTP.items())
def test_over_http(value: str, address: str) -> None:
    assert read_collector(value, {}) == Collector(address, is_grpc=False, is_secure=value.startswith("https"))


@pytest.mark.parametrize(("value", "wanted"), GRPC.items())
def test_over_grpc(value: str, wanted: tuple[str, bool]) -> None:
    assert read_collector(value, {}) == Collector(wanted[0], is_grpc=True, is_secure=wanted[1])


@pytest.mark.parametrize("value", REFUSED)
def test_what_is_no_address_of_a_collector(value: str) -> None:
    with pytest.raises(CollectorError) as refused:
        read_collector(value, {})
    assert str(refused.value) == EXPECTED


def test_a_password_belongs_elsewhere() -> None:
    with pytest.raises(CollectorError) as refused:
        read_collector("http://user:s3cret@jaeger:4318", {})
    assert str(refused.value) == f"{EXPECTED}, without a password, whose place is SAGE_TRACE_HEADERS"


def test_grpc_has_no_path() -> None:
    with pytest.raises(CollectorError) as refused:
        read_collector("http://jaeger:4317/v1/traces", {})
    assert str(refused.value) == f"{EXPECTED}; over gRPC, which port 4317 means, there is no path"


def test_headers_are_read_as_opentelemetry_writes_them() -> None:
    assert read_headers(" Authorization=Bearer%20a=b , x-scope = one ,") == {"authorization": "Bearer a=b", "x-scope": "one"}
    assert read_headers("") == {}


NO_HEADERS = [
    "s3cret",
    "=s3cret",
    "a=",
    "a b=s3cret",
    "a=s3cret,A=s3cret",
    "host=s3cret",
    "content-type=s3cret",
    "grpc-x=s3cret",
    "a-bin=s3cret",
    "a=s3cret%0d%0aX: y",
    "a=s3cret%00",
    "a=schlüssel",
]


@pytest.mark.parametrize("value", NO_HEADERS)
def test_what_is_no_header_is_refused_without_being_repeated(value: str) -> None:
    with pytest.raises(CollectorError) as refused:
        read_headers(value)
    assert str(refused.value).startswith("headers such as Authorization=Bearer%20KEY, separated by commas")
    assert "s3cret" not in str(refused.value)


def test_the_headers_are_not_shown() -> None:
    assert "s3cret" not in repr(read_collector("http://jaeger:4318", {"authorization": "s3cret"}))
