"""Failover with real processes: kill -9, a graceful stop, a frozen leader, clocks that differ."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.db import connection

from jobs.models import JobExecution, SchedulerLease, Status
from jobs.models import SchedulerProcess as ProcessRow
from tests.chaos.conftest import RunScheduler
from tests.chaos.figures import say
from tests.chaos.ledger import read_notes
from tests.chaos.population import assert_accounted_for, every_second, pause, plant
from tests.chaos.processes import TTL_S, SchedulerProcess, database_file
from tests.waiting import until

SLACK_S = 6.0
"""For a machine that does other things as well; the promise itself is printed."""

ELSEWHERE = "another host"

FirstDue = dict[str, datetime]

needs_postgresql = pytest.mark.skipif(
    "connection.vendor != 'postgresql'", reason="on SQLite failover covers death only"
)


@pytest.fixture
def first_due(transactional_db: None, chaos_tasks: None, notes_file: Path) -> FirstDue:
    """A job that is due every second."""
    return plant([every_second("every-second", notes_file)])


def ran(count: int) -> bool:
    rows = JobExecution.objects.filter(job_id="every-second", status=Status.SUCCEEDED)
    return rows.count() >= count


def pid_of_leader() -> int | None:
    holder = SchedulerLease.objects.values("holder")
    leaders = ProcessRow.objects.filter(pk__in=holder)
    return leaders.values_list("pid", flat=True).first()


def epoch() -> int:
    return SchedulerLease.objects.get().epoch


def leads(scheduler: SchedulerProcess) -> Callable[[], bool]:
    return lambda: pid_of_leader() == scheduler.pid


def pair(run_scheduler: RunScheduler, **variables: str) -> tuple[SchedulerProcess, ...]:
    """A leader that has run something, and a standby."""
    leader = run_scheduler(**variables)
    leader.says("leader")
    until(lambda: ran(1))
    standby = run_scheduler(**variables)
    standby.says("standby")
    return leader, standby


def takeover_s(standby: SchedulerProcess, *, within_s: float) -> float:
    """How long it takes from now until the standby leads; fails after `within_s`."""
    since = time.monotonic()
    until(leads(standby), deadline_s=within_s)
    return time.monotonic() - since


def settle(first_due: FirstDue, notes_file: Path, *running: SchedulerProcess) -> None:
    """Stop those that run, and hold the history against what the tasks wrote down."""
    windows = pause(first_due)
    until(lambda: not JobExecution.objects.unfinished().exists())
    for scheduler in running:
        assert scheduler.stop() == 0, scheduler.output
    assert_accounted_for(windows, notes_file)
    assert SchedulerLease.objects.get().holder == ""


def test_after_kill_9_and_a_restart_it_goes_on_with_no_duplicate_and_no_gap(
    run_scheduler: RunScheduler, first_due: FirstDue, notes_file: Path
) -> None:
    """Pains 2, 13 and 16."""
    first = run_scheduler()
    first.says("leader")
    until(lambda: ran(3))
    first.kill()
    second = run_scheduler()
    second.says("leader")
    until(lambda: ran(6))
    settle(first_due, notes_file, second)
    assert "Stopped." in second.output


def test_after_kill_9_a_standby_of_the_same_host_leads_without_waiting_for_the_ttl(
    run_scheduler: RunScheduler, first_due: FirstDue, notes_file: Path
) -> None:
    ttl_s = 30.0
    leader, standby = pair(run_scheduler, SCHEDCORE_LEASE_TTL=f"{ttl_s:g}")
    before = epoch()
    leader.kill()
    taken_s = takeover_s(standby, within_s=ttl_s / 2)
    say(f"kill -9, same host: the standby leads after {taken_s:.2f} s, TTL {ttl_s:g} s")
    assert epoch() > before
    settle(first_due, notes_file, standby)


def test_after_kill_9_a_standby_of_another_host_leads_within_the_ttl(
    run_scheduler: RunScheduler, first_due: FirstDue, notes_file: Path
) -> None:
    """The pid says nothing there, so only the silent heartbeat tells."""
    leader, standby = pair(run_scheduler)
    ProcessRow.objects.filter(pid=leader.pid).update(host_id=ELSEWHERE)
    leader.kill()
    taken_s = takeover_s(standby, within_s=TTL_S + SLACK_S)
    say(f"kill -9, another host: the standby leads after {taken_s:.2f} s, TTL {TTL_S:g} s")
    so_far = JobExecution.objects.filter(status=Status.SUCCEEDED).count()
    until(lambda: ran(so_far + 2))
    settle(first_due, notes_file, standby)


def test_after_a_graceful_stop_a_standby_leads_at_once_though_runs_are_still_going(
    run_scheduler: RunScheduler, chaos_tasks: None, notes_file: Path
) -> None:
    first_due = plant([every_second("every-second", notes_file)])
    leader, standby = pair(run_scheduler)
    napping = plant([every_second("napping", notes_file, nap_s=5.0)])
    going = JobExecution.objects.filter(job_id="napping", status=Status.RUNNING)
    until(going.exists)
    leader.ask_to_stop()
    taken_s = takeover_s(standby, within_s=3.0)
    say(f"graceful stop: the standby leads after {taken_s:.2f} s")
    assert leader.is_running, "it waits for the run that it has begun"
    assert leader.process.wait(timeout=60) == 0
    assert "were interrupted" not in leader.output
    settle(first_due | napping, notes_file, standby)


def test_a_second_scheduler_waits_and_says_who_leads(
    run_scheduler: RunScheduler, first_due: FirstDue, notes_file: Path
) -> None:
    leader, standby = pair(run_scheduler)
    assert f"pid {leader.pid} leads" in standby.output
    assert leader.stop() == 0
    until(lambda: "This scheduler leads" in standby.output)
    until(lambda: ran(3))
    settle(first_due, notes_file, standby)


def test_a_leader_that_was_frozen_longer_than_the_ttl_dispatches_nothing_when_it_wakes(
    run_scheduler: RunScheduler, first_due: FirstDue, notes_file: Path
) -> None:
    leader, standby = pair(run_scheduler)
    freeze_between_transactions(leader)
    until(lambda: "This scheduler leads" in standby.output, deadline_s=TTL_S * 2 + SLACK_S)
    before = epoch()
    leader.thaw()
    so_far = JobExecution.objects.filter(status=Status.SUCCEEDED).count()
    until(lambda: ran(so_far + 2))
    assert epoch() == before
    pids = {note.pid for note in read_notes(notes_file) if note.epoch == before}
    assert pids == {standby.pid}
    settle(first_due, notes_file, leader, standby)


def freeze_between_transactions(scheduler: SchedulerProcess) -> None:
    """On SQLite nobody can take the write lock from a process that is frozen with it."""

    def caught() -> bool:
        scheduler.freeze()
        if connection.vendor == "postgresql" or not is_write_locked():
            return True
        scheduler.thaw()
        return False

    until(caught)


def is_write_locked() -> bool:
    with closing(sqlite3.connect(database_file(), timeout=0, isolation_level=None)) as writer:
        try:
            writer.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return True
        return False


@needs_postgresql
def test_a_leader_frozen_in_the_middle_of_a_tick_holds_the_standby_up_no_longer_than_a_ttl(
    run_scheduler: RunScheduler, first_due: FirstDue, notes_file: Path
) -> None:
    """The server ends its transaction, and with it the lock on the lease."""
    crowd = plant([every_second(f"crowd-{n:03}", notes_file) for n in range(300)])
    leader = run_scheduler(PGAPPNAME="leader")
    leader.says("leader")
    until(lambda: ran(1))
    standby = run_scheduler(PGAPPNAME="standby")
    standby.says("standby")
    freeze_within_a_transaction(leader, "leader")
    taken_s = takeover_s(standby, within_s=TTL_S * 2 + SLACK_S)
    say(f"frozen in a tick: the standby leads after {taken_s:.2f} s, TTL {TTL_S:g} s")
    before = epoch()
    leader.thaw()
    so_far = JobExecution.objects.filter(status=Status.SUCCEEDED).count()
    until(lambda: JobExecution.objects.filter(status=Status.SUCCEEDED).count() > so_far + 300)
    assert epoch() == before
    settle(crowd | first_due, notes_file, leader, standby)


def freeze_within_a_transaction(scheduler: SchedulerProcess, application: str) -> None:
    """Stop it at a moment at which it has written and not committed."""

    def caught() -> bool:
        scheduler.freeze()
        # Twice, for a commit may have been on its way.
        found = is_within_a_transaction(application) and is_within_a_transaction(application)
        if not found:
            scheduler.thaw()
        return found

    until(caught, deadline_s=60.0)


def is_within_a_transaction(application: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_sleep(0.02) FROM pg_stat_activity WHERE application_name = %s "
            "AND state = 'idle in transaction' AND backend_xid IS NOT NULL",
            [application],
        )
        return cursor.fetchone() is not None


@needs_postgresql
def test_hosts_whose_clocks_are_an_hour_apart_run_every_occurrence_once_and_on_time(
    run_scheduler: RunScheduler, first_due: FirstDue, notes_file: Path
) -> None:
    ahead = run_scheduler(DJANGO_SETTINGS_MODULE="tests.chaos.settings_hour_ahead")
    ahead.says("leader")
    until(lambda: ran(3))
    behind = run_scheduler()
    behind.says("standby")
    assert ahead.stop() == 0
    until(leads(behind))
    so_far = JobExecution.objects.filter(status=Status.SUCCEEDED).count()
    until(lambda: ran(so_far + 3))
    settle(first_due, notes_file, behind)
    rows = list(JobExecution.objects.filter(job_id="every-second", occurrence_count=1))
    hour = timedelta(hours=1)
    assert all(abs(row.finished_at - row.scheduled_for) < hour / 2 for row in rows)
    assert any(abs(note.at - note.scheduled_for) > hour / 2 for note in read_notes(notes_file)), (
        "the first of the two was not ahead at all"
    )


def test_a_task_reads_a_fencing_number_that_grows_with_every_takeover(
    run_scheduler: RunScheduler, first_due: FirstDue, notes_file: Path
) -> None:
    seen = []
    for _number in range(3):
        scheduler = run_scheduler()
        until(lambda pid=scheduler.pid: any(note.pid == pid for note in read_notes(notes_file)))
        scheduler.kill()
        seen.append({note.epoch for note in read_notes(notes_file) if note.pid == scheduler.pid})
    assert [len(epochs) for epochs in seen] == [1, 1, 1]
    numbers = [epochs.pop() for epochs in seen]
    assert numbers == sorted(set(numbers))
