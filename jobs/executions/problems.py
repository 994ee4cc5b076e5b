"""That a job broke, or can run again, as the scheduler found out: told by the audit."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from jobs.executions.database import database_clock
from jobs.models import AuditEvent
from jobs.models.audit import Via

SCHEDULER = "scheduler"
BROKE, MENDED = "job.break", "job.mend"


class ProblemChange(NamedTuple):
    """What could not be run before and after; an empty text where there was nothing."""

    job_id: str
    job_name: str
    before: str
    after: str


def record_problems(changes: Iterable[ProblemChange]) -> None:
    """Write an audit event for each, in the transaction that marks the jobs."""
    now = database_clock()
    AuditEvent.objects.bulk_create(
        AuditEvent(
            at=now,
            actor=SCHEDULER,
            via=Via.SCHEDULER,
            action=BROKE if change.after else MENDED,
            job_id=change.job_id,
            target=change.job_name,
            before={"problem": change.before},
            after={"problem": change.after},
        )
        for change in changes
    )
