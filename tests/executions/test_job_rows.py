from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django_apscheduler.models import DjangoJob

from jobs.demo.many import make_many_executions, make_many_jobs
from jobs.executions.job_rows import JobRow, job_rows, page_of_jobs
from jobs.models import Job, JobExecution, JobState, Status
from jobs.models.job import JobQuerySet
from jobs.models.once import MadeOnce
from tests.factories import make_execution, make_job

NOW = datetime.now(UTC)

pytestmark = pytest.mark.django_db

GIVEN: list[dict[str, Any]] = [
    {},
    {
        "description": "Grüße, 世界 \u2028 \\ {}",
        "kwargs": {"recipient": "ü", "copies": 2**70},
        "timezone": "Asia/Kolkata",
        "executor": "processes",
        "coalesce": False,
        "max_instances": 3,
        "misfire_grace_time": 0,
        "timeout": 60,
        "max_retries": 2,
        "retry_delay": 5,
        "retry_backoff": 1.5,
        "rerun_if_interrupted": True,
    },
    {"trigger_type": "interval", "trigger_params": {"minutes": 5}},
]


def make(job_id: str) -> Job:
    return make_job(job_id, function="work")


def only(job_id: str) -> JobRow:
    (row,) = job_rows([job_id])
    return row


@pytest.mark.parametrize("fields", GIVEN)
def test_a_row_holds_what_the_model_holds(fields: dict[str, Any]) -> None:
    make("job")
    Job.objects.update(**fields)
    row, job = only("job"), Job.objects.with_schedule(NOW).get()
    names = {field.attname for field in Job._meta.concrete_fields}
    names -= {field.attname for field in MadeOnce._meta.concrete_fields}  # nobody is shown them
    assert {name: getattr(row, name) for name in names} == {
        name: getattr(job, name) for name in names
    }
    for name in names:
        assert type(getattr(row, name)) is type(getattr(job, name)), name
    assert (row.next_run_time, row.zone_name, row.is_builtin) == (
        job.next_run_time,
        job.zone_name,
        job.is_builtin,
    )


def test_rows_come_in_the_order_of_the_ids_and_without_those_that_are_gone() -> None:
    for job_id in ("a", "b", "c"):
        make(job_id)
    assert [row.id for row in job_rows(["c", "gone", "a"])] == ["c", "a"]
    assert job_rows([]) == []


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({"is_enabled": False, "is_paused": True}, JobState.DISABLED),
        ({"is_paused": True}, JobState.PAUSED),
        ({"is_paused": True, "paused_until": NOW + timedelta(days=1)}, JobState.PAUSED),
        ({"is_paused": True, "paused_until": NOW - timedelta(days=1)}, JobState.SCHEDULED),
        ({"problem": "It is broken."}, JobState.BROKEN),
        ({}, JobState.SCHEDULED),
    ],
)
def test_its_state_is_that_of_the_model(changes: dict[str, Any], state: JobState) -> None:
    make("job")
    Job.objects.update(**changes)
    assert only("job").state == state == Job.objects.with_schedule(NOW).get().state


def test_a_job_without_a_next_run_is_finished() -> None:
    make("job")
    DjangoJob.objects.update(next_run_time=None)
    assert only("job").state == JobState.FINISHED


def test_it_tells_the_newest_execution_and_how_many_are_going_on() -> None:
    make("job")
    assert (only("job").last_execution, only("job").running) == (None, 0)
    make_execution("job", status=Status.FAILED, started_at=NOW, duration_s=1.5, released_at=NOW)
    failed = JobExecution.objects.get()
    last = only("job").last_execution
    assert last == (failed.pk, "failed", failed.started_at, 1.5)
    make_execution("job", status=Status.RUNNING)
    make_execution("other", status=Status.RUNNING)
    row = only("job")
    assert row.last_execution is not None
    assert (row.last_execution.status, row.running) == ("running", 1)


def test_a_page_is_one_statement_and_knows_how_many_there_are(
    django_assert_num_queries: Any,
) -> None:
    for number in range(5):
        make(f"job-{number}")
    with django_assert_num_queries(1):
        rows, count = page_of_jobs(Job.objects.order_by("-id"), offset=1, limit=3)
    assert ([row.id for row in rows], count) == (["job-3", "job-2", "job-1"], 5)


@pytest.mark.parametrize(
    ("jobs", "expected"),
    [
        (Job.objects.filter(id__in=["a", "b"]).order_by("id"), (["b"], 2)),
        (Job.objects.filter(name__contains="%").order_by("id"), ([], 0)),
        (Job.objects.order_by("id"), (["b", "c"], 3)),
        (Job.objects.with_schedule(NOW).in_state("scheduled").order_by("-id"), (["b", "a"], 3)),
        (Job.objects.with_next_run().order_by("next_run_time", "-id"), (["b", "a"], 3)),
        (Job.objects.none().order_by("id"), ([], 0)),
    ],
)
def test_a_page_is_of_those_that_were_asked_for(
    jobs: JobQuerySet, expected: tuple[list[str], int]
) -> None:
    for job_id in ("c", "b", "a"):
        make(job_id)
    DjangoJob.objects.update(next_run_time=NOW)
    rows, count = page_of_jobs(jobs.all(), offset=1, limit=10)
    assert ([row.id for row in rows], count) == expected


def test_a_page_after_the_last_is_empty_and_knows_how_many_there_are() -> None:
    make("job")
    assert page_of_jobs(Job.objects.order_by("id"), offset=2**62, limit=10) == ([], 1)


@pytest.mark.skipif(connection.vendor != "postgresql", reason="plans are PostgreSQL's")
def test_the_history_is_read_by_its_index_however_long_it_is() -> None:
    ids = make_many_jobs(50, NOW, Random(1))
    make_many_executions(ids, 5000, NOW, Random(1))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE jobs_jobexecution")
    with CaptureQueriesContext(connection) as queries:
        page_of_jobs(Job.objects.order_by("id"), offset=10, limit=10)
        job_rows(ids[:10])
    with connection.cursor() as cursor:
        plan = ""
        for query in queries:
            cursor.execute(f"EXPLAIN {query['sql']}")
            plan += "\n".join(line for (line,) in cursor.fetchall())
    assert plan.count("execution_job_idx") == 2, plan
    assert "Seq Scan on jobs_jobexecution" not in plan, plan
