"""The scheduler: APScheduler's thread, running our loop.

What is overridden of APScheduler: `_process_jobs` (whole), and through `RowsJobStore` and
`ThreadsExecutor` the store's writes and the executor's submission. tests/runtime/
test_overrides.py notices when a new version changes what they replace.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any

from apscheduler.schedulers.background import BackgroundScheduler
from django.db import Error as DatabaseFault
from django.db import connection, reset_queries
from django.utils import timezone as django_timezone

from jobs.conf import conf
from jobs.control.schedule import accept_default_zone, repair, suspects
from jobs.executions.claim import Claimed, claim_due, next_due
from jobs.executions.database import database_now
from jobs.executions.fencing import Lease, LeaseLost, bounded, leading
from jobs.executions.hand_out import Handout, give_back, hand_out
from jobs.executions.recovery import interrupt_orphans, interrupt_own
from jobs.models import JobExecution, Revision, Status
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

STANDBY_LOOK_S = 1.0
RECOUNT_S = 30.0
REPAIR_BATCH = 200
LAST_WRITES_LIMIT_S = 10.0
MAX_BACKOFF_S = 5.0
LOCKED_RETRY_S, MAX_LOCKED_RETRY_S = 0.1, 2.0
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
        self._has_doubts = False
        self._next_beat = 0.0
        self._next_look = 0.0
        self._next_poll = 0.0
        self._next_recount = 0.0
        self._locked_retry_s = LOCKED_RETRY_S
        self._step_began: float | None = None
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
        now = self.clock.now()
        try:
            self._write_finished()
            with bounded(LAST_WRITES_LIMIT_S):
                give_back(owner, self.pool.take_back(), now=now)
                interrupted = interrupt_own(owner, now=now)
                self.membership.release()
                self.membership.leave(now)
        except DatabaseFault:
            logger.exception(
                "The database did not take the last results; the next leader will call these "
                "runs interrupted",
                extra={"event": "scheduler.last_writes_failed"},
            )
            return len(self.pool.runs())
        return len(interrupted)

    @property
    def stuck_for_s(self) -> float:
        """Seconds for which the loop has been in one step; endless if its thread has died."""
        thread = self._thread
        if thread is None or not thread.is_alive():
            return float("inf")
        return time.monotonic() - self._step_began if self._step_began is not None else 0.0

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
        self._step_began = time.monotonic()
        try:
            wait_s = self._step()
        except LeaseLost as lost:
            self._step_down(lost)
            return 0.0
        except Exception as error:  # one step of the loop: record, then go on
            return self._recover(error)
        finally:
            self._step_began = None
        if self.last_error:
            logger.info("The scheduler works again", extra={"event": "scheduler.recovered"})
        self.last_error, self._backoff_s = "", 0.0
        return wait_s

    def _step(self) -> float:
        reset_queries()  # with DEBUG on, Django keeps them
        if self._jumps.has_jumped():
            self.clock.set(database_now())
            self._due_at = 0.0
        monotonic = time.monotonic()
        if monotonic >= min(self._next_beat, self._next_look):
            self._look_around()  # before anything that may have to wait
        self._write_finished()
        self._end_overdue()
        if self._has_doubts:
            self._reconcile()
        if self._has_changed(monotonic):
            self._due_at = 0.0
        if monotonic >= self._next_recount:
            # The net for queued rows that were passed over because somebody had locked them.
            self._next_recount, self._has_backlog = monotonic + RECOUNT_S, True
        if self._is_stopping:
            self._take_back()
            self._release()
        elif lease := self.membership.lease:
            if lease != self._settled_in:
                self._settle_in(lease)
            self._lead(lease)
        return self._wait_s()

    def _lead(self, lease: Lease) -> None:
        """One tick, if anything is due or a worker is free for what waits."""
        stale_at = self.pool.stale_at
        if stale_at is not None and time.monotonic() >= stale_at:
            self._take_back()
        is_due = self._due_at is not None and time.monotonic() >= self._due_at
        limit = self.pool.capacity() if (is_due or self._has_backlog) else 0
        if is_due or limit:
            self._tick(lease, claims=is_due, limit=limit)

    def _tick(self, lease: Lease, *, claims: bool, limit: int) -> None:
        """One transaction: check the lease, claim what is due, mark what is handed out."""
        claimed = Claimed()
        upcoming: datetime | None = None
        with leading(lease, self._limit_s) as (cursor, now):
            self.clock.set(now)
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

    @property
    def _limit_s(self) -> float:
        """For each of the loop's transactions: a frozen leader must not hold up the next."""
        return conf().lease_ttl_s / 2

    def _set_due(self, now: datetime, upcoming: datetime | None, claimed: Claimed) -> None:
        if upcoming is None:
            self._due_at = None
            return
        wait_s = (upcoming - now).total_seconds()
        if wait_s <= 0 and not claimed.stretches:
            # Somebody is changing that job, and will bump the revision.
            wait_s = self._locked_retry_s
            self._locked_retry_s = min(self._locked_retry_s * 2, MAX_LOCKED_RETRY_S)
        else:
            self._locked_retry_s = LOCKED_RETRY_S
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

    def _reconcile(self) -> None:
        """Queue again what a commit of unknown outcome marked as ours without our knowing."""
        held = [run.handout.execution_id for run in self.pool.runs()]
        marked = JobExecution.objects.filter(
            owner=self.membership.identity.id, status=Status.RUNNING
        )
        with bounded(self._limit_s):
            lost = list(marked.exclude(pk__in=held).values_list("pk", flat=True))
            give_back(self.membership.identity.id, lost, now=self.clock.now())
        self._has_doubts = False

    def _look_around(self) -> None:
        """Show that this process lives, see who else does, and lead if nobody leads."""
        monotonic = time.monotonic()
        is_beat_due = monotonic >= self._next_beat
        self._next_look = monotonic + self._look_interval_s()
        if is_beat_due:
            self._next_beat = monotonic + self.membership.beat_interval_s
        interrupted: list[int] = []
        lease = self.membership.lease
        with self._looking(lease) as now:
            self.clock.set(now)
            if is_beat_due and not self.membership.beat(now, self._figures(now)):
                self._register_again(now)
                return
            self.membership.look_around(now)
            may_lead = not lease and not self._is_stopping and self.membership.holder is None
            if may_lead and self.membership.try_to_lead(now):
                self._next_look = monotonic  # at once, to see what the last leader left
            if lease:
                interrupted = interrupt_orphans(now=now)
        self.report.interrupted(interrupted)

    @contextmanager
    def _looking(self, lease: Lease | None) -> Iterator[datetime]:
        """The transaction of a look, in which a leader holds its lease; and the time."""
        if lease:
            with leading(lease, self._limit_s) as (_, now):
                yield now
        else:
            with bounded(self._limit_s):
                yield database_now()

    def _figures(self, now: datetime) -> dict[str, Any]:
        """For health, as of this heartbeat."""
        return {
            "last_tick_at": now.isoformat(),
            "workers": self.pool.workers,
            "busy_workers": self.pool.busy,
            "last_error": self.last_error,
            **self.report.figures(),
        }

    def _look_interval_s(self) -> float:
        interval = self.membership.beat_interval_s
        return interval if self.membership.is_leader else min(interval, STANDBY_LOOK_S)

    def _settle_in(self, lease: Lease) -> None:
        """What a new leader does before its first tick; again if that fails."""
        broke: list[str] = []
        mended: list[str] = []
        for job_ids in batched(suspects(), REPAIR_BATCH):
            with leading(lease, self._limit_s) as (_, now):
                found = repair(job_ids, now=now)
            broke += found[0]
            mended += found[1]
            if time.monotonic() >= self._next_beat:
                self._look_around()
        accept_default_zone()
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
        self.pool.take_back()
        for run in self.pool.runs():
            run.ask_to_cancel("another scheduler", grace_s=CANCEL_GRACE_S)
        self.membership.lose()
        self.membership.identity = Identity()
        self.membership.register(now)

    def _take_back(self) -> None:
        """Queue again what waits in memory."""
        if taken := self.pool.take_back():
            with bounded(self._limit_s):
                give_back(self.membership.identity.id, taken, now=self.clock.now())
            self._has_backlog = True

    def _release(self) -> None:
        if self.membership.lease:
            with bounded(self._limit_s):
                self.membership.release()

    def _step_down(self, lost: LeaseLost) -> None:
        self.membership.lose()
        self._due_at, self._has_backlog = None, False
        self._next_look = 0.0
        logger.warning(
            "The lease was lost; standing by",
            extra={"event": "scheduler.lease_lost", "holder": lost.holder},
        )

    def _has_changed(self, monotonic: float) -> bool:
        """Whether another process has changed anything since the last look."""
        if monotonic < self._next_poll and not self._wakeups.take_notified():
            return False
        number = Revision.objects.filter(pk=1).values_list("number", flat=True).first() or 0
        if changed := number != self._revision:
            self._notice_cancels()
        self._revision = number
        self._next_poll = monotonic + self._wakeups.poll_interval_s
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
        self._has_doubts = True
        self._due_at = 0.0 if self.membership.is_leader else None
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
                moments += [at for at in (self._due_at, self.pool.stale_at) if at is not None]
        deadlines = (run.open_deadline for run in self.pool.runs())
        moments.extend(moment for moment in deadlines if moment is not None)
        details = self.recorder.details_due_in
        if details is not None:
            moments.append(monotonic + details)
        return max(min(moments) - monotonic, 0.0)


def batched(items: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
