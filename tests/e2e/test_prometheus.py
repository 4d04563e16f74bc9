"""Debian's Prometheus scrapes a platform of two workers, by the files in deploy/ as they stand."""

import subprocess
from collections.abc import Iterator
from functools import partial

import pytest

from tests.e2e.prometheus import Prometheus, folder
from tests.e2e.served import ROOT, Platform, served
from tests.observability.named_metrics import OF_TARGET, RULES, SERVED, Named, queries, rules

pytestmark = [pytest.mark.served, pytest.mark.prometheus, pytest.mark.xdist_group(__name__)]
PATH = "/api/observability/metrics"
UNIT_TESTS = ROOT / "tests" / "observability" / "sage.rules.test.yml"
LOGIN = {"username_or_email": "admin", "password": "wrong"}
# What a platform without any trouble, and with nothing under way, has nothing to show for.
EMPTY = {
    "Requests in progress A", "Errors by route A", "Under way A", "Failed A",
}  # fmt: skip


@pytest.fixture(scope="module")
def watched() -> Iterator[tuple[Platform, Prometheus]]:
    with folder() as place:
        prometheus = Prometheus(place)
        with served(workers=2, SAGE_METRICS_TOKEN=prometheus.token) as platform:
            try:
                prometheus.watch(platform.port)
                # A rate needs two scrapes of each figure.
                for times in (1, 2):
                    work(platform)
                    done = f"sage_server_operations_total{{name='upload', status='ok'}} == {times}"
                    prometheus.wait_for(partial(prometheus.values, done))
                yield platform, prometheus
            finally:
                prometheus.stop()


def work(platform: Platform) -> None:
    """A request and an operation of each kind that the dashboard shows, also some that are refused."""
    admin, anyone = platform.admin(), platform.caller()
    anyone.post("/api/auth/login", LOGIN)
    anyone.post("/api/auth/refresh", {"refresh_token": admin.refresh_token})
    for path in ("/api/oauth2/jwks", "/nowhere", "/api/user/list"):
        anyone.get(path)
    for _ in range(5):
        anyone.get("/api/system/version/check?target=linux&arch=x86_64&current_version=1.0.0")
    admin.send("POST", "/api/oss/upload", files={"file": ("a.txt", b"hello")})


@pytest.fixture
def prometheus(watched: tuple[Platform, Prometheus]) -> Prometheus:
    return watched[1]


def promtool(*arguments: str, text: str = "") -> tuple[int, str]:
    done = subprocess.run(["promtool", *arguments], input=text, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout + done.stderr


# -- The files by themselves ----------------------------------------------------------------------------------------------


def test_promtool_takes_the_rules() -> None:
    code, told = promtool("check", "rules", "--lint=all", "--lint-fatal", str(RULES))
    assert (code, f"SUCCESS: {len(rules())} rules found" in told) == (0, True), told


def test_each_alert_fires_and_does_not() -> None:
    code, told = promtool("test", "rules", str(UNIT_TESTS))
    assert code == 0, told
    text = UNIT_TESTS.read_text(encoding="utf-8")
    for rule in rules():
        assert f"alertname: {rule.where}, exp_alerts: []" in text, f"{rule.where} is never seen silent"
        assert f"alertname: {rule.where}\n        exp_alerts:\n          - " in text, f"{rule.where} is never seen to fire"


def test_the_runbook_installs_them(prometheus: Prometheus) -> None:
    """`promtool check config` is its last but one step."""
    assert "SUCCESS" in prometheus.installed.stdout
    assert f"SUCCESS: {len(rules())} rules found" in prometheus.installed.stdout
    settings = prometheus.folder / "etc" / "sage" / "env"
    token = prometheus.folder / "etc" / "sage" / "metrics_token"
    assert settings.read_text() == f"SAGE_METRICS_TOKEN_FILE={token}\n"
    assert [path.stat().st_mode & 0o777 for path in (token, prometheus.config.with_name("sage_metrics_token"))] == [0o600] * 2


def test_promtool_takes_what_is_scraped(watched: tuple[Platform, Prometheus]) -> None:
    platform, prometheus = watched
    scraped = platform.caller(Authorization=f"Bearer {prometheus.token}").get(PATH).text
    assert promtool("check", "metrics", text=scraped) == (0, "")


# -- What Prometheus has --------------------------------------------------------------------------------------------------


def test_the_target_is_up_by_the_token_alone(watched: tuple[Platform, Prometheus]) -> None:
    platform, prometheus = watched
    assert prometheus.values("up") == [({"__name__": "up", "job": "sage", "instance": f"127.0.0.1:{platform.port}"}, 1)]
    assert platform.caller().get(PATH).status_code == 401


def test_every_name_and_label(prometheus: Prometheus) -> None:
    names = {name for name in prometheus.ask("label/__name__/values") if name.startswith("sage_server_")}
    assert names == set(SERVED)
    found = {
        name: {tuple(sorted(set(one) - {"__name__"})) for one in prometheus.ask("series", **{"match[]": name})} for name in names
    }
    assert found == {name: {tuple(sorted((*labels, *OF_TARGET)))} for name, labels in SERVED.items()}


@pytest.mark.parametrize("query", queries(), ids=lambda query: query.where)
def test_each_query_of_the_dashboard(query: Named, prometheus: Prometheus) -> None:
    """It is one that Prometheus understands, and it has something to show, which tells itself apart by what the legend names."""
    found = prometheus.values(query.expression)
    assert bool(found) == (query.where not in EMPTY), found
    for labels, _value in found:
        assert query.shows <= set(labels)


def test_each_rule_is_judged_and_none_fires(prometheus: Prometheus) -> None:
    def judged() -> list[dict[str, str]]:
        told = [rule for group in prometheus.ask("rules")["groups"] for rule in group["rules"]]
        return told if all(rule["health"] != "unknown" for rule in told) else []

    told = prometheus.wait_for(judged)
    assert [(rule["name"], rule["health"], rule["state"]) for rule in told] == [
        (rule.where, "ok", "inactive") for rule in rules()
    ]


def test_two_workers_are_one(watched: tuple[Platform, Prometheus]) -> None:
    """Whichever worker answered a request or a scrape, a counter is the sum."""
    platform, prometheus = watched
    counter = 'sage_server_http_requests_total{path="/api/auth/providers"}'
    for _ in range(20):
        assert platform.caller().get("/api/auth/providers").status_code == 200
    assert prometheus.wait_for(lambda: prometheus.values(f"{counter} == 20"))
    scrapes = f"count_over_time({counter}[1m])"
    before = prometheus.values(scrapes)[0][1]
    prometheus.wait_for(lambda: prometheus.values(f"{scrapes} > {before + 2}"))
    assert [value for _labels, value in prometheus.values(counter)] == [20]
