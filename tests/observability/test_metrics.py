"""GET /api/observability/metrics: who may read them, and what they say (docs/api.md#metrics)."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings
from pytest_django import DjangoAssertNumQueries, Settings

from observability import scrape
from sage_platform.accounts.models import User
from sage_platform.api import seams
from sage_platform.api.permissions import FORWARDING
from sage_platform.logs import OneASecond
from sage_platform.telemetry import multiprocess, process
from tests.answers import refused
from tests.observability.asking import text
from tests.observability.exposition import FAMILIES, families, samples
from tests.people import Caller, Response, envelope, signed_in

METRICS = "/api/observability/metrics"
TOKEN = "k3/Zb9+tok=en"
WRONG = "Send the token of SAGE_METRICS_TOKEN as a bearer token."
ONLY_HERE = "Metrics are shown on this machine alone. To read them from elsewhere, set SAGE_METRICS_TOKEN."

pytestmark = pytest.mark.django_db


@pytest.fixture
def everybody(anyone: Caller, as_alice: Caller, as_bob: Caller, as_admin: Caller) -> list[Caller]:
    return [anyone, as_alice, as_bob, as_admin]


@pytest.fixture
def production(settings: Settings) -> None:
    settings.PRODUCTION = True


@pytest.fixture
def with_token(settings: Settings) -> None:
    settings.SAGE_METRICS_TOKEN = TOKEN


def from_address(address: str, caller: Caller, **headers: str) -> Response:
    return caller.client.get(METRICS, headers=caller.headers | headers, REMOTE_ADDR=address)


def assert_shown(response: Response) -> None:
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert response.headers["Cache-Control"] == "no-store"
    assert not response.cookies
    assert b"\nsage_server_uptime_seconds " in response.content


def assert_wrong(response: Response) -> None:
    assert (response.status_code, envelope(response)) == (401, refused(401, WRONG))
    assert response.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    assert TOKEN not in str(response.headers)


def assert_not_here(response: Response) -> None:
    assert (response.status_code, envelope(response)) == (403, refused(403, ONLY_HERE))


# -- Who may read them ------------------------------------------------------------------------------------------------------


def test_everybody_in_development(everybody: list[Caller]) -> None:
    for caller in everybody:
        assert_shown(caller.get(METRICS))
        assert_shown(from_address("203.0.113.5", caller, **{"X-Forwarded-For": "203.0.113.6"}))


@pytest.mark.usefixtures("production")
@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.9.10", "::1", "::ffff:127.0.0.1"])
def test_whoever_is_on_the_machine_in_production(address: str, everybody: list[Caller]) -> None:
    for caller in everybody:
        assert_shown(from_address(address, caller))


@pytest.mark.usefixtures("production")
@pytest.mark.parametrize("address", ["203.0.113.5", "10.0.0.1", "2001:db8::1", "::ffff:10.0.0.1", "", "unix:", "127.0.0.1.evil"])
def test_nobody_from_elsewhere_in_production(address: str, everybody: list[Caller]) -> None:
    for caller in everybody:
        assert_not_here(from_address(address, caller))


SENT_BY_PROXIES = [
    "Via",
    "Forwarded",
    "Forwarded-For",
    "X-Forwarded",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Port",
    "X-Forwarded-Proto",
    "X-Forwarded-Server",
    "X-Original-Forwarded-For",
    "X-Original-URI",
    "X-Real-IP",
    "X-Client-IP",
    "X-Cluster-Client-IP",
    "X-Envoy-External-Address",
    "True-Client-IP",
    "CF-Connecting-IP",
    "Fastly-Client-IP",
]


@pytest.mark.usefixtures("production")
@pytest.mark.parametrize("header", SENT_BY_PROXIES)
def test_nobody_through_a_proxy_on_the_machine(header: str, anyone: Caller, settings: Settings) -> None:
    """It asks for somebody else, whether it is trusted or not, and whatever the header says."""
    for trusted in ([], ["127.0.0.1/32"]):
        settings.SAGE_TRUSTED_PROXIES = trusted
        for value in ("127.0.0.1", "203.0.113.5", "for=127.0.0.1", ""):
            assert_not_here(from_address("127.0.0.1", anyone, **{header: value}))


def test_every_kind_of_header_is_tried_above() -> None:
    tried = tuple("HTTP_" + name.upper().replace("-", "_") for name in SENT_BY_PROXIES)
    assert all(any(name.startswith(kind) for name in tried) for kind in FORWARDING)


@pytest.mark.usefixtures("with_token")
@pytest.mark.parametrize("mode", [True, False], ids=["production", "development"])
def test_with_a_token_whoever_sends_it(mode: bool, everybody: list[Caller]) -> None:
    with override_settings(PRODUCTION=mode):
        for caller in everybody:
            assert_wrong(caller.get(METRICS))
            assert_shown(caller.get(METRICS, Authorization=f"Bearer {TOKEN}"))
            proxied = {"X-Forwarded-For": "198.51.100.1", "Authorization": f"Bearer {TOKEN}"}
            assert_shown(from_address("203.0.113.5", caller, **proxied))


@pytest.mark.usefixtures("with_token")
@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
        f"Bearer {TOKEN.upper()}",
        f"Bearer {TOKEN} {TOKEN}",
        f"Bearer x, Bearer {TOKEN}",
        TOKEN,
        f"Basic {TOKEN}",
        "Basic bWV0cmljczprMy9aYjkrdG9rPWVu",
        f"Token {TOKEN}",
        "Bearer \xff\xfe",
        "Bearer 李",
        "Bearer " + "x" * 100_000,
    ],
)
def test_nothing_else_opens_them(header: str, anyone: Caller) -> None:
    assert_wrong(anyone.get(METRICS, Authorization=header))
    assert_wrong(from_address("127.0.0.1", anyone, Authorization=header))


@pytest.mark.usefixtures("with_token")
@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_is_read_as_http_has_it(scheme: str, anyone: Caller) -> None:
    assert_shown(anyone.get(METRICS, Authorization=f"{scheme} {TOKEN}"))


@pytest.mark.usefixtures("with_token")
def test_the_token_is_read_from_its_header_alone(anyone: Caller) -> None:
    assert_wrong(anyone.get(METRICS, {"token": TOKEN, "access_token": TOKEN, "authorization": f"Bearer {TOKEN}"}))
    assert_wrong(anyone.get(METRICS, Cookie=f"token={TOKEN}", X_Authorization=f"Bearer {TOKEN}"))


@pytest.mark.usefixtures("with_token")
def test_an_administrators_own_token_does_not_open_them(admin: User) -> None:
    caller = signed_in(admin, token=True)
    assert caller.get("/api/auth/session").status_code == 200
    assert_wrong(caller.get(METRICS))


@pytest.mark.usefixtures("with_token")
def test_the_token_opens_nothing_else(anyone: Caller) -> None:
    assert anyone.get("/api/auth/session", Authorization=f"Bearer {TOKEN}").status_code == 401
    assert anyone.post("/api/user/add", {}, Authorization=f"Bearer {TOKEN}").status_code == 401


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PURGE", "QUERY"])
def test_they_are_read_and_nothing_else(method: str, as_admin: Caller) -> None:
    response = as_admin.send(method, METRICS, b"")
    assert (response.status_code, response.headers["Allow"]) == (405, "GET, HEAD")


def test_head(anyone: Caller) -> None:
    response = anyone.send("HEAD", METRICS, b"")
    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"


def test_a_page_of_another_name_that_leads_here_reads_nothing(anyone: Caller, settings: Any) -> None:
    """DNS rebinding: to the browser of somebody on this machine the page and the platform are one origin."""
    rebound = {"Host": "evil.example:8000"}
    refused = anyone.client.get(METRICS, headers=rebound)
    assert (refused.status_code, b"sage_server" in refused.content) == (400, False)
    assert anyone.client.get("/api/health", headers=rebound).status_code == 200
    settings.SAGE_METRICS_TOKEN = "a-token-for-prometheus"
    assert_shown(anyone.client.get(METRICS, headers=rebound | {"Authorization": "Bearer a-token-for-prometheus"}))


def test_whatever_the_host_is(anyone: Caller) -> None:
    """Prometheus knows the machine by an address that nobody is to allow as a Host."""
    assert_shown(anyone.client.get(METRICS, headers={"Host": "10.1.2.3:8000"}))
    assert anyone.client.get("/api/system/info", headers={"Host": "10.1.2.3:8000"}).status_code == 400


def test_another_sites_page_cannot_read_them(anyone: Caller) -> None:
    response = anyone.get(METRICS, Origin="https://evil.example")
    assert "Access-Control-Allow-Origin" not in response.headers or response.headers["Access-Control-Allow-Origin"] != "*"


def test_no_database_is_asked(as_admin: Caller, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(0):
        assert_shown(as_admin.get(METRICS))


# -- What they say ----------------------------------------------------------------------------------------------------------


def test_none_is_there_twice_and_none_tells_of_single_workers() -> None:
    for name, labels in samples(text()):
        assert name.startswith("sage_server_")
        assert not {"pid", "worker", "instance"} & {label for label, _told in labels}


def test_the_figures_of_the_machine_and_the_process_are_such() -> None:
    found = {name: value for (name, labels), value in samples(text()).items() if not labels}
    megabyte = 1e6
    assert megabyte < found["sage_server_process_resident_memory_bytes"] < found["sage_server_process_virtual_memory_bytes"]
    assert 0 < found["sage_server_process_open_fds"] < found["sage_server_process_max_fds"]
    assert 0 < found["sage_server_system_memory_used_bytes"] < found["sage_server_system_memory_total_bytes"]
    assert found["sage_server_process_threads"] >= 1
    assert found["sage_server_process_cpu_seconds_total"] > 0
    assert found["sage_server_python_objects"] > 1000
    assert 0 <= found["sage_server_uptime_seconds"] < 3600


def test_a_clock_that_is_set_back_makes_no_uptime_below_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("observability.scrape.time.time", lambda: 1000.0)
    assert samples(text())["sage_server_uptime_seconds", frozenset()] == 0


@pytest.mark.parametrize("what", ["room", "process", "machine"])
def test_what_cannot_be_read_does_not_hide_the_rest(what: str, monkeypatch: pytest.MonkeyPatch, anyone: Caller) -> None:
    def fails(*given: Any) -> Any:
        raise OSError(24, "Too many open files")

    if what == "room":
        monkeypatch.setitem(seams.gauges._entries, "sage_server_room", seams.Gauge("A room's.", fails))
    elif what == "process":
        monkeypatch.setattr(process.publisher, "_publish", fails)
    else:
        monkeypatch.setattr(scrape, "machine", fails)
    assert_shown(anyone.get(METRICS))


def test_a_worker_whose_folder_cannot_be_written_tells_of_itself(
    anyone: Caller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "metrics").write_text("no folder")
    monkeypatch.setattr(multiprocess.worker, "folder", tmp_path / "metrics")
    assert_shown(anyone.get(METRICS))


def test_a_worker_that_others_know_never_shows_itself_alone(
    anyone: Caller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, log: StringIO
) -> None:
    """That would look as if all counters had begun anew; a gap is what it is."""
    (tmp_path / "metrics").write_text("no folder")
    monkeypatch.setattr(multiprocess.worker, "folder", tmp_path / "metrics")
    monkeypatch.setattr(multiprocess.worker, "_alive", 1)
    monkeypatch.setattr(scrape, "unreadable", OneASecond())
    response = anyone.get(METRICS)
    assert response.status_code == 200
    assert set(families(response.content.decode())) & set(FAMILIES) == {
        "sage_server_system_load1",
        "sage_server_system_load5",
        "sage_server_system_load15",
        "sage_server_system_memory_total_bytes",
        "sage_server_system_memory_used_bytes",
    }
    told = [json.loads(line)["message"] for line in log.getvalue().splitlines()]
    assert "metrics: what the workers have counted cannot be read (NotADirectoryError)" in told
