"""The scheduler: APScheduler's thread, running our loop.

What is overridden of APScheduler: `_process_jobs` (whole), and through `RowsJobStore` and
`ThreadsExecutor` the store's writes and the executor's submission. tests/runtime/
test_overrides.py notices when a new version changes what they replace.
"""

from __future__ import annotations

import logging
import time
from datetime import datetime
from typing import Any

from apscheduler.schedulers.background import BackgroundScheduler
from django.db import Error as DatabaseFault
from django.db import connection, reset_queries, transaction
from django.db.backends.utils import CursorWrapper
from django.utils import timezone as django_timezone

from jobs.conf import conf
from jobs.control.schedule import repair
from jobs.executions.claim import Claimed, claim_due, next_due
from jobs.executions.database import database_now
from jobs.executions.fencing import Lease, LeaseLost, hold
from jobs.executions.hand_out import Handout, give_back, hand_out
from jobs.executions.recovery import interrupt_orphans, interrupt_own
from jobs.models import JobExecution, Revision
from jobs.runtime.clock import Clock, JumpDetector
from jobs.runtime.executors import ThreadsExecutor
from jobs.runtime.identity import Identity
from jobs.runtime.jobstore import RowsJobStore
from jobs.runtime.lease import Membership
from jobs.runtime.recorder import Recorder
from jobs.runtime.report import ALIAS, Report
from jobs.runtime.run import CANCEL_GRACE_S, Run
from jobs.runtime.wakeup import make_wakeup

logger = logging.getLogger(__name__)

STANDBY_POLL_S = 1.0
MAX_BACKOFF_S = 5.0
LOCKED_RETRY_S = 0.1
"""After which due jobs are looked at again whose rows somebody was changing."""


class SchedcoreScheduler(BackgroundScheduler):  # type: ignore[misc]  # APScheduler has no types
    """Any number may run on one database: one leads, the others stand by.

    Each step of the loop writes what has finished, shows that the process lives, and, if it
    leads, claims what is due and hands out what is queued; then it says how long to wait.
    """

    def __init__(self, identity: Identity | None = None) -> None:
        super().__init__(timezone=django_timezone.get_default_timezone(), daemon=True)
        self.recorder = Recorder(self.wakeup)
        self.pool = ThreadsExecutor(conf().max_workers, self.wakeup)
        self.membership = Membership(identity or Identity())
        self.clock = Clock()
        self.last_error: str = ""
        self._wakeups = make_wakeup(self.wakeup)
        self._jumps = JumpDetector()
        self.report = Report(self)
        self._revision = -1
        self._due_at: float | None = None
        self._has_backlog = False
        self._next_beat = 0.0
        self._next_poll = 0.0
        self._backoff_s = 0.0
        self._is_stopping = False
        self._settled_in: Lease | None = None
        self.add_jobstore(RowsJobStore(), ALIAS)
        self.add_executor(self.pool, ALIAS)

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
        while self.pool.runs() and time.monotonic() < deadline:
            time.sleep(0.02)
        self.shutdown(wait=False)  # joins the loop's thread
        self._wakeups.stop()
        interrupted = self._last_writes()
        connection.close()
        return interrupted

    def _last_writes(self) -> int:
        """From the caller's thread, once the loop has ended."""
        owner = self.membership.identity.id
        try:
            self.membership.release()
            now = self.clock.now()
            give_back(owner, self.pool.take_back(), now=now)
            self._write_finished()
            interrupted = interrupt_own(owner, now=now)
            self.membership.leave(now)
        except DatabaseFault:
            logger.exception(
                "The database did not take the last results; the next leader will call these "
                "runs interrupted",
                extra={"event": "scheduler.last_writes_failed"},
            )
            return len(self.pool.runs())
        return len(interrupted)

    # -- The loop --------------------------------------------------------------

    def wakeup(self) -> None:
        if self._event is not None:  # else the loop has not begun, and will look anyway
            super().wakeup()

    def _main_loop(self) -> None:
        try:
            super()._main_loop()
        finally:
            connection.close()

    def _process_jobs(self) -> float:
        """One step; seconds until the next. Never raises: a fault is logged and retried."""
        try:
            wait_s = self._step()
        except LeaseLost as lost:
            self._step_down(lost)
            return 0.0
        except Exception as error:  # one step of the loop: record, then go on
            return self._recover(error)
        if self.last_error:
            logger.info("The scheduler works again", extra={"event": "scheduler.recovered"})
        self.last_error, self._backoff_s = "", 0.0
        return wait_s

    def _step(self) -> float:
        reset_queries()  # with DEBUG on, Django keeps them
        if self._jumps.has_jumped():
            self.clock.set(database_now())
            self._due_at = 0.0
        self._write_finished()
        self._end_overdue()
        monotonic = time.monotonic()
        if self._is_stopping:
            self.membership.release()
            taken = self.pool.take_back()
            give_back(self.membership.identity.id, taken, now=self.clock.now())
            if monotonic >= self._next_beat:
                self._beat()
            return self._wait_s()
        if monotonic >= self._next_beat:
            self._beat()
        if self._has_changed(monotonic):
            self._notice_cancels()
            self._due_at = 0.0
        if lease := self.membership.lease:
            if lease != self._settled_in:
                self._settle_in(lease)
            self._lead(lease)
        return self._wait_s()

    def _lead(self, lease: Lease) -> None:
        """Claim and hand out until nothing is due or no worker is free."""
        while True:
            is_due = self._due_at is not None and time.monotonic() >= self._due_at
            limit = self.pool.capacity() if (is_due or self._has_backlog) else 0
            if not is_due and (not self._has_backlog or limit == 0):
                return
            claimed = self._tick(lease, claims=is_due, limit=limit)
            if not claimed.is_full:
                return
            self._write_finished()

    def _tick(self, lease: Lease, *, claims: bool, limit: int) -> Claimed:
        """One transaction: check the lease, claim what is due, mark what is handed out."""
        claimed = Claimed()
        upcoming: datetime | None = None
        with transaction.atomic(), connection.cursor() as cursor:
            now = self._hold(cursor, lease)
            if claims:
                claimed = claim_due(cursor, now=now, leading_since=lease.since)
            handouts, late = hand_out(cursor, lease, now=now, limit=limit)
            if claims:
                upcoming = next_due(cursor)
        # Committed: from here on these runs are ours, whatever happens.
        self._hand_over(handouts)
        self._has_backlog = limit == 0 or len(handouts) + len(late) >= limit
        if claims:
            self._set_due(now, upcoming, claimed)
        self.report.claimed(claimed, handouts, late)
        return claimed

    def _hold(self, cursor: CursorWrapper, lease: Lease) -> datetime:
        now = hold(cursor, lease, frozen_limit_s=conf().lease_ttl_s / 2)
        self.clock.set(now)
        return now

    def _set_due(self, now: datetime, upcoming: datetime | None, claimed: Claimed) -> None:
        if upcoming is None:
            self._due_at = None
            return
        wait_s = (upcoming - now).total_seconds()
        if wait_s <= 0 and not claimed.stretches:
            wait_s = LOCKED_RETRY_S
        self._due_at = time.monotonic() + max(wait_s, 0.0)

    def _hand_over(self, handouts: list[Handout]) -> None:
        for handout in handouts:
            self.pool.hand_over(Run(handout, self.recorder, self.clock))

    # -- What the loop looks after ------------------------------------------------

    def _write_finished(self) -> None:
        finished = self.recorder.flush(self.membership.identity.id, self.clock.now())
        for item in finished:
            self.report.finished(item)

    def _end_overdue(self) -> None:
        """Give the runs that ignore their end their verdict."""
        overdue = [finished for run in self.pool.runs() if (finished := run.finish_overdue())]
        for finished in overdue:
            self.recorder.finish(finished)
        if overdue:
            self._write_finished()

    def _beat(self) -> None:
        """Heartbeat, a look at the others, and the lease if it is free."""
        self._next_beat = time.monotonic() + self._beat_interval_s()
        now = database_now()
        self.clock.set(now)
        if not self.membership.beat(now, self._figures(now)):
            self._register_again(now)
        alive = self.membership.look_around(now)
        if self._is_stopping:
            return
        if self.membership.is_leader:
            if not self.membership.still_leads():
                raise LeaseLost("")
        else:
            self.membership.try_to_lead(alive, now)
        if self.membership.is_leader:
            interrupted = interrupt_orphans(alive, now=now)
            for execution_id in interrupted:
                logger.warning(
                    "Execution interrupted: its scheduler process died",
                    extra={"event": "execution.interrupted", "execution_id": execution_id},
                )

    def _figures(self, now: datetime) -> dict[str, Any]:
        """For health, as of this heartbeat."""
        return {
            "last_tick_at": now.isoformat(),
            "workers": self.pool.workers,
            "busy_workers": self.pool.busy,
            "last_error": self.last_error,
            **self.report.figures(),
        }

    def _beat_interval_s(self) -> float:
        interval = self.membership.beat_interval_s
        return interval if self.membership.is_leader else min(interval, STANDBY_POLL_S)

    def _settle_in(self, lease: Lease) -> None:
        """What a new leader does before its first tick; again if that fails."""
        with transaction.atomic(), connection.cursor() as cursor:
            broke, mended = repair(now=self._hold(cursor, lease))
        self._settled_in = lease
        self._due_at, self._has_backlog = 0.0, True
        logger.info(
            "This scheduler leads",
            extra={
                "event": "scheduler.leads",
                "epoch": lease.epoch,
                "broken_jobs": broke,
                "mended_jobs": mended,
            },
        )

    def _register_again(self, now: datetime) -> None:
        """Another process took this one for dead (it was frozen); it lives on under a new id."""
        logger.error(
            "This process was taken for dead by another scheduler; its runs are interrupted",
            extra={"event": "scheduler.declared_dead"},
        )
        self.membership.lose()
        self.membership.identity = Identity()
        self.membership.register(now)

    def _step_down(self, lost: LeaseLost) -> None:
        self.membership.lose()
        self._due_at, self._has_backlog = None, False
        self._next_beat = 0.0
        logger.warning(
            "The lease was lost; standing by",
            extra={"event": "scheduler.lease_lost", "holder": lost.holder},
        )

    def _has_changed(self, monotonic: float) -> bool:
        """Whether another process has changed anything since the last look."""
        is_poll_due = monotonic >= self._next_poll or self._wakeups.take_notified()
        if not is_poll_due:
            return False
        self._next_poll = monotonic + self._wakeups.poll_interval_s
        number = Revision.objects.filter(pk=1).values_list("number", flat=True).first() or 0
        changed = number != self._revision
        self._revision = number
        return changed

    def _notice_cancels(self) -> None:
        runs = {run.handout.execution_id: run for run in self.pool.runs()}
        if not runs:
            return
        asked = JobExecution.objects.unreleased().filter(
            owner=self.membership.identity.id, cancel_requested_at__isnull=False
        )
        for execution_id, who in asked.values_list("pk", "cancel_requested_by"):
            if run := runs.get(execution_id):
                run.ask_to_cancel(who, grace_s=CANCEL_GRACE_S)

    def _recover(self, error: Exception) -> float:
        self._backoff_s = min(max(self._backoff_s * 2, 0.25), MAX_BACKOFF_S)
        sentence = f"{type(error).__name__}: {error}".strip()
        if sentence != self.last_error:
            logger.error(
                "The scheduler's step failed; trying again",
                exc_info=None if isinstance(error, DatabaseFault) else error,
                extra={"event": "scheduler.step_failed", "error": sentence},
            )
        self.last_error = sentence
        self._due_at = 0.0 if self.membership.is_leader else None
        connection.close()
        return self._backoff_s

    def _wait_s(self) -> float:
        """Seconds until something is to be done without being woken."""
        monotonic = time.monotonic()
        moments = [self._next_beat, self._next_poll]
        if self.membership.is_leader and self._due_at is not None and not self._is_stopping:
            moments.append(self._due_at)
        deadlines = (run.open_deadline for run in self.pool.runs())
        moments.extend(moment for moment in deadlines if moment is not None)
        details = self.recorder.details_due_in
        if details is not None:
            moments.append(monotonic + details)
        return max(min(moments) - monotonic, 0.0)
