"""What becomes of due occurrences: time is passed in, and nothing runs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django_apscheduler.models import DjangoJob

from jobs.executions.claim import Claimed
from jobs.executions.stretches import MAX_OCCURRENCES
from jobs.models import AuditEvent, Job, JobExecution, Source, Status
from tests.executions.conftest import NOW

Claim = Callable[..., Claimed]
DueJob = Callable[..., Job]


def seconds(count: float) -> timedelta:
    return timedelta(seconds=count)


def rows() -> list[JobExecution]:
    return list(JobExecution.objects.order_by("id"))


def next_run(job_id: str = "work") -> datetime | None:
    return DjangoJob.objects.get(pk=job_id).next_run_time


def test_one_due_occurrence_is_queued_and_the_schedule_moves_on(
    due_job: DueJob, claim: Claim
) -> None:
    due_job(NOW)
    claim(NOW + seconds(0.5))
    (row,) = rows()
    assert (row.status, row.source, row.scheduled_for) == (Status.QUEUED, Source.SCHEDULE, NOW)
    assert (row.occurrence_count, row.first_scheduled_for) == (1, None)
    assert row.start_before == NOW + seconds(300)
    assert next_run() == NOW + seconds(10)


def test_nothing_is_claimed_before_it_is_due(due_job: DueJob, claim: Claim) -> None:
    due_job(NOW)
    assert not claim(NOW - seconds(0.001)).stretches
    assert not rows()


def test_with_coalesce_several_due_occurrences_become_one_run_that_says_how_many(
    due_job: DueJob, claim: Claim
) -> None:
    due_job(NOW, coalesce=True)
    claim(NOW + seconds(35))
    (row,) = rows()
    assert row.status == Status.QUEUED
    assert (row.first_scheduled_for, row.scheduled_for) == (NOW, NOW + seconds(30))
    assert row.occurrence_count == 4
    assert next_run() == NOW + seconds(40)


def test_without_coalesce_each_runs_as_far_as_max_instances_allow(
    due_job: DueJob, claim: Claim
) -> None:
    due_job(NOW, coalesce=False, max_instances=2)
    claim(NOW + seconds(35))
    first, second, skipped = rows()
    assert [first.scheduled_for, second.scheduled_for] == [NOW, NOW + seconds(10)]
    assert skipped.status == Status.SKIPPED
    assert skipped.occurrence_count == 2
    assert (skipped.first_scheduled_for, skipped.scheduled_for) == (
        NOW + seconds(20),
        NOW + seconds(30),
    )


def test_what_is_later_than_the_grace_is_missed_in_one_row(due_job: DueJob, claim: Claim) -> None:
    due_job(NOW - seconds(1000), misfire_grace_time=25)
    claim(NOW)
    missed, run = rows()
    assert missed.status == Status.MISSED
    assert missed.occurrence_count == 98
    assert missed.first_scheduled_for == NOW - seconds(1000)
    assert missed.scheduled_for == NOW - seconds(30)
    assert missed.released_at is not None
    assert "98" in missed.reason
    assert "No scheduler was leading" in missed.reason
    assert run.status == Status.QUEUED
    assert run.occurrence_count == 3
    assert next_run() == NOW + seconds(10)


def test_a_grace_of_zero_means_no_limit(due_job: DueJob, claim: Claim) -> None:
    due_job(NOW - timedelta(hours=1), misfire_grace_time=0)
    claim(NOW)
    (row,) = rows()
    assert row.status == Status.QUEUED
    assert row.start_before is None
    assert row.occurrence_count == 361


def test_a_job_of_every_second_that_was_down_for_a_month_does_not_stall_the_tick(
    due_job: DueJob, claim: Claim
) -> None:
    due_job(NOW - timedelta(days=30), trigger_params={"seconds": 1})
    claim(NOW)
    missed, run = rows()
    assert missed.status == Status.MISSED
    assert missed.occurrence_count == MAX_OCCURRENCES
    assert missed.is_count_capped
    assert run.status == Status.QUEUED
    assert run.scheduled_for == NOW
    assert next_run() == NOW + seconds(1)


def test_nothing_is_lost_where_counting_stops_among_what_is_on_time(
    due_job: DueJob, claim: Claim
) -> None:
    due_job(NOW - seconds(600), trigger_params={"seconds": 1}, misfire_grace_time=300)
    claim(NOW)
    missed, run = rows()
    assert (missed.occurrence_count, missed.is_count_capped) == (300, False)
    assert missed.scheduled_for == NOW - seconds(301)
    assert (run.occurrence_count, run.is_count_capped) == (301, False)
    assert (run.first_scheduled_for, run.scheduled_for) == (NOW - seconds(300), NOW)


def test_a_coalesced_run_is_for_the_last_of_more_occurrences_than_are_counted(
    due_job: DueJob, claim: Claim
) -> None:
    due_job(NOW - seconds(3000), trigger_params={"seconds": 1}, misfire_grace_time=3600)
    claim(NOW + seconds(0.5))
    (run,) = rows()
    assert (run.first_scheduled_for, run.scheduled_for) == (NOW - seconds(3000), NOW)
    assert run.is_count_capped
    assert next_run() == NOW + seconds(1)


def test_a_long_backlog_without_grace_is_one_run_and_the_schedule_is_up_to_date(
    due_job: DueJob, claim: Claim
) -> None:
    due_job(NOW - timedelta(days=30), trigger_params={"seconds": 1}, misfire_grace_time=0)
    claim(NOW)
    (run,) = rows()
    assert run.is_count_capped
    assert next_run() == NOW + seconds(1)


@pytest.mark.parametrize("status", [Status.QUEUED, Status.RUNNING, Status.TIMED_OUT])
def test_overlap_counts_everything_that_holds_a_slot(
    due_job: DueJob, claim: Claim, status: Status
) -> None:
    job = due_job(NOW)
    JobExecution.objects.create(
        job=job,
        job_name="Work",
        function="work",
        source=Source.MANUAL,
        status=status,
        scheduled_for=NOW,
        queued_at=NOW,
        finished_at=NOW if status == Status.TIMED_OUT else None,
    )
    claim(NOW)
    assert rows()[-1].status == Status.SKIPPED
    assert rows()[-1].finished_at == NOW


def test_an_occurrence_that_was_claimed_before_is_passed_over(
    due_job: DueJob, claim: Claim
) -> None:
    """A clock set back, or an id used again, must not stop the tick."""
    due_job(NOW)
    due_job(NOW, id="other")
    claim(NOW)
    JobExecution.objects.filter(job_id="work").update(
        status=Status.SUCCEEDED, finished_at=NOW, released_at=NOW
    )
    DjangoJob.objects.filter(pk="work").update(next_run_time=NOW)
    claim(NOW + seconds(1))
    assert JobExecution.objects.filter(job_id="work").count() == 1
    assert next_run() == NOW + seconds(10)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"function": "gone"}, "gone"),
        ({"trigger_params": {"seconds": -1}}, "seconds"),
        ({"trigger_params": {}}, ""),
        ({"trigger_type": "cron", "trigger_params": {"cron_expression": "61 * * * *"}}, "61"),
        ({"timezone": "Mars/Olympus"}, "Mars/Olympus"),
        ({"executor": "carrier-pigeon"}, "carrier-pigeon"),
        ({"kwargs": {"since": 1}}, "since"),
        ({"args": {"not": "a list"}, "kwargs": [1]}, "a list and an object"),
    ],
)
def test_a_job_whose_row_is_nonsense_is_broken_and_the_others_go_on(
    due_job: DueJob, claim: Claim, fields: dict[str, Any], said: str
) -> None:
    due_job(NOW, id="nonsense", **fields)
    due_job(NOW)
    claimed = claim(NOW)
    assert [job_id for job_id, _sentence in claimed.broken] == ["nonsense"]
    broken = Job.objects.get(pk="nonsense")
    assert said in broken.problem
    assert broken.state_at(NOW, next_run("nonsense")) == "broken"
    failed = JobExecution.objects.get(job_id="nonsense")
    assert (failed.status, failed.reason) == (Status.FAILED, broken.problem)
    told = AuditEvent.objects.get(action="job.break")
    assert (told.job_id, told.after) == ("nonsense", {"problem": broken.problem})
    assert JobExecution.objects.get(job_id="work").status == Status.QUEUED


def test_a_trigger_without_another_occurrence_leaves_the_job_finished(
    due_job: DueJob, claim: Claim
) -> None:
    job = due_job(NOW, trigger_type="date", trigger_params={"run_date": NOW.isoformat()})
    claim(NOW)
    assert next_run() is None
    assert job.state_at(NOW, next_run()) == "finished"


def test_a_schedule_row_without_its_job_is_left_alone(due_job: DueJob, claim: Claim) -> None:
    DjangoJob.objects.create(pk="stock", next_run_time=NOW, job_state=b"\x80a pickle")
    due_job(NOW)
    claim(NOW)
    assert [row.job_id for row in rows()] == ["work"]
    assert next_run("stock") == NOW


def test_a_run_copies_what_it_needs_of_its_job(due_job: DueJob, claim: Claim) -> None:
    job = due_job(NOW, name="Nächtlich 容量", kwargs={"a": "é"}, args=[1], timeout=7)
    claim(NOW)
    (row,) = rows()
    assert (row.job_name, row.args, row.kwargs) == ("Nächtlich 容量", [1], {"a": "é"})
    assert row.timeout_s == 7
    Job.objects.filter(pk=job.pk).delete()
    (kept,) = rows()
    assert kept.job_name == "Nächtlich 容量"
    assert JobExecution.objects.select_related("job").get().job is None


def test_times_are_kept_in_utc_to_the_microsecond(due_job: DueJob, claim: Claim) -> None:
    moment = datetime(2026, 3, 4, 11, 59, 59, 123456, tzinfo=UTC)
    due_job(moment, anchor=moment - seconds(10))
    claim(NOW)
    (row,) = rows()
    assert row.scheduled_for == moment
    assert next_run() == moment + seconds(10)
