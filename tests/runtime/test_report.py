from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

from jobs.executions.finish import Verdict
from jobs.models import Status
from jobs.runtime.recorder import Finished
from jobs.runtime.report import Report

NOW = datetime(2026, 3, 4, tzinfo=UTC)


def ended(lateness_s: float, *, is_scheduled: bool = True) -> Finished:
    verdict = Verdict(
        execution_id=1,
        job_id="work",
        scheduled_for=NOW,
        status=Status.SUCCEEDED,
        started_at=NOW + timedelta(seconds=lateness_s),
        finished_at=NOW + timedelta(seconds=lateness_s),
        released_at=NOW,
        duration_s=0.0,
    )
    return Finished(verdict, is_scheduled=is_scheduled)


def report() -> Report:
    return Report(SimpleNamespace(_listeners=[], _dispatch_event=None))


def test_lateness_is_unknown_before_anything_ran() -> None:
    figures = report().figures()
    assert (figures["lateness_p50_s"], figures["lateness_p99_s"]) == (None, None)


def test_no_lateness_is_worse_than_the_worst_that_was_measured() -> None:
    told = report()
    for lateness_s in (0.01, 0.02, 2.5):
        told.finished(ended(lateness_s))
    figures = told.figures()
    assert figures["lateness_p50_s"] == 0.02
    assert 0.02 < figures["lateness_p99_s"] <= 2.5


def test_the_wait_of_a_run_that_somebody_asked_for_is_no_lateness() -> None:
    told = report()
    told.finished(ended(0.9, is_scheduled=False))
    assert told.figures()["lateness_p99_s"] is None
