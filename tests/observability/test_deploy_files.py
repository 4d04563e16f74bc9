"""deploy/prometheus and deploy/grafana name what a platform serves, and nothing else."""

import json
import re
from collections.abc import Iterator

import pytest
import yaml
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from tests.e2e.served import ROOT, Platform, served
from tests.observability.named_metrics import (
    CONFIG,
    CONTRACT,
    DASHBOARD,
    OF_PROMETHEUS,
    OF_TARGET,
    RULES,
    SERVED,
    Named,
    queries,
    rules,
    ways,
)

pytestmark = [pytest.mark.served, pytest.mark.xdist_group(__name__)]
TOKEN = "a-token-for-prometheus"
PATH = "/api/observability/metrics"
OPERATIONS = ROOT / "docs" / "operations.md"
NAMED = [*rules(), *queries()]
each_query = pytest.mark.parametrize("one", NAMED, ids=lambda one: one.where)


@pytest.fixture(scope="module")
def platform() -> Iterator[Platform]:
    """One that was asked for something of each kind."""
    with served(SAGE_METRICS_TOKEN=TOKEN) as running:
        admin, anyone = running.admin(), running.caller()
        for path in ("/api/system/version/check?target=linux&arch=x86_64&current_version=1.0.0", "/nowhere"):
            anyone.get(path)
        anyone.post("/api/auth/refresh", {"refresh_token": admin.refresh_token})
        anyone.get("/api/oauth2/jwks")  # So that there is a key.
        admin.send("POST", "/api/oss/upload", files={"file": ("a.txt", b"hello")})
        yield running


@pytest.fixture(scope="module")
def families(platform: Platform) -> list[Metric]:
    answer = platform.caller(Authorization=f"Bearer {TOKEN}").get(PATH)
    assert answer.status_code == 200
    return list(text_string_to_metric_families(answer.text))


@pytest.fixture(scope="module")
def served_labels(families: list[Metric]) -> dict[str, list[dict[str, str]]]:
    """By the sample's name."""
    found: dict[str, list[dict[str, str]]] = {}
    for sample in (sample for family in families for sample in family.samples):
        found.setdefault(sample.name, []).append(dict(sample.labels))
    return found


@pytest.fixture(scope="module")
def paths(platform: Platform) -> set[str]:
    return set(platform.caller(Accept="application/json").get("/api/schema").json()["paths"])


def test_every_name_and_label(served_labels: dict[str, list[dict[str, str]]]) -> None:
    assert {name: {tuple(sorted(labels)) for labels in found} for name, found in served_labels.items()} == {
        name: {tuple(sorted(labels))} for name, labels in SERVED.items()
    }


def test_each_says_what_it_is(families: list[Metric]) -> None:
    kinds = {"counter": "_total", "histogram": "_bucket"}
    for family in families:
        assert family.documentation.endswith("."), family.name
        assert {name for name in SERVED if name.startswith(family.name)}, family.name
        if family.type in kinds:
            assert family.name + kinds[family.type] in SERVED


@each_query
def test_its_metrics_and_labels_are_served(one: Named) -> None:
    known = SERVED | OF_PROMETHEUS
    found = list(one.selectors())
    assert found, one
    assert {metric for metric, _ in found} <= set(known)
    of_all = {label for metric, _ in found for label in known[metric]} | set(OF_TARGET)
    assert one.labels() <= of_all
    for metric, conditions in found:
        assert {label for label, _how, _value in conditions} <= {*known[metric], *OF_TARGET}, metric


@each_query
def test_its_values_are_served(one: Named, served_labels: dict[str, list[dict[str, str]]], paths: set[str]) -> None:
    """Of labels whose values are lists in the code, and of paths, which are the routes. All of a selector's at once."""
    for metric, conditions in one.selectors():
        wanted = {label: (how, value) for label, how, value in conditions}
        wanted.pop("path", None)
        if metric.startswith("sage_server_http_"):
            wanted.pop("status", None)
        lists = {label: condition for label, condition in wanted.items() if label in SERVED.get(metric, ())}
        assert not lists or any(fits(labels, lists) for labels in served_labels[metric]), (metric, lists)
        for label, how, value in conditions:
            if label == "path":
                assert how in {"=~", "!~"}
                for way in ways(value):
                    assert any(re.fullmatch(way, path) for path in paths), way
            if label == "status" and how == "=~" and metric.startswith("sage_server_http_"):
                assert value in {"4..", "5.."}
            if how == "=~" and label in lists:
                for way in ways(value):
                    assert any(re.fullmatch(way, labels[label]) for labels in served_labels[metric]), way


def fits(labels: dict[str, str], wanted: dict[str, tuple[str, str]]) -> bool:
    return all(
        re.fullmatch(value, labels[label]) if how == "=~" else labels[label] == value for label, (how, value) in wanted.items()
    )


def test_what_the_rules_say() -> None:
    """Each alert has a severity, texts, and a paragraph in the docs by its name, which the docs have for no other."""
    told = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    alerts = {rule["alert"]: rule for group in told for rule in group["rules"]}
    for name, rule in alerts.items():
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert set(rule["annotations"]) == {"summary", "description", "runbook"}
        assert rule["annotations"]["runbook"] == f"docs/operations.md#{name.lower()}"
    headings = re.findall(r"^#+ (Sage\w+)$", OPERATIONS.read_text(encoding="utf-8"), re.MULTILINE)
    assert headings == list(alerts)


def test_the_docs_have_a_row_for_each_metric() -> None:
    section = OPERATIONS.read_text(encoding="utf-8").split("\n## Metrics\n")[1].split("\n## ")[0]
    rows = dict(re.findall(r"^\| `(sage_server_\w+)` \| ([^|]*) \|", section, re.MULTILINE))
    plain = {re.sub(r"_(bucket|count|sum)$", "", name): labels for name, labels in SERVED.items()}
    expected = {name: ", ".join(f"`{label}`" for label in labels if label != "le") or "–" for name, labels in plain.items()}
    assert rows == expected


def test_the_dashboard_can_be_imported() -> None:
    """By any Prometheus that somebody has in Grafana: it names none. No two panels have one id, and none covers another."""
    dashboard = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    assert "id" not in dashboard
    assert (dashboard["uid"], dashboard["schemaVersion"]) == ("sage-platform", 42)
    panels = dashboard["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    source = {"type": "prometheus", "uid": "${datasource}"}
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert place["x"] + place["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells
        if panel["type"] != "row":
            assert [panel["datasource"], *(target["datasource"] for target in panel["targets"])] == [source] * (
                1 + len(panel["targets"])
            )
    rows = [panel["title"] for panel in panels if panel["type"] == "row"]
    assert rows == [
        "At a glance", "Traffic", "Errors", "Latency", "Operations", "What desktops ask", "Workers and memory",
        "Storage and disk", "Sign-ins and lock-outs",
    ]  # fmt: skip


def test_the_dashboard_shows_every_metric() -> None:
    shown = {metric for one in queries() for metric, _ in one.selectors()}
    sums = {name for name in SERVED if name.endswith("_sum") or name == "sage_server_operation_duration_seconds_count"}
    assert set(SERVED) - shown == sums
    assert set(CONTRACT) - shown <= sums


def test_the_example_asks_where_the_metrics_are() -> None:
    (job,) = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))["scrape_configs"]
    assert job == {
        "job_name": "sage",
        "metrics_path": PATH,
        "authorization": {"credentials_file": "/etc/prometheus/sage_metrics_token"},
        "static_configs": [{"targets": ["127.0.0.1:8000"]}],
    }
