"""The bounds of a partitioned table: what is covered, where it is now, how they are shown. Pure.

Bounds of one table are of one kind, so that they compare; a table without a range of one column
has none, and nothing is said of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, time, tzinfo
from typing import Any

from jobs.estate.adapters.partitions import Bound, Partition, PartitionedTable


@dataclass(frozen=True, slots=True)
class Period:
    """`lower` is within, `upper` is not."""

    lower: Bound
    upper: Bound


def bounded(table: PartitionedTable) -> list[Partition]:
    """Its partitions of a range with an upper end, the lowest first; one may have no lower end."""
    return sorted(
        (part for part in _ranges(table) if part.upper is not None),
        key=lambda part: _comparable(part.upper),
    )


def open_ended(table: PartitionedTable) -> Partition | None:
    """Its partition of a range that has a lower end and no upper one."""
    return next((part for part in _ranges(table) if part.upper is None), None)


def default_of(table: PartitionedTable) -> Partition | None:
    return next((part for part in table.partitions if part.is_default), None)


def is_zoned(table: PartitionedTable) -> bool | None:
    """Whether its moments carry a zone; None where there are none, or nothing tells."""
    if table.kind != "moment":
        return None
    for part in table.partitions:
        for bound in (part.lower, part.upper):
            if isinstance(bound, datetime):
                return bound.tzinfo is not None
    return table.is_zoned


def present(table: PartitionedTable, now: datetime, zone: tzinfo) -> Bound | None:
    """Where in its range the table is now: the moment, or the day or wall time in `zone`.

    Of numbers nobody knows, so it is where the highest partition begins that has rows by the
    server's estimate, or the lowest of all if every one is empty. None: not known.
    """
    if table.kind == "day":
        return now.astimezone(zone).date()
    if table.kind == "moment":
        return now.astimezone(UTC) if is_zoned(table) else to_wall(now, zone)
    if table.kind == "integer":
        ranges = list(_ranges(table))
        with_rows = [part for part in ranges if part.rows_estimate]
        if with_rows:
            return max(_low_number(part) for part in with_rows)
        if ranges and all(part.rows_estimate == 0 for part in ranges):
            return min(_low_number(part) for part in ranges)
    return None


def covers(partitions: Iterable[Partition], period: Period) -> bool:
    """Whether the partitions, the lowest first, leave no hole in the period."""
    reached = _comparable(period.lower)
    for part in overlapping(partitions, period):
        if part.lower is not None and reached < part.lower:
            return False
        if part.upper is None:
            return True
        reached = max(reached, part.upper)
    return bool(reached >= period.upper)


def overlapping(partitions: Iterable[Partition], period: Period) -> list[Partition]:
    """Those that hold some of the period."""
    lower, upper = _comparable(period.lower), _comparable(period.upper)
    return [
        part
        for part in partitions
        if (part.lower is None or part.lower < upper) and (part.upper is None or part.upper > lower)
    ]


def holds(part: Partition, bound: Bound) -> bool:
    return not is_below(bound, part.lower) and (part.upper is None or is_below(bound, part.upper))


def is_below(bound: Bound, other: Bound | None) -> bool:
    """None has no limit downwards."""
    return other is not None and bool(_comparable(bound) < other)


def gap_between(before: Partition, after: Partition) -> Period | None:
    """What lies between two neighbours, the lower one first; None if nothing does."""
    if before.upper is None or after.lower is None or not is_below(before.upper, after.lower):
        return None
    return Period(before.upper, after.lower)


def to_wall(bound: Bound, zone: tzinfo | None) -> datetime:
    """What the clock shows then: of a moment with a zone in `zone`, else as it stands."""
    if isinstance(bound, int):
        raise TypeError(bound)
    if not isinstance(bound, datetime):
        return datetime.combine(bound, time())
    return _local(bound, zone).replace(tzinfo=None, fold=0)


def shown(bound: Bound, zone: tzinfo | None = None) -> str:
    """For people: a number, a day, or a moment on the clock of `zone`."""
    if isinstance(bound, int):
        return str(bound)
    wall = to_wall(bound, zone)
    if wall.time() == time():
        return wall.date().isoformat()  # strftime does not fill up the year 1
    text = wall.isoformat(" ", "minutes")
    if isinstance(bound, datetime) and bound.tzinfo is not None:
        return f"{text} {_local(bound, zone):%Z}"
    return text


def _local(moment: datetime, zone: tzinfo | None) -> datetime:
    if moment.tzinfo is None:
        return moment
    try:
        return moment.astimezone(zone or UTC)
    except OverflowError:  # 9999-12-31, which stands for "for ever"
        return moment


def _ranges(table: PartitionedTable) -> Iterable[Partition]:
    if table.method != "range" or table.kind == "other":
        return []
    return (
        part
        for part in table.partitions
        if not part.is_default and (part.lower is not None or part.upper is not None)
    )


def _low_number(part: Partition) -> int:
    return int(_comparable(part.upper)) - 1 if part.lower is None else int(_comparable(part.lower))


def _comparable(bound: Bound | None) -> Any:
    """To the type checker a day and a number do not compare; here they never meet."""
    return bound
