"""Real `runscheduler` processes: start, standby, kill -9, takeover, graceful end."""

from __future__ import annotations

import signal
from collections.abc import Callable
from datetime import timedelta

from jobs.control import job as control
from jobs.control.audit import Actor
from jobs.models import Job, JobExecution, SchedulerLease, Status
from jobs.models.audit import Via
from tests.chaos.conftest import SchedulerProcess
from tests.waiting import until

ACTOR = Actor("dba", Via.API)

RunScheduler = Callable[..., SchedulerProcess]


def every_second() -> Job:
    return control.create(
        {
            "id": "every-second",
            "name": "Every second",
            "function": "cleanup_logs",
            "trigger_type": "interval",
            "trigger_params": {"seconds": 1},
        },
        actor=ACTOR,
    )


def ran(count: int) -> bool:
    rows = JobExecution.objects.filter(job_id="every-second", status=Status.SUCCEEDED)
    return rows.count() >= count


def assert_every_second_is_accounted_for() -> None:
    """Every occurrence from the first to the last stands in exactly one row with a verdict."""
    rows = list(JobExecution.objects.filter(job_id="every-second").order_by("scheduled_for"))
    assert all(row.is_finished for row in rows)
    accounted = []
    for row in rows:
        first = row.first_scheduled_for or row.scheduled_for
        moments = [first + timedelta(seconds=n) for n in range(row.occurrence_count)]
        assert moments[-1] == row.scheduled_for
        accounted.extend(moments)
    expected = [accounted[0] + timedelta(seconds=n) for n in range(len(accounted))]
    assert accounted == expected


def test_after_kill_9_and_a_restart_it_goes_on_with_no_duplicate_and_no_gap(
    run_scheduler: RunScheduler,
) -> None:
    """Pains 2, 13 and 16."""
    first = run_scheduler()
    first.says("leader")
    every_second()
    until(lambda: ran(3))
    first.kill()
    second = run_scheduler()
    second.says("leader")
    until(lambda: ran(6))
    assert second.stop() == 0
    assert "Stopped." in second.output
    assert_every_second_is_accounted_for()
    assert SchedulerLease.objects.get().holder == ""


def test_a_second_scheduler_waits_and_says_so_and_leads_when_the_first_is_stopped(
    run_scheduler: RunScheduler,
) -> None:
    first = run_scheduler()
    first.says("leader")
    second = run_scheduler()
    second.says("standby")
    assert f"pid {first.process.pid} leads" in second.output
    every_second()
    until(lambda: ran(1))
    assert first.stop() == 0
    until(lambda: "This scheduler leads" in second.output)
    until(lambda: ran(3))
    assert second.stop() == 0
    assert_every_second_is_accounted_for()


def test_a_leader_that_was_frozen_longer_than_the_ttl_dispatches_nothing_when_it_wakes(
    run_scheduler: RunScheduler,
) -> None:
    first = run_scheduler()
    first.says("leader")
    every_second()
    until(lambda: ran(1))
    second = run_scheduler()
    second.says("standby")
    first.process.send_signal(signal.SIGSTOP)
    until(lambda: "This scheduler leads" in second.output)
    epoch = SchedulerLease.objects.get().epoch
    first.process.send_signal(signal.SIGCONT)
    so_far = JobExecution.objects.filter(status=Status.SUCCEEDED).count()
    until(lambda: ran(so_far + 2))
    assert SchedulerLease.objects.get().epoch == epoch
    assert first.stop() == 0
    assert second.stop() == 0
    assert_every_second_is_accounted_for()


def test_a_database_that_cannot_be_reached_at_start_is_one_clear_sentence(
    run_scheduler: RunScheduler,
) -> None:
    process = run_scheduler(DATABASE_URL="postgres://nobody@127.0.0.1:1/nowhere")
    assert process.process.wait(timeout=60) != 0
    assert "127.0.0.1:1/nowhere cannot be reached" in process.output
    assert "Traceback" not in process.output


def test_a_database_without_migrations_is_refused_with_the_command_to_run(
    run_scheduler: RunScheduler, tmp_path: object
) -> None:
    process = run_scheduler(DATABASE_URL=f"sqlite:///{tmp_path}/empty.sqlite3")
    assert process.process.wait(timeout=60) != 0
    assert "manage.py migrate" in process.output
    assert "Traceback" not in process.output


def test_check_says_that_it_could_start_and_starts_nothing(run_scheduler: RunScheduler) -> None:
    process = run_scheduler("--check")
    assert process.process.wait(timeout=60) == 0
    assert "The scheduler could start." in process.output
    assert not SchedulerLease.objects.exists()
