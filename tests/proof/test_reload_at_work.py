"""The forced reload of all jobs while everything runs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from jobs import definitions
from jobs.control import execution as execution_control
from jobs.control import job as control
from jobs.errors import SchedulerError
from jobs.models import Job, JobExecution, Status
from jobs.registry import current_execution, scheduled_task
from jobs.runtime.scheduler import SchedcoreScheduler
from tests.factories import ACTOR
from tests.proof.loop import Loop
from tests.proof.rows import make, next_run, statuses
from tests.runtime.conftest import start_scheduler  # noqa: F401  a fixture
from tests.runtime.runs import make_due
from tests.waiting import until

RELOADS = 8


@pytest.fixture
def tasks_file(tmp_path: Path, settings: Any) -> Callable[..., None]:
    """Write the file, with jobs that are due every second."""
    path = tmp_path / "tasks.yaml"
    settings.SCHEDCORE = replace(settings.SCHEDCORE, tasks_file=path)

    def write(*job_ids: str, function: str = "work", more: str = "") -> None:
        lines = [
            f"  - {{id: {job_id}, name: {job_id}, function: {function}, trigger_type: interval, "
            f"trigger_params: {{seconds: 1}}{more}}}"
            for job_id in job_ids
        ]
        path.write_text("default_tasks:\n" + "\n".join(lines) + "\n")

    return write


def test_reloads_while_everything_runs_lose_nothing_and_run_nothing_twice(
    start_scheduler: Callable[..., SchedcoreScheduler],  # noqa: F811
    tasks_file: Callable[..., None],
    settings: Any,
) -> None:
    """Jobs due every second, edits, requests to run, and a reload after the other."""
    settings.SCHEDCORE = replace(settings.SCHEDCORE, poll_interval_s=0.02, lease_ttl_s=30.0)
    begun: list[int | None] = []

    def note() -> None:
        begun.append(current_execution().id)

    scheduled_task(name="note")(note)
    tasks_file("a", "b", "c", function="note")
    for job_id in ("a", "b", "c", "mine"):
        make(job_id, function="note", trigger_params={"seconds": 1})
    scheduler = start_scheduler()
    faults: list[str] = []

    def meddle() -> None:
        try:
            for number in range(RELOADS):
                if not Job.objects.filter(pk="mine").exists():
                    make("mine", function="note", trigger_params={"seconds": 1})
                control.change("a", {"trigger_params": {"seconds": 1 + number % 2}}, actor=ACTOR)
                control.pause("b", actor=ACTOR)
                for job_id in ("c", "mine"):
                    try:
                        execution_control.run_now(job_id, actor=ACTOR)
                    except SchedulerError:  # it runs already
                        continue
                definitions.reload(ACTOR, keep_custom=bool(number % 2))
                ran = JobExecution.objects.filter(status=Status.SUCCEEDED).count()
                until(
                    lambda ran=ran: (
                        JobExecution.objects.filter(status=Status.SUCCEEDED).count() > ran
                    )
                )
        except BaseException as error:
            faults.append(repr(error))
        finally:
            connection.close()

    meddler = threading.Thread(target=meddle)
    meddler.start()
    meddler.join(90)
    assert faults == []
    assert scheduler.faults.figures() == {"last_fault": None}
    since = datetime.now(UTC)
    later = JobExecution.objects.filter(status=Status.SUCCEEDED, scheduled_for__gt=since)
    until(lambda: set(later.values_list("job_id", flat=True)) >= {"a", "b", "c"})
    assert scheduler.end(grace_s=10) == 0
    assert not JobExecution.objects.unreleased().exists()
    assert len(begun) == len(set(begun))
    ran = JobExecution.objects.filter(status=Status.SUCCEEDED)
    assert set(begun) == set(ran.values_list("pk", flat=True))
    assert (
        JobExecution.objects.exclude(
            status__in=[Status.SUCCEEDED, Status.CANCELLED, Status.SKIPPED]
        ).count()
        == 0
    )


@pytest.mark.parametrize("more", [None, ", enabled: false"], ids=["deleted", "disabled"])
def test_what_waits_for_a_worker_does_not_begin_once_a_reload_has_stopped_its_job(
    loop: Callable[..., Loop], tasks_file: Callable[..., None], more: str | None
) -> None:
    """As when a person deletes or disables it."""
    tasks_file("other") if more is None else tasks_file("job", more=more)
    make()
    leader = loop(workers=0).takes_the_lead()
    make_due("job")
    leader.step()
    assert statuses() == [Status.QUEUED]
    definitions.reload(ACTOR)
    leader.pool.workers = 5
    for _step in range(2):
        leader.step()
    assert "job" not in [handout.job_id for handout in leader.handed_out]
    assert statuses() == [Status.CANCELLED]


def test_a_run_that_is_going_when_a_reload_deletes_its_job_ends_as_it_ends(
    leader: Loop, tasks_file: Callable[..., None]
) -> None:
    tasks_file("other")
    make()
    make_due("job")
    leader.step()
    run = leader.begins()
    assert run is not None
    definitions.reload(ACTOR)
    assert not Job.objects.filter(pk="job").exists()
    leader.ends(run)
    leader.step()
    assert statuses() == [Status.SUCCEEDED]


def test_a_reload_during_a_run_fires_nothing_that_was_due_before_it(
    leader: Loop, tasks_file: Callable[..., None]
) -> None:
    """Pains 16 and 24."""
    tasks_file("job")
    make()
    make_due("job", ago_s=30)
    definitions.reload(ACTOR)
    leader.step()
    assert statuses() == []
    upcoming = next_run()
    assert upcoming is not None
    assert upcoming > datetime.now(UTC)
