"""How much is said to the database for each run of a burst."""

from __future__ import annotations

from tests.benchmarks.contender import SCHEDCORE
from tests.benchmarks.figures import Figures
from tests.benchmarks.goals import Check, at_most
from tests.benchmarks.scenario import Bench, Results, Scenario
from tests.benchmarks.trial import trial
from tests.benchmarks.workload import Workload

COUNT = 1000

COLUMNS = (
    ("statements", "{} statements a run"),
    ("commits", "{} commits"),
    ("rollbacks", "{} rollbacks"),
    ("rows", "{} rows in statements for many"),
)


def measure(bench: Bench) -> Figures:
    with trial(bench.contender, bench.kind, Workload(COUNT), counts=True, other=bench.other) as run:
        before = run.ask()
        run.wait_for(COUNT)
        run.stop()  # writes the last verdicts, and counts to its end
        ran = run.started()
        if not ran:
            return {}
        return {
            key: (run.counts.get(key, 0) - before.get(key, 0)) / ran
            for key in ("statements", "commits", "rollbacks", "rows")
        }


def judge(results: Results, _: bool) -> list[Check]:
    return [at_most(results[SCHEDCORE].get("statements"), 0.1, "{} statements a run")]


SCENARIOS = [
    Scenario("statements", "statements per run in a burst of 1,000", measure, COLUMNS, judge)
]
