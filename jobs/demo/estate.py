"""Two instances that do not exist, with a year of sizes. Their hosts end in .invalid, a domain
that leads nowhere (RFC 6761), so that a sync of them contacts nobody."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from random import Random

from jobs.demo.accounts import make_accounts
from jobs.demo.findings import make_findings
from jobs.demo.sessions import make_sessions
from jobs.estate.models.database import Database
from jobs.estate.models.instance import DatabaseInstance
from jobs.estate.models.snapshot import DatabaseSizeSnapshot
from jobs.estate.services.aggregates import Wanted, aggregate_sizes

GIB = 1024**3
BATCH = 1000


@dataclass(frozen=True, slots=True)
class Curve:
    """How a database grows: GiB a year ago, GiB a day, and a yearly swing as a share. It came
    and went so many days ago, if at all."""

    name: str
    start: float
    a_day: float
    swing: float = 0.0
    came: int | None = None
    went: int | None = None
    limit: float | None = None


POSTGRESQL = (
    Curve("orders", 212, 0.42, 0.04, limit=400),
    Curve("warehouse", 640, 1.1, 0.02),
    Curve("customers", 38, 0.03),
    Curve("telemetry", 20, 0.9, 0.1, came=210),
    Curve("会员库", 54, 0.08),
    Curve("legacy_crm", 71, 0.0, went=96),
)
MARIADB = (
    Curve("billing", 118, 0.17, 0.03),
    Curve("invoices_archive", 260, 0.05),
    Curve("webshop", 44, 0.11, 0.08, limit=90),
    Curve("订单库", 81, 0.14),
    Curve("scratch", 3, 0.01, 0.6),
)


def make_estate(now: datetime, rng: Random, *, year_days: int = 365) -> None:
    postgresql = DatabaseInstance(
        name="pg-orders-01",
        engine="postgresql",
        host="pg-orders-01.example.invalid",
        port=5432,
        username="schedcore",
        tags=["production", "berlin"],
        timezone="Europe/Berlin",
        size_limit_bytes=1800 * GIB,
    )
    mariadb = DatabaseInstance(
        name="mariadb-billing-02",
        engine="mysql",
        host="mariadb-billing-02.example.invalid",
        port=3306,
        username="schedcore",
        tags=["production", "shanghai"],
        timezone="Asia/Shanghai",
    )
    for instance, curves in ((postgresql, POSTGRESQL), (mariadb, MARIADB)):
        instance.save()
        _make_sizes(instance, curves, now, year_days, rng)
    sessions = make_sessions([postgresql, mariadb], now, rng)
    make_accounts(postgresql, mariadb, sessions)
    make_findings(postgresql, mariadb, now)
    aggregate_sizes(
        Wanted(since=(now - timedelta(days=year_days)).date()),
        now=now,
        instances=[postgresql.name, mariadb.name],
    )


def _make_sizes(
    instance: DatabaseInstance, curves: tuple[Curve, ...], now: datetime, days: int, rng: Random
) -> None:
    snapshots: list[DatabaseSizeSnapshot] = []
    missed = {day for day in range(days) if rng.random() < 0.01}
    for curve in curves:
        first = min(curve.came if curve.came is not None else days, days)
        last = curve.went or 0
        database = Database.objects.create(
            instance=instance,
            name=curve.name,
            first_seen=_taken(now, first),
            last_seen=_taken(now, last),
            dropped_at=_taken(now, last - 1) if curve.went else None,
            size_limit_bytes=int(curve.limit * GIB) if curve.limit else None,
        )
        seen = [day for day in range(first, last - 1, -1) if day not in missed]
        snapshots += _snapshots(database, curve, seen, now, rng)
    DatabaseSizeSnapshot.objects.bulk_create(snapshots, batch_size=BATCH)


def _snapshots(
    database: Database, curve: Curve, seen: Sequence[int], now: datetime, rng: Random
) -> Iterator[DatabaseSizeSnapshot]:
    """`seen` are the days ago on which it was measured, the oldest first."""
    for days in seen:
        number = seen[0] - days
        season = 1 + curve.swing * math.sin(2 * math.pi * (days + 40) / 182)
        size = (curve.start + curve.a_day * number) * season * rng.uniform(0.998, 1.002)
        data = int(size * 0.68 * GIB)
        taken_at = _taken(now, days)
        yield DatabaseSizeSnapshot(
            database=database,
            day=_day(taken_at, database),
            taken_at=taken_at,
            total_bytes=int(size * GIB),
            data_bytes=data,
            index_bytes=int(size * GIB) - data,
        )


def _taken(now: datetime, days_ago: int) -> datetime:
    at = (now - timedelta(days=days_ago)).replace(hour=3, minute=0, second=0, microsecond=0)
    return min(at.astimezone(UTC), now)


def _day(taken_at: datetime, database: Database) -> date:
    return taken_at.astimezone(database.instance.zone).date()
