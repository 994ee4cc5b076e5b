"""The start of a run in a process, from its hand-over to the task's first line."""

from __future__ import annotations

from tests.benchmarks.contender import SCHEDCORE
from tests.benchmarks.figures import Figures, percentile
from tests.benchmarks.goals import Check, at_most
from tests.benchmarks.scenario import Bench, Results, Scenario
from tests.benchmarks.trial import trial
from tests.benchmarks.workload import Workload

COUNT = 1000
"""Children are replaced in that time, too: see `RUNS_PER_CHILD`."""
FAR_S = 300 * 24 * 3600.0
LIMIT_S = 0.05

COLUMNS = (
    ("first_s", "the first {} s"),
    ("p50_s", "later ones p50 {} s"),
    ("p99_s", "p99 {} s"),
    ("worst_s", "worst {} s"),
    ("lost", "lost {}"),
)


def measure(bench: Bench) -> Figures:
    count = 200 if bench.is_quick else COUNT
    with trial(bench.contender, bench.kind, Workload(1, lead_s=FAR_S), other=bench.other) as run:
        run.run("tests.benchmarks.hand_overs", str(count + 1))
        first, *later = (start.lateness_s for start in run.starts())
        return {
            "first_s": first,
            "p50_s": percentile(later, 0.5),
            "p99_s": percentile(later, 0.99),
            "worst_s": max(later),
            "lost": count - len(later),
        }


def judge(results: Results, _: bool) -> list[Check]:
    ours = results[SCHEDCORE]
    return [
        at_most(ours.get("lost"), 0, "{} runs lost"),
        at_most(ours.get("p50_s"), LIMIT_S, "p50 {} s from hand-over to the task's first line"),
        at_most(ours.get("p99_s"), LIMIT_S, "p99 {} s from hand-over to the task's first line"),
    ]


SCENARIOS = [
    Scenario(
        "start_in_process",
        "1,000 runs in a process that is there already, one after the other",
        measure,
        COLUMNS,
        judge,
        contenders=(SCHEDCORE,),
    )
]
