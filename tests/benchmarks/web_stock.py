"""Puts jobs with a long history into the database of a trial, and somebody who may view them;
prints the text of their token."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

BATCH = 5000
TRIGGERS: list[tuple[str, dict[str, Any]]] = [
    ("cron", {"cron_expression": "0 3 * * *"}),
    ("cron", {"hour": "*/2", "minute": "15", "day_of_week": "mon-fri"}),
    ("interval", {"minutes": 15}),
]
UNUSUAL_EVERY = 20
"""One run of so many has failed."""


def main(jobs: int, executions: int) -> None:
    import django

    django.setup()
    from django.contrib.auth.models import Permission, User
    from django.db import connection, transaction
    from django_apscheduler.models import DjangoJob

    from jobs.control.audit import system_actor
    from jobs.control.schedule import MARKER
    from jobs.control.token import create
    from jobs.executions.database import insert_rows, is_postgresql, to_database
    from jobs.models import Job, Scope
    from tests.benchmarks.old_history import COLUMNS

    now = datetime.now(UTC)
    kinds = [TRIGGERS[number % len(TRIGGERS)] for number in range(jobs)]
    Job.objects.bulk_create(
        (
            Job(
                id=name(number),
                name=f"Job {number}",
                description="One of many.",
                function="note_start",
                trigger_type=kind,
                trigger_params=params,
                anchor=now,
            )
            for number, (kind, params) in enumerate(kinds)
        ),
        batch_size=BATCH,
    )
    DjangoJob.objects.bulk_create(
        (
            DjangoJob(id=name(number), next_run_time=now + timedelta(hours=1), job_state=MARKER)
            for number in range(jobs)
        ),
        batch_size=BATCH,
    )
    since = now - timedelta(seconds=executions)
    rows = (
        _execution(number % jobs, number, to_database(since + timedelta(seconds=number)))
        for number in range(executions)
    )
    while batch := list(islice(rows, BATCH)):
        with transaction.atomic(), connection.cursor() as cursor:
            insert_rows(cursor, "jobs_jobexecution", COLUMNS, batch)
    with connection.cursor() as cursor:
        # As the server does by itself, some time after so much has been written.
        cursor.execute("VACUUM ANALYZE" if is_postgresql() else "ANALYZE")
    user = User.objects.create_user("watcher")
    user.user_permissions.set(Permission.objects.filter(codename="view_job"))
    _token, text = create(user, name="bench", scope=Scope.VIEW, days=1, actor=system_actor())
    sys.stdout.write(f"{text}\n")


def name(number: int) -> str:
    return f"job-{number:05}"


def _execution(job: int, number: int, moment: Any) -> tuple[Any, ...]:
    status = "failed" if number // 7 % UNUSUAL_EVERY == 0 else "succeeded"
    return (
        *(name(job), f"Job {job}", "note_start", "[]", "{}", "threads", 0, "schedule", status),
        *(moment, 1, False, moment, moment, moment, moment, 0.1, ""),
    )


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
