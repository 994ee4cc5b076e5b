"""The process that is measured: one contender's scheduler, started as its users start it.

It says `ready` once it schedules; a line on its standard input is answered with its counts as
JSON; at the end of that input it stops, and tells them once more.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

from tests.benchmarks import statements
from tests.benchmarks.contender import OTHER, PLAIN, SCHEDCORE, VARIABLE
from tests.benchmarks.workload import given

COUNTS = "BENCH_COUNTS"
SQLALCHEMY_URL = "BENCH_SQLALCHEMY_URL"

_dropped: Counter[str] = Counter()


def main() -> None:
    which = os.environ[VARIABLE]
    if COUNTS in os.environ:
        _count(which)
    if which in (SCHEDCORE, OTHER):
        schedcore()
    else:
        apscheduler(sqlalchemy_store if which == PLAIN else django_store)
    _tell()
    os._exit(0)


def schedcore() -> None:
    import django

    django.setup()
    from jobs.runtime.service import Service

    service = Service(_SaysReadyOnce())
    threading.Thread(target=_answer, args=[service.stop], daemon=True).start()
    service.run(handles_signals=False)


def apscheduler(store: Callable[[], Any]) -> None:
    from apscheduler import events
    from apscheduler.executors import pool
    from apscheduler.executors.pool import ThreadPoolExecutor
    from apscheduler.schedulers.background import BackgroundScheduler

    pool.run_job = _telling_when_due(pool.run_job)
    jobs = store()
    scheduler = BackgroundScheduler(
        timezone="UTC", executors={"default": ThreadPoolExecutor(given().workers)}
    )
    scheduler.add_jobstore(jobs, "default")
    scheduler.add_listener(lambda _: _dropped.update(["missed"]), events.EVENT_JOB_MISSED)
    scheduler.add_listener(lambda _: _dropped.update(["skipped"]), events.EVENT_JOB_MAX_INSTANCES)
    scheduler.start()
    ready()
    _answer(scheduler.shutdown)


def sqlalchemy_store() -> Any:
    from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore

    return SQLAlchemyJobStore(os.environ[SQLALCHEMY_URL])


def django_store() -> Any:
    import django

    django.setup()
    from django_apscheduler.jobstores import DjangoJobStore

    return DjangoJobStore()


class _SaysReadyOnce:
    """Takes what schedcore's process says; the first is that it leads."""

    def __init__(self) -> None:
        self._is_first = True

    def __call__(self, text: str) -> None:
        if self._is_first:
            ready()
        self._is_first = False


def ready() -> None:
    sys.stdout.write("ready\n")
    sys.stdout.flush()


def _answer(stop: Callable[[], object]) -> None:
    for _line in sys.stdin:
        _tell()
    stop()


def _tell() -> None:
    sys.stdout.write(json.dumps({**statements.counts(), **_dropped}) + "\n")
    sys.stdout.flush()


def _telling_when_due(run_job: Callable[..., Any]) -> Callable[..., Any]:
    """APScheduler does not tell a task for when it runs."""
    from tests.benchmarks import work

    def run(job: Any, alias: str, run_times: list[Any], logger: str) -> Any:
        work.this_run.due = run_times[-1].timestamp()
        return run_job(job, alias, run_times, logger)

    return run


def _count(which: str) -> None:
    if os.environ["DATABASE_URL"].startswith("postgres"):
        statements.count_psycopg()
    elif which == PLAIN:
        statements.count_sqlalchemy()
    else:
        statements.count_django()


if __name__ == "__main__":
    main()
