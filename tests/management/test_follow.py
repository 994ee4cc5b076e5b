"""`manage.py jobs run --wait` and `--follow`: what becomes of a run is told, and not changed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError

from jobs.management import watch
from jobs.management.watch import News, Watch
from jobs.models import JobExecution, Source, Status
from tests.factories import make_execution, make_job, make_leader, make_log_line
from tests.management.conftest import Manage, Screen

pytestmark = pytest.mark.django_db


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """What happens between one look and the next, in place of waiting."""
    steps: Iterator[Callable[[], Any]] = iter(())

    def happen(*given: Callable[[], Any]) -> None:
        nonlocal steps
        steps = iter(given)

    monkeypatch.setattr(watch.time, "sleep", lambda _s: next(steps)())
    monkeypatch.setattr(watch, "ASK_HEALTH_EVERY_S", 0.0)
    return happen


def end(status: Status, **fields: Any) -> JobExecution:
    """Give the one that goes on its verdict."""
    now = datetime.now(UTC)
    execution = JobExecution.objects.filter(finished_at__isnull=True).latest("pk")
    times = {"started_at": now, "finished_at": now, "released_at": now, "duration_s": 1.0}
    JobExecution.objects.filter(pk=execution.pk).update(status=status, **times, **fields)
    execution.refresh_from_db()
    return execution


def log(message: str) -> None:
    make_log_line(JobExecution.objects.latest("pk"), message)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (Status.SUCCEEDED, 0),
        (Status.FAILED, 1),
        (Status.TIMED_OUT, 1),
        (Status.CANCELLED, 1),
        (Status.INTERRUPTED, 1),
        (Status.MISSED, 1),
    ],
)
def test_the_exit_code_is_the_verdict(
    status: Status, code: int, manage: Manage, meanwhile: Callable[..., None]
) -> None:
    make_job("nightly")
    make_leader()
    meanwhile(lambda: None, lambda: end(status))
    done = manage("jobs", "run", "nightly", "--wait")
    assert done.code == code
    assert str(status.label) in done.out


def test_waiting_with_json_writes_the_run_as_the_api_shows_it_and_nothing_else(
    manage: Manage, meanwhile: Callable[..., None]
) -> None:
    make_job("nightly")
    meanwhile(lambda: log("not shown"), lambda: end(Status.SUCCEEDED, result={"n": 1}))
    document = json.loads(manage("jobs", "run", "nightly", "--wait", "--json").out)
    assert (document["status"], document["result"]) == ("succeeded", {"n": 1})


def test_lines_and_progress_are_told_as_they_come_and_the_last_ones_are_not_lost(
    manage: Manage, meanwhile: Callable[..., None]
) -> None:
    make_job("nightly")

    def last() -> None:
        log("the last line")
        end(Status.FAILED, error="RuntimeError: no", traceback="Traceback…")

    def progress() -> None:
        JobExecution.objects.update(progress_done=3, progress_total=10, progress_message="read")

    meanwhile(lambda: log("the first line"), progress, last)
    out = manage("jobs", "run", "nightly", "--follow").out
    places = [
        out.index(text)
        for text in ("the first line", "3 of 10: read", "the last line", "RuntimeError: no")
    ]
    assert places == sorted(places)
    assert out.count("the first line") == 1


def test_a_run_that_is_tried_again_is_followed_to_its_last_attempt(
    manage: Manage, meanwhile: Callable[..., None]
) -> None:
    make_job("nightly")

    def fail_and_retry() -> None:
        failed = end(Status.FAILED)
        retry = {"status": Status.QUEUED, "source": Source.RETRY, "attempt": 2}
        make_execution("nightly", retry_of=failed, **retry)

    meanwhile(fail_and_retry, lambda: end(Status.SUCCEEDED))
    done = manage("jobs", "run", "nightly", "--wait")
    assert done.code == 0
    assert "Attempt 2" in done.out


def test_without_a_scheduler_it_says_so_once_and_goes_on_waiting(
    manage: Manage, meanwhile: Callable[..., None]
) -> None:
    make_job("nightly")
    meanwhile(lambda: None, lambda: None, lambda: end(Status.SUCCEEDED))
    done = manage("jobs", "run", "nightly", "--wait")
    assert done.code == 0
    assert done.err.count("No scheduler leads") == 1


def interrupt() -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("out", [None, Screen])
def test_ctrl_c_stops_watching_and_not_the_run(
    out: Any, manage: Manage, meanwhile: Callable[..., None]
) -> None:
    make_job("nightly")
    meanwhile(interrupt)
    done = manage("jobs", "run", "nightly", "--follow", out=out() if out else None)
    execution = JobExecution.objects.get()
    assert done.code == 130
    assert f"execution {execution.pk} goes on" in done.err
    assert (execution.status, execution.cancel_requested_at) == (Status.QUEUED, None)


def test_logs_follow_goes_on_until_the_end(manage: Manage, meanwhile: Callable[..., None]) -> None:
    execution = make_execution("a", status=Status.RUNNING)
    make_log_line(execution, "earlier")
    meanwhile(lambda: log("later"), lambda: end(Status.SUCCEEDED))
    done = manage("jobs", "logs", execution.pk, "--follow")
    assert done.code == 0
    assert done.out.index("earlier") < done.out.index("later")


def test_while_the_database_is_away_it_tries_again(
    meanwhile: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    execution = make_execution("a", status=Status.RUNNING)
    make_leader(started_at=datetime.now(UTC) - timedelta(hours=1))
    watched = Watch(execution)
    look, faults = watched._look, iter([OperationalError("gone\naway"), OperationalError("gone")])

    def flaky() -> News:
        if (fault := next(faults, None)) is not None:
            raise fault
        return look()

    monkeypatch.setattr(watched, "_look", flaky)
    monkeypatch.setattr(watch.connection, "close", lambda: None)
    meanwhile(lambda: None, lambda: None, lambda: end(Status.SUCCEEDED))
    told = [news.troubles for news in watched.news()]
    assert told == [["The database does not answer; trying again. (gone)"], [], [], []]
    assert watched.execution.status == Status.SUCCEEDED


def test_more_lines_than_one_look_takes_are_all_told(
    manage: Manage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "LINES_AT_ONCE", 2)
    execution = make_execution("a")
    for number in range(5):
        make_log_line(execution, f"line {number}")
    out = manage("jobs", "logs", execution.pk, "--follow").out
    assert [f"line {number}" in out for number in range(5)] == [True] * 5
