"""Runs that are handed out as they are claimed, because there is room for them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django_apscheduler.models import DjangoJob

from jobs.executions.claim import Claimed
from jobs.executions.fencing import Lease
from jobs.executions.hand_out import hand_out
from jobs.models import Job, JobExecution, Status
from jobs.registry import scheduled_task
from tests.executions.conftest import NOW
from tests.factories import make_execution

Claim = Callable[..., Claimed]
DueJob = Callable[..., Job]

DAILY: dict[str, Any] = {"trigger_params": {"days": 1}}
"""Nothing else of it is due for hours."""


def seconds(count: float) -> timedelta:
    return timedelta(seconds=count)


def rows() -> list[JobExecution]:
    return list(JobExecution.objects.order_by("id"))


def given(claimed: Claimed) -> list[tuple[str, datetime]]:
    """Whose occurrences are to be run at once."""
    return [(handout.job_id, handout.scheduled_for) for handout in claimed.handouts]


def statuses() -> dict[str, str]:
    return dict(JobExecution.objects.order_by("id").values_list("job_id", "status"))


def test_without_room_everything_is_queued(due_job: DueJob, claim: Claim) -> None:
    due_job(NOW)
    for room in (None, {}, {"threads": 0}, {"processes": 5}):
        JobExecution.objects.all().delete()
        DjangoJob.objects.update(next_run_time=NOW)
        claimed = claim(NOW, room=room)
        assert claimed.handouts == []
        assert claimed.executors == {"threads"}
        assert statuses() == {"work": Status.QUEUED}


def test_what_is_due_first_gets_the_room_and_the_rest_is_queued(
    due_job: DueJob, claim: Claim
) -> None:
    for number in range(4):
        due_job(NOW - seconds(number), id=f"job-{number}", **DAILY)
    claimed = claim(NOW, room={"threads": 2})
    assert given(claimed) == [("job-3", NOW - seconds(3)), ("job-2", NOW - seconds(2))]
    assert claimed.executors == {"threads"}, "what was queued waits for the next tick"
    assert statuses() == {
        "job-3": Status.RUNNING,
        "job-2": Status.RUNNING,
        "job-1": Status.QUEUED,
        "job-0": Status.QUEUED,
    }
    taken, waiting = JobExecution.objects.get(job_id="job-3"), rows()[-1]
    assert (taken.owner, taken.epoch, taken.started_at) == ("leader", 1, NOW)
    assert (waiting.owner, waiting.epoch, waiting.started_at) == ("", 0, None)
    assert {row.released_at for row in rows()} == {None}


def test_each_executor_has_room_of_its_own(due_job: DueJob, claim: Claim) -> None:
    for job_id, executor in (("a", "threads"), ("b", "processes"), ("c", "processes")):
        due_job(NOW, id=job_id, executor=executor)
    claimed = claim(NOW, room={"threads": 5, "processes": 1})
    assert given(claimed) == [("a", NOW), ("b", NOW)]
    assert claimed.executors == {"processes"}


def test_where_there_is_room_for_all_nothing_waits(due_job: DueJob, claim: Claim) -> None:
    due_job(NOW)
    assert claim(NOW, room={"threads": 1}).executors == set()


def test_a_run_is_handed_out_at_once_as_it_would_be_later(due_job: DueJob, claim: Claim) -> None:
    """To its worker and on its row it makes no difference."""
    scheduled_task(name="takes")(lambda *args, **kwargs: None)
    fields = {"name": "Nächtlich 容量", "args": [1], "kwargs": {"a": "é"}, "timeout": 7, **DAILY}
    for job_id in ("now", "later"):
        due_job(NOW - seconds(0.123456), id=job_id, function="takes", **fields)
    at_once = claim(NOW, room={"threads": 1}).handouts
    with transaction.atomic(), connection.cursor() as cursor:
        waited, _late = hand_out(
            cursor, Lease("leader", 1, NOW), executor="threads", now=NOW, limit=10
        )
    handouts = [*at_once, *waited]
    assert len(handouts) == 2
    assert replace(handouts[0], execution_id=0, job_id="") == replace(
        handouts[1], execution_id=0, job_id=""
    )
    columns = [field.name for field in JobExecution._meta.fields if field.name not in ("id", "job")]
    first, second = JobExecution.objects.order_by("id").values(*columns)
    assert first == second
    assert {handout.execution_id for handout in handouts} == {row.pk for row in rows()}


def test_an_occurrence_that_was_claimed_before_is_not_handed_out_again(
    due_job: DueJob, claim: Claim
) -> None:
    """As after the clock was set back: who has it knows."""
    due_job(NOW, id="again", max_instances=5)
    claim(NOW, room={"threads": 5})
    (before,) = JobExecution.objects.values()
    due_job(NOW, id="new")
    DjangoJob.objects.filter(pk="again").update(next_run_time=NOW)
    claimed = claim(NOW + seconds(1), room={"threads": 5})
    assert given(claimed) == [("new", NOW)]
    assert JobExecution.objects.filter(job_id="again").values().get() == before
    assert DjangoJob.objects.get(pk="again").next_run_time == NOW + seconds(10)


def test_of_a_job_that_does_not_coalesce_each_occurrence_takes_room(
    due_job: DueJob, claim: Claim
) -> None:
    due_job(NOW, coalesce=False, max_instances=3)
    claimed = claim(NOW + seconds(35), room={"threads": 2})
    assert given(claimed) == [("work", NOW), ("work", NOW + seconds(10))]
    found = [(row.status, row.scheduled_for - NOW) for row in rows()]
    assert found == [
        (Status.RUNNING, seconds(0)),
        (Status.RUNNING, seconds(10)),
        (Status.QUEUED, seconds(20)),
        (Status.SKIPPED, seconds(30)),
    ]


def test_a_coalesced_run_is_handed_out_for_its_last_occurrence(
    due_job: DueJob, claim: Claim
) -> None:
    due_job(NOW, coalesce=True)
    assert given(claim(NOW + seconds(35), room={"threads": 2})) == [("work", NOW + seconds(30))]
    (row,) = rows()
    assert (row.status, row.occurrence_count) == (Status.RUNNING, 4)


def test_of_what_is_late_only_that_runs_which_is_on_time(due_job: DueJob, claim: Claim) -> None:
    due_job(NOW - seconds(100), misfire_grace_time=25)
    claimed = claim(NOW, room={"threads": 5})
    assert given(claimed) == [("work", NOW)]
    missed, run = rows()
    assert (missed.status, missed.started_at, missed.owner) == (Status.MISSED, None, "")
    assert run.status == Status.RUNNING


@pytest.mark.parametrize(
    ("next_run_time", "fields", "status"),
    [
        (NOW, {}, Status.SKIPPED),
        (NOW - seconds(5), {"misfire_grace_time": 1, **DAILY}, Status.MISSED),
        (NOW, {"function": "gone"}, Status.FAILED),
    ],
)
def test_what_does_not_run_takes_no_room_and_is_not_handed_out(
    due_job: DueJob,
    claim: Claim,
    next_run_time: datetime,
    fields: dict[str, Any],
    status: Status,
) -> None:
    due_job(next_run_time, id="a", **fields)
    due_job(NOW, id="b")
    if status == Status.SKIPPED:
        make_execution("a", status=Status.RUNNING)
    claimed = claim(NOW, room={"threads": 1})
    assert given(claimed) == [("b", NOW)]
    assert claimed.executors == set()
    row = JobExecution.objects.filter(job_id="a").latest("pk")
    assert (row.status, row.owner, row.started_at) == (status, "", None)
    assert row.released_at == NOW
