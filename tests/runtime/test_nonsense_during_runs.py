"""A job's row that SQL changes to nonsense while a run of the job is going: the run gets its
verdict, and nobody else notices.

tests/executions/test_retry.py tells which runs are tried again then.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from django.db import connection, transaction

from jobs.executions.revision import bump_revision
from jobs.models import Job, JobExecution, Status
from jobs.runtime.scheduler import SchedcoreScheduler
from tests.runtime.runs import finished, make_due, run
from tests.waiting import until

StartScheduler = Callable[..., SchedcoreScheduler]
MakeJob = Callable[..., Job]

if connection.vendor == "postgresql":
    NONSENSE = [
        "trigger_params = '" + "[" * 5000 + "]" * 5000 + "'",
        "anchor = 'infinity'",
        "retry_backoff = 'NaN'",
    ]
else:
    NONSENSE = [
        "anchor = '2026-02-30 00:00:00'",
        "retry_delay = 'soon'",
        "retry_backoff = 'NaN'",
        "misfire_grace_time = 9223372036854775807",
    ]


@pytest.fixture
def going(
    start_scheduler: StartScheduler, job: MakeJob, gate: threading.Event
) -> Callable[..., tuple[SchedcoreScheduler, JobExecution]]:
    """A scheduler with a run of the job "mad", which fails once the gate opens; and the job
    "sound"."""

    def start(expression: str, **fields: object) -> tuple[SchedcoreScheduler, JobExecution]:
        def mad() -> None:
            gate.wait(60)
            raise RuntimeError("no")

        def sound() -> None:
            pass

        job(sound)
        made = job(mad, **fields)
        scheduler = start_scheduler()
        execution = run(made)
        until(lambda: JobExecution.objects.get(pk=execution.pk).status == Status.RUNNING)
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"UPDATE jobs_job SET {expression} WHERE id = 'mad'")
            bump_revision()
        return scheduler, execution

    return start


Going = Callable[..., tuple[SchedcoreScheduler, JobExecution]]


@pytest.mark.parametrize("expression", NONSENSE, ids=lambda text: text[:40])
def test_its_failure_is_written_and_the_others_go_on(
    going: Going, gate: threading.Event, expression: str
) -> None:
    scheduler, execution = going(expression, max_retries=1, retry_delay=3600)
    gate.set()
    assert finished(execution).status == Status.FAILED
    moment = make_due("sound")
    done = JobExecution.objects.filter(scheduled_for=moment, status=Status.SUCCEEDED)
    until(done.exists)
    assert scheduler.faults.figures() == {"last_fault": None}


@pytest.mark.parametrize("expression", NONSENSE, ids=lambda text: text[:40])
def test_a_scheduler_that_stops_interrupts_it_and_comes_to_its_end(
    going: Going, expression: str
) -> None:
    scheduler, execution = going(expression, rerun_if_interrupted=True)
    assert scheduler.end(grace_s=0.1) == 1
    execution.refresh_from_db()
    assert execution.status == Status.INTERRUPTED
    assert execution.released_at is not None
