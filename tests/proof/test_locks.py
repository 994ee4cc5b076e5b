"""What somebody has locked delays only itself, and is looked after once the lock goes.

The locks are those of a transaction that somebody has left open: no word comes when it ends.
"""

from __future__ import annotations

from collections.abc import Callable
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test import override_settings

from jobs.control import job as control
from jobs.executions import recovery as recovery_module
from jobs.models import Job, Status
from jobs.runtime import repair as repair_module
from jobs.runtime.executors import pool as pool_module
from jobs.runtime.run import Run
from tests.proof.loop import Loop
from tests.proof.race import Actor, Stage
from tests.proof.rows import declare_dead, make, next_run, pause, row, statuses
from tests.runtime.runs import make_due

MakeLoop = Callable[..., Loop]
LONG_S = 3600.0

pytestmark = pytest.mark.skipif(
    connection.vendor != "postgresql", reason="SQLite locks no single row: who comes second waits"
)


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow machine takes nothing back that waits for the test to play its worker."""
    monkeypatch.setattr(pool_module, "STALE_S", LONG_S)


def hold(stage: Stage, *job_ids: str) -> Actor:
    return stage.holds(Job.objects.filter(pk__in=job_ids))


def given(loop: Loop) -> list[str]:
    """The ids of the jobs whose runs it handed out, in order."""
    return [handout.job_id for handout in loop.handed_out]


# --- Runs that are taken back ----------------------------------------------------------------


def waits_too_long(leader: Loop, run: Run) -> None:
    """All workers are busy."""
    run.handed_over -= LONG_S


def comes_too_late(leader: Loop, run: Run) -> None:
    """A worker takes it after the process was frozen."""
    run.handed_over -= LONG_S
    assert leader.pool._queue.get_nowait() is run
    leader.pool._execute(run, lambda run: run.check_in_time())  # type: ignore[arg-type, return-value]


def is_lost(leader: Loop, run: Run) -> None:
    """The answer to the commit that marked it as ours did not come."""
    assert leader.pool._queue.get_nowait() is run
    leader.pool._forget(run)
    leader.scheduler._has_doubts = True


@pytest.mark.parametrize("mishap", [waits_too_long, comes_too_late, is_lost])
def test_a_run_that_is_taken_back_while_its_job_is_locked_holds_up_no_other(
    stage: Stage, leader: Loop, mishap: Callable[[Loop, Run], None]
) -> None:
    make()
    make("other")
    make_due("job")
    leader.step()
    (run,) = leader.scheduler.pools.runs()
    holder = hold(stage, "job")
    mishap(leader, run)
    make_due("other")
    leader.step()
    assert given(leader) == ["job", "other"]
    assert statuses() == [Status.RUNNING]
    leader.step()
    assert given(leader) == ["job", "other"], "it waits, and is not forgotten"
    holder.ends()
    leader.step()
    assert given(leader) == ["job", "other", "job"]
    assert leader.handed_out[2] == leader.handed_out[0]


def test_a_pause_that_is_under_way_when_a_run_is_taken_back_withdraws_it(
    stage: Stage, leader: Loop
) -> None:
    make()
    make_due("job")
    leader.step()
    pausing = stage.actor(pause).starts_and_stops_before(control, "bump_revision")
    leader.scheduler._take_back()
    leader.step()
    assert statuses() == [Status.RUNNING]
    pausing.ends()
    leader.step()
    assert statuses() == [Status.CANCELLED]
    assert row().released_at is not None
    assert given(leader) == ["job"]


# --- Runs whose process has died -------------------------------------------------------------


def test_orphans_are_interrupted_while_a_job_is_locked_that_wants_its_own_run_again(
    stage: Stage, loop: MakeLoop
) -> None:
    for job_id in ("job", "other"):
        make(job_id, rerun_if_interrupted=True)
    make("plain")
    old, new = loop("old").takes_the_lead(), loop("new")
    make_due("job", "other", "plain")
    old.step()
    assert len(old.handed_out) == 3
    holder = hold(stage, "job", "plain")
    declare_dead(old)
    new.takes_the_lead()
    assert statuses("other") == [Status.INTERRUPTED, Status.RUNNING]
    assert statuses("plain") == [Status.INTERRUPTED], "no lock is asked for that is not needed"
    assert statuses("job") == [Status.RUNNING]
    holder.ends()
    for _step in range(2):
        new.step()
    assert statuses("job") == [Status.INTERRUPTED, Status.RUNNING]
    assert [handout.attempt for handout in new.handed_out] == [2, 2]


def test_an_orphan_whose_job_is_being_paused_is_not_run_again(stage: Stage, loop: MakeLoop) -> None:
    make(rerun_if_interrupted=True)
    old, new = loop("old").takes_the_lead(), loop("new")
    make_due("job")
    old.step()
    pausing = stage.actor(pause).starts_and_stops_before(control, "bump_revision")
    declare_dead(old)
    new.takes_the_lead()
    assert statuses() == [Status.RUNNING]
    pausing.ends()
    new.step()
    assert statuses() == [Status.INTERRUPTED]


def test_a_pause_during_the_interruption_of_an_orphan_waits_and_withdraws_its_next_attempt(
    stage: Stage, loop: MakeLoop
) -> None:
    make(rerun_if_interrupted=True)
    old, new = loop("old").takes_the_lead(), loop("new", workers=0)
    make_due("job")
    old.step()
    declare_dead(old)
    recovery = stage.actor(new.takes_the_lead).starts_and_stops_before(
        recovery_module, "queue_again"
    )
    pausing = stage.actor(pause).starts().has_to_wait()
    recovery.ends()
    pausing.ends()
    assert statuses() == [Status.INTERRUPTED, Status.CANCELLED]


# --- What a new leader puts right ------------------------------------------------------------


def test_a_job_that_is_locked_while_a_new_leader_looks_at_it_holds_up_no_other(
    stage: Stage, loop: MakeLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    make()
    make("other")
    Job.objects.filter(pk="job").update(function="gone")
    holder = hold(stage, "job")
    leader = loop().takes_the_lead()
    make_due("other")
    leader.step()
    assert given(leader) == ["other"]
    holder.ends()
    monkeypatch.setattr(repair_module, "LEFT_RETRY_S", 0.0)
    leader.step()
    assert "gone" in Job.objects.get(pk="job").problem
    assert next_run() is None
    assert given(leader) == ["other"]


def test_a_new_default_zone_reaches_a_locked_job_though_its_leader_dies_meanwhile(
    stage: Stage, loop: MakeLoop
) -> None:
    make(trigger_type="cron", trigger_params={"hour": 3, "minute": 0})
    first = loop("first").takes_the_lead()
    declare_dead(first)
    with override_settings(TIME_ZONE="Asia/Tokyo"):
        holder = hold(stage, "job")
        second = loop("second").takes_the_lead()
        holder.ends()
        declare_dead(second)
        loop("third").takes_the_lead()
    upcoming = next_run()
    assert upcoming is not None
    assert upcoming.astimezone(ZoneInfo("Asia/Tokyo")).hour == 3
