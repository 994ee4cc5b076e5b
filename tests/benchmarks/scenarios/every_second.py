"""A steady load: jobs that are due every second, for some time."""

from __future__ import annotations

from functools import partial

from tests.benchmarks import process
from tests.benchmarks.contender import SCHEDCORE, STOCK
from tests.benchmarks.figures import Figures, percentile
from tests.benchmarks.goals import Check, at_least, at_most, ratio
from tests.benchmarks.scenario import Bench, Results, Scenario
from tests.benchmarks.trial import Start, Trial, trial, wait_until
from tests.benchmarks.workload import Workload

DRAIN_S = 3.0
"""After the last occurrence that counts."""
PROMPT_S = 0.1

COLUMNS = (
    ("p50_s", "p50 {} s"),
    ("p99_s", "p99 {} s"),
    ("prompt_percent", "{} % within 100 ms"),
    ("cpu_percent", "{} % of a core"),
    ("transactions", "{} transactions/s"),
    ("ran_percent", "{} % ran"),
    ("dropped", "skipped or missed {}"),
)
SUSTAINED_COLUMNS = (
    ("first_p50_s", "first third p50 {} s"),
    ("last_p50_s", "last third p50 {} s"),
    *COLUMNS[1:],
)


def measure(bench: Bench, *, count: int, is_spread: bool, seconds: int) -> Figures:
    if bench.is_quick:
        seconds = min(seconds, 12)
    workload = Workload(count, every_s=1, is_spread=is_spread)
    with trial(bench.contender, bench.kind, workload, other=bench.other) as run:
        wait_until(run.due)
        cpu_before, transactions_before = process.cpu_s(run.pid), run.database.transactions()
        wait_until(run.due + seconds)
        cpu_s, transactions = process.cpu_s(run.pid) - cpu_before, run.database.transactions()
        wait_until(run.due + seconds + DRAIN_S)
        # The runs of the occurrences in that time, whenever they started.
        starts = [start for start in run.starts() if start.due < run.due + seconds - 1e-3]
        run.stop()
        dropped = run.dropped.get("missed", 0) + run.dropped.get("skipped", 0)
        return {
            **_lateness(starts, run, seconds),
            "cpu_percent": 100 * cpu_s / seconds,
            "transactions": None
            if transactions is None or transactions_before is None
            else (transactions - transactions_before) / seconds,
            "ran_percent": 100 * len(starts) / (count * seconds),
            "dropped": dropped,
        }


def _lateness(starts: list[Start], run: Trial, seconds: int) -> Figures:
    lateness = [start.lateness_s for start in starts]
    first = [start.lateness_s for start in starts if start.due < run.due + seconds / 3]
    last = [start.lateness_s for start in starts if start.due >= run.due + seconds * 2 / 3]
    prompt = sum(late <= PROMPT_S for late in lateness)
    return {
        "p50_s": percentile(lateness, 0.5),
        "p99_s": percentile(lateness, 0.99),
        "prompt_percent": 100 * prompt / len(lateness) if lateness else None,
        "first_p50_s": percentile(first, 0.5),
        "last_p50_s": percentile(last, 0.5),
    }


def _cpu(results: Results) -> list[Check]:
    if STOCK not in results:
        return []
    share = ratio(results[SCHEDCORE].get("cpu_percent"), results[STOCK].get("cpu_percent"))
    return [at_most(share, 0.5, "{} times stock's CPU")]


def judge_together(results: Results, _: bool) -> list[Check]:
    ours = results[SCHEDCORE]
    return [
        at_most(ours.get("dropped"), 0, "{} skipped or missed"),
        at_least(ours.get("ran_percent"), 100, "{} % of the occurrences ran"),
        at_least(ours.get("prompt_percent"), 99, "{} % start within 100 ms"),
        *_cpu(results),
    ]


def judge_spread(results: Results, _: bool) -> list[Check]:
    ours = results[SCHEDCORE]
    return [
        at_most(ours.get("p99_s"), 0.02, "p99 lateness {} s"),
        at_most(ours.get("dropped"), 0, "{} skipped or missed"),
        at_least(ours.get("ran_percent"), 100, "{} % of the occurrences ran"),
        *_cpu(results),
    ]


def judge_sustained(results: Results, _: bool) -> list[Check]:
    ours = results[SCHEDCORE]
    grown = ratio(ours.get("last_p50_s"), ours.get("first_p50_s"))
    return [
        at_most(grown, 1.5, "lateness of the last third {} times that of the first"),
        at_most(ours.get("dropped"), 0, "{} skipped or missed"),
        at_least(ours.get("ran_percent"), 100, "{} % of the occurrences ran"),
    ]


SCENARIOS = [
    Scenario(
        "together",
        "200 jobs every second, all at one moment, for 60 s",
        partial(measure, count=200, is_spread=False, seconds=60),
        COLUMNS,
        judge_together,
    ),
    Scenario(
        "spread",
        "200 jobs every second, spread evenly over it, for 60 s",
        partial(measure, count=200, is_spread=True, seconds=60),
        COLUMNS,
        judge_spread,
    ),
    Scenario(
        "sustained",
        "2,000 jobs every second, all at one moment, for 30 s",
        partial(measure, count=2000, is_spread=False, seconds=30),
        SUSTAINED_COLUMNS,
        judge_sustained,
    ),
]
