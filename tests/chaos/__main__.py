"""`make chaos`: the proof by killing, on SQLite and on a PostgreSQL server of its own.

Exits with 1, and lists what is wrong, if any occurrence is not accounted for.
"""

from __future__ import annotations

import argparse
import logging
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path

import psycopg

from tests.chaos.figures import say
from tests.chaos.server import Server, find_binaries, own_server

DATABASES = ("sqlite", "postgresql")
POSTGRESQL = os.environ.get("TEST_DATABASE_URL", "postgres://root@127.0.0.1:5432/postgres")


def main() -> int:
    options = parse()
    if options.database is None:
        codes = [
            subprocess.run([sys.executable, "-m", "tests.chaos", *sys.argv[1:], "--database", name])
            for name in DATABASES
        ]
        return max(done.returncode for done in codes)
    seed = random.randrange(10**6) if options.seed is None else options.seed
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="schedcore-chaos-")))
        server: Server | None = None
        if options.keep:
            folder = options.keep.resolve() / options.database
            folder.mkdir(parents=True)
        if options.database == "sqlite":
            url = f"sqlite:///{folder / 'chaos.sqlite3'}"
        elif binaries := find_binaries():
            server = stack.enter_context(own_server(binaries))
            url = server.url("postgres")
        else:
            say("There is no initdb, so the server itself is not stopped and not frozen.")
            url = stack.enter_context(database_of(POSTGRESQL))
        return run_on(url, folder, server, options, seed)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--faults", type=int, default=100)
    parser.add_argument("--jobs", type=int, default=200, help="each is due every second")
    parser.add_argument("--seed", type=int, help="of the faults; random, and printed")
    parser.add_argument("--database", choices=DATABASES, help="both, one after the other")
    parser.add_argument(
        "--keep", type=Path, help="a new folder for logs, notes and the SQLite file"
    )
    return parser.parse_args()


def run_on(
    url: str, folder: Path, server: Server | None, options: argparse.Namespace, seed: int
) -> int:
    os.environ |= {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "tests.chaos.settings"}
    import django
    from django.core.management import call_command
    from django.db import connections

    django.setup()
    logging.getLogger("psycopg.pool").setLevel(logging.ERROR)  # this process's own
    call_command("migrate", verbosity=0)
    from tests.chaos.population import MANY_WORKERS
    from tests.chaos.processes import SchedulerProcess, start_scheduler
    from tests.chaos.run import Chaos

    numbers = count(1)

    def start() -> SchedulerProcess:
        return start_scheduler(folder / f"scheduler-{next(numbers):03}.log", **MANY_WORKERS)

    say(f"\n{options.database}: two schedulers, {options.jobs} jobs due every second, seed {seed}")
    try:
        outcome = Chaos(start, seed, server).run(
            faults=options.faults, jobs=options.jobs, notes_file=folder / "notes", say=say
        )
    finally:
        connections.close_all()
    for line in outcome.lines():
        say(f"  {line}")
    return 1 if outcome.offences else 0


@contextmanager
def database_of(url: str) -> Iterator[str]:
    """A database on that server, gone afterwards."""
    name = f"schedcore_chaos_{os.getpid()}"
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
        try:
            yield url.rsplit("/", 1)[0] + f"/{name}"
        finally:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


if __name__ == "__main__":
    sys.exit(main())
