"""Where traces go: what SAGE_TRACE_JAEGER_ENDPOINT and SAGE_TRACE_HEADERS say."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import SplitResult, unquote, urlsplit

TRACES = "/v1/traces"  # OTLP 1.5, "OTLP/HTTP Request".
GRPC_PORT = 4317
# A name (RFC 1123 §2.1), an underscore in it as in container networks, or an address.
HOST = re.compile(r"[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\]")
PATH = re.compile(r"(?:/[A-Za-z0-9._~-]+)*")
NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)  # A token (RFC 9110 §5.6.2).
HEADER_VALUE = re.compile(r"[!-~](?:[ -~]*[!-~])?")
# They say how the message is framed, and are the exporter's.
OWN = frozenset({"connection", "content-encoding", "content-length", "content-type", "host", "te", "transfer-encoding"})


class CollectorError(ValueError):
    """What was expected. The value is not repeated: it may hold a password."""


@dataclass(frozen=True)
class Collector:
    """`address` is that of OTLP over HTTP, or host and port of OTLP over gRPC. Headers may hold a key."""

    address: str
    is_grpc: bool
    is_secure: bool
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


def read_collector(value: str, headers: Mapping[str, str]) -> Collector:
    """Raises CollectorError."""
    expected = "an address such as http://127.0.0.1:4318 (OTLP over HTTP) or grpc://127.0.0.1:4317 (OTLP over gRPC)"
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        raise CollectorError(expected) from None
    if "@" in parts.netloc:
        raise CollectorError(f"{expected}, without a password, whose place is SAGE_TRACE_HEADERS")
    host = parts.netloc.removesuffix(f":{port}")
    is_address = parts.scheme in {"http", "https", "grpc", "grpcs"} and HOST.fullmatch(host) and port != 0
    path = parts.path.rstrip("/")
    if not is_address or parts.query or parts.fragment or not PATH.fullmatch(path):
        raise CollectorError(expected)
    is_grpc = parts.scheme.startswith("grpc") or port == GRPC_PORT
    if is_grpc and path:
        raise CollectorError(f"{expected}; over gRPC, which port {GRPC_PORT} means, there is no path")
    address = f"{host}:{port or GRPC_PORT}" if is_grpc else _traces(parts, path)
    return Collector(address, is_grpc, parts.scheme in {"https", "grpcs"}, headers)


def read_headers(value: str) -> dict[str, str]:
    """As OTEL_EXPORTER_OTLP_HEADERS has them: `name=value`, separated by commas, each value percent-encoded where it must be."""
    headers: dict[str, str] = {}
    for pair in (part.strip() for part in value.split(",") if part.strip()):
        name, _equals, given = pair.partition("=")
        name, content = name.strip().lower(), unquote(given.strip())
        # gRPC takes its own and binary ones otherwise (gRPC over HTTP/2, "Requests").
        if not NAME.fullmatch(name) or name in OWN or name.startswith("grpc-") or name.endswith("-bin"):
            raise CollectorError("headers such as Authorization=Bearer%20KEY, separated by commas")
        if not HEADER_VALUE.fullmatch(content) or name in headers:
            raise CollectorError("headers such as Authorization=Bearer%20KEY, separated by commas, each with a value and once")
        headers[name] = content
    return headers


def _traces(parts: SplitResult, path: str) -> str:
    return f"{parts.scheme}://{parts.netloc}{path.removesuffix(TRACES)}{TRACES}"
