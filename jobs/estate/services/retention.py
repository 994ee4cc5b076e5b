"""Retention: what is known of the estate that is old enough to go."""

from __future__ import annotations

from datetime import date, datetime

from jobs.estate.models.account_change import AccountChange
from jobs.estate.models.finding import PartitionFinding
from jobs.estate.models.record import SyncRecord
from jobs.estate.models.session import SyncSession
from jobs.estate.models.snapshot import DatabaseSizeSnapshot
from jobs.sweep import Expired, Owned


def expired_sessions(before: datetime) -> Expired:
    """Sessions that ended before `before`, with their records; never one that is running.

    The changes of accounts that one of them has noticed stay, without a session.
    """
    return Expired(
        name="sync_sessions",
        rows=SyncSession.objects.filter(finished_at__lt=before),
        moment="finished_at",
        owned=(
            Owned(SyncRecord.objects.all(), "session_id", name="sync_records"),
            Owned(AccountChange.objects.all(), "session_id"),
        ),
    )


def expired_snapshots(before: date) -> Expired:
    """Measurements of days before `before`. What was aggregated of them stays."""
    return Expired(
        name="size_snapshots",
        rows=DatabaseSizeSnapshot.objects.filter(day__lt=before),
        moment="day",
    )


def expired_findings(before: datetime) -> Expired:
    """Findings that resolved before `before`; never one that stands."""
    return Expired(
        name="resolved_findings",
        rows=PartitionFinding.objects.filter(resolved_at__lt=before),
        moment="resolved_at",
    )
