"""What happens when two things happen at once: each race that matters, in each of its orders."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from django_apscheduler.models import DjangoJob

from jobs import definitions
from jobs.control import job as control
from jobs.control.schedule import trigger_of
from jobs.executions.fencing import Lease, leading
from jobs.models import Job, JobExecution, SchedulerLease, Status
from jobs.runtime import scheduler as scheduler_module
from jobs.triggers import next_fire
from tests.factories import ACTOR
from tests.proof.loop import FAILED, Loop
from tests.proof.race import Stage
from tests.proof.rows import declare_dead, delete, make, next_run, pause, row, rows, statuses
from tests.runtime.runs import make_due

MakeLoop = Callable[..., Loop]

only_postgresql = pytest.mark.skipif(
    connection.vendor != "postgresql", reason="SQLite locks no single row: who comes second waits"
)
ROUNDS = 15


class Clock:
    """The database's, as changes and ticks read it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = minute(0) + timedelta(seconds=30)

        @contextmanager
        def leads(lease: Lease, limit_s: float) -> Iterator[tuple[CursorWrapper, datetime]]:
            with leading(lease, limit_s) as (cursor, _now):
                yield cursor, self.now

        monkeypatch.setattr(scheduler_module, "leading", leads)
        for module in (control, definitions):
            monkeypatch.setattr(module, "database_now", lambda: self.now)

    def advance(self, *, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)


def minute(number: int) -> datetime:
    return datetime(2026, 3, 4, 12, number, tzinfo=UTC)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def edit(job_id: str = "job") -> Job:
    """Every five minutes instead of every hour."""
    return control.change(job_id, {"trigger_params": {"minutes": 5}}, actor=ACTOR)


# --- Two schedulers on one tick ------------------------------------------------------------


def test_whoever_takes_the_lease_during_a_tick_waits_for_its_end_and_claims_nothing_again(
    stage: Stage, loop: MakeLoop
) -> None:
    make()
    old, new = loop("old").takes_the_lead(), loop("new")
    make_due("job")
    declare_dead(old)
    tick = stage.actor(
        lambda: old.scheduler._tick(old.scheduler.membership.lease, claims=True)
    ).starts_and_stops_after(scheduler_module, "claim_due")
    takeover = stage.actor(new.takes_the_lead).starts().has_to_wait()
    tick.ends()
    takeover.ends()
    new.step()
    assert len(rows()) == 1
    assert len(old.handed_out + new.handed_out) == 1
    assert statuses() == [Status.INTERRUPTED], "it was given to a process that is dead"


def test_who_has_lost_the_lease_before_its_tick_dispatches_nothing(
    stage: Stage, loop: MakeLoop
) -> None:
    """As after a freeze: it believes that it leads until its transaction says otherwise."""
    make()
    old, new = loop("old").takes_the_lead(), loop("new")
    tick = stage.actor(old.step).starts_and_stops_before(scheduler_module, "leading")
    declare_dead(old)
    new.takes_the_lead()
    make_due("job")
    tick.ends()
    assert not rows()
    assert not old.leads
    new.step()
    assert [handout.job_id for handout in new.handed_out] == ["job"]
    assert new.handed_out[0].epoch == SchedulerLease.objects.get().epoch
    old.step()
    assert not old.handed_out


def test_two_schedulers_that_both_believe_to_lead_dispatch_every_occurrence_once(
    stage: Stage, loop: MakeLoop
) -> None:
    """Really at once, and the lease goes from one to the other and back."""
    job_ids = [make(f"job-{number}").pk for number in range(10)]
    first, second = loop("first", workers=1000).takes_the_lead(), loop("second", workers=1000)
    for _round in range(ROUNDS):
        make_due(*job_ids)
        declare_dead(first)
        answers = stage.at_once(first.step, second.step, second.step)
        assert [answer for answer in answers if answer is not None] == []
        for worker in (first, second):
            while (run := worker.begins()) is not None:
                worker.ends(run)
        for _step in range(2):
            second.step()
            first.step()
        first, second = (first, second) if first.leads else (second, first)
        assert first.leads
        assert not second.leads
    given = [handout.execution_id for handout in first.handed_out + second.handed_out]
    assert len(given) == len(set(given))
    occurrences = [(found.job_id, found.scheduled_for) for found in JobExecution.objects.all()]
    assert len(occurrences) == len(set(occurrences)) == 10 * ROUNDS
    assert not JobExecution.objects.unfinished().exists()


def test_of_schedulers_that_start_at_once_one_leads(stage: Stage, loop: MakeLoop) -> None:
    """Pain 25."""
    loops = [loop(f"host-{number}") for number in range(4)]
    for _step in range(2):
        stage.at_once(*[one.step for one in loops])
    assert [one.leads for one in loops].count(True) == 1
    (leader,) = [one for one in loops if one.leads]
    assert SchedulerLease.objects.get().holder == leader.id


# --- Pause, delete and edit during a tick --------------------------------------------------


def test_a_pause_during_a_tick_waits_for_it_and_withdraws_what_it_queued(
    stage: Stage, loop: MakeLoop
) -> None:
    make()
    leader = loop(workers=0).takes_the_lead()
    make_due("job")
    tick = stage.actor(leader.step).starts_and_stops_after(scheduler_module, "claim_due")
    pausing = stage.actor(pause).starts().has_to_wait()
    tick.ends()
    pausing.ends()
    assert statuses() == [Status.CANCELLED]
    assert next_run() is None
    leader.pool.workers = 5
    leader.step()
    assert not leader.handed_out


def test_a_pause_during_a_tick_that_hands_out_lets_that_run_go_on(
    stage: Stage, leader: Loop
) -> None:
    make()
    make_due("job")
    tick = stage.actor(leader.step).starts_and_stops_after(scheduler_module, "claim_due")
    pausing = stage.actor(pause).starts().has_to_wait()
    tick.ends()
    pausing.ends()
    run = leader.begins()
    assert run is not None
    leader.ends(run)
    leader.step()
    assert statuses() == [Status.SUCCEEDED]
    assert next_run() is None


@only_postgresql
@pytest.mark.parametrize("change", [pause, delete, edit])
def test_a_tick_passes_over_a_job_that_is_being_changed_and_claims_the_others(
    stage: Stage, leader: Loop, change: Callable[[], object]
) -> None:
    make()
    make("other")
    make_due("job", "other")
    changing = stage.actor(change).starts_and_stops_before(control, "bump_revision")
    leader.step()
    assert [handout.job_id for handout in leader.handed_out] == ["other"]
    assert not rows()
    changing.ends()
    leader.step()
    assert not rows(), "what was due before the change is not fired after it"
    assert [handout.job_id for handout in leader.handed_out] == ["other"]


@pytest.mark.parametrize("change", [pause, delete, edit])
def test_a_tick_never_undoes_a_change_that_came_before_it(
    stage: Stage, leader: Loop, change: Callable[[], object]
) -> None:
    make()
    make_due("job")
    changing = stage.actor(change).starts_and_stops_before(control, "bump_revision")
    tick = stage.actor(leader.step).starts()
    if connection.vendor == "sqlite":
        tick.has_to_wait()
    else:
        tick.ends()
    changing.ends()
    tick.ends()
    leader.step()
    assert not rows()
    if change is pause:
        assert next_run() is None
    elif change is edit:
        assert next_run() == next_fire(trigger_of(Job.objects.get()), datetime.now(UTC))
    else:
        assert not DjangoJob.objects.exists()


def test_an_edit_of_the_trigger_during_a_tick_is_what_the_next_run_is_worked_out_from(
    stage: Stage, leader: Loop
) -> None:
    """Pain 18: the tick has read the old trigger already."""
    make()
    make_due("job")
    tick = stage.actor(leader.step).starts_and_stops_after(scheduler_module, "claim_due")
    editing = stage.actor(edit).starts().has_to_wait()
    tick.ends()
    job = editing.ends()
    assert next_run() == job.anchor + timedelta(minutes=5)
    leader.step()
    assert statuses() == [Status.RUNNING], "what was claimed before the edit runs, once"
    assert next_run() == job.anchor + timedelta(minutes=5)


def test_an_edit_of_the_trigger_between_claim_and_start_leaves_the_claimed_run_as_it_was(
    loop: MakeLoop,
) -> None:
    make(timeout=7)
    leader = loop(workers=0).takes_the_lead()
    due = make_due("job")
    leader.step()
    assert statuses() == [Status.QUEUED]
    changed = control.change(
        "job",
        {"trigger_type": "cron", "trigger_params": {"cron_expression": "0 3 * * *"}, "timeout": 9},
        actor=ACTOR,
    )
    leader.pool.workers = 5
    leader.step()
    (handout,) = leader.handed_out
    assert (handout.scheduled_for, handout.timeout_s) == (due, 7)
    run = leader.begins()
    assert run is not None
    leader.ends(run)
    leader.step()
    assert statuses() == [Status.SUCCEEDED]
    assert next_run() == next_fire(trigger_of(changed), datetime.now(UTC))


def test_a_tick_between_the_start_of_a_change_and_its_lock_claims_nothing_a_second_time(
    stage: Stage, leader: Loop, clock: Clock
) -> None:
    """The change works the next run out as of a moment after that tick."""
    make(trigger_type="cron", trigger_params={"cron_expression": "* * * * *"})
    changing = stage.actor(
        lambda: control.change("job", {"trigger_params": {"minute": "*"}}, actor=ACTOR)
    ).starts_and_stops_before(transaction, "atomic")
    clock.advance(minutes=3)
    leader.step()
    assert (row().occurrence_count, row().scheduled_for) == (3, minute(3))
    changing.ends()
    assert next_run() == minute(4)
    clock.advance(minutes=1)
    leader.step()
    assert [found.occurrence_count for found in rows()] == [3, 1]


@only_postgresql
def test_a_tick_between_the_start_of_a_reload_and_its_locks_claims_nothing_a_second_time(
    stage: Stage, leader: Loop, clock: Clock, tmp_path: Path, settings: Any
) -> None:
    tasks_file = tmp_path / "tasks.yaml"
    tasks_file.write_text(
        "default_tasks: [{id: job, name: job, function: work, "
        "trigger_type: cron, trigger_params: {minute: '*'}}]"
    )
    settings.SCHEDCORE = replace(settings.SCHEDCORE, tasks_file=tasks_file)
    make(trigger_type="cron", trigger_params={"cron_expression": "* * * * *"})
    reloading = stage.actor(lambda: definitions.reload(ACTOR)).starts_and_stops_before(
        definitions, "_standing"
    )
    clock.advance(minutes=3)
    leader.step()
    assert (row().occurrence_count, row().scheduled_for) == (3, minute(3))
    reloading.ends()
    assert next_run() == minute(4)


def test_a_delete_during_a_tick_waits_for_it_and_leaves_no_half_a_job(
    stage: Stage, loop: MakeLoop
) -> None:
    make()
    leader = loop(workers=0).takes_the_lead()
    make_due("job")
    tick = stage.actor(leader.step).starts_and_stops_after(scheduler_module, "claim_due")
    deleting = stage.actor(delete).starts().has_to_wait()
    tick.ends()
    deleting.ends()
    assert not Job.objects.exists()
    assert not DjangoJob.objects.exists()
    assert statuses() == [Status.CANCELLED]
    assert "deleted" in row().reason


def test_a_delete_during_a_run_lets_it_end_and_keeps_its_history(leader: Loop) -> None:
    """Pains 7 and 8."""
    made = make()
    make_due("job")
    leader.step()
    run = leader.begins()
    assert run is not None
    delete()
    leader.step()
    assert statuses() == [Status.RUNNING]
    leader.ends(run, FAILED)
    leader.step()
    assert statuses() == [Status.FAILED]
    assert (row().job_name, row().error) == (made.name, "ValueError: no")
    assert row().released_at is not None
    again = make()
    assert list(again.executions.all()) == rows()


def test_a_job_that_is_deleted_and_made_again_during_a_run_counts_that_run(leader: Loop) -> None:
    """One of its id is still going, so another one would overlap it."""
    make()
    make_due("job")
    leader.step()
    run = leader.begins()
    assert run is not None
    delete()
    make()
    make_due("job")
    leader.step()
    assert statuses() == [Status.RUNNING, Status.SKIPPED]
    leader.ends(run)
    make_due("job")
    leader.step()
    assert statuses() == [Status.SUCCEEDED, Status.SKIPPED, Status.RUNNING]
