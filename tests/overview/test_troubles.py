from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from jobs.control import job as control
from jobs.models import Job, JobExecution, Status
from jobs.overview.troubles import MOST_LISTED, failing, longest_since_success, slowest
from tests.admin.conftest import _tasks as _tasks  # the tasks of these jobs
from tests.factories import ACTOR, make_execution, make_job

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
SINCE = NOW - timedelta(hours=24)
pytestmark = pytest.mark.django_db


def ended(job_id: str | None, status: str, hours_ago: float = 1, **fields: Any) -> JobExecution:
    moment = NOW - timedelta(hours=hours_ago)
    return make_execution(job_id, status=status, finished_at=moment, **fields)


def test_what_still_fails_comes_before_what_works_again() -> None:
    for _number in range(3):
        ended("over", Status.FAILED)
    ended("over", Status.SUCCEEDED)
    ended("bad", Status.SUCCEEDED)
    last = ended("bad", Status.TIMED_OUT, error="x" * 1000)
    ended("fine", Status.SUCCEEDED)
    ended("old", Status.FAILED, hours_ago=25)

    with CaptureQueriesContext(connection) as captured:
        found = failing(JobExecution.objects.all(), SINCE)

    assert [(row.job_id, row.bad, row.runs, row.is_over) for row in found] == [
        ("bad", 1, 2, False),
        ("over", 3, 4, True),
    ]
    assert found[0].last == last
    assert len(found[0].last.error_start) == 300
    assert len(captured) == 2


def test_the_slowest_are_told_by_their_longest_run() -> None:
    for seconds in (10, 20, 90):
        ended("slow", Status.SUCCEEDED, duration_s=seconds)
    ended("quick", Status.SUCCEEDED, duration_s=1)
    ended("never", Status.MISSED, duration_s=None)
    found = slowest(JobExecution.objects.all(), SINCE)
    assert [(row.job_id, row.runs, row.usual_s, row.longest_s) for row in found] == [
        ("slow", 3, 40, 90),
        ("quick", 1, 1, 1),
    ]


def test_the_longest_without_a_success_come_first() -> None:
    for job_id in ("never", "long", "lately", "fine", "quiet"):
        make_job(job_id)
    ended("never", Status.FAILED)
    ended("long", Status.SUCCEEDED, hours_ago=100)
    ended("long", Status.MISSED)
    success = ended("lately", Status.SUCCEEDED, hours_ago=3)
    ended("lately", Status.FAILED)
    ended("fine", Status.SUCCEEDED, hours_ago=1000)

    found = longest_since_success(Job.objects.all(), NOW)

    assert [row.job_id for row in found] == ["never", "long", "lately"]
    assert found[0].since is None
    assert found[2].since == success.finished_at
    assert found[1].last_status == Status.MISSED


def test_a_job_that_runs_at_the_moment_is_told_by_its_last_verdict() -> None:
    make_job("job")
    ended("job", Status.FAILED)
    make_execution("job", status=Status.RUNNING)
    (row,) = longest_since_success(Job.objects.all(), NOW)
    assert row.last_status == Status.FAILED


@pytest.mark.parametrize("switch", [control.pause, control.disable])
def test_what_is_switched_off_waits_for_no_success(switch: Any) -> None:
    make_job("job")
    ended("job", Status.FAILED)
    switch("job", actor=ACTOR)
    assert longest_since_success(Job.objects.all(), NOW) == []


def test_no_list_is_long() -> None:
    for number in range(MOST_LISTED + 2):
        make_job(f"job-{number}")
        ended(f"job-{number}", Status.FAILED)
    executions = JobExecution.objects.all()
    assert len(failing(executions, SINCE)) == MOST_LISTED
    assert len(slowest(executions, SINCE)) == MOST_LISTED
    assert len(longest_since_success(Job.objects.all(), NOW)) == MOST_LISTED
