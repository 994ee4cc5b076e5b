"""Names for new partitions, after the pattern of those that there are. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import product
from typing import cast

from jobs.estate.adapters.partitions import PartitionedTable
from jobs.estate.models.policy import Interval
from jobs.estate.services.partition_periods import (
    RECENT,
    CalendarPeriods,
    NumberPeriods,
    Periods,
    countable,
)
from jobs.estate.services.partition_ranges import Period, to_wall

MAX_BYTES = 63
"""PostgreSQL cuts longer names off without a word; MySQL takes 64 characters."""

DAY_FORMATS = ("%Y_%m_%d", "%Y-%m-%d", "%Y%m%d", "%y%m%d")
WEEK_FORMATS = tuple(
    f"%G{between}%V" for between in ("_w", "_W", "w", "W", "-w", "-W", "_", "-", "")
)
MONTH_FORMATS = ("%Y_%m", "%Y-%m", "%Y%m", "%Ym%m", "%Y_m%m", "%y%m")
QUARTER_FORMATS = ("%Y_q%q", "%Y_Q%q", "%Yq%q", "%YQ%q", "%Y-q%q", "%Y-Q%q", "%Y_%q")
"""%q is the quarter, which strftime does not know."""

FORMATS = {
    Interval.DAY: DAY_FORMATS,
    Interval.WEEK: (*DAY_FORMATS, *WEEK_FORMATS),
    Interval.MONTH: (*DAY_FORMATS, *MONTH_FORMATS),
    Interval.QUARTER: (*DAY_FORMATS, *QUARTER_FORMATS, *MONTH_FORMATS),
    Interval.YEAR: (*DAY_FORMATS, *MONTH_FORMATS, "%Y"),
}
"""Only such as give every period a name of its own; the finer first, which hold the coarser."""

DAYS_TOLD: tuple[Callable[[datetime, datetime], datetime], ...] = (
    lambda lower, upper: lower,
    lambda lower, upper: upper,
    lambda lower, upper: upper - timedelta(days=1),
)
"""Which day of a period a name may tell: the first, the one after the last, the last."""

FIGURES: tuple[Callable[[int, int, int], int], ...] = (
    lambda lower, upper, step: lower,
    lambda lower, upper, step: upper,
    lambda lower, upper, step: upper - 1,
    lambda lower, upper, step: lower // step,
    lambda lower, upper, step: upper // step,
)
"""Which number: the first, the one after the last, the last, or the how manieth it is."""

FALLBACK = {
    Interval.DAY: "%Y_%m_%d",
    Interval.WEEK: "%Y_%m_%d",
    Interval.MONTH: "%Y_%m",
    Interval.QUARTER: "%Y_q%q",
    Interval.YEAR: "%Y",
}
COMPACT = {interval: form.replace("_", "") for interval, form in FALLBACK.items()}


@dataclass(frozen=True, slots=True)
class Pattern:
    """What stands before and after that part of a name which tells the period."""

    prefix: str
    token: Callable[[Period], str]
    suffix: str = ""

    def name(self, period: Period) -> str:
        return f"{self.prefix}{self.token(period)}{self.suffix}"


def names_for(
    table: PartitionedTable, periods: Periods, wanted: Sequence[Period], taken: Container[str]
) -> list[str | None]:
    """A name for each, in the pattern of the table's newest partitions, else its own name with
    the period's; None where both are among `taken`, names in lower case."""
    patterns = [_plain(table, periods)]
    if (found := _pattern_of(table, periods)) is not None:
        patterns.insert(0, found)
    used: set[str] = set()

    def is_free(name: str) -> bool:
        folded = name.casefold()
        return len(name.encode()) <= MAX_BYTES and folded not in taken and folded not in used

    names: list[str | None] = []
    for period in wanted:
        name = next(filter(is_free, (pattern.name(period) for pattern in patterns)), None)
        names.append(name)
        used.add((name or "").casefold())
    return names


def _pattern_of(table: PartitionedTable, periods: Periods) -> Pattern | None:
    """The pattern that explains most of the newest partitions' names, and more than half."""
    recent = countable(table)[-RECENT:]
    patterns = [
        pattern for name, period in reversed(recent) for pattern in _patterns(name, period, periods)
    ]

    def explained(pattern: Pattern) -> int:
        return sum(pattern.name(period) == name for name, period in recent)

    best = max(patterns, key=explained, default=None)
    return best if best and 2 * explained(best) > len(recent) else None


def _patterns(name: str, period: Period, periods: Periods) -> Iterator[Pattern]:
    """Every pattern that could have made this name."""
    for token in _tokens(name, periods):
        said = re.escape(token(period))
        for found in re.finditer(rf"(?<![0-9]){said}(?![0-9])", name):
            yield Pattern(name[: found.start()], token, name[found.end() :])


def _tokens(name: str, periods: Periods) -> Iterator[Callable[[Period], str]]:
    if isinstance(periods, NumberPeriods):
        widths = {len(run) for run in re.findall(r"0[0-9]*", name)}
        for figure, width in product(FIGURES, [0, *sorted(widths)]):
            yield partial(_number, figure, width, periods.step)
    elif isinstance(periods, CalendarPeriods):
        for day, form in product(DAYS_TOLD, FORMATS[periods.interval]):
            yield partial(_date, day, form, periods)


def _plain(table: PartitionedTable, periods: Periods) -> Pattern:
    """The table's name and the period's: where partitions are tables their names must differ
    from those of other tables', elsewhere only from each other's."""
    prefix = f"{table.name}_" if table.schema else "p"
    if isinstance(periods, CalendarPeriods):
        form = FALLBACK[periods.interval] if table.schema else COMPACT[periods.interval]
        return Pattern(_cut(prefix, 10), partial(_date, DAYS_TOLD[0], form, periods))
    return Pattern(_cut(prefix, 20), lambda period: str(period.lower))


def _cut(prefix: str, room: int) -> str:
    """So much of the front that `room` more bytes fit."""
    if len(prefix.encode()) + room <= MAX_BYTES:
        return prefix
    return prefix.encode()[: MAX_BYTES - room - 1].decode(errors="ignore") + "_"


def _date(
    day: Callable[[datetime, datetime], datetime],
    form: str,
    periods: CalendarPeriods,
    period: Period,
) -> str:
    told = day(to_wall(period.lower, periods.zone), to_wall(period.upper, periods.zone))
    return told.strftime(form.replace("%q", str((told.month + 2) // 3)))


def _number(figure: Callable[[int, int, int], int], width: int, step: int, period: Period) -> str:
    return f"{figure(cast(int, period.lower), cast(int, period.upper), step):0{width}d}"
