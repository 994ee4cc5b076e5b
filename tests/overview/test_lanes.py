from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from jobs.control import job as control
from jobs.models import Job, JobExecution, Status
from jobs.overview import lanes as module
from jobs.overview.lanes import Due, Lanes, Span, Stretch, ahead, lanes
from tests.admin.conftest import _tasks as _tasks  # the tasks of these jobs
from tests.factories import ACTOR, make_execution, make_job

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
DAY = Span(NOW, timedelta(hours=24))
pytestmark = pytest.mark.django_db


def found(span: Span = DAY) -> Lanes:
    return lanes(JobExecution.objects.all(), Job.objects.all(), span)


def ran(job_id: str | None, hours_ago: float, seconds: float = 60, **fields: Any) -> JobExecution:
    began = NOW - timedelta(hours=hours_ago)
    ended = began + timedelta(seconds=seconds)
    given = {
        "started_at": began,
        "finished_at": ended,
        "released_at": ended,
        "scheduled_for": began,
    }
    return make_execution(job_id, **{**given, **fields})


def due_at(job: Job, moment: datetime | None) -> Any:
    from django_apscheduler.models import DjangoJob

    DjangoJob.objects.filter(pk=job.pk).update(next_run_time=moment)
    return Job.objects.with_schedule(NOW).get(pk=job.pk)


def due_every(params: dict[str, int]) -> Any:
    """A job that is due for the first time one interval after NOW."""
    job = make_job("job", trigger_type="interval", trigger_params=params)
    Job.objects.filter(pk="job").update(anchor=NOW)
    return due_at(job, NOW + timedelta(**params))


def test_the_failing_come_first_then_the_running_the_latest_and_the_next() -> None:
    for job_id in ("next", "sooner"):
        due_at(make_job(job_id), NOW + timedelta(hours=1 if job_id == "sooner" else 2))
    ran("calm", 1)
    ran("calmer", 3)
    make_execution("busy", status=Status.RUNNING)
    ran("bad", 5, status=Status.FAILED)
    for hours in (6, 7):
        ran("worse", hours, status=Status.TIMED_OUT)

    order = [lane.job_id for lane in found().shown]

    assert order == ["worse", "bad", "busy", "calm", "calmer", "sooner", "next"]


def test_what_lies_outside_of_the_span_has_no_lane() -> None:
    ran("old", 25)
    due_at(make_job("later"), NOW + timedelta(hours=25))
    assert found().shown == []


def test_a_long_run_that_began_before_is_seen() -> None:
    execution = ran("long", 30, seconds=10 * 3600)
    (lane,) = found().shown
    assert lane.stretches[0].start == execution.started_at


def test_a_run_that_goes_on_reaches_to_now() -> None:
    make_execution("busy", status=Status.RUNNING, started_at=NOW - timedelta(hours=2))
    ((stretch,),) = [lane.stretches for lane in found().shown]
    assert (stretch.start, stretch.end) == (NOW - timedelta(hours=2), NOW)
    assert stretch.worst == Status.RUNNING


def test_runs_apart_are_marks_apart() -> None:
    first, second = ran("job", 5), ran("job", 3)
    (lane,) = found().shown
    assert [stretch.last_id for stretch in lane.stretches] == [first.pk, second.pk]


def test_runs_too_close_to_be_told_apart_are_one_mark_of_the_worst_verdict() -> None:
    ran("job", 3)
    failed = ran("job", 2.98, status=Status.FAILED)
    ran("job", 2.95)
    (lane,) = found().shown
    (stretch,) = lane.stretches
    assert stretch.counts == {Status.SUCCEEDED: 2, Status.FAILED: 1}
    assert stretch.worst == Status.FAILED
    assert stretch.last_id == failed.pk


def test_a_failure_between_many_successes_stands_out() -> None:
    for number in range(0, 240, 5):
        bad = number == 120
        ran("job", 20 - number / 60, 280, status=Status.FAILED if bad else Status.SUCCEEDED)
    (lane,) = found().shown
    worst = [stretch.worst for stretch in lane.stretches]
    assert worst == [Status.SUCCEEDED, Status.FAILED, Status.SUCCEEDED]
    bad = lane.stretches[1]
    assert bad.end - bad.start <= timedelta(minutes=20)
    assert sum(sum(stretch.counts.values()) for stretch in lane.stretches) == 48


def test_what_never_started_stands_where_it_was_meant() -> None:
    moment = NOW - timedelta(hours=4)
    ran("job", 1, status=Status.MISSED, started_at=None, scheduled_for=moment)
    ((stretch,),) = [lane.stretches for lane in found().shown]
    assert stretch.start == stretch.end == moment


def test_occurrences_that_became_one_row_are_one_stretch() -> None:
    first, last = NOW - timedelta(hours=6), NOW - timedelta(hours=4)
    times = {"first_scheduled_for": first, "scheduled_for": last, "started_at": None}
    ran("job", 1, status=Status.MISSED, **times)
    ((stretch,),) = [lane.stretches for lane in found().shown]
    assert (stretch.start, stretch.end) == (first, last)


def test_a_job_that_has_gone_keeps_its_name_and_has_nothing_ahead() -> None:
    ran("gone", 1, job_name="Vanished")
    ran(None, 1, job_name="Nobody's")
    (lane,) = found().shown
    assert (lane.name, lane.job, lane.due) == ("Vanished", None, ())


def test_no_more_lanes_are_shown_than_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_LANES", 3)
    for number in range(3):
        ran(f"job-{number}", 1)
    assert not found().has_more
    ran("bad", 20, status=Status.FAILED)
    cut = found()
    assert cut.has_more
    assert cut.shown[0].job_id == "bad"
    assert len(cut.shown) == 3


def test_only_what_is_given_is_looked_at() -> None:
    make_job("mine")
    make_job("other")
    ran("mine", 1)
    ran("other", 1)
    seen = lanes(JobExecution.objects.filter(job_id="mine"), Job.objects.filter(pk="mine"), DAY)
    assert [lane.job_id for lane in seen.shown] == ["mine"]


def test_the_statements_are_as_many_for_1_job_as_for_20() -> None:
    def statements() -> int:
        with CaptureQueriesContext(connection) as captured:
            found()
        return len(captured)

    ran(make_job("one").pk, 1)
    assert statements() == 5
    for number in range(19):
        ran(make_job(f"job-{number}").pk, number)
    assert statements() == 5


@pytest.mark.parametrize(
    ("params", "due"),
    [
        # Hourly: a mark for each.
        ({"hours": 1}, [(n, n) for n in range(1, 25)]),
        # As often as the step: still told apart.
        ({"minutes": 30}, [(n / 2, n / 2) for n in range(1, 49)]),
        # Closer than that: one row, right to a step.
        ({"minutes": 10}, [(1 / 6, 23.5)]),
    ],
)
def test_what_is_due_is_marked_as_far_as_it_can_be_told_apart(
    params: dict[str, int], due: list[tuple[float, float]]
) -> None:
    rows = list(ahead(due_every(params), DAY))
    step = timedelta(minutes=30)
    assert len(rows) == len(due)
    for row, (start, end) in zip(rows, due, strict=True):
        assert row.first == NOW + timedelta(hours=start)
        assert abs(row.last - (NOW + timedelta(hours=end))) <= step


def test_a_job_that_is_due_every_second_is_no_work() -> None:
    calls = 0
    loaded = due_every({"seconds": 1})
    trigger = module.trigger_of(loaded)

    class Counted:
        def after(self, moment: datetime) -> datetime | None:
            nonlocal calls
            calls += 1
            return trigger.after(moment)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "trigger_of", lambda job: Counted())
        (row,) = ahead(loaded, Span(NOW, timedelta(days=7)))
    assert calls < 150
    assert row.last > NOW + timedelta(days=6)


@pytest.mark.parametrize("switch", [control.pause, control.disable])
def test_a_job_that_is_switched_off_has_nothing_ahead(switch: Any) -> None:
    make_job("job")
    switch("job", actor=ACTOR)
    assert list(ahead(Job.objects.with_schedule(NOW).get(pk="job"), DAY)) == []


def test_what_is_overdue_is_due_now() -> None:
    job = make_job("job", trigger_type="date", trigger_params={"run_date": "2090-01-01T00:00:00"})
    overdue = due_at(job, NOW - timedelta(hours=3))
    # The occurrence of its trigger lies outside of the span.
    assert list(ahead(overdue, DAY)) == [Due(NOW, NOW)]


def test_a_trigger_that_cannot_be_read_breaks_nothing() -> None:
    job = make_job("job")
    Job.objects.filter(pk="job").update(trigger_params={"cron_expression": "nonsense"})
    assert list(ahead(due_at(job, NOW + timedelta(hours=1)), DAY)) == []


def test_a_stretch_counts_in_order_of_severity() -> None:
    assert Stretch(NOW, NOW, {Status.SUCCEEDED: 9, Status.SKIPPED: 1}, 1).worst == Status.SKIPPED
    assert set(module.WORST_FIRST) == set(Status)
