"""So much that a page which reads too much of it shows: jobs and executions by the thousand."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice
from random import Random
from typing import Any

from django.db import connection, transaction
from django_apscheduler.models import DjangoJob

from jobs.control.schedule import MARKER
from jobs.executions.database import insert_rows, is_postgresql, to_database
from jobs.executions.revision import bump_revision
from jobs.models import Job, Status

BATCH = 5000
FUNCTION = "demo_count"
COLUMNS = {
    "job_id": "varchar",
    "job_name": "varchar",
    "function": "varchar",
    "args": "jsonb",
    "kwargs": "jsonb",
    "executor": "varchar",
    "timeout_s": "integer",
    "source": "varchar",
    "status": "varchar",
    "scheduled_for": "timestamptz",
    "occurrence_count": "integer",
    "is_count_capped": "boolean",
    "queued_at": "timestamptz",
    "started_at": "timestamptz",
    "finished_at": "timestamptz",
    "released_at": "timestamptz",
    "duration_s": "double precision",
    "reason": "text",
    "error": "text",
}
VERDICTS = (Status.SUCCEEDED, Status.FAILED, Status.TIMED_OUT, Status.CANCELLED)
WEIGHTS = (960, 30, 5, 5)


def make_many_jobs(count: int, now: datetime, rng: Random) -> list[str]:
    """Jobs `many-000001` to `count`, every hour at some minute; returns their ids."""
    jobs = [
        Job(
            id=f"many-{number:06}",
            name=f"One of many {number}",
            function=FUNCTION,
            kwargs={"to": 1, "pause_s": 0},
            trigger_type="cron",
            trigger_params={"cron_expression": f"{number % 60} * * * *"},
            is_enabled=number % 20 != 0,
            anchor=now,
        )
        for number in range(1, count + 1)
    ]
    schedules = [
        DjangoJob(
            id=job.pk,
            next_run_time=_next(now, number) if job.is_enabled else None,
            job_state=MARKER,
        )
        for number, job in enumerate(jobs, start=1)
    ]
    with transaction.atomic():
        Job.objects.bulk_create(jobs, batch_size=BATCH)
        DjangoJob.objects.bulk_create(schedules, batch_size=BATCH)
        bump_revision()
    return [job.pk for job in jobs]


def make_many_executions(job_ids: list[str], count: int, now: datetime, rng: Random) -> None:
    """That many, evenly over the jobs and the last thirty days, in the order of their times."""
    rows = _executions(job_ids, count, now, rng)
    while batch := list(islice(rows, BATCH)):
        with transaction.atomic(), connection.cursor() as cursor:
            insert_rows(cursor, "jobs_jobexecution", COLUMNS, batch)
    if is_postgresql():
        with connection.cursor() as cursor:
            # As the server does by itself, some time after so much has been written.
            cursor.execute("ANALYZE")


def _next(now: datetime, number: int) -> datetime:
    at = now.replace(minute=number % 60, second=0, microsecond=0)
    return at if at > now else at + timedelta(hours=1)


def _executions(
    job_ids: list[str], count: int, now: datetime, rng: Random
) -> Iterator[tuple[Any, ...]]:
    step = timedelta(days=30) / max(count, 1)
    since = now - timedelta(days=30, minutes=5)
    verdicts = rng.choices(VERDICTS, WEIGHTS, k=1000)
    for number in range(count):
        job_id = job_ids[number % len(job_ids)]
        began = since + step * number
        seconds = 0.2 + number * 7919 % 1000 / 250
        status = verdicts[number % 1000]
        at, ended = to_database(began), to_database(began + timedelta(seconds=seconds))
        error = "RuntimeError: Asked to fail at 1." if status == Status.FAILED else ""
        yield (
            *(job_id, f"One of many {job_id[5:].lstrip('0')}", FUNCTION, "[]", "{}", "threads", 0),
            *("schedule", status.value, at, 1, False, at, at, ended, ended, seconds, "", error),
        )
