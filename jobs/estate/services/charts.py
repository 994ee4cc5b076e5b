"""What the charts of the estate show, each read with a fixed number of statements.

A chart has every day of its range; a day without a snapshot is None in it, never 0. Days are
those of the snapshots, in the zone of the instance.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db.models import F, FloatField, OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Cast

from jobs.estate.models.aggregate import PeriodKind, SizeAggregate
from jobs.estate.models.database import Database
from jobs.estate.models.instance import DatabaseInstance
from jobs.estate.models.snapshot import DatabaseSizeSnapshot
from jobs.estate.services.forecast import growth, reaches

DAY = timedelta(days=1)

CHART_DAYS = 90
TREND_DAYS = 30
"""What a small trend shows, and what growth is worked out from."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One database in a stack; `sizes` in bytes, one for each day of the chart."""

    database_id: int
    name: str
    sizes: tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class SizeChart:
    """An instance over time, in bytes: some of its databases, and all `others` together, which
    with them make up the total."""

    days: tuple[date, ...]
    total: tuple[int | None, ...]
    layers: tuple[Layer, ...]
    others: tuple[int | None, ...]

    def outlook(self, limit_bytes: int | None = None) -> Outlook:
        """Of the total, from the last TREND_DAYS of the days."""
        return _outlook_of(self.days, self.total, limit_bytes)

    def trends(self) -> dict[int, SmallTrend]:
        """Of each database with a layer, over the last TREND_DAYS of the days."""
        days = self.days[-TREND_DAYS:]
        return {
            layer.database_id: SmallTrend(days, layer.sizes[-TREND_DAYS:]) for layer in self.layers
        }


@dataclass(frozen=True, slots=True)
class SmallTrend:
    """Sizes in bytes over some days."""

    days: tuple[date, ...]
    sizes: tuple[int | None, ...]

    def outlook(self, limit_bytes: int | None = None) -> Outlook:
        """From the last TREND_DAYS of the days."""
        return _outlook_of(self.days, self.sizes, limit_bytes)


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


def largest_databases(instance: DatabaseInstance, most: int) -> list[Any]:
    """By their newest snapshots, the largest first, and those that were dropped at the end; each
    with its `latest` (bytes, or None). One statement."""
    rows = Database.objects.filter(instance=instance).annotate(latest=newest_size())
    order = (F("dropped_at").desc(nulls_first=True), F("latest").desc(nulls_last=True), "name")
    return list(rows.order_by(*order)[:most])


def newest_size() -> Subquery:
    """Bytes of a database's newest snapshot, for a queryset of databases."""
    newest = DatabaseSizeSnapshot.objects.filter(database=OuterRef("pk")).order_by("-day")
    return Subquery(newest.values("total_bytes")[:1])


def size_chart(
    instance: DatabaseInstance,
    databases: Sequence[Database],
    *,
    until: date,
    days: int = CHART_DAYS,
) -> SizeChart:
    """The last `days` days up to `until`, with a layer for each of the databases, in their
    order. One of them that was passed over on a day on which others were measured counts as it
    was before, until it was dropped, so that the total does not fall by it. Two statements."""
    shown = _days(until, days)
    snapshots = _snapshots(instance, shown)
    totals = _totals(snapshots)
    sizes: dict[int, dict[date, int]] = {database.pk: {} for database in databases}
    rows = snapshots.filter(database_id__in=list(sizes))
    for database_id, day, size in rows.values_list("database_id", "day", "total_bytes"):
        sizes[database_id][day] = size
    for database in databases:
        by_day = sizes[database.pk]
        for day, size in _passed_over(by_day, totals, is_there=database.dropped_at is None):
            by_day[day] = size
            totals[day] += size
    layers = [Layer(one.pk, one.name, _spread(sizes[one.pk], shown)) for one in databases]
    return SizeChart(
        days=shown,
        total=_spread(totals, shown),
        layers=tuple(layers),
        others=_spread(_less(totals, sizes.values()), shown),
    )


def small_trends(
    instance_ids: Sequence[int], *, until: date, days: int = TREND_DAYS
) -> dict[int, SmallTrend]:
    """The totals of each of the instances, from its daily aggregates. One statement."""
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


def database_trends(
    database_ids: Sequence[int], *, until: date, days: int = TREND_DAYS
) -> dict[int, SmallTrend]:
    """Of each of the databases, from its snapshots. One statement."""
    shown = _days(until, days)
    rows = DatabaseSizeSnapshot.objects.filter(
        database_id__in=database_ids, day__range=(shown[0], shown[-1])
    ).order_by()
    sizes: dict[int, dict[date, int]] = {pk: {} for pk in database_ids}
    for database_id, day, size in rows.values_list("database_id", "day", "total_bytes"):
        sizes[database_id][day] = size
    return {pk: SmallTrend(shown, _spread(by_day, shown)) for pk, by_day in sizes.items()}


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


def _outlook_of(
    days: Sequence[date], sizes: Sequence[int | None], limit_bytes: int | None
) -> Outlook:
    known = zip(days[-TREND_DAYS:], sizes[-TREND_DAYS:], strict=True)
    return outlook({day: size for day, size in known if size is not None}, limit_bytes)


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


def _passed_over(
    sizes: Mapping[date, int], days: Iterable[date], *, is_there: bool
) -> list[tuple[date, int]]:
    """Those of the days without a size that lie between two with one, or after all of them if
    the database `is_there` still: each with the size before."""
    known = sorted(sizes)
    ends = [*known[1:], date.max] if is_there else known[1:]
    return [
        (day, sizes[start])
        for start, end in zip(known, ends, strict=False)
        if end - start > DAY
        for day in days
        if start < day < end
    ]


def _less(totals: Mapping[date, int], parts: Iterable[Mapping[date, int]]) -> dict[date, int]:
    """What is left of the totals."""
    parts = list(parts)
    return {
        day: max(total - sum(part.get(day, 0) for part in parts), 0)
        for day, total in totals.items()
    }


def _spread(sizes: Mapping[date, int], days: Sequence[date]) -> tuple[int | None, ...]:
    return tuple(sizes.get(day) for day in days)
