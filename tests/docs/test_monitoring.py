"""docs/monitoring: the dashboard and the alert rules name only what there is, and every metric
has its line on the page."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, get_args

import promql_parser
import pytest
import yaml

from jobs.health.shapes import Code, Level
from jobs.metrics.names import METRICS, Metric
from jobs.models import JobState, Status
from tests.project.processes import ROOT

FOLDER = ROOT / "docs" / "monitoring"
PAGE = (ROOT / "docs" / "monitoring.md").read_text(encoding="utf-8")
RULES = yaml.safe_load((FOLDER / "alerts.yml").read_text(encoding="utf-8"))
DASHBOARD = json.loads((FOLDER / "grafana-dashboard.json").read_text(encoding="utf-8"))

HISTOGRAM = re.compile(r"_(bucket|sum|count)$")
VALUES = {
    "verdict": {status.value for status in Status},
    "state": {state.value for state in JobState},
    "level": set(get_args(Level)),
    "code": set(get_args(Code)),
    "status": {f"{digit}xx" for digit in range(1, 6)},
    "kind": {"database", "other"},
}
"""Of labels whose values are few."""


def rules() -> list[dict[str, Any]]:
    return [rule for group in RULES["groups"] for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    return [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]


def expressions() -> Iterator[str]:
    for rule in rules():
        yield rule["expr"]
    for panel in panels():
        for target in panel["targets"]:
            # What Grafana puts in before Prometheus sees it.
            yield target["expr"].replace("$__rate_interval", "5m").replace("$job_id", ".*")


def metric_of(name: str) -> Metric:
    found = METRICS.get(name)
    if found is None and HISTOGRAM.search(name):
        found = METRICS[HISTOGRAM.sub("", name)]
        assert found.kind == "histogram", name
    assert found is not None, name
    return found


@pytest.mark.parametrize("expression", list(expressions()))
def test_every_expression_can_be_read_and_names_only_what_there_is(expression: str) -> None:
    named: list[Metric] = []

    def visit(node: Any) -> bool:
        if isinstance(node, promql_parser.VectorSelector):
            metric = metric_of(node.name)
            assert (metric.kind != "histogram") or HISTOGRAM.search(node.name), node.name
            labels = {*metric.labels, *(["le"] if metric.kind == "histogram" else [])}
            for matcher in node.matchers.matchers:
                assert matcher.name in labels, (node.name, matcher.name)
                for value in matcher.value.split("|"):
                    known = VALUES.get(matcher.name)
                    assert known is None or value in known, (matcher.name, value)
            named.append(metric)
        return True

    promql_parser.walk(promql_parser.parse(expression), visit)
    assert named
    grouped = re.findall(r"\b(?:by|on) \(([^)]*)\)", expression)
    labels = {label.strip() for group in grouped for label in group.split(",")}
    assert labels <= {"le", *(label for metric in named for label in metric.labels)}


def test_rates_are_of_counters_and_no_counter_is_taken_for_a_gauge() -> None:
    rated = r"\b(?:rate|increase)\((\w+)"
    for expression in expressions():
        for name in re.findall(rated, expression):
            assert metric_of(name).kind in ("counter", "histogram"), name


def test_rules_are_as_prometheus_wants_them() -> None:
    for group in RULES["groups"]:
        assert set(group) == {"name", "rules"}
    names = [rule["alert"] for rule in rules()]
    assert len(set(names)) == len(names)
    for rule in rules():
        assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
        assert re.fullmatch(r"[A-Za-z][A-Za-z0-9]*", rule["alert"])
        assert re.fullmatch(r"\d+[smhd]", rule.get("for", "1m"))
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert set(rule["annotations"]) == {"summary", "description"}
        for text in rule["annotations"].values():
            for label in re.findall(r"\$labels\.(\w+)", text):
                assert re.search(rf"\b(by|on) \([^)]*\b{label}\b", rule["expr"]), (text, label)


def test_the_dashboard_is_as_grafana_wants_it() -> None:
    assert DASHBOARD["title"] == "schedcore"
    assert DASHBOARD["schemaVersion"] >= 36
    assert "id" not in DASHBOARD  # else it would take another one's place
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not cells & taken, panel["title"]
        taken |= cells
    for panel in panels():
        assert panel["title"]
        assert panel["datasource"]["uid"] == "${datasource}"
        for target in panel["targets"]:
            for label in re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]):
                assert re.search(rf"\bby \([^)]*\b{label}\b", target["expr"]), target
    variables = {variable["name"]: variable for variable in DASHBOARD["templating"]["list"]}
    assert set(variables) == {"datasource", "job_id"}
    name, label = re.fullmatch(
        r"label_values\((\w+), (\w+)\)", variables["job_id"]["definition"]
    ).groups()
    assert label in METRICS[name].labels


def test_every_metric_has_its_line_with_its_type_and_labels() -> None:
    rows = re.findall(r"^\| `(schedcore_\w+)` \| (\w+) \| ([^|]*) \| [^|]{10,} \|$", PAGE, re.M)
    told = {name: (kind, tuple(re.findall(r"`(\w+)`", labels))) for name, kind, labels in rows}
    assert len(told) == len(rows)
    assert told == {name: (metric.kind, metric.labels) for name, metric in METRICS.items()}


def test_the_page_names_no_other_metric() -> None:
    for name in re.findall(r"\bschedcore_[a-z_]+", PAGE):
        metric_of(name)
