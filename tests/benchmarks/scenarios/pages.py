"""Pages over much: server time, queries and weight, as a manager meets them."""

from __future__ import annotations

import json

from tests.benchmarks.contender import SCHEDCORE
from tests.benchmarks.figures import Figures
from tests.benchmarks.goals import Check, at_most
from tests.benchmarks.scenario import Bench, Results, Scenario
from tests.benchmarks.trial import place

JOBS = 10_000
EXECUTIONS = 1_000_000

PARTS = {
    "jobs": "list of jobs",
    "search": "searched and sorted",
    "strip": "its strip and tabs",
    "idle": "refresh of 100 rows without news",
    "all_new": "all of them new",
    "executions": "list of executions",
    "health": "health",
    "metrics": "metrics",
}
COLUMNS = tuple(
    column
    for part, title in PARTS.items()
    for column in (
        (f"{part}_s", f"{title}: {{}} s"),
        (f"{part}_queries", "{} queries"),
        (f"{part}_kb", "{} kB"),
        (f"{part}_sent_kb", "packed {}"),
    )
)


def measure(bench: Bench) -> Figures:
    executions = EXECUTIONS // 10 if bench.is_quick else EXECUTIONS
    with place(bench.contender, bench.kind, variables={}, other=bench.other) as at:
        found: Figures = json.loads(at.run("tests.benchmarks.pages", str(JOBS), str(executions)))
        return found


def judge(results: Results, _: bool) -> list[Check]:
    ours = results[SCHEDCORE]
    lists = [
        at_most(ours.get(f"{part}_queries"), 15, f"{{}} queries: {PARTS[part]}")
        for part in ("jobs", "search", "executions")
    ]
    return [
        *lists,
        at_most(ours.get("health_s"), 0.05, "{} s: health"),
        at_most(ours.get("metrics_s"), 0.3, "{} s: metrics"),
        at_most(ours.get("jobs_kb"), 300, "{} kB: list of jobs"),
        at_most(ours.get("all_new_queries"), 5, "{} queries a refresh of the list of jobs"),
        at_most(ours.get("all_new_sent_kb"), 30, "{} kB a refresh in which all rows are new"),
    ]


SCENARIOS = [
    Scenario(
        "pages",
        "pages of the admin over 10,000 jobs and a million executions",
        measure,
        COLUMNS,
        judge,
        contenders=(SCHEDCORE,),
    )
]
