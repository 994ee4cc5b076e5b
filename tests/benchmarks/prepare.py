"""Puts the jobs of a trial into its database; prints when the first is due.

A process of its own, so that the scheduler's memory and time hold nothing of it.
"""

from __future__ import annotations

import os
import pickle
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from tests.benchmarks.contender import OTHER, PLAIN, SCHEDCORE, VARIABLE
from tests.benchmarks.workload import Workload, given

BATCH = 5000


def main() -> None:
    import django

    workload = given()
    which = os.environ[VARIABLE]
    if which != PLAIN:
        django.setup()
    # Rows are written in the end, as of a moment that lies ahead of that.
    due = datetime.now(UTC) + timedelta(seconds=workload.lead_s + workload.count / 3000)
    if which in (SCHEDCORE, OTHER):
        schedcore(workload, due)
    elif which == PLAIN:
        plain(workload, due)
    else:
        stock(workload, due)
    sys.stdout.write(f"{due.timestamp()}\n")


def schedcore(workload: Workload, due: datetime) -> None:
    from django_apscheduler.models import DjangoJob

    from jobs.control.schedule import MARKER
    from jobs.models import Job

    step = timedelta(seconds=workload.every_s)
    grace = None if workload.is_grace_default else 0  # no limit

    def pairs() -> Iterator[tuple[Job, DjangoJob]]:
        for number in range(workload.count):
            first = due + timedelta(seconds=workload.offset_s(number))
            trigger: dict[str, Any] = {
                "trigger_type": "interval",
                "trigger_params": {"seconds": workload.every_s},
                "anchor": first - step,
            }
            if workload.is_one_shot:
                trigger = {
                    "trigger_type": "date",
                    "trigger_params": {"run_date": first.isoformat()},
                    "anchor": first,
                }
            job_id = f"job-{number}"
            yield (
                Job(
                    id=job_id,
                    name=job_id,
                    function=workload.task,
                    executor=workload.executor,
                    misfire_grace_time=grace,
                    **trigger,
                ),
                DjangoJob(id=job_id, next_run_time=first, job_state=MARKER),
            )

    found = pairs()
    while batch := list(islice(found, BATCH)):
        Job.objects.bulk_create(job for job, _ in batch)
        DjangoJob.objects.bulk_create(schedule for _, schedule in batch)


def stock(workload: Workload, due: datetime) -> None:
    from django_apscheduler.models import DjangoJob

    DjangoJob.objects.bulk_create(
        (
            DjangoJob(id=job.id, next_run_time=job.next_run_time, job_state=_state(job))
            for job in _jobs(workload, due)
        ),
        batch_size=BATCH,
    )


def plain(workload: Workload, due: datetime) -> None:
    from apscheduler.schedulers.background import BackgroundScheduler

    from tests.benchmarks.subject import sqlalchemy_store

    store = sqlalchemy_store()
    store.start(BackgroundScheduler(timezone="UTC"), "default")  # makes its table
    rows = [
        {"id": job.id, "next_run_time": job.next_run_time.timestamp(), "job_state": _state(job)}
        for job in _jobs(workload, due)
    ]
    with store.engine.begin() as connection:
        connection.execute(store.jobs_t.insert(), rows)


def _jobs(workload: Workload, due: datetime) -> list[Any]:
    """APScheduler's jobs, as its scheduler makes them."""
    from apscheduler.schedulers.background import BackgroundScheduler

    scheduler = BackgroundScheduler(
        timezone="UTC",
        job_defaults={} if workload.is_grace_default else {"misfire_grace_time": None},
    )
    scheduler.start(paused=True)
    for number in range(workload.count):
        first = due + timedelta(seconds=workload.offset_s(number))
        trigger: dict[str, Any] = {
            "trigger": "interval",
            "seconds": workload.every_s,
            "start_date": first,
        }
        if workload.is_one_shot:
            trigger = {"trigger": "date", "run_date": first}
        scheduler.add_job(f"tests.benchmarks.work:{workload.task}", id=f"job-{number}", **trigger)
    jobs: list[Any] = scheduler.get_jobs()
    scheduler.shutdown()
    return jobs


def _state(job: Any) -> bytes:
    return pickle.dumps(job.__getstate__(), pickle.HIGHEST_PROTOCOL)


if __name__ == "__main__":
    main()
