"""The bench measures, judges and keeps its tables. Small numbers: its own figures are for a quiet machine."""

import http.client
import re
import time
from dataclasses import replace
from pathlib import Path
from statistics import quantiles
from urllib.parse import urlsplit

import pytest

from tests.benchmarks.__main__ import HEADING, OBSERVED_HEADING, USAGE_HEADING, bench, bench_observed, bench_usage
from tests.benchmarks.bounds import BenchError, Bound, Figure
from tests.benchmarks.crowds import Place, crowds, wanted
from tests.benchmarks.load import Ask, Load, read_wrk
from tests.benchmarks.measure import Noise, Plan
from tests.benchmarks.routes import ROUTES
from tests.benchmarks.scenarios import SCENARIOS
from tests.benchmarks.usage import waits

pytestmark = [pytest.mark.served, pytest.mark.slow, pytest.mark.xdist_group("timed")]

PLAN = Plan(rounds=1, crowd_rounds=1, seconds=0.1, scenario_rounds=1, scenario_seconds=0.5, spare_seconds=0)
WRK = """Running 1s test @ http://127.0.0.1:8000/active
  1 threads and 8 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   410.22us  120.00us   3.10ms   91.22%
  Latency Distribution
     50%  390.00us
     75%  450.00us
     90%  530.00us
     99%    1.25ms
  19000 requests in 1.00s, 3.50MB read
Requests/sec:  18950.12
Transfer/sec:      3.49MB
"""


def one_after_another(ask: Ask, seconds: float) -> Load:
    """As wrk does, over one connection."""
    parts = urlsplit(ask.url)
    taken: list[float] = []
    connection = http.client.HTTPConnection(parts.netloc, timeout=20)
    began = time.perf_counter()
    while time.perf_counter() - began < seconds or len(taken) < 2:
        at = time.perf_counter()
        connection.request(ask.method, f"{parts.path}?{parts.query}", ask.body or None, ask.headers)
        answer = connection.getresponse()
        answer.read()
        if answer.status not in {200, 304}:
            raise BenchError(f"{ask.url}: {answer.status}")
        taken.append(1000 * (time.perf_counter() - at))
    connection.close()
    return Load(len(taken) / (time.perf_counter() - began), quantiles(taken)[1], max(taken))


def test_every_route_and_the_tables_are_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept = tmp_path / "benchmarks.md"
    kept.write_text(f"What it is.\n\n{HEADING}\nold\n")
    # The bounds of the rates are for a quiet machine and for more than one connection; one that nothing can reach must be told.
    routes = [replace(route, rate=None) for route in ROUTES[:-1]] + [replace(ROUTES[-1], rate=Bound(least=1000))]
    scenarios = [replace(each, bounds={}) for each in SCENARIOS if each.name.startswith(("OAuth2", "After"))]
    assert bench(routes, scenarios, [], drive=one_after_another, plan=PLAN, keep=kept) == 1
    printed = capsys.readouterr().out
    assert kept.read_text() == f"What it is.\n\n{HEADING}\n{printed}"
    [verdict] = printed.split("Missed:\n")[1:]
    assert verdict.startswith("- POST /oauth2/token, client_credentials: of a bare Django view: ")
    assert len(verdict.splitlines()) == 1, "every bound of queries holds"
    for route in ROUTES:
        assert f"| {route.name} " in printed
    # What counts nothing would keep every bound.
    counted = dict(re.findall(r"\| queries of (\w+) +\| (\d+)\.0 ", printed))
    assert set(counted) == {"exchange", "refresh"}
    assert all(int(count) > 3 for count in counted.values()), counted


def test_routes_are_measured_with_everything_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept = tmp_path / "benchmarks.md"
    kept.write_text(f"{OBSERVED_HEADING}\nold\n\n{HEADING}\nothers\n")
    routes = [replace(route, rate=None) for route in ROUTES if route.name.startswith("GET /api/auth/session")]
    # One of twenty is traced, so that too few requests are none.
    assert bench_observed(routes, drive=one_after_another, plan=replace(PLAN, seconds=0.5), keep=kept) == 0
    printed = capsys.readouterr().out
    assert kept.read_text() == f"{OBSERVED_HEADING}\n{printed}\n{HEADING}\nothers\n"
    assert printed.endswith("Every bound is kept.\n")
    assert all(f"| {route.name} " in printed for route in routes)
    assert "Scenarios" not in printed


def test_crowds_are_measured_for_each_route_and_judged() -> None:
    asked: list[tuple[str, int]] = []

    def drive(ask: Ask, seconds: float) -> Load:
        """Half the rate, and four times the wait, where many ask."""
        asked.append((urlsplit(ask.url).path, ask.connections))
        if ask.url.endswith("/bare"):
            return Load(100, 1, 2)
        many = ask.connections == 64
        return Load(50 if many else 100, 1, 4 if ask.connections == 16 else 2)

    [(place, figures)] = crowds([Place(2)], drive, PLAN, Noise(0))
    assert place == "crowds: SQLite, 2 workers"
    assert {(path, crowd) for path, crowd in asked if path == "/api/llm-provider/list"} == {
        ("/api/llm-provider/list", crowd) for crowd in (1, 4, 8, 16, 64)
    }
    names = ["info", "session", "session, cookie", "list"]
    assert [(figure.name, figure.value, figure.holds) for figure in figures] == [
        row
        for name in names
        for row in (
            (f"{name}: rate at 64 connections ÷ the best", 0.5, False),
            (f"{name}: p99 ÷ p50 at 16", 4, False),
            (f"{name}: rate ÷ a bare Django view's, both at 16", 1, True),
        )
    ]


def test_where_cores_are_too_few_a_crowd_is_judged_by_the_bare_view() -> None:
    def crowd(kept: float, wait: float) -> dict[int, Load]:
        return {1: Load(100, 1, 1), 4: Load(100, 1, 1), 16: Load(100, 1, wait), 64: Load(100 * kept, 1, 1)}

    strict = (Bound(least=0.85), Bound(most=2.5))
    assert wanted(Place(2), crowd(0.7, 8), cores=4) == strict
    assert wanted(Place(2), crowd(0.7, 8), cores=2) == (Bound(least=0.7), Bound(most=8))
    assert wanted(Place(2), crowd(0.9, 2), cores=2) == strict


def test_who_waits_beside_reports_is_judged_and_active_without_what_a_bare_server_waits_too() -> None:
    rest = {name: [1.0, 1.0] for name in ("/active", "a bare WSGI callable", "/api/auth/session", "a bare Django view")}
    bare = {"a bare WSGI callable": [3.0, 3.0], "a bare Django view": [3.0, 3.0]}
    for waited, holds in ((5.0, [True, False]), (5.5, [False, False]), (2.5, [True, True])):
        meanwhile = bare | {"/active": [waited, waited], "/api/auth/session": [waited, waited]}
        bounded = [figure for figure in waits(rest, meanwhile) if figure.bound]
        assert bounded == [
            Figure("reports: the same less what the bare one waits more", waited - 2, Bound(most=3)),
            Figure("reports: p99 of /api/auth/session ÷ at rest", waited, Bound(most=3)),
        ]
        assert [figure.holds for figure in bounded] == holds


def test_what_wrk_prints_is_read() -> None:
    assert read_wrk(WRK) == Load(18950.12, 0.39, 1.25)
    for wrong in (WRK + "  Non-2xx or 3xx responses: 3\n", WRK + "  Socket errors: connect 0, read 1\n", "wrk 4\n"):
        with pytest.raises(BenchError):
            read_wrk(wrong)


def test_the_table_of_usage_is_kept_in_its_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    figures = [Figure("time", 1.46, Bound(most=1.5)), Figure("prune: events removed", 0, Bound(least=1))]
    monkeypatch.setattr("tests.benchmarks.__main__.usage", lambda *_: [("SQLite", figures)])
    kept = tmp_path / "benchmarks.md"
    kept.write_text(f"What it is.\n\n{USAGE_HEADING}\nold\n\n{HEADING}\nothers\n")
    assert bench_usage([], 3000, drive=one_after_another, plan=PLAN, keep=kept) == 1
    printed = capsys.readouterr().out
    assert kept.read_text() == f"What it is.\n\n{USAGE_HEADING}\n{printed}\n{HEADING}\nothers\n"
    assert re.findall(r"\| (\d\.\d\d) +\| (.*?) +\| (\S+) +\|", printed) == [
        ("1.46", "≤ 1.5", "kept"),
        ("0.00", "≥ 1", "**missed**"),
    ]
    assert printed.endswith("Missed:\n- prune: events removed: 0, wanted ≥ 1\n")
