from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from django.db import IntegrityError, transaction
from django_apscheduler.models import DjangoJob

from jobs.control.schedule import MARKER
from jobs.models import Job, JobState, Status
from tests.factories import make_execution, make_jobs

pytestmark = pytest.mark.django_db

NOW = datetime(2030, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_the_state_of_a_row_in_memory_and_in_a_query_are_one() -> None:
    pauses = [(False, None), (True, None), (True, NOW + HOUR), (True, NOW), (True, NOW - HOUR)]
    combinations = product([True, False], pauses, ["", "It is broken."], [None, NOW + HOUR])
    expected: dict[str, JobState] = {}
    for index, (enabled, (paused, until), problem, next_run) in enumerate(combinations):
        job = Job.objects.create(
            id=f"job-{index}",
            name="x",
            function="x",
            trigger_type="cron",
            anchor=NOW,
            is_enabled=enabled,
            is_paused=paused,
            paused_until=until,
            problem=problem,
        )
        DjangoJob.objects.create(id=job.pk, next_run_time=next_run, job_state=MARKER)
        expected[job.pk] = job.state_at(NOW, next_run)
    found = {job.pk: job.state for job in Job.objects.with_schedule(NOW)}
    assert found == expected
    assert set(found.values()) == set(JobState)
    assert Job.objects.count_by_state(NOW) == Counter(found.values())


def test_a_job_without_a_schedule_row_is_listed_too() -> None:
    make_jobs(1)
    DjangoJob.objects.all().delete()
    (job,) = Job.objects.with_schedule(NOW).with_running()
    assert (job.next_run_time, job.state, job.running) == (None, JobState.FINISHED, None)
    assert Job.objects.count_by_state(NOW) == {JobState.FINISHED: 1}


def test_running_counts_what_holds_a_slot() -> None:
    busy, idle = make_jobs(2)
    for status in Status:
        make_execution(busy.pk, status=status)
    make_execution(busy.pk, status=Status.TIMED_OUT, released_at=None)
    found = {job.pk: job.running for job in Job.objects.with_running()}
    assert found == {busy.pk: 3, idle.pk: None}


@pytest.mark.parametrize(
    "fields",
    [
        {"id": ""},
        {"trigger_type": "hourly"},
        {"max_instances": 0},
        {"max_instances": 1001},
        {"paused_until": NOW},
    ],
)
def test_the_database_refuses_a_row_that_makes_no_sense(fields: dict[str, object]) -> None:
    given = {"id": "job", "name": "x", "function": "x", "trigger_type": "cron", "anchor": NOW}
    with pytest.raises(IntegrityError), transaction.atomic():
        Job.objects.create(**{**given, **fields})
