"""What a scheduler counts reaches the tallies with its heartbeats, whatever becomes of it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.db.models import Sum

from jobs.executions.claim import Claimed
from jobs.executions.hand_out import Late
from jobs.executions.stretches import Stretch
from jobs.models import Job, Status, Tally
from jobs.runtime.counts import Counts
from jobs.runtime.identity import Identity
from jobs.runtime.lease import Membership
from jobs.runtime.report import Report
from jobs.runtime.scheduler import SchedcoreScheduler
from tests.factories import make_execution
from tests.runtime.runs import finished, make_due, run
from tests.waiting import until

LIMIT_S = 10.0
NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def membership(db: None) -> Membership:
    made = Membership(Identity())
    made.register(NOON)
    return made


def written(
    counts: Counts, membership: Membership
) -> dict[tuple[str, str, str], tuple[int, float]]:
    counts.write(membership, LIMIT_S)
    return {
        (row.metric, row.subject, row.label): (row.count, row.total) for row in Tally.objects.all()
    }


def verdicts(job_id: str) -> dict[str, int]:
    rows = Tally.objects.filter(metric=Tally.VERDICT, subject=job_id)
    return dict(rows.values_list("label", "count"))


def test_values_fall_into_the_bucket_whose_bound_they_do_not_exceed(
    membership: Membership,
) -> None:
    counts = Counts()
    for seconds in (0.0, 0.1, 0.11, 14400.0, 14401.0):
        counts.duration("f", seconds)
    for seconds in (-0.2, 0.01, 0.02, 301.0):  # before its time: the clocks differ
        counts.lateness(seconds)
    found = written(counts, membership)
    assert {key[2]: value[0] for key, value in found.items() if key[0] == "duration"} == {
        "0.1": 2,
        "0.5": 1,
        "14400": 1,
        "+Inf": 1,
    }
    assert found["lateness", "", "0.01"] == (2, 0.01)
    assert found["lateness", "", "+Inf"] == (1, 301.0)


def test_what_is_written_is_not_counted_again(membership: Membership) -> None:
    counts = Counts()
    counts.verdict("nightly", Status.FAILED, NOON)
    written(counts, membership)
    assert not counts.has_any
    counts.verdict("nightly", Status.FAILED, NOON + timedelta(hours=1))
    counts.verdict("nightly", Status.FAILED, NOON)
    assert written(counts, membership)["verdict", "nightly", "failed"] == (3, 0.0)
    assert Tally.objects.get().last_at == NOON + timedelta(hours=1)


@pytest.mark.parametrize("is_committed", [True, False])
@pytest.mark.django_db(transaction=True)
def test_a_commit_that_was_not_answered_counts_once(
    monkeypatch: pytest.MonkeyPatch, is_committed: bool
) -> None:
    membership = Membership(Identity())
    membership.register(NOON)
    counts = Counts()
    interrupted = make_execution("nightly", status=Status.INTERRUPTED).pk
    commit = connection._commit

    def unanswered() -> None:
        (commit if is_committed else connection._rollback)()
        raise OperationalError("database or disk is full")

    counts.verdict("nightly", Status.FAILED, NOON)
    counts.interrupted([interrupted])
    with monkeypatch.context() as patch:
        patch.setattr(connection, "_commit", unanswered)
        for _again in range(2):
            with pytest.raises(OperationalError):
                counts.write(membership, LIMIT_S)
    counts.verdict("nightly", Status.FAILED, NOON)
    while counts.has_any:
        counts.write(membership, LIMIT_S)
    assert verdicts("nightly") == {"failed": 2, "interrupted": 1}


def test_a_process_that_was_taken_for_dead_goes_on_counting(membership: Membership) -> None:
    counts = Counts()
    counts.verdict("nightly", Status.FAILED, NOON)
    written(counts, membership)
    membership.identity = Identity()
    membership.register(NOON)
    counts.verdict("nightly", Status.FAILED, NOON)
    assert written(counts, membership)["verdict", "nightly", "failed"] == (2, 0.0)


def test_runs_count_with_their_verdict_duration_and_lateness(
    start_scheduler: Callable[..., SchedcoreScheduler], job: Callable[..., Job]
) -> None:
    def work() -> None: ...

    def fail() -> None:
        raise ValueError

    works, fails = job(work), job(fail)
    start_scheduler()
    finished(run(works))
    finished(run(works))
    finished(run(fails))
    make_due("work")
    until(lambda: verdicts("work") == {"succeeded": 3} and verdicts("fail") == {"failed": 1})
    durations = Tally.objects.filter(metric=Tally.DURATION)
    by_function = durations.values_list("subject").annotate(n=Sum("count"))
    assert dict(by_function) == {"work": 3, "fail": 1}
    lateness = Tally.objects.filter(metric=Tally.LATENESS)
    assert lateness.aggregate(n=Sum("count"))["n"] == 1  # of the schedule


def test_an_ended_scheduler_leaves_nothing_uncounted(
    start_scheduler: Callable[..., SchedcoreScheduler],
    job: Callable[..., Job],
    gate: threading.Event,
) -> None:
    def work() -> None: ...

    begun = threading.Event()

    def hang() -> None:
        begun.set()
        gate.wait(60)

    works, hangs = job(work), job(hang)
    scheduler = start_scheduler()
    finished(run(works))
    run(hangs)
    assert begun.wait(60)  # else it is given back, and runs another time
    scheduler.end(grace_s=0)
    assert verdicts("work") == {"succeeded": 1}
    assert verdicts("hang") == {"interrupted": 1}


def test_a_database_that_is_away_is_counted_once_it_is_back(
    start_scheduler: Callable[..., SchedcoreScheduler], monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*args: Any) -> None:
        raise OperationalError("gone")

    def bug(*args: Any) -> None:
        raise RuntimeError

    def faults() -> dict[str, int]:
        return dict(Tally.objects.filter(metric=Tally.FAULT).values_list("label", "count"))

    scheduler = start_scheduler()
    until(lambda: scheduler.membership.is_leader)
    for error, kind in ((gone, "database"), (bug, "other")):
        with monkeypatch.context() as patch:
            patch.setattr("jobs.runtime.scheduler.look", error)
            until(lambda: scheduler.faults.current)
        until(lambda kind=kind: faults().get(kind, 0) >= 1)


def test_tallies_that_cannot_be_written_stop_no_run_and_are_written_later(
    start_scheduler: Callable[..., SchedcoreScheduler],
    job: Callable[..., Job],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def work() -> None: ...

    def locked(*args: Any) -> None:
        raise OperationalError("locked")

    works = job(work)
    scheduler = start_scheduler()
    with monkeypatch.context() as patch:
        patch.setattr("jobs.executions.tally.add", locked)
        finished(run(works))
        until(lambda: "locked" in str(scheduler.faults.figures()))
        finished(run(works))
        assert verdicts("work") == {}
    until(lambda: verdicts("work") == {"succeeded": 2})


def test_missed_and_skipped_occurrences_count_each() -> None:
    report = Report(SimpleNamespace(_listeners=[], _dispatch_event=lambda event: None))
    stretches = [
        ("a", Stretch(Status.MISSED, NOON, NOON, 7, False, "late")),
        ("a", Stretch(Status.SKIPPED, NOON, NOON, 2, False, "busy")),
        ("a", Stretch(Status.QUEUED, NOON, NOON, 1, False, "")),
    ]
    report.claimed(Claimed(stretches=stretches), [], [Late(1, "a", NOON)])
    found = {key[2]: one.number for key, one in report.counts._sums.items()}
    assert found == {"missed": 8, "skipped": 2}
