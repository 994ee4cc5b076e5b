from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from jobs.models import JobExecution, Status
from jobs.overview.numbers import Day, Figures, leader_figures, two_days
from tests.factories import make_execution, make_leader, make_scheduler

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
pytestmark = pytest.mark.django_db


def ended(status: str, hours_ago: float, count: int = 1, job_id: str = "job") -> None:
    moment = NOW - timedelta(hours=hours_ago)
    make_execution(job_id, status=status, finished_at=moment, occurrence_count=count)


def test_a_day_is_counted_beside_the_one_before() -> None:
    for hours in (1, 5, 23.9):
        ended(Status.SUCCEEDED, hours)
    ended(Status.FAILED, 2)
    ended(Status.TIMED_OUT, 3)
    ended(Status.CANCELLED, 3)
    ended(Status.FAILED, 24.1)
    ended(Status.FAILED, 47.9)
    ended(Status.FAILED, 48.1)
    make_execution("job", status=Status.RUNNING)

    with CaptureQueriesContext(connection) as captured:
        today, before = two_days(JobExecution.objects.all(), NOW)

    assert today == Day(succeeded=3, failed=1, timed_out=1)
    assert before == Day(failed=2)
    assert (today.bad, today.success_rate) == (2, 0.6)
    assert len(captured) == 1


def test_of_missed_and_skipped_rows_the_occurrences_are_counted() -> None:
    ended(Status.MISSED, 1, count=40)
    ended(Status.SKIPPED, 1, count=2)
    ended(Status.SKIPPED, 30, count=3)
    today, before = two_days(JobExecution.objects.all(), NOW)
    assert (today.missed, today.skipped, before.skipped) == (40, 2, 3)


def test_without_runs_there_is_no_rate() -> None:
    today, before = two_days(JobExecution.objects.all(), NOW)
    assert today == before == Day()
    assert today.success_rate is None


def test_only_what_is_given_is_counted() -> None:
    ended(Status.FAILED, 1, job_id="mine")
    ended(Status.FAILED, 1, job_id="other")
    today, _before = two_days(JobExecution.objects.filter(job_id="mine"), NOW)
    assert today.failed == 1


def test_figures_are_those_of_the_leader() -> None:
    make_scheduler("standby", figures={"workers": 99, "busy_workers": 98})
    assert leader_figures() == Figures()
    make_leader("one", figures={"workers": 5, "busy_workers": 2, "lateness_p99_s": 0.03})
    assert leader_figures() == Figures(workers=5, busy_workers=2, lateness_p99_s=0.03)


def test_a_leader_that_has_stopped_says_nothing() -> None:
    make_leader("one", stopped_at=NOW)
    assert leader_figures() == Figures()
