"""What a scheduler still writes when it stops, once its loop has ended."""

from __future__ import annotations

import logging
from datetime import datetime
from itertools import count
from typing import Any

import pytest
from django.db import IntegrityError, OperationalError, connection, transaction
from django.db.models import Model

from jobs.executions.finish import Verdict
from jobs.models import (
    ExecutionLog,
    Job,
    JobExecution,
    Revision,
    SchedulerLease,
    SchedulerProcess,
    Status,
)
from jobs.models.tally import Tally
from jobs.runtime import last_writes as last_writes_module
from jobs.runtime import recorder as recorder_module
from jobs.runtime.recorder import Finished
from jobs.runtime.run import Run
from tests.proof.loop import Loop
from tests.proof.race import Stage
from tests.proof.rows import declare_dead, make, statuses
from tests.runtime.runs import make_due
from tests.waiting import until


@pytest.fixture
def run(leader: Loop) -> Run:
    """What a worker of the leader is at."""
    make()
    make_due("job")
    leader.step()
    run = leader.begins()
    assert run is not None
    return run


def say(run: Run, text: str) -> None:
    run.line(0.0, logging.INFO, "tests", text)


def has_left(leader: Loop) -> bool:
    return SchedulerProcess.objects.filter(pk=leader.id, stopped_at__isnull=False).exists()


@pytest.fixture
def flushes(leader: Loop, monkeypatch: pytest.MonkeyPatch) -> list[list[Finished]]:
    """What each flush of the recorder wrote."""
    found: list[list[Finished]] = []
    genuine = leader.scheduler.recorder.flush

    def flush(owner: str, now: datetime, **options: Any) -> list[Finished]:
        found.append(genuine(owner, now, **options))
        return found[-1]

    monkeypatch.setattr(leader.scheduler.recorder, "flush", flush)
    return found


def test_the_last_nine_thousand_lines_of_a_run_are_all_written(leader: Loop, run: Run) -> None:
    for number in range(9000):
        say(run, str(number))
    leader.ends(run)
    leader.scheduler.last_writes.write()
    texts = ExecutionLog.objects.order_by("pk").values_list("message", flat=True)
    assert list(texts) == [str(number) for number in range(9000)]
    assert statuses() == [Status.SUCCEEDED]
    assert has_left(leader)


def test_what_an_interrupted_run_has_said_is_written_and_what_it_goes_on_to_say_is_not(
    leader: Loop, run: Run, flushes: list[list[Finished]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its thread hears nothing, and must not keep the process for as long as it talks."""
    genuine = recorder_module.write_logs

    def write_and_hear_more(*args: Any) -> None:
        genuine(*args)
        say(run, "more")
        run.progress(2, None, "more")

    monkeypatch.setattr(recorder_module, "write_logs", write_and_hear_more)
    say(run, "the last word")
    run.progress(1, None, "half way")
    leader.scheduler.last_writes.write()
    assert len(flushes) == 1
    execution = JobExecution.objects.get()
    assert (execution.status, execution.progress_message) == (Status.INTERRUPTED, "half way")
    assert list(ExecutionLog.objects.values_list("message", flat=True)) == ["the last word"]
    assert has_left(leader)


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite locks no single row")
def test_a_last_verdict_whose_row_is_locked_is_written_once_the_lock_goes(
    stage: Stage, leader: Loop, run: Run, flushes: list[list[Finished]]
) -> None:
    leader.ends(run)
    holder = stage.holds(JobExecution.objects.all())
    stopping = stage.actor(leader.scheduler.last_writes.write).starts()
    until(lambda: flushes)
    assert flushes[0] == []
    holder.ends()
    assert stopping.ends() == 0
    assert statuses() == [Status.SUCCEEDED]
    assert has_left(leader)


class Time:
    """Stands in for the module `time`: it passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.passed_s = 0.0
        self.sleeps = 0

    def monotonic(self) -> float:
        return self.passed_s

    def sleep(self, seconds: float) -> None:
        self.passed_s += seconds
        self.sleeps += 1


def test_a_last_verdict_that_the_database_never_takes_is_tried_now_and_then_and_given_up(
    leader: Loop,
    run: Run,
    flushes: list[list[Finished]],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def refuse(cursor: Any, owner: str, verdicts: list[Verdict], now: datetime) -> None:
        if verdicts:
            time.passed_s += 0.001  # or without a pause it would try for ever
            raise IntegrityError("never")

    time = Time()
    monkeypatch.setattr(last_writes_module, "time", time)
    monkeypatch.setattr(last_writes_module, "LIMIT_S", 1.0)
    monkeypatch.setattr(recorder_module, "write_verdicts", refuse)
    leader.ends(run)
    assert leader.scheduler.last_writes.write() == 1
    assert time.sleeps == len(flushes) - 1
    assert 2 < len(flushes) < 10
    assert "recorder.cut_short" in [record.__dict__.get("event") for record in caplog.records]
    assert statuses() == [Status.INTERRUPTED]
    assert has_left(leader)


def test_last_writes_that_meet_an_outage_are_tried_again_until_it_is_over(
    leader: Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever waited in memory when the first try failed is queued again by the next."""
    genuine = last_writes_module.interrupt_own
    outage = iter(range(3))

    def interrupt(owner: str, *, now: datetime) -> list[int]:
        for _ in outage:
            raise OperationalError("the connection is lost")
        return genuine(owner, now=now)

    time = Time()
    monkeypatch.setattr(last_writes_module, "time", time)
    monkeypatch.setattr(last_writes_module, "interrupt_own", interrupt)
    for job_id in ("job", "waiting"):
        make(job_id)
        make_due(job_id)
    leader.step()
    run = leader.begins()
    assert run is not None
    leader.ends(run)
    assert leader.scheduler.last_writes.write() == 0
    assert time.sleeps == 3
    assert sorted([*statuses("job"), *statuses("waiting")]) == [Status.QUEUED, Status.SUCCEEDED]
    assert has_left(leader)


def test_last_writes_that_an_outage_outlasts_are_given_up_and_the_log_says_so(
    leader: Loop, run: Run, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(owner: str, *, now: datetime) -> list[int]:
        raise OperationalError("the connection is lost")

    time = Time()
    monkeypatch.setattr(last_writes_module, "time", time)
    monkeypatch.setattr(last_writes_module, "interrupt_own", refuse)
    assert leader.scheduler.last_writes.write() == 1
    assert time.passed_s >= last_writes_module.LIMIT_S
    events = [record.__dict__.get("event") for record in caplog.records]
    assert "scheduler.last_writes_failed" in events
    assert statuses() == [Status.RUNNING], "the next leader sees to it"


# --- Counts, and the order of locks ----------------------------------------------------------


def counted() -> dict[tuple[str, str], int]:
    """How many verdicts by job and verdict."""
    verdicts = Tally.objects.filter(metric=Tally.VERDICT)
    return {(tally.subject, tally.label): tally.count for tally in verdicts}


@pytest.mark.parametrize("number", range(1, 7))
def test_last_writes_count_each_run_once_though_a_commit_of_theirs_was_not_answered(
    leader: Loop, run: Run, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    make("other")
    make_due("other")
    leader.step()
    other = leader.begins()
    assert other is not None
    leader.ends(other)
    commit, commits = connection._commit, count(1)

    def commit_unheard() -> None:
        commit()
        if next(commits) == number:
            raise OperationalError("the connection is lost")

    monkeypatch.setattr(last_writes_module, "time", time := Time())
    monkeypatch.setattr(connection, "_commit", commit_unheard)
    assert leader.scheduler.last_writes.write() == 1
    assert time.sleeps == 1
    assert counted() == {("job", "interrupted"): 1, ("other", "succeeded"): 1}
    assert has_left(leader)


def test_a_process_that_another_took_for_dead_still_counts_what_it_did(
    leader: Loop, run: Run
) -> None:
    leader.ends(run)
    declare_dead(leader)
    leader.scheduler.last_writes.write()
    assert counted() == {("job", "succeeded"): 1}


def are_free(*models: type[Model]) -> bool:
    """Whether nobody holds a lock on any of their rows."""
    with transaction.atomic():
        rows = [model._base_manager.all() for model in models]
        return all(len(each.select_for_update(skip_locked=True)) == len(each) for each in rows)


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite locks no single row")
@pytest.mark.parametrize("model", [SchedulerLease, Tally])
def test_last_writes_that_wait_for_the_lease_or_a_tally_keep_nobody_waiting(
    stage: Stage, leader: Loop, run: Run, model: type[Model]
) -> None:
    """Whoever has one of these may be about to take what comes after it in the order of locks."""
    Job.objects.update(rerun_if_interrupted=True)
    Tally.objects.create(metric=Tally.VERDICT, subject="job", label=Status.INTERRUPTED)
    holder = stage.holds(model._base_manager.all())
    stopping = stage.actor(leader.scheduler.last_writes.write).starts().has_to_wait()
    assert are_free(Job, JobExecution, Revision)
    holder.ends()
    assert stopping.ends() == 1
    assert statuses() == [Status.INTERRUPTED, Status.QUEUED]
    assert counted() == {("job", "interrupted"): 1}
