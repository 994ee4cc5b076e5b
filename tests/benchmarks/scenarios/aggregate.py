"""A year of sizes of many databases is aggregated, while others write."""

from __future__ import annotations

import json

from tests.benchmarks.contender import SCHEDCORE
from tests.benchmarks.figures import Figures
from tests.benchmarks.goals import Check, at_most
from tests.benchmarks.scenario import Bench, Results, Scenario
from tests.benchmarks.trial import place

DATABASES = 10_000
DAYS = 400

PARTS = {"default": "by default", "again": "again", "year": "a year", "year_again": "again"}
COLUMNS = tuple(
    column
    for part, title in PARTS.items()
    for column in (
        (f"{part}_s", f"{title} {{}} s"),
        (f"{part}_rows", "{} rows"),
        (f"{part}_statements", "{} statements"),
        (f"{part}_wait_s", "another's write took at most {} s"),
    )
)


def measure(bench: Bench) -> Figures:
    databases = 1000 if bench.is_quick else DATABASES
    with place(bench.contender, bench.kind, variables={}, other=bench.other) as at:
        found: Figures = json.loads(at.run("tests.benchmarks.sizes", str(databases), str(DAYS)))
        return found


def judge(results: Results, _: bool) -> list[Check]:
    ours = results[SCHEDCORE]
    return [
        at_most(ours.get("default_statements"), 60, "{} statements by default"),
        at_most(ours.get("default_wait_s"), 0.5, "another's write waits {} s for it"),
        at_most(ours.get("year_wait_s"), 0.5, "another's write waits {} s for a year of days"),
    ]


SCENARIOS = [
    Scenario(
        "aggregate",
        "sizes of 10,000 databases over 400 days are aggregated, and every day of a year",
        measure,
        COLUMNS,
        judge,
        contenders=(SCHEDCORE,),
    )
]
