"""Pain 21: the overview reads a time of the history, never all of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from jobs.models import Job, JobExecution, Status
from jobs.overview.lanes import Span, lanes
from jobs.overview.numbers import two_days
from jobs.overview.troubles import failing, longest_since_success, slowest
from tests.admin.conftest import _tasks as _tasks  # the tasks of these jobs
from tests.factories import make_execution, make_job

HISTORY = "jobs_jobexecution"


@pytest.mark.django_db
def test_no_statement_reads_the_whole_history() -> None:
    make_job("job")
    make_execution("job", status=Status.FAILED)
    make_execution("job", status=Status.RUNNING)
    now = datetime.now(UTC)
    executions, jobs = JobExecution.objects.all(), Job.objects.all()

    with CaptureQueriesContext(connection) as captured:
        two_days(executions, now)
        lanes(executions, jobs, Span(now, timedelta(hours=24)))
        failing(executions, now - timedelta(hours=24))
        slowest(executions, now - timedelta(hours=24))
        longest_since_success(jobs, now)

    statements = [query["sql"] for query in captured if HISTORY in query["sql"]]
    assert len(statements) == 8
    for statement in statements:
        assert not [step for step in plan(statement) if is_whole(step)], statement


def is_whole(step: str) -> bool:
    """Whether a step of a plan reads all rows, be it along an index."""
    if connection.vendor == "postgresql":
        return f"Seq Scan on {HISTORY}" in step
    return step.startswith((f"SCAN {HISTORY}", "SCAN U0"))


def plan(statement: str) -> list[str]:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off")  # as if the table were large
            cursor.execute(f"EXPLAIN {statement}")
            return [row[0] for row in cursor.fetchall()]
        cursor.execute(f"EXPLAIN QUERY PLAN {statement}")
        return [row[3] for row in cursor.fetchall()]
