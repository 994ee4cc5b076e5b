"""What a request costs the database: a fixed number of statements, rights included, and no look
at the whole history."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from jobs.models import Job, JobExecution, JobUserPermission, Source, Status
from tests.api.answers import succeeded
from tests.api.conftest import BASE, Login
from tests.factories import make_jobs, make_user, permissions

MOST = 8
JOBS, RUNS = 60, 100
GRANTED = 50
"""Of 6,000 executions: enough for PostgreSQL to use its indexes, as it does for a million."""

PATHS = [
    "jobs?page_size=50",
    "jobs?page_size=50&ordering=next_run_time",
    "jobs?page_size=50&state=scheduled,paused",
    "jobs/{job}",
    "executions",
    "executions?job={job}",
    "executions?job={job}&status=failed",
    "executions?job={job}&status=failed,timed_out,skipped",
    "executions?job={job}&status=failed&ordering=id",
    "executions?status=interrupted",
    "executions?status=queued,running",
    "executions?status=running,interrupted",
    "executions?source=manual",
    "executions?requested_by=ana",
    "executions/{execution}",
]


@pytest.fixture
def history(db: None) -> dict[str, str]:
    """Jobs with a history of which one run in fifty failed; of the first of them and one run."""
    jobs = make_jobs(JOBS)
    now = datetime.now(UTC)
    moments = [now - timedelta(minutes=minutes) for minutes in range(RUNS)]
    JobExecution.objects.bulk_create(
        JobExecution(
            job_id=job.pk,
            job_name=job.name,
            function=job.function,
            source=Source.SCHEDULE,
            status=Status.FAILED if number % 50 == 0 else Status.SUCCEEDED,
            scheduled_for=moment,
            queued_at=moment,
            started_at=moment,
            finished_at=moment,
            released_at=moment,
        )
        for number, moment in enumerate(moments)
        for job in jobs
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    execution = JobExecution.objects.filter(job_id=jobs[0].pk).latest("pk")
    return {"job": jobs[0].pk, "execution": str(execution.pk)}


@pytest.mark.parametrize("who", ["all jobs", "some jobs"])
def test_requests_cost_few_statements_and_read_no_whole_history(
    history: dict[str, str], login: Login, who: str
) -> None:
    client = login(make_user("view_job") if who == "all jobs" else _granted(GRANTED))
    for path in PATHS:
        with CaptureQueriesContext(connection) as queries:
            succeeded(client.get(BASE + path.format(**history)))
        assert len(queries) <= MOST, path
        if connection.vendor == "postgresql":
            for query in queries:
                assert _scans(query["sql"]) == [], path


def test_more_grants_cost_no_more_statements(history: dict[str, str], login: Login) -> None:
    costs = []
    for number in (1, GRANTED):
        client = login(_granted(number))
        costs.append(0)
        for path in PATHS:
            with CaptureQueriesContext(connection) as queries:
                succeeded(client.get(BASE + path.format(**history)))
            costs[-1] += len(queries)
    assert costs[0] == costs[1]


def _granted(number: int) -> User:
    """Somebody who may view the first of the jobs, one by one."""
    user = make_user()
    (permission,) = permissions("view_job")
    JobUserPermission.objects.bulk_create(
        JobUserPermission(user=user, permission=permission, content_object=job)
        for job in Job.objects.order_by("pk")[:number]
    )
    return user


def _scans(statement: str) -> list[str]:
    """The steps of PostgreSQL's plan that read all executions."""
    if not re.match(r"SELECT .*jobs_jobexecution", statement, re.DOTALL):
        return []
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN " + statement)
        return [row[0] for row in cursor.fetchall() if "Seq Scan on jobs_jobexecution" in row[0]]
