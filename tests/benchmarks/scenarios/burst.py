"""Bursts: many jobs due at one moment, and five threads."""

from __future__ import annotations

from functools import partial

from tests.benchmarks.contender import PLAIN, SCHEDCORE, STOCK
from tests.benchmarks.figures import Figures, percentile
from tests.benchmarks.goals import Check, at_least, at_most, ratio
from tests.benchmarks.scenario import Bench, Results, Scenario
from tests.benchmarks.trial import trial
from tests.benchmarks.workload import Workload

TIMES_STOCK, TIMES_PLAIN = 12, 4

COLUMNS = (
    ("rate", "{} runs/s"),
    ("p50_s", "p50 {} s"),
    ("p99_s", "p99 {} s"),
    ("lost", "lost {}"),
    ("history", "history rows {}"),
)


def measure(bench: Bench, *, count: int, workload: Workload | None = None) -> Figures:
    workload = workload or Workload(count)
    with trial(bench.contender, bench.kind, workload, other=bench.other) as run:
        run.wait_for(count)
        run.stop()
        lateness = sorted(start.lateness_s for start in run.starts())
        return {
            "rate": len(lateness) / lateness[-1] if lateness else 0.0,
            "p50_s": percentile(lateness, 0.5),
            "p99_s": percentile(lateness, 0.99),
            "lost": count - len(lateness),
            "lost_percent": 100 * (count - len(lateness)) / count,
            "history": run.history(),
        }


def judge(results: Results, _: bool, *, count: int) -> list[Check]:
    ours = results[SCHEDCORE]
    checks = [
        at_least(ours.get("history"), count, "{} history rows"),
        at_most(ours.get("lost"), 0, "{} runs missed"),
    ]
    if stock := results.get(STOCK):
        times = ratio(ours.get("rate"), stock.get("rate"))
        checks.append(at_least(times, TIMES_STOCK, "{} times stock's runs a second"))
        shorter = ratio(stock.get("p99_s"), ours.get("p99_s"))
        checks.append(at_least(shorter, TIMES_STOCK, "p99 lateness {} times shorter than stock's"))
    if plain := results.get(PLAIN):
        times = ratio(ours.get("rate"), plain.get("rate"))
        checks.append(at_least(times, TIMES_PLAIN, "{} times plain APScheduler's runs a second"))
    return checks


def judge_defaults(results: Results, _: bool) -> list[Check]:
    return [at_most(results[SCHEDCORE].get("lost_percent"), 0, "{} % missed at the default grace")]


def judge_one_shot(results: Results, _: bool) -> list[Check]:
    return [at_least(results[SCHEDCORE].get("history"), 1000, "{} history rows of one-shot jobs")]


SCENARIOS = [
    Scenario(
        "burst",
        "1,000 jobs due at one moment, 5 threads",
        partial(measure, count=1000),
        COLUMNS,
        partial(judge, count=1000),
        repeats=3,
        has_deferred=True,
    ),
    Scenario(
        "burst10000",
        "10,000 jobs due at one moment, 5 threads",
        partial(measure, count=10_000),
        COLUMNS,
        partial(judge, count=10_000),
    ),
    Scenario(
        "defaults",
        "1,000 jobs due at one moment, each scheduler's own misfire grace",
        partial(measure, count=1000, workload=Workload(1000, is_grace_default=True)),
        (*COLUMNS, ("lost_percent", "{} %")),
        judge_defaults,
        contenders=(SCHEDCORE, STOCK, PLAIN),
    ),
    Scenario(
        "oneshot",
        "1,000 one-shot jobs due at one moment",
        partial(measure, count=1000, workload=Workload(1000, is_one_shot=True)),
        COLUMNS,
        judge_one_shot,
        contenders=(SCHEDCORE, STOCK),
    ),
]
