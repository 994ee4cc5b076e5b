from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from jobs.executions.finish import Verdict
from jobs.models import Status
from jobs.runtime import report as report_module
from jobs.runtime.recorder import Finished
from jobs.runtime.report import Report

NOW = datetime(2026, 3, 4, tzinfo=UTC)


def ended(
    lateness_s: float = 0.0,
    *,
    is_scheduled: bool = True,
    status: Status = Status.SUCCEEDED,
    warning: str = "",
) -> Finished:
    verdict = Verdict(
        execution_id=1,
        job_id="work",
        scheduled_for=NOW,
        status=status,
        started_at=NOW + timedelta(seconds=lateness_s),
        finished_at=NOW + timedelta(seconds=lateness_s),
        released_at=NOW,
        duration_s=0.0,
        warning=warning,
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


@pytest.mark.parametrize(
    ("item", "level"),
    [
        (ended(), "DEBUG"),
        (ended(is_scheduled=False), "INFO"),
        (ended(warning="careful"), "WARNING"),
        (ended(status=Status.CANCELLED), "INFO"),
        (ended(status=Status.FAILED), "ERROR"),
        (ended(status=Status.TIMED_OUT, is_scheduled=False), "ERROR"),
        (ended(status=Status.INTERRUPTED), "ERROR"),
    ],
)
def test_a_verdict_is_as_loud_as_it_deserves(
    item: Finished, level: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    report().finished(item)
    (record,) = caplog.records
    assert (record.levelname, vars(record)["event"]) == (level, "execution.finished")


def test_once_an_hour_it_says_how_runs_ended(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO)
    now = 1000.0
    monkeypatch.setattr(report_module, "time", SimpleNamespace(monotonic=lambda: now))
    told = report()
    for _ in range(60):
        told.finished(ended())
        told.tell_hourly()
    assert caplog.records == []
    for _hour in range(2):
        now += 3600.0
        told.tell_hourly()
        told.tell_hourly()
    assert [vars(record)["ended"] for record in caplog.records] == [{"succeeded": 60}, {}]
