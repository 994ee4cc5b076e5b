"""`make bench`: schedcore beside stock django-apscheduler, in one run, on both databases."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import psycopg

POSTGRESQL = os.environ.get("TEST_DATABASE_URL", "postgres://root@127.0.0.1:5432/postgres")
BURST = 1000
IDLE_JOBS = 10_000
IDLE_S = 20.0


@contextmanager
def fresh_sqlite() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="schedcore-bench-") as folder:
        yield f"sqlite:///{Path(folder) / 'bench.sqlite3'}"


@contextmanager
def fresh_postgresql() -> Iterator[str]:
    name = f"schedcore_bench_{os.getpid()}"
    with psycopg.connect(POSTGRESQL, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
        try:
            yield POSTGRESQL.rsplit("/", 1)[0] + f"/{name}"
        finally:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


def run(url: str, *command: str) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-m", *command],
        env={**os.environ, "DATABASE_URL": url},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
    found: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def say(text: str = "") -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main() -> None:
    names = ("Django", "APScheduler", "django-apscheduler", "psycopg")
    say(f"Python {platform.python_version()}, {os.cpu_count()} cores, {platform.machine()}")
    say(", ".join(f"{name} {version(name)}" for name in names))
    for label, fresh in (("SQLite", fresh_sqlite), ("PostgreSQL", fresh_postgresql)):
        say(f"\n{label}: {BURST} jobs due at one moment, 5 threads")
        results = {}
        for which in ("stock", "schedcore"):
            with fresh() as url:
                found = results[which] = run(url, "tests.benchmarks.burst", which, str(BURST))
            say(
                f"  {which:10} {found.get('rate', 0):8.0f} runs/s   "
                f"p50 {found.get('p50_s', 0):6.3f} s   p99 {found.get('p99_s', 0):6.3f} s   "
                f"lost {found['lost']}   history rows {found['history_rows']}"
            )
        if results["stock"].get("rate"):
            ratio = results["schedcore"]["rate"] / results["stock"]["rate"]
            say(f"  ratio      {ratio:8.1f} times the runs a second")
        with fresh() as url:
            idle = run(url, "tests.benchmarks.idle", str(IDLE_JOBS), str(IDLE_S))
        say(f"{label}: idle for {IDLE_S:.0f} s with {IDLE_JOBS} jobs, then 20 runs asked for")
        say(
            f"  {idle['statements_a_second']} statements/s, "
            f"memory grew by {idle['memory_growth_kb']} kB, "
            f"asked to started p50 {idle['change_to_start_p50_s']} s, "
            f"max {idle['change_to_start_max_s']} s"
        )


if __name__ == "__main__":
    main()
