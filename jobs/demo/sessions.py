"""Thirty days of sessions over the instances, some of which could not be reached."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any

from jobs.estate.models.instance import DatabaseInstance
from jobs.estate.models.record import RecordStatus, SyncRecord
from jobs.estate.models.session import Category, SessionStatus, Source, SyncSession

DAYS = 30
UNREACHABLE_DAYS = {2: 1, 9: 1, 16: 2}
"""Days ago, and how many of the instances could not be reached then."""

HOURS = ((Category.PARTITION, 0), (Category.ACCOUNT, 1), (Category.CAPACITY, 3))
COUNTED = {
    Category.PARTITION: "tables",
    Category.ACCOUNT: "accounts",
    Category.CAPACITY: "databases",
}
ERROR = (
    "The server at %s:%d does not answer: timeout expired. Is it running, and does a firewall let "
    "this host through?"
)


def make_sessions(
    instances: Sequence[DatabaseInstance], now: datetime, rng: Random
) -> list[SyncSession]:
    """Those of the accounts, oldest first, for what was noticed in them."""
    made: list[SyncSession] = []
    records: list[SyncRecord] = []
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    for days in range(DAYS, 0, -1):
        for category, hour in HOURS:
            session = _session(category, midnight - timedelta(days=days, hours=-hour))
            lost = UNREACHABLE_DAYS.get(days, 0)
            for place, instance in enumerate(reversed(instances)):
                records.append(_record(session, instance, is_lost=place < lost, rng=rng))
            _settle(session, [record for record in records if record.session is session])
            made.append(session)
    SyncSession.objects.bulk_create(made)
    for record in records:
        record.session_id = record.session.pk
    SyncRecord.objects.bulk_create(records)
    return [session for session in made if session.category == Category.ACCOUNT]


def _session(category: Category, at: datetime) -> SyncSession:
    return SyncSession(category=category, source=Source.SCHEDULED, started_at=at)


def _record(
    session: SyncSession, instance: DatabaseInstance, *, is_lost: bool, rng: Random
) -> SyncRecord:
    record = SyncRecord(session=session, instance=instance, instance_name=instance.name)
    if is_lost:
        record.status = RecordStatus.FAILED
        record.seconds = 5.0
        record.error = ERROR % (instance.host, instance.port)
        return record
    seen = rng.randrange(5, 9)
    record.status = RecordStatus.COMPLETED
    record.seconds = round(rng.uniform(0.4, 6.0), 3)
    record.items_seen = seen
    counted = COUNTED[Category(session.category)]
    version = "16.9" if instance.engine == "postgresql" else "10.11.11-MariaDB"
    record.details = {"version": version, "totals": {counted: seen}}
    return record


def _settle(session: SyncSession, records: Sequence[SyncRecord]) -> None:
    failed = sum(record.status == RecordStatus.FAILED for record in records)
    session.instances_total = len(records)
    session.instances_failed = failed
    session.instances_completed = len(records) - failed
    session.finished_at = session.started_at + timedelta(
        seconds=max(record.seconds or 0 for record in records)
    )
    session.status = SessionStatus.COMPLETED
    if failed:
        session.status = SessionStatus.PARTIAL if failed < len(records) else SessionStatus.FAILED
    totals: dict[str, Any] = {}
    for record in records:
        for name, count in record.details.get("totals", {}).items():
            totals[name] = totals.get(name, 0) + count
    session.totals = totals
