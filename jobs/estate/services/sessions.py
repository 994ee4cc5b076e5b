"""The life of a session and its records."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from jobs.estate.models.instance import DatabaseInstance
from jobs.estate.models.record import UNSETTLED, RecordStatus, SyncRecord
from jobs.estate.models.session import Category, SessionStatus, Source, SyncSession
from jobs.registry import StopRun, current_execution

logger = logging.getLogger(__name__)

_current: ContextVar[SyncSession | None] = ContextVar("sync_session", default=None)


def current_session() -> SyncSession | None:
    """The session as part of which something is being stored; None outside of one."""
    return _current.get()


@contextmanager
def within(session: SyncSession) -> Iterator[None]:
    token = _current.set(session)
    try:
        yield
    finally:
        _current.reset(token)


@transaction.atomic
def begin(category: Category, instances: Sequence[DatabaseInstance]) -> SyncSession:
    """A running session of the current execution, with a pending record for each instance."""
    execution = current_execution()
    is_manual = execution.id is None or execution.source == Source.MANUAL
    session = SyncSession.objects.create(
        category=category,
        source=Source.MANUAL if is_manual else Source.SCHEDULED,
        requested_by=execution.requested_by,
        started_at=timezone.now(),
        instances_total=len(instances),
        execution_id=execution.id,
    )
    SyncRecord.objects.bulk_create(
        SyncRecord(session=session, instance=instance, instance_name=instance.name)
        for instance in instances
    )
    return session


def mark_running(record: SyncRecord) -> None:
    record.status = RecordStatus.RUNNING
    record.save(update_fields=["status"])


def fail(record: SyncRecord, error: str) -> None:
    record.status = RecordStatus.FAILED
    record.error = error
    record.save(update_fields=["status", "error", "seconds"])


def skip(record: SyncRecord, reason: str) -> None:
    record.status = RecordStatus.SKIPPED
    record.error = reason
    record.save(update_fields=["status", "error"])


@contextmanager
def ended_by_errors(session: SyncSession) -> Iterator[None]:
    """End the session as cancelled, or as failed, by what the block raises; raise it on."""
    try:
        yield
    except StopRun:
        end(session, SessionStatus.CANCELLED, error=_("It was cancelled."))
        raise
    except BaseException as error:
        reason = _("It was ended by an error: %(kind)s.") % {"kind": type(error).__name__}
        end(session, SessionStatus.FAILED, error=reason)
        raise


@transaction.atomic
def end(session: SyncSession, status: SessionStatus, *, error: str = "") -> None:
    """Give the verdict, unless it has one; what is unsettled then is skipped."""
    session.records.filter(status__in=UNSETTLED).update(status=RecordStatus.SKIPPED, error=error)
    counts: Counter[str] = Counter()
    totals: Counter[str] = Counter()
    for settled, details in session.records.values_list("status", "details"):
        counts[settled] += 1
        totals.update(details.get("totals", {}))
    SyncSession.objects.filter(pk=session.pk, status=SessionStatus.RUNNING).update(
        status=status,
        error=error,
        finished_at=timezone.now(),
        instances_completed=counts[RecordStatus.COMPLETED],
        instances_failed=counts[RecordStatus.FAILED],
        totals=dict(totals),
    )
    session.refresh_from_db()
    logger.info(
        "Sync session ended",
        extra={
            "event": "estate.session_ended",
            "session_id": session.pk,
            "category": session.category,
            "status": session.status,
        },
    )


def end_orphans(category: Category) -> None:
    """End the sessions whose process died: still running, though their execution is over."""
    orphans = SyncSession.objects.filter(
        category=category,
        status=SessionStatus.RUNNING,
        execution__released_at__isnull=False,
    )
    for session in orphans:
        end(session, SessionStatus.FAILED, error=_("Its process ended before it did."))
