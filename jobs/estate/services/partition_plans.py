"""What a policy asks for at its table: the partitions to make, and those to detach. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from django.utils.translation import gettext as _

from jobs.errors import Conflict
from jobs.estate.adapters.partitions import Bound, NewPartition, Partition, PartitionedTable
from jobs.estate.models.policy import Interval, PartitionPolicy
from jobs.estate.services.partition_found import label
from jobs.estate.services.partition_names import names_for
from jobs.estate.services.partition_periods import (
    CalendarPeriods,
    NumberPeriods,
    Periods,
    countable,
    periods_of,
)
from jobs.estate.services.partition_ranges import (
    Period,
    bounded,
    covers,
    holds,
    is_below,
    is_zoned,
    open_ended,
    overlapping,
    present,
    shown,
)

MOST_AHEAD = 400
"""Periods. Each partition takes locks until the end of the transaction that makes it, and nobody
takes back what a mistyped policy made."""
MOST_BEHIND = 100


class Misfit(Conflict):
    """A policy that cannot be followed; the sentence says why."""

    code = "policy_does_not_fit"


@dataclass(frozen=True, slots=True)
class Situation:
    """When and where a policy is followed. `zones` as for `analyse`; `within` is the partition
    of another table that the table is itself; `taken` are names in lower case that a new one
    cannot have."""

    now: datetime
    zones: Sequence[tzinfo] = (UTC,)
    within: Partition | None = None
    taken: Container[str] = ()


@dataclass(frozen=True, slots=True)
class Creation:
    """What to make, the lowest first; `problems` are sentences about what is not made, and why."""

    wanted: tuple[NewPartition, ...] = ()
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Detachment:
    """Partitions past their retention: names to detach, and labels of those that are better left
    to a person."""

    names: tuple[str, ...] = ()
    left_alone: tuple[str, ...] = ()


def creation(table: PartitionedTable, policy: PartitionPolicy, when: Situation) -> Creation:
    """The partitions for now and `policy.premake` periods ahead that are not there yet, and for
    a hole between the newest one before now and now, as far back as the retention goes.

    What overlaps a partition that is there is a problem and is not made. Raises Misfit.
    """
    periods = fitting(table, policy, when.zones)
    parts, last = bounded(table), open_ended(table)
    missing = [
        period
        for period in _asked_for(parts, policy, periods, _present(table, when))
        if (when.within is None or holds(when.within, period.lower)) and not covers(parts, period)
    ]
    free: list[Period] = []
    blocked: dict[str, list[Period]] = {}
    for period in missing:
        in_the_way = overlapping([*parts, last] if last else parts, period)
        if in_the_way:
            blocked.setdefault(label(table, in_the_way[0]), []).append(period)
        else:
            free.append(period)
    named = list(zip(free, names_for(table, periods, free, when.taken), strict=True))
    return Creation(
        tuple(NewPartition(name, period.lower, period.upper) for period, name in named if name),
        (
            *_too_far(policy),
            *(_in_the_way(name, refused, periods) for name, refused in blocked.items()),
            *(_nameless(period, periods) for period, name in named if name is None),
        ),
    )


def detachment(table: PartitionedTable, policy: PartitionPolicy, when: Situation) -> Detachment:
    """The partitions that end at or before `policy.retention` whole periods ago, counted from
    the beginning of the present one. Raises Misfit.

    So nothing newer than the retention is in them: a range's bounds are a promise of the server.
    The default partition and those without an upper end are never among them. One without a
    lower end, or whose name another one has in another schema, is left to a person.
    """
    if policy.retention is None:
        return Detachment()
    periods = fitting(table, policy, when.zones)
    cutoff = periods.start(periods.index_of(_present(table, when)) - policy.retention)
    if cutoff is None:
        return Detachment()
    past = [
        part
        for part in bounded(table)
        if part.upper is not None and not is_below(cutoff, part.upper)
    ]
    count_of = Counter(part.name for part in table.partitions)
    sure = [part for part in past if part.lower is not None and count_of[part.name] == 1]
    return Detachment(
        tuple(part.name for part in sure),
        tuple(label(table, part) for part in past if part not in sure),
    )


def fitting(
    table: PartitionedTable, policy: PartitionPolicy, zones: Sequence[tzinfo] = (UTC,)
) -> Periods:
    """The periods of the table, if they are the policy's; those of the calendar, or the numbers
    from 0 on, where it has no partition yet. Raises Misfit."""
    if table.method != "range" or table.kind == "other":
        raise Misfit(
            _("It is partitioned by %(method)s (%(key)s), which has no periods.")
            % {"method": table.method, "key": table.key}
        )
    if (policy.interval == Interval.NUMBER) != (table.kind == "integer"):
        raise Misfit(
            _("Its key %(key)s does not go with the policy's interval, %(interval)s.")
            % {"key": table.key, "interval": policy.get_interval_display()}
        )
    found = periods_of(table, zones)
    if found is None:
        if countable(table):
            raise Misfit(_("Its newest partitions have no regular length."))
        return _first_periods(table, policy, zones[0])
    if (found.interval, found.step) != (policy.interval, policy.step):
        raise Misfit(
            _("Its newest partitions go by %(found)s, the policy by %(wanted)s.")
            % {
                "found": _length(found.interval, found.step),
                "wanted": _length(Interval(policy.interval), policy.step),
            }
        )
    return found


def _first_periods(table: PartitionedTable, policy: PartitionPolicy, zone: tzinfo) -> Periods:
    interval = Interval(policy.interval)
    if table.kind == "day":
        return CalendarPeriods(interval, is_day=True)
    has_zone = is_zoned(table)
    if has_zone is not None:
        return CalendarPeriods(interval, zone=zone if has_zone else None)
    ends = [part.upper for part in bounded(table)]
    if policy.step is not None and ends and isinstance(ends[-1], int):
        return NumberPeriods(ends[-1], policy.step)
    raise Misfit(_("Nothing tells where its periods begin. Make its first partition by hand."))


def _present(table: PartitionedTable, when: Situation) -> Bound:
    at = present(table, when.now, when.zones[0])
    if at is None:
        raise Misfit(
            _(
                "Nobody knows how far its numbers have got, since the server estimates no rows. "
                "Analyze it."
            )
        )
    return at


def _asked_for(
    parts: Sequence[Partition], policy: PartitionPolicy, periods: Periods, at: Bound
) -> Iterator[Period]:
    first = current = periods.index_of(at)
    before = [
        part.upper for part in parts if part.upper is not None and not is_below(at, part.upper)
    ]
    if before:
        # MySQL would make such a hole part of a partition that is named after another period.
        kept = min(policy.retention or MOST_BEHIND, MOST_BEHIND)
        first = max(min(periods.index_of(before[-1]), current), current - kept)
    return periods.between(first, current + min(policy.premake, MOST_AHEAD))


def _too_far(policy: PartitionPolicy) -> Iterator[str]:
    if policy.premake > MOST_AHEAD:
        yield _("The policy asks for %(premake)s periods ahead; %(most)s are the most.") % {
            "premake": policy.premake,
            "most": MOST_AHEAD,
        }


def _in_the_way(name: str, refused: Sequence[Period], periods: Periods) -> str:
    return _("“%(name)s” overlaps the periods from %(lower)s up to %(upper)s; none is made.") % {
        "name": name,
        "lower": shown(refused[0].lower, periods.zone),
        "upper": shown(refused[-1].upper, periods.zone),
    }


def _nameless(period: Period, periods: Periods) -> str:
    return _("No name is free for a partition from %(lower)s on.") % {
        "lower": shown(period.lower, periods.zone)
    }


def _length(interval: Interval, step: int | None) -> str:
    if step is None:
        return str(interval.label)
    return _("%(step)s numbers") % {"step": step}
