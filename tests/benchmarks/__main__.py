"""`make bench`: every scenario beside stock django-apscheduler and plain APScheduler.

make bench                                  all of it, about an hour
make bench ARGS=--quick                     shorter, about 20 minutes
make bench ARGS="burst idle"                some scenarios
make bench ARGS="burst --on postgresql --repeat 5"
make bench ARGS="burst --against ../other"  with the schedcore of another folder besides
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from tests.benchmarks import machine
from tests.benchmarks.contender import OTHER, SCHEDCORE
from tests.benchmarks.database import Kind, PostgresqlKind, SqliteKind, postgresql_version
from tests.benchmarks.figures import Figures, median_of
from tests.benchmarks.goals import Check, ratio, shown
from tests.benchmarks.scenario import Bench, Results, Scenario
from tests.benchmarks.scenarios import (
    aggregate,
    burst,
    change,
    endurance,
    every_second,
    idle,
    pages,
    retention,
    start_in_process,
    statements,
    web,
)
from tests.benchmarks.trial import Failed

MODULES = (
    burst,
    every_second,
    idle,
    change,
    statements,
    start_in_process,
    endurance,
    aggregate,
    retention,
    web,
    pages,
)
SCENARIOS = {scenario.name: scenario for module in MODULES for scenario in module.SCENARIOS}


def main() -> int:
    options = _options()
    server = postgresql_version()
    kinds: list[Kind] = []
    if options.on != "postgresql":
        kinds.append(SqliteKind())
    if options.on != "sqlite" and server:
        kinds.append(PostgresqlKind())
    say(machine.describe(server))
    if options.on != "sqlite" and not server:
        say("No PostgreSQL answers at TEST_DATABASE_URL; its figures are left out.")
    checks: list[tuple[str, Check]] = []
    with ExitStack() as stack:
        for kind in kinds:
            stack.callback(kind.close)
        for name in options.scenarios or SCENARIOS:
            scenario = SCENARIOS[name]
            say(f'\n{name}: {scenario.title}   (make bench ARGS="{name}")')
            for kind in kinds:
                found = _measured(scenario, kind, options)
                checks += [(f"{name}, {kind.label}: ", check) for check in found]
    missed = [(where, check) for where, check in checks if not check.reached]
    say(f"\n{len(checks) - len(missed)} of {len(checks)} figures reach what they must")
    for where, check in missed:
        say(f"  {where}{check}")
    return 1 if missed and options.strict else 0


def _measured(scenario: Scenario, kind: Kind, options: argparse.Namespace) -> list[Check]:
    is_sqlite = isinstance(kind, SqliteKind)
    who = scenario.who(is_sqlite=is_sqlite)
    if options.only_ours:
        who = [SCHEDCORE]
    if options.against:
        who.insert(1, OTHER)
    repeats: dict[str, list[Figures]] = {contender: [] for contender in who}
    for _number in range(options.repeat or (1 if options.quick else scenario.repeats)):
        for contender in who:
            bench = Bench(contender, kind, options.quick, options.against or "")
            try:
                repeats[contender].append(scenario.measure(bench))
            except Failed as failure:
                say(f"    {contender} could not be measured: {failure}")
    results = {who: median_of(found) if found else {} for who, found in repeats.items()}
    say(f"  {kind.label}")
    for contender in who:
        say(f"    {contender:15}{scenario.line(results[contender])}")
    for line in _ratios(scenario, results):
        say(f"    {line}")
    checks = scenario.judge(results, is_sqlite)
    for check in checks:
        say(f"    {check}")
    return checks


def _ratios(scenario: Scenario, results: Results) -> Iterator[str]:
    """schedcore's figures, as multiples of the others'."""
    ours = results[SCHEDCORE]
    for contender, figures in results.items():
        pairs = [
            (key, ours.get(key), figures.get(key))
            for key, _ in scenario.columns
            if contender != SCHEDCORE
        ]
        found = [f"{key} x{shown(ratio(one, other))}" for key, one, other in pairs if one and other]
        if found:
            yield f"/ {contender:13}{', '.join(found)}"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    names = "\n".join(f"{name}: {scenario.title}" for name, scenario in SCENARIOS.items())
    parser.epilog = names
    parser.add_argument("scenarios", nargs="*", choices=[*SCENARIOS, []], metavar="SCENARIO")
    parser.add_argument("--quick", action="store_true", help="shorter, and each once")
    parser.add_argument("--on", choices=["sqlite", "postgresql"], help="one database only")
    parser.add_argument("--repeat", type=int, help="measure so often; medians count")
    parser.add_argument("--only-ours", action="store_true", help="without the others")
    parser.add_argument("--against", metavar="FOLDER", type=_folder)
    parser.add_argument("--strict", action="store_true", help="fail unless all is reached")
    return parser.parse_args()


def _folder(text: str) -> str:
    return str(Path(text).resolve())


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
