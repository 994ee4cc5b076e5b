"""Old history is cleaned up while jobs are due all the time: how late that makes them."""

from __future__ import annotations

import json
import math
import time
from functools import partial

from tests.benchmarks.contender import SCHEDCORE
from tests.benchmarks.figures import Figures, percentile
from tests.benchmarks.goals import Check, at_most
from tests.benchmarks.scenario import Bench, Results, Scenario
from tests.benchmarks.trial import Failed, Trial, trial
from tests.benchmarks.workload import Workload

COUNT = 1_000_000
QUICK_COUNT = 100_000
JOBS = 10
"""Each every second, spread evenly over it."""
SETTLE_S = 5.0
BEFORE_S = 15.0
DRAIN_S = 3.0
LIMIT_S = 3600.0
MAX_LATENESS_S = 0.5

COLUMNS = (
    ("worst_s", "worst lateness {} s"),
    ("p99_s", "p99 {} s"),
    ("before_worst_s", "worst before it {} s"),
    ("lost", "lost {}"),
    ("executions", "{} executions"),
    ("lines", "and {} log lines"),
    ("seconds", "in {} s"),
    ("left", "left {}"),
)


def measure(bench: Bench, *, count: int) -> Figures:
    if bench.is_quick:
        count = min(count, QUICK_COUNT)
    workload = Workload(JOBS, every_s=1, is_spread=True)
    with trial(bench.contender, bench.kind, workload, other=bench.other) as run:
        run.run("tests.benchmarks.old_history", str(count))
        time.sleep(SETTLE_S)
        before = time.time()
        time.sleep(BEFORE_S)
        until = time.time()
        execution_id, asked = map(float, run.run("tests.benchmarks.run_cleanup").split())
        figures = _wait_for(run, int(execution_id))
        ended = time.time()
        time.sleep(DRAIN_S)
        ((left,),) = run.database.rows(
            "SELECT COUNT(*) FROM jobs_jobexecution WHERE function = 'send_report'"
        )
        lateness = _lateness(run, asked, ended)
        run.stop()
        return {
            "worst_s": max(lateness, default=None),
            "p99_s": percentile(lateness, 0.99),
            "before_worst_s": max(_lateness(run, before, until), default=None),
            "lost": _due_in(run, asked, ended) - len(lateness),
            **figures,
            "left": left,
        }


def _wait_for(run: Trial, execution_id: int) -> Figures:
    """Until the cleanup has ended; what it says that it did."""
    end = time.time() + LIMIT_S
    while time.time() < end:
        ((status, seconds, result),) = run.database.rows(
            f"SELECT status, duration_s, result FROM jobs_jobexecution WHERE id = {execution_id}"
        )
        if status == "succeeded":
            found = json.loads(result) if isinstance(result, str) else result
            return {
                "seconds": seconds,
                "executions": found["executions"],
                "lines": found["log_lines"],
            }
        if status not in ("queued", "running"):
            raise Failed(f"The cleanup has {status}.")
        time.sleep(0.5)
    raise Failed(f"The cleanup took longer than {LIMIT_S:.0f} s.")


def _lateness(run: Trial, since: float, until: float) -> list[float]:
    """Of the occurrences in that time."""
    return [start.lateness_s for start in run.starts() if since <= start.due < until]


def _due_in(run: Trial, since: float, until: float) -> int:
    """How many occurrences that time has; one that came together with the next is lost."""
    firsts = [run.due + run.workload.offset_s(number) for number in range(run.workload.count)]
    return sum(math.ceil(until - first) - math.ceil(since - first) for first in firsts)


def judge(results: Results, _: bool) -> list[Check]:
    ours = results[SCHEDCORE]
    return [
        at_most(ours.get("worst_s"), MAX_LATENESS_S, "worst lateness {} s"),
        at_most(ours.get("lost"), 0, "{} occurrences lost"),
        at_most(ours.get("left"), 0, "{} old executions left"),
    ]


SCENARIOS = [
    Scenario(
        "retention",
        "cleanup of 1,000,000 old executions beside 10 jobs every second",
        partial(measure, count=COUNT),
        COLUMNS,
        judge,
        contenders=(SCHEDCORE,),
    )
]
