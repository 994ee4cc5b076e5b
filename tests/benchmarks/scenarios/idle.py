"""Nothing is due: what that costs, and whether it grows with the number of jobs."""

from __future__ import annotations

import time
from functools import partial

from tests.benchmarks import process
from tests.benchmarks.contender import SCHEDCORE
from tests.benchmarks.figures import Figures
from tests.benchmarks.goals import Check, at_most, ratio
from tests.benchmarks.scenario import Bench, Results, Scenario
from tests.benchmarks.trial import trial
from tests.benchmarks.workload import Workload

FEW = 100
SETTLE_S = 8.0
"""After the start, in which a new leader looks through all jobs once."""
FAR_S = 300 * 24 * 3600.0

COLUMNS = (
    ("statements", "{} statements/s"),
    ("transactions", "{} transactions/s"),
    ("cpu_percent", "{} % of a core"),
    ("memory_mb", "{} MB"),
    ("few_memory_mb", "with 100 jobs {} MB"),
    ("leads_s", "leads after {} s"),
    ("few_leads_s", "with 100 jobs {} s"),
    ("ready_s", "ready after {} s"),
    ("few_ready_s", "with 100 jobs {} s"),
)


def measure(bench: Bench, *, count: int, seconds: float) -> Figures:
    if bench.is_quick:
        seconds = min(seconds, 10)
    few = _idle(bench, FEW, 0.0)
    many = _idle(bench, count, seconds)
    return {**many, **{f"few_{key}": value for key, value in few.items()}}


def _idle(bench: Bench, count: int, seconds: float) -> Figures:
    workload = Workload(count, lead_s=FAR_S, is_one_shot=True)
    with trial(bench.contender, bench.kind, workload, counts=True, other=bench.other) as run:
        time.sleep(SETTLE_S + count / 20_000)
        before, cpu_before = run.ask(), process.cpu_s(run.pid)
        time.sleep(seconds)
        after, cpu_after = run.ask(), process.cpu_s(run.pid)
        per_s = {
            key: (after.get(key, 0) - before.get(key, 0)) / (seconds or 1)
            for key in ("statements", "commits", "rollbacks")
        }
        return {
            "statements": per_s["statements"],
            "transactions": per_s["commits"] + per_s["rollbacks"],
            "cpu_percent": 100 * (cpu_after - cpu_before) / (seconds or 1),
            "memory_mb": process.memory_mb(run.pid),
            "ready_s": run.ready - run.launched,
            "leads_s": run.leads - run.launched if run.leads else None,
        }


def judge(results: Results, is_sqlite: bool) -> list[Check]:
    ours = results[SCHEDCORE]
    most = 3.0 if is_sqlite else 0.5
    grown = None
    if (many := ours.get("memory_mb")) and (few := ours.get("few_memory_mb")):
        grown = many - few
    return [
        at_most(ours.get("statements"), most, "{} statements a second"),
        at_most(grown, 30, "{} MB more memory than with 100 jobs"),
        at_most(
            ratio(ours.get("leads_s"), ours.get("few_leads_s")),
            1.25,
            "leads after {} times the time that it takes with 100 jobs",
        ),
        at_most(
            ratio(ours.get("ready_s"), ours.get("few_ready_s")),
            1.25,
            "ready after {} times the time that it takes with 100 jobs",
        ),
    ]


SCENARIOS = [
    Scenario(
        name,
        f"idle with {count:,} jobs",
        partial(measure, count=count, seconds=30),
        COLUMNS,
        judge,
    )
    for name, count in (("idle", 10_000), ("idle100000", 100_000))
]
