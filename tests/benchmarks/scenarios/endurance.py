"""Many runs of a task that uses Django's ORM: nothing may pile up."""

from __future__ import annotations

import time
from functools import partial

from tests.benchmarks import process
from tests.benchmarks.contender import SCHEDCORE, STOCK
from tests.benchmarks.figures import Figures
from tests.benchmarks.goals import Check, at_most
from tests.benchmarks.scenario import Bench, Results, Scenario
from tests.benchmarks.trial import Trial, trial, wait_until
from tests.benchmarks.workload import Workload

COUNT = 20_000
STALL_S = 20.0
MAX_GROWTH_MB = 10.0

PARTS = ("start", "middle", "end")
KINDS = ("connections", "threads", "handles", "processes", "memory_mb")
COLUMNS = (
    ("rate", "{} runs/s"),
    ("lost", "lost {}"),
    *(
        (f"{part}_{kind}", f"{part if kind == KINDS[0] else ''} {kind} {{}}".strip())
        for part in PARTS
        for kind in KINDS
    ),
)


def measure(bench: Bench, *, executor: str) -> Figures:
    count = 4000 if bench.is_quick else COUNT
    workload = Workload(count, task="use_orm", executor=executor)
    with trial(bench.contender, bench.kind, workload, other=bench.other) as run:
        wait_until(run.due)
        found: Figures = {}
        # Not before the first tenth: what is made once has been made by then.
        for part, share in zip(PARTS, (0.1, 0.5, 1.0), strict=True):
            _wait_for(run, int(count * share))
            found |= {f"{part}_{kind}": value for kind, value in _open(run).items()}
        run.stop()
        lateness = sorted(start.lateness_s for start in run.starts())
        found["rate"] = len(lateness) / lateness[-1] if lateness else 0.0
        found["lost"] = count - len(lateness)
        return found


def _wait_for(run: Trial, count: int) -> None:
    last, since = run.started(), time.time()
    while last < count and time.time() - since < STALL_S:
        time.sleep(0.05)
        if (now := run.started()) != last:
            last, since = now, time.time()


def _open(run: Trial) -> Figures:
    family = process.family(run.pid)
    return {
        "connections": run.database.connections(),
        "threads": process.threads(run.pid),
        "handles": process.handles(run.pid),
        "processes": len(family),
        "memory_mb": sum(map(process.memory_mb, family)),
    }


def judge(results: Results, _: bool) -> list[Check]:
    ours = results[SCHEDCORE]
    checks = [at_most(ours.get("lost"), 0, "{} runs lost")]
    for kind in KINDS:
        middle, end = ours.get(f"middle_{kind}"), ours.get(f"end_{kind}")
        if end is None and kind == "connections":
            continue  # SQLite has none
        grown = None if middle is None or end is None else end - middle
        most = MAX_GROWTH_MB if kind == "memory_mb" else 1
        checks.append(at_most(grown, most, f"{{}} more {kind} than after half of the runs"))
    return checks


def _scenario(name: str, executor: str, who: tuple[str, ...]) -> Scenario:
    return Scenario(
        name,
        f"20,000 runs of a task that uses the ORM, executor {executor}",
        partial(measure, executor=executor),
        COLUMNS,
        judge,
        contenders=who,
    )


SCENARIOS = [
    _scenario("endurance", "threads", (SCHEDCORE, STOCK)),
    _scenario("processes", "processes", (SCHEDCORE,)),
]
