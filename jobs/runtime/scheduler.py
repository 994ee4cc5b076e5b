"""The scheduler: APScheduler's thread, running our loop.

What is overridden of APScheduler: `_process_jobs` (whole), and through `RowsJobStore` and
`Pool` the store's writes and the executor's submission. tests/runtime/
test_overrides.py notices when a new version changes what they replace.
"""

from __future__ import annotations

import logging
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from apscheduler.schedulers.background import BackgroundScheduler
from django.db import (
    DEFAULT_DB_ALIAS,
    connection,
    connections,
    reset_queries,
    transaction,
)
from django.db import Error as DatabaseFault
from django.utils import timezone as django_timezone

from jobs.conf import conf
from jobs.executions.claim import Claimed, claim_due, next_due
from jobs.executions.database import database_now, is_postgresql
from jobs.executions.fencing import Lease, LeaseLost, bounded, leading
from jobs.executions.finish import write_verdicts
from jobs.executions.hand_out import Handout, Late, give_back, hand_out, miss_late
from jobs.executions.liveness import Peer, look
from jobs.executions.recovery import interrupt_orphans
from jobs.models import JobExecution, Revision, Status
from jobs.runtime.agenda import Agenda
from jobs.runtime.alert_faults import AlertFaults
from jobs.runtime.clock import Clock, JumpDetector
from jobs.runtime.executors.pools import Pools
from jobs.runtime.faults import Faults
from jobs.runtime.identity import Identity
from jobs.runtime.jobstore import RowsJobStore
from jobs.runtime.last_writes import LastWrites
from jobs.runtime.lease import Membership
from jobs.runtime.pulse import Pulse
from jobs.runtime.recorder import Recorder
from jobs.runtime.repair import Repair
from jobs.runtime.report import ALIAS, Report
from jobs.runtime.run import Run
from jobs.runtime.vitals import Vitals
from jobs.runtime.wakeup import make_wakeup

logger = logging.getLogger(__name__)

RECOUNT_S = 60.0
LATE_LOOK_S = 1.0
"""How often runs that wait for a worker are looked at for those whose grace is over."""

GATHER_S = 0.02
"""Verdicts wait that long at most for the next tick, to be written by its transaction."""

MAX_TRANSACTION_S = 10.0
MAX_BACKOFF_S = 5.0
DOUBTS_RETRY_S = 1.0


class SchedcoreScheduler(BackgroundScheduler):  # type: ignore[misc]  # APScheduler has no types
    """Any number may run on one database: one leads, the others stand by.

    Each step of the loop writes what has finished, shows that the process lives, and, if it
    leads, claims what is due and hands out what is queued; then it says how long to wait.
    """

    def __init__(self, identity: Identity | None = None) -> None:
        super().__init__(timezone=django_timezone.get_default_timezone(), daemon=True)
        self.recorder = Recorder(self.wakeup)
        self.pools = Pools(self.wakeup)
        self.membership = Membership(identity or Identity())
        self.clock = Clock()
        self.faults = Faults()
        self.alert_faults = AlertFaults()
        self.vitals = Vitals()
        self._wakeups = make_wakeup(self.wakeup)
        self._jumps = JumpDetector()
        self.report = Report(self)
        self.last_writes = LastWrites(
            self.membership, self.recorder, self.pools, self.clock, self.report
        )
        self._revision = -1
        self._repair = Repair()
        self._agenda = Agenda(self.pools.aliases())
        self._has_doubts = False
        self._next_beat = 0.0
        self._next_look = 0.0
        self._next_poll = 0.0
        self._next_recount = 0.0
        self._next_late_look = 0.0
        self._next_counts = 0.0
        self.pulse = Pulse()
        self._tick_began = 0.0
        self._backoff_s = 0.0
        self._last_write = 0.0
        self._is_gathering = False
        self._is_stopping = False
        self._is_over = False
        self.add_jobstore(RowsJobStore(), ALIAS)
        for pool in self.pools:
            self.add_executor(pool, pool.alias)

    # -- Life ------------------------------------------------------------------

    def begin(self) -> None:
        """Register this process and start the loop. Raises what the database raises."""
        self.clock.set(database_now())
        self.membership.register(self.clock.now())
        self._wakeups.start()
        self.start()

    def end(self, *, grace_s: float) -> int:
        """Stop for good: claim no more, release the lease, wait, write everything.

        Waits up to `grace_s` for runs; those that go on after it are interrupted. Returns how
        many were.
        """
        self._is_stopping = True
        self.wakeup()
        deadline = time.monotonic() + grace_s
        while self.pools.runs() and time.monotonic() < deadline:
            time.sleep(0.02)
        self._is_over = True
        self.shutdown(wait=False)  # joins the loop's thread
        self._wakeups.stop()
        interrupted = self.last_writes.write()
        connection.close()
        return interrupted

    @property
    def stuck_for_s(self) -> float:
        """Seconds of the loop's silence; endless if its thread has died."""
        thread = self._thread
        if thread is None or not thread.is_alive():
            return float("inf")
        return self.pulse.silent_s

    # -- The loop --------------------------------------------------------------

    def wakeup(self) -> None:
        if self._event is not None:  # else the loop has not begun, and will look anyway
            super().wakeup()

    def _main_loop(self) -> None:
        try:
            self.pulse.watch(connections[DEFAULT_DB_ALIAS])
            super()._main_loop()
        finally:
            connection.close()

    def _process_jobs(self) -> float:
        """One step; seconds until the next. Never raises: a fault is logged and retried."""
        self.pulse.beat()
        wait_s = 0.0
        try:
            wait_s = self._step()
            if self.faults.current:
                self._next_beat = wait_s = 0.0  # health is to hear of it
            self._went_round(self.clock.now())
        except LeaseLost as lost:
            self._step_down(lost)
        except Exception as error:  # one step of the loop: record, then go on
            wait_s = self._recover(error)
        self.pulse.rest(wait_s)
        return wait_s

    def _went_round(self, now: datetime) -> None:
        self.faults.end(now)
        self.vitals.went_round(now)
        self._backoff_s = 0.0

    def _step(self) -> float:
        reset_queries()  # with DEBUG on, Django keeps them
        if self._jumps.has_jumped():
            self.clock.set(database_now())
            self._agenda.expect_anything()
        monotonic = time.monotonic()
        if monotonic >= min(self._next_beat, self._next_look):
            self._look_around()  # before anything that may have to wait
        self._is_gathering = self._writes_with_tick(monotonic)
        if not self._is_gathering:
            self._write_finished()
        self._end_overdue()
        if self._has_doubts and not self._is_over:  # then abandoned runs leave no trace here
            self._reconcile()
        self._see_changes(monotonic)
        if monotonic >= self._next_recount:
            # The net for queued rows that were passed over because somebody had locked them.
            self._next_recount = monotonic + RECOUNT_S
            self._agenda.expect_queued()
            self._next_late_look = 0.0
        stale_at = self.pools.stale_at
        if self._is_stopping or (stale_at is not None and time.monotonic() >= stale_at):
            self._take_back()
        if self._is_stopping:
            self._release()
        elif lease := self.membership.lease:
            self._lead(lease)
            if self._repair.is_due(lease):
                if self._repair.step(lease, self._limit_s):
                    self._note_change()
                return 0.0
        self._write_counts(monotonic)
        return self._wait_s()

    def _lead(self, lease: Lease) -> None:
        """One tick, if anything is due or a worker is free for what waits."""
        monotonic = time.monotonic()
        if self._agenda.is_retry_due(monotonic):
            self._agenda.expect_anything()
        is_due = self._agenda.is_due(monotonic)
        if is_due or self.pools.capacity(self._agenda.backlog):
            self._tick(lease, claims=is_due)
        if self._agenda.backlog and monotonic >= self._next_late_look:
            self._miss_late(lease)

    def _tick(self, lease: Lease, *, claims: bool) -> None:
        """One transaction: check the lease, claim what is due, mark what is handed out."""
        claimed = Claimed()
        handouts: list[Handout] = []
        late: list[Late] = []
        self._tick_began = time.monotonic()
        finished = self.recorder.take_plain()
        try:
            with leading(lease, self._limit_s) as (cursor, now):
                self.clock.set(now)
                write_verdicts(cursor, lease.holder, [item.verdict for item in finished], now)
                if claims:
                    nothing_waits = self.pools.aliases() - self._agenda.backlog
                    room = self.pools.capacity(nothing_waits)
                    claimed = claim_due(cursor, lease, now=now, room=room)
                    handouts += claimed.handouts
                # What was claimed beyond that room waits for the next tick.
                left = self._agenda.backlog | claimed.executors
                for executor, limit in self.pools.capacity(self._agenda.backlog).items():
                    given, missed = hand_out(cursor, lease, executor=executor, now=now, limit=limit)
                    if len(given) + len(missed) < limit:
                        left.discard(executor)
                    handouts += given
                    late += missed
                ended = [item.verdict.execution_id for item in finished]
                ended += [*claimed.ended, *(run.execution_id for run in late)]
                self.recorder.note(cursor, ended)
        except BaseException:
            self.recorder.give_back(finished)  # they may be why: `flush` sorts that out
            raise
        # Committed: from here on these runs are ours, whatever happens.
        self._hand_over(handouts)
        self._last_write = time.monotonic()
        for item in finished:
            self.report.finished(item)
        self._agenda.backlog = left
        self.report.claimed(claimed, handouts, late)
        if claims:  # only now, so that no run waits for that
            with connection.cursor() as cursor:
                upcoming = next_due(cursor, now)
            self._agenda.plan(now, upcoming, has_claimed=bool(claimed.stretches))

    def _write_counts(self, monotonic: float) -> None:
        """As often as the heart beats, so that a run pays next to nothing for being counted."""
        counts = self.report.counts
        if monotonic < self._next_counts or not counts.has_any:
            return
        self._next_counts = monotonic + self.membership.beat_interval_s
        counts.write(self.membership, self._limit_s)

    def _miss_late(self, lease: Lease) -> None:
        self._next_late_look = time.monotonic() + LATE_LOOK_S
        with leading(lease, self._limit_s) as (cursor, now):
            late = miss_late(cursor, lease, now=now)
            self.recorder.note(cursor, [run.execution_id for run in late])
        self.report.claimed(Claimed(), [], late)

    @property
    def _limit_s(self) -> float:
        """For each of the loop's transactions: a frozen leader must not hold up the next."""
        return min(conf().lease_ttl_s / 2, MAX_TRANSACTION_S)

    def _hand_over(self, handouts: list[Handout]) -> None:
        for handout in handouts:
            run = Run(handout, self.recorder, self.clock, handed_out=self._tick_began)
            self.pools.hand_over(run)

    # -- What the loop looks after ------------------------------------------------

    def _writes_with_tick(self, monotonic: float) -> bool:
        """Whether verdicts are left to a tick that comes at once or very soon."""
        if self._is_stopping or not self.membership.is_leader or not self.recorder.is_plain:
            return False
        if self.pools.waiting and monotonic < self._last_write + GATHER_S:
            return True
        is_due_soon = self._agenda.is_due(monotonic + GATHER_S)
        return is_due_soon or bool(self.pools.capacity(self._agenda.backlog))

    def _write_finished(self) -> None:
        frees_slots = self.recorder.has_released
        owner = self.membership.identity.id
        finished = self.recorder.flush(owner, self.clock.now())
        self._last_write = time.monotonic()
        if frees_slots:  # of runs that ignored their end, for which a retry may wait
            self._agenda.expect_queued()
        for item in finished:
            self.report.finished(item)

    def _end_overdue(self) -> None:
        """Give the runs that ignore their end their verdict."""
        limited = (run for run in self.pools.runs() if run.deadline is not None)
        overdue = [finished for run in limited if (finished := run.finish_overdue())]
        for finished in overdue:
            self.recorder.finish(finished)
        if overdue:
            self._write_finished()

    def _reconcile(self) -> None:
        """Queue again what a commit of unknown outcome marked as ours without our knowing."""
        # In this order: a run that ends has its verdict before it leaves its pool.
        held = [run.handout.execution_id for run in self.pools.runs()]
        held += [*self.recorder.unwritten(), *self.pools.abandoned()]
        marked = JobExecution.objects.unreleased().filter(
            owner=self.membership.identity.id, status=Status.RUNNING
        )
        with bounded(self._limit_s):
            lost = list(marked.exclude(pk__in=held).order_by().values_list("pk", flat=True))
            left = give_back(self.membership.identity.id, lost, now=self.clock.now())
        self._has_doubts = bool(left)
        self._agenda.expect_queued()

    def _look_around(self) -> None:
        """Show that this process lives, see who else does, and lead if nobody leads."""
        monotonic = time.monotonic()
        is_beat_due = monotonic >= self._next_beat
        self._next_look = monotonic + self.membership.look_interval_s
        if is_beat_due:
            self._next_beat = monotonic + self.membership.beat_interval_s
        with transaction.atomic(), connection.cursor() as cursor:
            asked_at = datetime.now(UTC)
            seen = look(cursor, self._limit_s)
            if is_postgresql():
                self.vitals.compared(asked_at, datetime.now(UTC), seen.now)
            if abs((seen.now - self.clock.now()).total_seconds()) > JumpDetector.TOLERANCE_S:
                # The database's clock was set: jobs, or retries that wait, may be due.
                self._agenda.expect_anything()
            self.clock.set(seen.now)
            if seen.peer(self.membership.identity.id) is None:
                self._register_again(seen.now)
                return
            if is_beat_due:
                self.membership.beat(seen.now, self._figures())
        if is_beat_due:
            self.vitals.wrote(time.monotonic() - monotonic)
        dead = self.membership.judge(seen)
        if lease := self.membership.lease:
            if (seen.holder, seen.epoch) != (lease.holder, lease.epoch):
                raise LeaseLost(seen.holder)
            if dead or seen.has_orphans:
                self._recover_orphans(lease, dead)
        elif self.membership.holder is None and not self._is_stopping:
            self._try_to_lead(dead)
        self._note_revision(seen.revision, seen.has_alert_rules)
        if self.membership.is_leader:
            self.report.tell_hourly()

    def _recover_orphans(self, lease: Lease, dead: list[Peer]) -> None:
        with leading(lease, self._limit_s) as (cursor, now):
            self.membership.bury(dead, now)
            interrupted = interrupt_orphans(now=now)
            self.recorder.note(cursor, interrupted)
        self.report.interrupted(interrupted)

    def _try_to_lead(self, dead: list[Peer]) -> None:
        with bounded(self._limit_s):
            now = database_now()
            self.membership.bury(dead, now)
            lease = self.membership.try_to_lead(now)
        if lease is None:
            return
        self.membership.lease = lease
        self._note_change()
        self._next_look = time.monotonic()  # at once, to see what the last leader left
        logger.info(
            "This scheduler leads", extra={"event": "scheduler.leads", "epoch": lease.epoch}
        )

    def _figures(self) -> dict[str, Any]:
        """For health, as of this heartbeat."""
        return {
            "revision": self._revision,
            **self.vitals.figures(),
            **self.pools.figures(),
            **self.faults.figures(),
            **self.alert_faults.figures(),
            **self.report.figures(),
        }

    def _register_again(self, now: datetime) -> None:
        """Another process took this one for dead (it was frozen); it lives on under a new id."""
        logger.error(
            "This process was taken for dead by another scheduler; its runs are interrupted",
            extra={"event": "scheduler.declared_dead"},
        )
        self.pools.take_back()
        for run in self.pools.runs():
            run.ask_to_cancel("another scheduler")
        self.membership.lease = None
        self.membership.identity = Identity()
        self.membership.register(now)

    def _take_back(self) -> None:
        """Queue again what waits in memory."""
        if taken := self.pools.take_back():
            with bounded(self._limit_s):
                left = give_back(self.membership.identity.id, taken, now=self.clock.now())
            self._has_doubts = self._has_doubts or bool(left)
            self._agenda.expect_queued()

    def _release(self) -> None:
        if self.membership.lease:
            with bounded(self._limit_s):
                self.membership.release()
            self.membership.lease = None

    def _step_down(self, lost: LeaseLost) -> None:
        self.membership.lease = None
        self._next_look = 0.0
        logger.warning(
            "The lease was lost; standing by",
            extra={"event": "scheduler.lease_lost", "holder": lost.holder},
        )

    def _see_changes(self, monotonic: float) -> None:
        """Ask whether another process has changed anything, if it is time to or it said so."""
        if monotonic < self._next_poll and not self._wakeups.take_notified():
            return
        columns = ("number", "has_alert_rules")
        seen = Revision.objects.filter(pk=1).values_list(*columns).first()
        self._note_revision(*(seen or (0, False)))

    def _note_revision(self, number: int, has_alert_rules: bool) -> None:
        self.recorder.notes_verdicts = has_alert_rules
        self._next_poll = time.monotonic() + self._wakeups.poll_interval_s
        if number == self._revision:
            return
        self._notice_cancels()
        self._revision = number
        self._note_change()

    def _note_change(self) -> None:
        """Jobs, queued rows or the leader may be others than before."""
        self._agenda.expect_anything()
        if not self.membership.is_leader:
            self._next_look = 0.0

    def _notice_cancels(self) -> None:
        runs = {run.handout.execution_id: run for run in self.pools.runs()}
        if not runs:
            return
        asked = JobExecution.objects.unreleased().filter(
            owner=self.membership.identity.id, cancel_requested_at__isnull=False
        )
        for execution_id, who in asked.order_by().values_list("pk", "cancel_requested_by"):
            if run := runs.get(execution_id):
                run.ask_to_cancel(who)

    def _recover(self, error: Exception) -> float:
        # No longer than between two heartbeats, or the others take this process for dead.
        most_s = min(self.membership.beat_interval_s, MAX_BACKOFF_S)
        self._backoff_s = min(max(self._backoff_s * 2, 0.25), most_s)
        self.faults.begin(error, self.clock.now())
        self.report.counts.fault("database" if isinstance(error, DatabaseFault) else "other")
        self._has_doubts = True
        self._agenda.expect_anything()  # what was heard of may be forgotten
        with suppress(DatabaseFault):  # it is broken already
            connection.close()
        return self._backoff_s

    def _wait_s(self) -> float:
        """Seconds until something is to be done without being woken."""
        monotonic = time.monotonic()
        moments = [self._next_beat, self._next_poll]
        if not self._is_stopping:
            moments.append(self._next_look)
            if self.membership.is_leader:
                found = (self._agenda.due_at, self._agenda.retry_at, self.pools.stale_at)
                moments += [at for at in found if at is not None]
                if self._agenda.backlog:
                    moments.append(self._next_late_look)
        if self._has_doubts:
            moments.append(monotonic + DOUBTS_RETRY_S)
        limited = (r for r in self.pools.runs() if r.deadline is not None or r.handout.timeout_s)
        deadlines = (run.open_deadline for run in limited)
        moments.extend(moment for moment in deadlines if moment is not None)
        if self._is_gathering:
            moments.append(max(self._last_write, monotonic - GATHER_S / 2) + GATHER_S)
        elif (details := self.recorder.details_due_in) is not None:
            moments.append(monotonic + details)
        return max(min(moments) - monotonic, 0.0)
