"""Any order of changes, ticks, ends, crashes, restarts and takeovers keeps the promises.

Hypothesis plays people, time, workers and misfortune; the scheduler's loop and control are the
real ones, on the real database, and are compared with a simple model after every step.

HYPOTHESIS_PROFILE=long plays more of them, and other ones each time.
"""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from jobs.control import execution as execution_control
from jobs.control import job as control
from jobs.executions.fencing import LeaseLost
from jobs.models import Job, JobExecution, SchedulerLease, SchedulerProcess, Source, Status
from tests.control.conftest import state
from tests.factories import ACTOR, make_job
from tests.proof.clockwork import clockwork
from tests.proof.loop import FAILED, STOPPED, SUCCEEDED, Loop
from tests.proof.model import ModelJob, Span, When, check_next_run, check_occurrences

TTL_S = 15.0
BEAT_S = TTL_S / 3
MOST_PROCESSES = 3

common = {
    "deadline": None,
    "suppress_health_check": list(HealthCheck),
    "print_blob": True,
}
settings.register_profile(
    "suite", max_examples=25, stateful_step_count=30, derandomize=True, database=None, **common
)
settings.register_profile("long", max_examples=1000, stateful_step_count=60, **common)

job_ids = st.sampled_from(["a", "b"])
numbers = st.integers(0, 5)
kinds = st.sampled_from(["interval", "cron", "date"])
steps_s = st.sampled_from([2, 5, 30])
policies = st.fixed_dictionaries(
    {
        "misfire_grace_time": st.sampled_from([300, 8, 0]),
        "coalesce": st.booleans(),
        "max_retries": st.integers(0, 2),
        "rerun_if_interrupted": st.booleans(),
    }
)
INSTANCES = {"a": 1, "b": 2}
WORKERS = 1
"""Of each process; so that runs have to wait."""


class Scheduling(RuleBasedStateMachine):
    """Its rules are what may happen; its invariants are what is promised."""

    def __init__(self) -> None:
        super().__init__()
        self._atomic = transaction.atomic()
        self._atomic.__enter__()
        self._clockwork = clockwork()
        self.clock = self._clockwork.__enter__()
        self.jobs: dict[str, ModelJob] = {}
        self.past: dict[str, list[Span]] = {"a": [], "b": []}
        """Spans of jobs that were deleted."""
        self.loops: list[Loop] = []
        self.begun: set[int] = set()
        self.forced: set[int] = set()
        self.started = 0

    # -- People ------------------------------------------------------------------

    @initialize(step_s=steps_s, first=policies, second=policies)
    def two_jobs_and_a_leader(self, step_s: int, first: Any, second: Any) -> None:
        self.a_process_starts()
        self.loops[0].takes_the_lead()
        self.create("a", "interval", step_s, first)
        self.create("b", "interval", 2, second)

    @rule(job_id=job_ids, kind=kinds, step_s=steps_s, policies=policies)
    def create(self, job_id: str, kind: str, step_s: int, policies: dict[str, Any]) -> None:
        if job_id in self.jobs:
            return
        when = self._when(kind, step_s)
        make_job(
            job_id,
            function="work",
            timezone="UTC",
            max_instances=INSTANCES[job_id],
            retry_delay=3,
            **policies,
            **when.as_fields(),
        )
        model = ModelJob(when, anchor=self.clock.now, max_instances=INSTANCES[job_id])
        model.arm(self.clock.now)
        self.jobs[job_id] = model

    @rule(job_id=job_ids, kind=kinds, step_s=steps_s)
    def edit_the_trigger(self, job_id: str, kind: str, step_s: int) -> None:
        if job_id in self.jobs:
            when = self._when(kind, step_s)
            control.change(job_id, when.as_fields(), actor=ACTOR)
            self._changed(job_id, when=when)

    @rule(job_id=job_ids)
    def rename(self, job_id: str) -> None:
        """Which must not touch the schedule."""
        if job_id in self.jobs:
            control.change(job_id, {"name": f"At {self.clock.now}"}, actor=ACTOR)

    @rule(job_id=job_ids, for_s=st.sampled_from([None, 4, 40]))
    def pause(self, job_id: str, for_s: int | None) -> None:
        if job_id in self.jobs:
            until = None if for_s is None else self.clock.now + timedelta(seconds=for_s)
            control.pause(job_id, actor=ACTOR, until=until)
            self._changed(job_id, is_paused=True, until=until)

    @rule(job_id=job_ids)
    def resume(self, job_id: str) -> None:
        if job_id in self.jobs:
            control.resume(job_id, actor=ACTOR)
            self._changed(job_id, is_paused=False, until=None)

    @rule(job_id=job_ids, enabled=st.booleans())
    def switch(self, job_id: str, enabled: bool) -> None:
        if job_id in self.jobs:
            (control.enable if enabled else control.disable)(job_id, actor=ACTOR)
            self._changed(job_id, is_enabled=enabled)

    @rule(job_id=job_ids)
    def delete(self, job_id: str) -> None:
        if job_id in self.jobs:
            control.delete(job_id, actor=ACTOR)
            model = self.jobs.pop(job_id)
            model.disarm(self.clock.now)
            self.past[job_id] += model.spans

    @rule(job_id=job_ids, force=st.booleans())
    def run_now(self, job_id: str, force: bool) -> None:
        if job_id not in self.jobs:
            return
        most = INSTANCES[job_id]
        going = JobExecution.objects.unreleased().filter(job_id=job_id).count()
        try:
            made = execution_control.run_now(job_id, actor=ACTOR, force=force)
        except execution_control.JobBusy:
            assert going >= most
            assert not force
            return
        assert force or going < most
        if force:
            self.forced.add(made.pk)

    @rule(number=numbers)
    def cancel(self, number: int) -> None:
        rows = list(JobExecution.objects.unfinished().order_by("pk"))
        if rows:
            execution_control.cancel(rows[number % len(rows)].pk, actor=ACTOR)

    @rule(number=numbers)
    def retry(self, number: int) -> None:
        rows = [row for row in JobExecution.objects.order_by("pk") if row.is_finished]
        if rows and (chosen := rows[number % len(rows)]).job_id in self.jobs:
            with suppress(execution_control.JobBusy):
                execution_control.retry(chosen.pk, actor=ACTOR)

    # -- Time and processes --------------------------------------------------------

    @rule(seconds=st.sampled_from([0.3, 20, 61, 400]))
    def time_passes_and_nobody_looks(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @rule(
        seconds=st.sampled_from([1, 2, 3, BEAT_S]),
        workers=st.sampled_from(["sleep", "begin", "begin and end"]),
        outcome=st.sampled_from([SUCCEEDED, FAILED]),
    )
    def time_passes_as_usual(self, seconds: float, workers: str, outcome: Any) -> None:
        self.clock.advance(seconds)
        for loop in self.loops:
            if workers == "begin and end":
                for run in list(loop.begun):
                    loop.ends(run, outcome)
            self._step(loop)
            if workers != "sleep":
                self._begin(loop)

    @rule()
    @precondition(lambda self: len(self.loops) < MOST_PROCESSES)
    def a_process_starts(self) -> None:
        self.started += 1
        self.loops.append(Loop(f"host-{self.started}", workers=WORKERS))

    @rule(number=numbers)
    def a_process_takes_a_step(self, number: int) -> None:
        if self.loops:
            self._step(self.loops[number % len(self.loops)])

    @rule(number=numbers)
    def a_step_has_failed(self, number: int) -> None:
        """With a commit of unknown outcome: the loop cannot know what it has marked as its own."""
        if self.loops:
            loop = self.loops[number % len(self.loops)]
            loop.scheduler._has_doubts = True
            self._step(loop)

    @rule()
    def all_processes_live_on_for_a_while(self) -> None:
        """Longer than a TTL, in beats: so that the dead are found, and the living are not."""
        for _beat in range(5):
            self.clock.advance(BEAT_S)
            for loop in list(self.loops):
                self._step(loop)

    @rule(number=numbers)
    @precondition(lambda self: self.loops)
    def a_process_is_killed(self, number: int) -> None:
        self.loops.pop(number % len(self.loops))

    @rule(number=numbers)
    @precondition(lambda self: self.loops)
    def a_process_ends_gracefully(self, number: int) -> None:
        loop = self.loops.pop(number % len(self.loops))
        loop.scheduler._is_stopping = True
        loop.step()
        loop.scheduler.last_writes.write()
        assert not JobExecution.objects.unreleased().filter(owner=loop.id).exists()
        assert SchedulerLease.objects.get().holder != loop.id

    @rule(number=numbers)
    def another_takes_over_and_the_old_leader_ticks(self, number: int) -> None:
        """As after a freeze: it may have missed that it was taken for dead."""
        leaders = [loop for loop in self.loops if loop.leads]
        if not leaders or len(self.loops) >= MOST_PROCESSES:
            return
        old = leaders[number % len(leaders)]
        lease = old.scheduler.membership.lease
        self.a_process_starts()
        new = self.loops[-1]
        SchedulerProcess.objects.filter(pk=old.id).update(stopped_at=self.clock.now)
        self._step(new)
        held = SchedulerLease.objects.get()
        if held.holder != new.id:
            return  # yet another one leads, and lives
        assert lease is not None
        assert held.epoch > lease.epoch
        before = state()
        old.scheduler._agenda.due_at = 0.0
        with pytest.raises(LeaseLost):
            old.scheduler._lead(lease)
        assert state() == before
        given = len(old.handed_out)
        old.scheduler._process_jobs()
        assert len(old.handed_out) == given

    # -- Workers -------------------------------------------------------------------

    @rule(number=numbers)
    def a_worker_begins(self, number: int) -> None:
        if self.loops:
            self._begin(self.loops[number % len(self.loops)])

    @rule(number=numbers, outcome=st.sampled_from([SUCCEEDED, FAILED, STOPPED]))
    def a_run_ends(self, number: int, outcome: Any) -> None:
        going = [(loop, run) for loop in self.loops for run in loop.begun]
        if going:
            loop, run = going[number % len(going)]
            if outcome is STOPPED and run.stop_reason() is None:
                outcome = SUCCEEDED
            loop.ends(run, outcome)

    @rule(number=numbers)
    def the_time_of_a_run_is_over(self, number: int) -> None:
        """And its thread does not return yet."""
        going = [run for loop in self.loops for run in loop.begun]
        if going:
            going[number % len(going)].deadline = self.clock.monotonic()

    # -- Promises ------------------------------------------------------------------

    @invariant()
    def every_occurrence_stands_in_one_row(self) -> None:
        for job_id in ("a", "b"):
            model = self.jobs.get(job_id)
            check_occurrences(job_id, self.past[job_id] + (model.spans if model else []))

    @invariant()
    def every_schedule_points_at_what_comes_next(self) -> None:
        assert set(Job.objects.values_list("pk", flat=True)) == self.jobs.keys()
        for job_id, model in self.jobs.items():
            check_next_run(job_id, model, self.clock.now)

    @invariant()
    def a_job_that_is_held_or_gone_has_nothing_queued_by_itself(self) -> None:
        waiting = JobExecution.objects.filter(status=Status.QUEUED).exclude(source=Source.MANUAL)
        for job_id in set(waiting.values_list("job_id", flat=True)):
            model = self.jobs.get(job_id)
            assert model is not None
            assert not model.holds(self.clock.now)

    @invariant()
    def no_job_has_more_going_than_it_may(self) -> None:
        unreleased = {row.pk: row for row in JobExecution.objects.unreleased()}
        for job_id, most in INSTANCES.items():
            counted = [
                row
                for row in unreleased.values()
                # A retry waits for its predecessor's thread, and holds its place meanwhile.
                if row.job_id == job_id
                and row.retry_of_id not in unreleased
                and not self._is_forced(row)
            ]
            assert len(counted) <= most

    # -- The end -------------------------------------------------------------------

    def teardown(self) -> None:
        try:
            self._settle()
        finally:
            self._clockwork.__exit__(None, None, None)
            transaction.set_rollback(True)
            self._atomic.__exit__(None, None, None)

    def _settle(self) -> None:
        """Everything comes to its end, once people let it."""
        if not self.loops:
            self.a_process_starts()
        for _time in range(4):
            self._let_workers_end()
            self.all_processes_live_on_for_a_while()
        for job_id in self.jobs:
            self.switch(job_id, enabled=False)
        self._let_workers_end()
        self.all_processes_live_on_for_a_while()
        self.every_occurrence_stands_in_one_row()
        assert not JobExecution.objects.unfinished().exists()
        assert not JobExecution.objects.unreleased().exists()
        alive = SchedulerProcess.objects.alive().values_list("pk", flat=True)
        assert set(alive) == {loop.id for loop in self.loops}
        assert [loop.leads for loop in self.loops].count(True) == 1

    def _let_workers_end(self) -> None:
        for _round in range(20):
            for loop in self.loops:
                while self._begin(loop):
                    pass
                for run in list(loop.begun):
                    loop.ends(run)
                self._step(loop)
            if not any(loop.pool.runs() for loop in self.loops):
                return

    # -- Parts ---------------------------------------------------------------------

    def _when(self, kind: str, step_s: int) -> When:
        date = self.clock.now + timedelta(seconds=step_s)
        return When("date", date=date) if kind == "date" else When(kind, step_s)

    def _changed(self, job_id: str, **values: Any) -> None:
        self.jobs[job_id].change(self.clock.now, **values)

    def _step(self, loop: Loop) -> None:
        loop.step()
        if loop.leads:
            lease = loop.scheduler.membership.lease
            held = SchedulerLease.objects.get()
            assert lease is not None
            assert (held.holder, held.epoch) == (lease.holder, lease.epoch)
            for model in self.jobs.values():
                model.tick(self.clock.now)

    def _begin(self, loop: Loop) -> bool:
        """A worker takes the next run; a task that is told to end is not called at all."""
        run = loop.begins()
        if run is None:
            return False
        if run.stop_reason() is not None:
            loop.ends(run, STOPPED)
            return True
        assert run.handout.execution_id not in self.begun, "dispatched twice"
        self.begun.add(run.handout.execution_id)
        return True

    def _is_forced(self, row: JobExecution) -> bool:
        found: JobExecution | None = row
        while found is not None:
            if found.pk in self.forced:
                return True
            is_automatic = found.source == Source.RETRY
            found = found.retry_of if is_automatic else None
        return False


@pytest.mark.django_db
@pytest.mark.timeout(0)
@pytest.mark.usefixtures("_task")
def test_no_order_of_events_breaks_a_promise() -> None:
    profile = os.environ.get("HYPOTHESIS_PROFILE", "suite")
    run_state_machine_as_test(Scheduling, settings=settings.get_profile(profile))
