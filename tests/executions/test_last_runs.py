from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from jobs.demo.many import make_many_executions, make_many_jobs
from jobs.executions.last_runs import LastRun, last_runs, read
from jobs.models import Job, Status
from tests.factories import make_execution, make_job

NOW = datetime(2026, 3, 4, 12, 0, 0, tzinfo=UTC)


def runs_of(job_id: str, most: int = 20) -> list[LastRun]:
    (job,) = Job.objects.filter(pk=job_id).annotate(runs=last_runs(most))
    return read(job.runs)


@pytest.mark.django_db
def test_the_last_runs_of_each_job_come_with_it_the_newest_first() -> None:
    make_job("a", function="work")
    make_job("b", function="work")
    older = [make_execution("a") for _ in range(3)]
    make_execution("b")
    newest = make_execution("a", status=Status.FAILED, duration_s=1.5, started_at=NOW)

    with CaptureQueriesContext(connection) as queries:
        jobs = {job.pk: read(job.runs) for job in Job.objects.annotate(runs=last_runs(3))}

    assert len(queries) == 1
    assert [run.id for run in jobs["a"]] == [newest.pk, older[2].pk, older[1].pk]
    assert len(jobs["b"]) == 1
    assert jobs["a"][0] == LastRun(newest.pk, Status.FAILED, NOW, 1.5, False, None, None)
    assert jobs["a"][0].ended_at == NOW + timedelta(seconds=1.5)


@pytest.mark.django_db
def test_a_run_tells_its_occurrence_until_it_starts_its_progress_and_its_warning() -> None:
    make_job("a", function="work")
    make_execution("a", status=Status.QUEUED, scheduled_for=NOW)
    make_execution("a", status=Status.RUNNING, progress_done=2.5, progress_total=10)
    make_execution("a", warning="Late.")

    warned, running, queued = runs_of("a")

    assert (queued.at, queued.duration_s) == (NOW, None)
    assert (running.progress_done, running.progress_total) == (2.5, 10)
    assert warned.is_warned
    assert not running.is_warned


@pytest.mark.django_db
def test_a_job_without_history_has_no_runs() -> None:
    make_job("a", function="work")
    assert runs_of("a") == []


@pytest.mark.django_db
def test_a_moment_that_only_sql_can_have_written_is_left_out() -> None:
    make_job("a", function="work")
    good, bad = make_execution("a"), make_execution("a")
    nonsense = "'infinity'" if connection.vendor == "postgresql" else "'never'"
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE jobs_jobexecution SET started_at = {nonsense} WHERE id = %s", [bad.pk]
        )
    assert [run.id for run in runs_of("a")] == [good.pk]


@pytest.mark.django_db
def test_the_history_is_read_by_its_index_however_long_it_is() -> None:
    ids = make_many_jobs(50, NOW, Random(1))
    make_many_executions(ids, 5000, NOW, Random(1))
    rows = Job.objects.filter(pk__in=ids[:10]).annotate(runs=last_runs(20))

    plan = rows.explain()

    assert "execution_job_idx" in plan
    assert "SCAN e" not in plan
    assert "Seq Scan on jobs_jobexecution" not in plan
