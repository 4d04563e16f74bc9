"""What a collector receives of a served platform: one trace for a request, with its parts."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from tests.collector import Collector, Span
from tests.e2e.served import CALL_SECONDS, Browser, Platform, served
from tests.vendor import Vendor, scripted_vendor

pytestmark = [pytest.mark.served, pytest.mark.slow, pytest.mark.xdist_group("traces")]

CALLERS_SPAN = "00f067aa0ba902b7"
SESSION = "/api/auth/session"
CHECK = "/api/system/version/check"
KEY = "sk-proj-Qx7Lw2Zt9Vb4Nm6Rk8Hd3"


@pytest.fixture(scope="module")
def platform(collector: Collector) -> Iterator[Platform]:
    with served(SAGE_TRACE_JAEGER_ENDPOINT=collector.url, SAGE_ACCESS_LOG="true") as running:
        yield running


@pytest.fixture(scope="module")
def admin(platform: Platform) -> Browser:
    return platform.admin()


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    with scripted_vendor() as running:
        yield running


def asked_by(trace: str, flags: str = "01") -> dict[str, str]:
    return {"traceparent": f"00-{trace}-{CALLERS_SPAN}-{flags}"}


def new_trace() -> str:
    return uuid4().hex


def line_of(platform: Platform, trace: str) -> dict[str, object]:
    (line,) = platform.lines_with(trace)
    return line


def test_a_request_is_one_trace_with_its_statements_and_its_calls(
    platform: Platform, admin: Browser, collector: Collector, vendor: Vendor
) -> None:
    trace = new_trace()
    body = {"base_url": vendor.base_url, "api_keys": [KEY], "model": "scripted-large"}

    answer = admin.post("/api/llm-provider/verify-capabilities", body, headers=asked_by(trace))

    assert answer.json()["code"] == 200, answer.text
    root, parts = collector.request("POST /api/llm-provider/verify-capabilities", trace=trace)
    assert (root.parent, root.failed) == (CALLERS_SPAN, False)
    assert root.attributes == {
        "http.request.method": "POST",
        "http.route": "/api/llm-provider/verify-capabilities",
        "http.response.status_code": 200,
        "sage.request_id": answer.headers["X-Request-ID"],
    }
    assert {part.parent for part in parts} == {root.id}
    assert all(root.started <= part.started <= part.ended <= root.ended for part in parts)
    # The connection, and then an image and JSON at the same time, of which one is asked on another thread.
    calls = [part for part in parts if "server.port" in part.attributes]
    place = {"server.address": "127.0.0.1", "server.port": urlsplit(vendor.base_url).port}
    said = {"http.request.method": "POST", "http.response.status_code": 200}
    assert [(call.name, call.kind, call.attributes) for call in calls] == [("POST", "client", said | place)] * len(
        vendor.requests
    )
    assert len(calls) >= 3
    # Strangers are told nothing of the trace (docs/security.md#traces).
    assert not [
        name for received in vendor.requests for name in received.headers if name.lower() in {"traceparent", "tracestate"}
    ]
    assert trace not in str([vars(received) for received in vendor.requests])
    statements = [part for part in parts if "db.query.text" in part.attributes]
    assert {"SELECT accounts_accesstoken", "INSERT accounts_limitedact"} <= {statement.name for statement in statements}
    assert len(calls) + len(statements) == len(parts)


def test_a_statement_is_its_text_without_values(platform: Platform, admin: Browser, collector: Collector) -> None:
    trace = new_trace()
    admin.get(SESSION, headers=asked_by(trace))
    _root, (statement,) = collector.request(f"GET {SESSION}", trace=trace)
    system = "postgresql" if platform.environment["DATABASE_URL"] else "sqlite"
    text = statement.attributes.pop("db.query.text")
    assert (statement.name, statement.kind) == ("SELECT accounts_accesstoken", "client")
    assert statement.attributes == {"db.system.name": system, "db.operation.name": "SELECT"}
    assert text.startswith('SELECT "accounts_accesstoken"."expires_at" AS "expires_at", ')
    assert text.endswith(' WHERE "accounts_accesstoken"."digest" = %s')


def test_who_records_is_told(platform: Platform, admin: Browser, collector: Collector) -> None:
    trace = new_trace()
    admin.get(SESSION, headers=asked_by(trace))
    root, _parts = collector.request(f"GET {SESSION}", trace=trace)
    instance = root.resource.pop("service.instance.id")
    assert len(instance) == 36
    assert {name: value for name, value in root.resource.items() if name.split(".")[0] != "telemetry"} == {
        "service.name": "sage",
        "service.version": "0.1.0",
        "deployment.environment.name": "development",
    }
    assert {path for path, _headers in collector.heads} == {"/v1/traces"}
    assert {headers["content-type"] for _path, headers in collector.heads} == {"application/x-protobuf"}


def test_what_desktops_ask_is_traced_though_it_is_answered_in_front_of_django(platform: Platform, collector: Collector) -> None:
    until = time.monotonic() + CALL_SECONDS
    while "X-Request-ID" in platform.caller().get(CHECK).headers:  # Django answers while the worker has not read the releases.
        assert time.monotonic() < until
    trace = new_trace()
    answer = platform.caller().get(f"{CHECK}?target=linux&arch=x86_64&current_version=1.0.0-secret", headers=asked_by(trace))
    root, parts = collector.request(f"GET {CHECK}", trace=trace)
    assert parts == []
    assert root.attributes == {
        "http.request.method": "GET",
        "http.route": CHECK,
        "http.response.status_code": answer.status_code,
    }
    assert b"1.0.0-secret" not in b"".join(collector.bodies)


def test_machines_that_ask_whether_it_is_well_make_no_traces(platform: Platform, admin: Browser, collector: Collector) -> None:
    trace, last = new_trace(), new_trace()
    for path in ("/active", "/api/health", "/api/observability/metrics"):
        assert admin.get(path, headers=asked_by(trace)).status_code == 200
    admin.get(SESSION, headers=asked_by(last))
    collector.request(f"GET {SESSION}", trace=last)
    assert [span for span in collector.spans if span.trace == trace] == []


def test_the_line_of_the_log_names_the_trace(platform: Platform, admin: Browser, collector: Collector) -> None:
    trace = new_trace()
    admin.get(SESSION, headers=asked_by(trace))
    assert line_of(platform, trace)["trace_id"] == trace
    own = admin.get(SESSION)
    (line,) = platform.lines_with(own.headers["X-Request-ID"])
    root, _parts = collector.request(f"GET {SESSION}", trace=line["trace_id"])
    assert (root.parent, root.attributes["sage.request_id"]) == ("", own.headers["X-Request-ID"])


MALFORMED = [
    "",
    "00",
    "00-{trace}-00f067aa0ba902b7",
    "00-{trace}-00f067aa0ba902b7-1",
    "00-{trace}-00f067aa0ba902b7-01-extra",
    "00-{trace}-0000000000000000-01",
    f"00-{'0' * 32}-00f067aa0ba902b7-01",
    "ff-{trace}-00f067aa0ba902b7-01",
    "0-{trace}-00f067aa0ba902b7-01",
    "00-{trace}0-00f067aa0ba902b7-01",
    "00-{trace}-00f067aa0ba902b7-0x",
    "00-{upper}-00f067aa0ba902b7-01",
    "00-{trace}-00f067aa0ba902b7-01,00-{trace}-00f067aa0ba902b7-01",
    "00-{trace}-00f067aa0ba902b7-01" + "-x" * 300,
]


def test_a_malformed_traceparent_begins_a_new_trace(platform: Platform, admin: Browser, collector: Collector) -> None:
    """W3C Trace Context §3.2.2, §4.3."""
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    asked = [
        admin.get(SESSION, headers={"traceparent": text.format(trace=trace, upper=trace.upper()), "tracestate": "a=b"}).headers
        for text in MALFORMED
    ]
    ids = {headers["X-Request-ID"] for headers in asked}
    spans = collector.wait_for(lambda spans: ids <= {span.attributes.get("sage.request_id") for span in spans})
    roots = [span for span in spans if span.attributes.get("sage.request_id") in ids]
    assert {root.parent for root in roots} == {""}
    assert len({root.trace for root in roots} - {trace}) == len(MALFORMED)


def test_how_a_request_ends_is_told(platform: Platform, admin: Browser, collector: Collector) -> None:
    missing, invented, refused = new_trace(), new_trace(), new_trace()
    admin.get("/nothing/here?token=secret", headers=asked_by(missing))
    admin.send("BREW", SESSION, headers=asked_by(invented))
    platform.caller().get(SESSION, headers=asked_by(refused))
    root, _parts = collector.request("GET unknown", trace=missing)
    assert (root.attributes["http.response.status_code"], root.failed) == (404, False)
    root, _parts = collector.request(f"HTTP {SESSION}", trace=invented)
    assert (root.attributes["http.request.method"], root.attributes["http.response.status_code"]) == ("_OTHER", 405)
    root, _parts = collector.request(f"GET {SESSION}", trace=refused)
    assert (root.attributes["http.response.status_code"], root.failed) == (401, False)


def test_an_address_that_opens_a_file_is_told_as_its_route(platform: Platform, admin: Browser, collector: Collector) -> None:
    told = admin.send("POST", "/api/oss/upload", files={"file": ("secret-name.txt", b"hello")}).json()["data"]
    trace = new_trace()
    platform.caller().get(told["url"].removeprefix(platform.base), headers=asked_by(trace))
    root, _parts = collector.request("GET /files/{public_id}/{filename}", trace=trace)
    assert root.attributes["http.route"] == "/files/{public_id}/{filename}"
    sent = b"".join(collector.bodies)
    assert told["id"].encode() not in sent
    assert b"secret-name" not in sent


def test_a_command_is_one_trace(platform: Platform, collector: Collector) -> None:
    done = platform.manage("prune")
    assert (done.returncode, done.stderr) == (0, "")
    spans = collector.wait_for(lambda spans: [span for span in spans if span.name == "prune"])
    (root,) = [span for span in spans if span.name == "prune"]
    assert (root.kind, root.parent, root.failed) == ("internal", "", False)
    parts = [span for span in spans if span.trace == root.trace and span.id != root.id]
    assert parts
    assert {part.parent for part in parts} == {root.id}
    assert all("db.query.text" in part.attributes for part in parts)


def test_a_command_that_fails_says_so_without_the_text(platform: Platform, collector: Collector) -> None:
    done = platform.manage("import_release", "--tag", "v0.0.0-secret")
    assert done.returncode == 1
    spans = collector.wait_for(lambda spans: [span for span in spans if span.name == "import_release"])
    (root,) = [span for span in spans if span.name == "import_release"]
    assert root.failed
    assert root.attributes == {"error.type": "django.core.management.base.CommandError"}
    assert b"0.0.0-secret" not in b"".join(collector.bodies)


def parts_of(admin: Browser, collector: Collector, path: str) -> tuple[str, ...]:
    trace = new_trace()
    assert admin.get(path, headers=asked_by(trace)).status_code == 200
    _root, parts = collector.request(f"GET {path}", trace=trace)
    return names_of(parts)


def names_of(parts: list[Span]) -> tuple[str, ...]:
    return tuple(part.name for part in sorted(parts, key=lambda part: part.started))


def test_requests_at_once_never_mix_their_parts(platform: Platform, admin: Browser, collector: Collector) -> None:
    paths = [SESSION, "/api/llm-provider/list", "/api/user/list", "/api/system/version"]
    for path in paths:
        parts_of(admin, collector, path)  # The first request of a process may look up more.
    alone = {path: parts_of(admin, collector, path) for path in paths}
    assert len(set(alone.values())) == len(paths)
    begin = threading.Barrier(16)
    token = str(admin.session.headers["Authorization"])

    def ask(number: int) -> list[tuple[str, str]]:
        caller, asked = platform.caller(Authorization=token), []
        begin.wait(20)
        for turn in range(6):
            path, trace = paths[(number + turn) % len(paths)], new_trace()
            assert caller.get(path, headers=asked_by(trace)).status_code == 200
            asked.append((path, trace))
        return asked

    with ThreadPoolExecutor(16) as pool:
        asked = [pair for pairs in pool.map(ask, range(16)) for pair in pairs]

    wanted = {trace for _path, trace in asked}
    spans = collector.wait_for(lambda spans: wanted <= {span.trace for span in spans if span.kind == "server"})
    for path, trace in asked:
        (root,) = [span for span in spans if span.trace == trace and span.kind == "server"]
        parts = [span for span in spans if span.trace == trace and span.kind != "server"]
        assert (root.name, root.parent) == (f"GET {path}", CALLERS_SPAN)
        assert names_of(parts) == alone[path], path
        assert {part.parent for part in parts} == {root.id}
