"""What of the estate goes, and what stays."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from jobs.estate.models import (
    Account,
    AccountChange,
    AccountChangeKind,
    Category,
    Database,
    DatabaseInstance,
    DatabaseSizeSnapshot,
    FindingKind,
    PartitionFinding,
    SessionStatus,
    Severity,
    SizeAggregate,
    Source,
    SyncRecord,
    SyncSession,
)
from jobs.estate.services.retention import expired_findings, expired_sessions, expired_snapshots
from jobs.pace import BATCH, Pace
from jobs.sweep import Counts, Expired, sweep

pytestmark = pytest.mark.django_db

NOW = datetime(2030, 1, 1, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=100)


@pytest.fixture
def instance() -> DatabaseInstance:
    return DatabaseInstance.objects.create(name="main", engine="sqlite")


def make_session(*, at: datetime | None = LONG_AGO, records: int = 0) -> SyncSession:
    """Ended at `at`, or still running."""
    session = SyncSession.objects.create(
        category=Category.ACCOUNT,
        source=Source.SCHEDULED,
        status=SessionStatus.COMPLETED if at else SessionStatus.RUNNING,
        started_at=LONG_AGO,
        finished_at=at,
    )
    SyncRecord.objects.bulk_create(
        SyncRecord(session=session, instance_name=f"instance {number}") for number in range(records)
    )
    return session


def make_changes(instance: DatabaseInstance, session: SyncSession, number: int) -> None:
    account = Account.objects.create(
        instance=instance, name=f"of {session.pk}", first_seen=LONG_AGO, last_seen=LONG_AGO
    )
    AccountChange.objects.bulk_create(
        AccountChange(
            account=account,
            instance=instance,
            session=session,
            at=LONG_AGO,
            kind=AccountChangeKind.CHANGED,
        )
        for _ in range(number)
    )


def make_finding(instance: DatabaseInstance, resolved_at: datetime | None) -> PartitionFinding:
    return PartitionFinding.objects.create(
        instance=instance,
        database="sales",
        table=f"t{PartitionFinding.objects.count()}",
        kind=FindingKind.GAP,
        severity=Severity.ERROR,
        message="There is a gap.",
        first_seen=LONG_AGO,
        last_seen=LONG_AGO,
        resolved_at=resolved_at,
    )


def gone(expired: Expired, *, most: int = BATCH, is_dry_run: bool = False) -> list[Counts]:
    return list(sweep(expired, Pace(most), is_dry_run=is_dry_run))


def total(batches: list[Counts]) -> dict[str, int]:
    found: Counter[str] = Counter()
    for counts in batches:
        found.update(counts)
    return dict(found)


def test_ended_sessions_go_with_their_records_and_running_ones_stay() -> None:
    make_session(records=3)
    recent, running = make_session(at=NOW, records=2), make_session(at=None, records=2)
    told = gone(expired_sessions(NOW))
    assert told == [{"sync_sessions": 1, "sync_records": 3}]
    assert set(SyncSession.objects.all()) == {recent, running}
    assert SyncRecord.objects.count() == 4


def test_a_sessions_changes_of_accounts_outlive_it(instance: DatabaseInstance) -> None:
    make_changes(instance, make_session(), 2)
    recent = make_session(at=NOW)
    make_changes(instance, recent, 1)
    assert total(gone(expired_sessions(NOW))) == {"sync_sessions": 1, "sync_records": 0}
    sessions = AccountChange.objects.order_by("pk").values_list("session", flat=True)
    assert list(sessions) == [None, None, recent.pk]
    connection.check_constraints()


@pytest.mark.parametrize("most", [1, 3, 4, 5, 100])
def test_a_batch_counts_the_rows_of_all_tables(instance: DatabaseInstance, most: int) -> None:
    for records, changes in ((0, 0), (4, 0), (0, 9), (3, 2), (5, 7)):
        make_changes(instance, make_session(records=records), changes)
    touched = Touched()
    dry = gone(expired_sessions(NOW), most=most, is_dry_run=True)
    with connection.execute_wrapper(touched):
        told = gone(expired_sessions(NOW), most=most)
    assert dry == told
    assert total(told) == {"sync_sessions": 5, "sync_records": 12}
    assert max(touched.transactions) <= most
    assert sum(touched.transactions) == 5 + 12 + 18
    assert not SyncSession.objects.exists()
    assert not AccountChange.objects.exclude(session=None).exists()
    connection.check_constraints()


class Touched:
    """Rows that each transaction deletes or changes, as the database says."""

    def __init__(self) -> None:
        self.transactions: list[int] = []

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        result = execute(sql, params, many, context)
        if sql.startswith("SAVEPOINT"):
            self.transactions.append(0)
        elif sql.startswith(("DELETE", "UPDATE")):
            self.transactions[-1] += context["cursor"].rowcount
        return result


def test_snapshots_go_by_their_day_and_aggregates_stay(instance: DatabaseInstance) -> None:
    database = Database.objects.create(
        instance=instance, name="sales", first_seen=LONG_AGO, last_seen=LONG_AGO
    )
    DatabaseSizeSnapshot.objects.bulk_create(
        DatabaseSizeSnapshot(
            database=database, day=date(2029, 1, day), taken_at=LONG_AGO, total_bytes=1
        )
        for day in (1, 2, 3)
    )
    SizeAggregate.objects.create(
        instance=instance,
        database=database,
        kind="daily",
        starts_on=date(2029, 1, 1),
        ends_on=date(2029, 1, 1),
        samples=1,
        average_bytes=1,
        minimum_bytes=1,
        maximum_bytes=1,
        first_bytes=1,
        last_bytes=1,
        computed_at=LONG_AGO,
    )
    assert gone(expired_snapshots(date(2029, 1, 3))) == [{"size_snapshots": 2}]
    assert DatabaseSizeSnapshot.objects.get().day == date(2029, 1, 3)
    assert SizeAggregate.objects.exists()


def test_findings_go_once_they_have_been_resolved_for_long(instance: DatabaseInstance) -> None:
    standing, recent = make_finding(instance, None), make_finding(instance, NOW)
    make_finding(instance, LONG_AGO)
    assert gone(expired_findings(NOW)) == [{"resolved_findings": 1}]
    assert set(PartitionFinding.objects.all()) == {standing, recent}


def test_a_finding_that_stands_again_by_then_is_not_deleted(instance: DatabaseInstance) -> None:
    finding = make_finding(instance, LONG_AGO)
    expired = expired_findings(NOW)
    (keys,) = expired.pages()
    assert keys == [finding.pk]
    batches = sweep(Expired(expired.name, expired.rows, expired.moment, spared=stand_again), Pace())
    assert list(batches) == [{"resolved_findings": 0}]
    assert PartitionFinding.objects.exists()


def stand_again(keys: Any) -> tuple[int, ...]:
    PartitionFinding.objects.filter(pk__in=keys).update(resolved_at=None)
    return ()
