"""A change that another process makes takes effect: from its commit to the task's start."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import NamedTuple

from tests.benchmarks.contender import OTHER, SCHEDCORE
from tests.benchmarks.figures import Figures, percentile
from tests.benchmarks.goals import Check, at_most
from tests.benchmarks.scenario import Bench, Results, Scenario
from tests.benchmarks.trial import Start, trial
from tests.benchmarks.workload import Workload

SAMPLES = 50
FAR_S = 300 * 24 * 3600.0
NEVER_S = 10.0
"""How long stock is given."""
POLL_S = 1.0
"""The scheduler's default on SQLite, and what it may take besides."""
TAKES_S = 0.1

COLUMNS = (
    ("p50_s", "p50 {} s"),
    ("p99_s", "p99 {} s"),
    ("unnoticed", "not noticed within 10 s: {}"),
)


class Asked(NamedTuple):
    """A run that was asked for at one moment, and is due for another."""

    due: float
    at: float


def measure(bench: Bench) -> Figures:
    samples = 20 if bench.is_quick else SAMPLES
    workload = Workload(100, lead_s=FAR_S, is_one_shot=True)
    with trial(bench.contender, bench.kind, workload, other=bench.other) as run:
        time.sleep(3)  # it looks through its jobs first
        is_ours = bench.contender in (SCHEDCORE, OTHER)
        if is_ours:
            said = run.run("tests.benchmarks.changes", str(samples))
        else:
            said = run.run("tests.benchmarks.change_stock", bench.contender)
        asked = [Asked(*map(float, line.split())) for line in said.splitlines()]
        end = time.time() + NEVER_S
        while run.started() < len(asked) and time.time() < end:
            time.sleep(0.05)
        took = noticed_after_s(asked, run.starts())
    return {
        "p50_s": percentile(took, 0.5),
        "p99_s": percentile(took, 0.99),
        "unnoticed": len(asked) - len(took),
    }


def noticed_after_s(asked: Sequence[Asked], starts: Sequence[Start]) -> list[float]:
    """For each change that was noticed, how long that took; by what its run was due for, so that
    one that was not noticed does not lend its start to the next."""
    started = {start.due: start.at for start in starts}
    return [started[change.due] - change.at for change in asked if change.due in started]


def judge(results: Results, is_sqlite: bool) -> list[Check]:
    ours = results[SCHEDCORE]
    most = POLL_S + TAKES_S if is_sqlite else TAKES_S
    return [
        at_most(ours.get("p99_s"), most, "p99 {} s from commit to start"),
        at_most(ours.get("unnoticed"), 0, "{} not noticed"),
    ]


SCENARIOS = [
    Scenario(
        "change",
        "a change that another process makes takes effect",
        measure,
        COLUMNS,
        judge,
    )
]
