"""What the charts of the estate show, each read with a fixed number of statements.

A chart has every day of its range; a day without a snapshot is None in it, never 0. Days are
those of the snapshots, in the zone of the instance.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from django.db.models import FloatField, QuerySet, Sum
from django.db.models.functions import Cast

from jobs.estate.models.aggregate import PeriodKind, SizeAggregate
from jobs.estate.models.instance import DatabaseInstance
from jobs.estate.models.snapshot import DatabaseSizeSnapshot
from jobs.estate.services.forecast import growth, reaches

DAY = timedelta(days=1)

CHART_DAYS = 90
TREND_DAYS = 30
"""What a small trend shows, and what growth is worked out from."""
MOST_DATABASES = 8
"""As many as can be told apart in a stack."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One database in a stack; `sizes` in bytes, one for each day of the chart."""

    database_id: int
    name: str
    sizes: tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class SizeChart:
    """An instance over time, in bytes: the largest databases, the largest first, and all
    `others` together, which with them make up the total."""

    days: tuple[date, ...]
    total: tuple[int | None, ...]
    layers: tuple[Layer, ...]
    others: tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class SmallTrend:
    """An instance's totals in bytes over some days, as they were aggregated."""

    days: tuple[date, ...]
    sizes: tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class Outlook:
    """Where a size is going: None is "not known", and of `reached_on` also "not foreseeable",
    as `forecast.reaches` says."""

    latest_on: date | None
    latest_bytes: int | None
    growth_bytes_per_day: float | None
    limit_bytes: int | None
    reached_on: date | None


@dataclass(frozen=True, slots=True)
class DatabaseOutlook:
    database_id: int
    name: str
    outlook: Outlook


def size_chart(
    instance: DatabaseInstance,
    *,
    until: date,
    days: int = CHART_DAYS,
    most_databases: int = MOST_DATABASES,
) -> SizeChart:
    """The last `days` days up to `until`. Which databases are the largest, the last day that
    has a snapshot decides. Three statements at most."""
    shown = _days(until, days)
    snapshots = _snapshots(instance, shown)
    totals = _totals(snapshots)
    names: dict[int, str] = {}
    sizes: dict[int, dict[date, int]] = defaultdict(dict)
    if totals:
        largest = snapshots.filter(day=max(totals)).order_by("-total_bytes", "database__name")
        names = dict(largest.values_list("database_id", "database__name")[:most_databases])
        rows = snapshots.filter(database_id__in=list(names))
        for database_id, day, size in rows.values_list("database_id", "day", "total_bytes"):
            sizes[database_id][day] = size
    layers = [Layer(pk, name, _spread(sizes[pk], shown)) for pk, name in names.items()]
    return SizeChart(
        days=shown,
        total=_spread(totals, shown),
        layers=tuple(layers),
        others=_spread(_less(totals, sizes.values()), shown),
    )


def small_trends(
    instance_ids: Sequence[int], *, until: date, days: int = TREND_DAYS
) -> dict[int, SmallTrend]:
    """Of each of the instances, from its daily aggregates. One statement."""
    shown = _days(until, days)
    rows = SizeAggregate.objects.filter(
        instance_id__in=instance_ids,
        database=None,
        kind=PeriodKind.DAILY,
        starts_on__range=(shown[0], shown[-1]),
    ).order_by()
    sizes: dict[int, dict[date, int]] = {pk: {} for pk in instance_ids}
    for instance_id, day, size in rows.values_list("instance_id", "starts_on", "last_bytes"):
        sizes[instance_id][day] = size
    return {pk: SmallTrend(shown, _spread(by_day, shown)) for pk, by_day in sizes.items()}


def instance_outlook(
    instance: DatabaseInstance,
    *,
    until: date,
    days: int = TREND_DAYS,
    limit_bytes: int | None = None,
) -> Outlook:
    """From the totals of the last `days` days; the limit is the instance's own unless another
    is given. One statement."""
    totals = _totals(_snapshots(instance, _days(until, days)))
    return outlook(totals, instance.size_limit_bytes if limit_bytes is None else limit_bytes)


def database_outlooks(
    instance: DatabaseInstance, *, until: date, days: int = TREND_DAYS
) -> tuple[DatabaseOutlook, ...]:
    """Of the present databases that have a limit and a snapshot in the last `days` days, the
    one that reaches it first at the top. One statement."""
    rows = _snapshots(instance, _days(until, days)).filter(
        database__size_limit_bytes__isnull=False, database__dropped_at=None
    )
    sizes: dict[tuple[int, str, int | None], dict[date, int]] = defaultdict(dict)
    for pk, name, limit, day, size in rows.values_list(
        "database_id", "database__name", "database__size_limit_bytes", "day", "total_bytes"
    ):
        sizes[pk, name, limit][day] = size
    found = [
        DatabaseOutlook(pk, name, outlook(by_day, limit))
        for (pk, name, limit), by_day in sizes.items()
    ]
    return tuple(sorted(found, key=lambda one: (one.outlook.reached_on or date.max, one.name)))


def outlook(sizes: Mapping[date, int], limit_bytes: int | None) -> Outlook:
    """From sizes in bytes by day."""
    points = [(datetime.combine(day, time(), UTC), sizes[day]) for day in sorted(sizes)]
    latest = max(sizes, default=None)
    return Outlook(
        latest_on=latest,
        latest_bytes=None if latest is None else sizes[latest],
        growth_bytes_per_day=growth(points),
        limit_bytes=limit_bytes,
        reached_on=None if limit_bytes is None else reaches(limit_bytes, points),
    )


def _days(until: date, days: int) -> tuple[date, ...]:
    return tuple(until - number * DAY for number in reversed(range(days)))


def _snapshots(instance: DatabaseInstance, days: Sequence[date]) -> QuerySet[DatabaseSizeSnapshot]:
    rows = DatabaseSizeSnapshot.objects.filter(
        database__instance=instance, day__range=(days[0], days[-1])
    )
    return rows.order_by()


def _totals(snapshots: QuerySet[DatabaseSizeSnapshot]) -> dict[date, int]:
    # As floats, since SQLite refuses a sum of whole numbers beyond 63 bits; exact to 8 PiB.
    total = Sum(Cast("total_bytes", FloatField()))
    return {day: int(size) for day, size in snapshots.values_list("day").annotate(total=total)}


def _less(totals: Mapping[date, int], parts: Iterable[Mapping[date, int]]) -> dict[date, int]:
    """What is left of the totals."""
    parts = list(parts)
    return {
        day: max(total - sum(part.get(day, 0) for part in parts), 0)
        for day, total in totals.items()
    }


def _spread(sizes: Mapping[date, int], days: Sequence[date]) -> tuple[int | None, ...]:
    return tuple(sizes.get(day) for day in days)
