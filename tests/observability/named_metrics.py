"""The metrics of the platform with their labels, as dashboards know them, and what the files in deploy/ name of them."""

import itertools
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

import yaml

from tests.e2e.served import ROOT

DEPLOY = ROOT / "deploy"
RULES = DEPLOY / "prometheus" / "sage.rules.yml"
CONFIG = DEPLOY / "prometheus" / "prometheus.yml"
DASHBOARD = DEPLOY / "grafana" / "sage.json"

ROUTE, OPERATION = ("method", "path"), ("category", "name")
# The names and labels that clients may rely on, by the sample; `le` is that of each histogram.
CONTRACT: dict[str, tuple[str, ...]] = {
    "sage_server_http_requests_total": (*ROUTE, "status"),
    "sage_server_http_request_duration_seconds_bucket": (*ROUTE, "le"),
    "sage_server_http_request_duration_seconds_count": ROUTE,
    "sage_server_http_request_duration_seconds_sum": ROUTE,
    "sage_server_http_requests_in_progress": ROUTE,
    "sage_server_http_request_last_seen_timestamp_seconds": (*ROUTE, "status"),
    "sage_server_operations_total": (*OPERATION, "status"),
    "sage_server_operation_duration_seconds_bucket": (*OPERATION, "le"),
    "sage_server_operation_duration_seconds_count": OPERATION,
    "sage_server_operation_duration_seconds_sum": OPERATION,
    "sage_server_operations_active": OPERATION,
    "sage_server_process_cpu_seconds_total": (),
    "sage_server_process_resident_memory_bytes": (),
    "sage_server_process_virtual_memory_bytes": (),
    "sage_server_process_threads": (),
    "sage_server_process_open_fds": (),
    "sage_server_process_max_fds": (),
    "sage_server_process_start_time_seconds": (),
    "sage_server_uptime_seconds": (),
    "sage_server_system_memory_total_bytes": (),
    "sage_server_system_memory_used_bytes": (),
    "sage_server_system_load1": (),
    "sage_server_system_load5": (),
    "sage_server_system_load15": (),
    "sage_server_python_objects": (),
    "sage_server_python_gc_collections_total": ("generation",),
}
# What the rules need besides.
BEYOND: dict[str, tuple[str, ...]] = {
    "sage_server_check_age_seconds": (),
    "sage_server_store_failures_total": ("store",),
    "sage_server_lockouts_total": ("kind",),
    "sage_server_disk_free_bytes": ("place",),
    "sage_server_disk_total_bytes": ("place",),
    "sage_server_signing_key_age_seconds": (),
}
SERVED = CONTRACT | BEYOND
# Prometheus' own.
OF_PROMETHEUS: dict[str, tuple[str, ...]] = {"up": (), "ALERTS": ("alertname", "alertstate")}
# What Prometheus adds to each.
OF_TARGET = ("job", "instance")

QUOTED = r'"(?:[^"\\]|\\.)*"'
SELECTOR = re.compile(rf"\b(sage_server_\w+|up|ALERTS)\b(?:\{{((?:[^\"}}]|{QUOTED})*)\}})?")
MATCHER = re.compile(rf"(\w+)\s*(=~|!~|!=|=)\s*({QUOTED})")
GROUPING = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)")
SHOWN = re.compile(r"\{\{\s*(?:\$labels\.)?(\w+)\s*\}\}")
# What Grafana puts into a query.
VARIABLES = {"$__rate_interval": "1m", "$__range": "5m", "$job": "sage", "$instance": ".*"}


@dataclass(frozen=True)
class Named:
    """One query. `shows` are the labels that its legend or its text tells."""

    where: str
    expression: str
    shows: frozenset[str] = frozenset()

    def selectors(self) -> Iterator[tuple[str, list[tuple[str, str, str]]]]:
        """Each metric, with its label, operator and value for each condition."""
        for metric, conditions in SELECTOR.findall(self.expression):
            yield metric, [(label, how, json.loads(value)) for label, how, value in MATCHER.findall(conditions)]

    def labels(self) -> set[str]:
        """Those that it groups by and shows."""
        grouped = {label.strip() for group in GROUPING.findall(self.expression) for label in group.split(",")}
        return (grouped | self.shows) - {""}


def rules() -> list[Named]:
    groups = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    found = []
    for rule in (rule for group in groups for rule in group["rules"]):
        told = " ".join(rule["annotations"].values())
        shows = frozenset(re.findall(r"\$labels\.(\w+)", told))
        found.append(Named(rule["alert"], rule["expr"], shows))
    return found


def queries() -> list[Named]:
    """Of the dashboard, as Grafana would send them."""
    dashboard = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    found = [
        Named(f"{panel['title']} {target['refId']}", target["expr"], frozenset(SHOWN.findall(target["legendFormat"])))
        for panel in dashboard["panels"]
        for target in panel.get("targets", ())
    ]
    for variable in dashboard["templating"]["list"]:
        for metric, label in re.findall(r"label_values\((.+), (\w+)\)", str(variable["query"])):
            found.append(Named(f"${variable['name']}", metric, frozenset({label})))
    return [Named(one.where, filled_in(one.expression), one.shows) for one in found]


def filled_in(expression: str) -> str:
    for name, value in VARIABLES.items():
        expression = expression.replace(name, value)
    assert "$" not in expression, expression
    return expression


def ways(pattern: str) -> Iterator[str]:
    """The alternatives of a regular expression without nested groups, each by itself."""
    for part in re.split(r"\|(?![^(]*\))", pattern):
        pieces = re.split(r"\(([^)]*)\)(\??)", part)
        plain, groups, optional = pieces[::3], pieces[1::3], pieces[2::3]
        choices = [group.split("|") + [""] * bool(mark) for group, mark in zip(groups, optional, strict=True)]
        for chosen in itertools.product(*choices):
            yield "".join(a + b for a, b in itertools.zip_longest(plain, chosen, fillvalue=""))
