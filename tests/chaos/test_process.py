"""Real `runscheduler` processes: what they say and do at their start."""

from __future__ import annotations

from jobs.models import SchedulerLease
from tests.chaos.conftest import RunScheduler


def test_a_database_that_cannot_be_reached_at_start_is_one_clear_sentence(
    run_scheduler: RunScheduler,
) -> None:
    process = run_scheduler(
        DATABASE_URL="postgres://nobody@127.0.0.1:1/nowhere", SCHEDCORE_DB_POOL_TIMEOUT="1"
    )
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
