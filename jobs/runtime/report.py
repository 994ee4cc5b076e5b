"""What a scheduler tells of its work: log lines, APScheduler's events, figures for health."""

from __future__ import annotations

import logging
import time
from collections import Counter, deque
from datetime import datetime
from statistics import quantiles
from typing import Any

from apscheduler.events import (
    EVENT_JOB_ERROR,
    EVENT_JOB_EXECUTED,
    EVENT_JOB_MAX_INSTANCES,
    EVENT_JOB_MISSED,
    EVENT_JOB_SUBMITTED,
    JobExecutionEvent,
    JobSubmissionEvent,
)

from jobs.executions.claim import Claimed
from jobs.executions.hand_out import Handout, Late
from jobs.models import Status
from jobs.runtime.counts import Counts
from jobs.runtime.recorder import Finished

logger = logging.getLogger(__name__)

ALIAS = "default"
"""Of the one job store and the one executor, in APScheduler's events."""

HOUR_S = 3600.0
LATENESS_WINDOW_S = 300.0
MAX_LATENESS_SAMPLES = 10_000


class Report:
    """Told by the loop's thread, always after the commit. `scheduler` is APScheduler's."""

    def __init__(self, scheduler: Any) -> None:
        self.counts = Counts()
        self._scheduler = scheduler
        self._handed_out = 0
        self._ended: Counter[str] = Counter()
        self._hour_began = time.monotonic()
        self._lateness: deque[tuple[float, float]] = deque(maxlen=MAX_LATENESS_SAMPLES)

    def claimed(self, claimed: Claimed, handouts: list[Handout], late: list[Late]) -> None:
        """What a tick did."""
        self._handed_out += len(handouts)
        for job_id, sentence in claimed.broken:
            logger.error(
                "A job is broken and will not run",
                extra={"event": "job.broken", "job_id": job_id, "problem": sentence},
            )
        if logger.isEnabledFor(logging.DEBUG):
            for handout in handouts:
                keys = {"execution_id": handout.execution_id, "job_id": handout.job_id}
                event = {"event": "execution.handed_out"}
                logger.debug("Execution handed out", extra=event | keys)
        for job_id, stretch in claimed.stretches:
            if stretch.status != Status.QUEUED:
                self.counts.verdict(job_id, stretch.status, stretch.last, stretch.count)
            if stretch.status == Status.MISSED:
                self._tell_missed(job_id, stretch.last, stretch.count)
            elif stretch.status == Status.SKIPPED:
                logger.warning(
                    "Execution skipped: an earlier run was still going",
                    extra={"event": "execution.skipped", "job_id": job_id},
                )
                self._tell(
                    JobSubmissionEvent(EVENT_JOB_MAX_INSTANCES, job_id, ALIAS, [stretch.last])
                )
        for run in late:
            self.counts.verdict(run.job_id, Status.MISSED, run.scheduled_for)
            self._tell_missed(run.job_id, run.scheduled_for, 1)
        if self._has_listeners:
            for handout in handouts:
                self._tell(
                    JobSubmissionEvent(
                        EVENT_JOB_SUBMITTED, handout.job_id, ALIAS, [handout.scheduled_for]
                    )
                )

    def _tell_missed(self, job_id: str, scheduled_for: datetime, count: int) -> None:
        logger.warning(
            "Execution missed",
            extra={"event": "execution.missed", "job_id": job_id, "count": count},
        )
        self._tell(JobExecutionEvent(EVENT_JOB_MISSED, job_id, ALIAS, scheduled_for))

    def finished(self, item: Finished) -> None:
        verdict = item.verdict
        succeeded = verdict.status == Status.SUCCEEDED
        self._ended[verdict.status.value] += 1
        if item.is_scheduled:
            lateness_s = (verdict.started_at - verdict.scheduled_for).total_seconds()
            self._lateness.append((time.monotonic(), lateness_s))
            self.counts.lateness(lateness_s)
        self.counts.verdict(verdict.job_id, verdict.status, verdict.finished_at)
        self.counts.duration(item.function, verdict.duration_s)
        logger.log(
            _level_of(item),
            "Execution finished",
            extra={
                "event": "execution.finished",
                "execution_id": verdict.execution_id,
                "job_id": verdict.job_id,
                "status": verdict.status.value,
                "duration_s": verdict.duration_s,
                **({"error": verdict.error or verdict.reason} if not succeeded else {}),
                **({"warning": verdict.warning} if verdict.warning else {}),
            },
        )
        if self._has_listeners:
            code = EVENT_JOB_EXECUTED if succeeded else EVENT_JOB_ERROR
            self._tell(
                JobExecutionEvent(
                    code,
                    verdict.job_id,
                    ALIAS,
                    verdict.scheduled_for,
                    retval=item.retval,
                    exception=item.exception,
                    traceback=verdict.traceback or None,
                )
            )

    def interrupted(self, execution_ids: list[int]) -> None:
        self.counts.interrupted(execution_ids)
        for execution_id in execution_ids:
            logger.warning(
                "Execution interrupted: its scheduler process died",
                extra={"event": "execution.interrupted", "execution_id": execution_id},
            )

    def tell_hourly(self) -> None:
        """A sign of life for who reads the log: how the runs of the last hour ended here."""
        if time.monotonic() - self._hour_began < HOUR_S:
            return
        logger.info(
            "The runs of the last hour",
            extra={"event": "scheduler.hour", "ended": dict(self._ended)},
        )
        self._ended = Counter()
        self._hour_began = time.monotonic()

    def figures(self) -> dict[str, Any]:
        """How many runs were handed out, and how late those of a schedule began (seconds)."""
        since = time.monotonic() - LATENESS_WINDOW_S
        recent = sorted(late for at, late in self._lateness if at >= since)
        # Inclusive: no figure beyond the worst that was measured.
        cuts = quantiles(recent, n=100, method="inclusive") if len(recent) > 1 else recent * 99
        return {
            "handed_out": self._handed_out,
            "lateness_p50_s": round(cuts[49], 6) if cuts else None,
            "lateness_p99_s": round(cuts[98], 6) if cuts else None,
        }

    @property
    def _has_listeners(self) -> bool:
        return bool(self._scheduler._listeners)

    def _tell(self, event: Any) -> None:
        self._scheduler._dispatch_event(event)


def _level_of(item: Finished) -> int:
    """What goes as planned is for DEBUG: history has it, and a job may run every second."""
    verdict = item.verdict
    if verdict.status == Status.SUCCEEDED:
        if verdict.warning:
            return logging.WARNING
        return logging.DEBUG if item.is_scheduled else logging.INFO
    return logging.INFO if verdict.status == Status.CANCELLED else logging.ERROR
