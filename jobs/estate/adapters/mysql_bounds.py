"""Bounds of range partitions of MariaDB and MySQL: from their words to values, and back."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal

from django.utils.translation import gettext as _

from jobs.estate.adapters import errors
from jobs.estate.adapters.partitions import Bound, PartitionedTable

DAYS_BEFORE_ORDINALS = 365
"""TO_DAYS counts from the year 0, date.toordinal from the year 1."""

OF_A_FUNCTION = re.compile(
    r"(to_days|to_seconds|unix_timestamp|year)\(`(?:[^`]|``)+`\)", re.IGNORECASE
)
A_COLUMN = re.compile(r"`((?:[^`]|``)+)`")
A_LITERAL = re.compile(
    r"'(\d{4})\D(\d{1,2})\D(\d{1,2})(?:[ T](\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d{1,6}))?)?)?'"
)
INTEGER_TYPES = frozenset({"tinyint", "smallint", "mediumint", "int", "bigint"})
UNSIGNED = 2**64


@dataclass(frozen=True, slots=True)
class Reckoning:
    """How a table's bounds are read from PARTITION_DESCRIPTION, which raises ValueError, and
    written after VALUES LESS THAN. What lies before or after what Python knows is its first or
    last moment."""

    kind: Literal["moment", "day", "integer"]
    read: Callable[[str], Bound]
    write: Callable[[Bound], str]


def column_of(key: str) -> str | None:
    """The name of the column where the key is just one."""
    found = A_COLUMN.fullmatch(key)
    return found[1].replace("``", "`") if found else None


def reckoning_by_function(key: str) -> Reckoning | None:
    """That of one of the functions of a single column; None for any other key."""
    found = OF_A_FUNCTION.fullmatch(key)
    return FUNCTIONS[found[1].casefold()] if found else None


def reckoning_by_type(column_type: str) -> Reckoning | None:
    """That of a bare column, by its type as information_schema.COLUMNS has it."""
    word = column_type.partition(" ")[0].partition("(")[0]
    if word in INTEGER_TYPES:
        return UNSIGNED_INTEGER if column_type.endswith("unsigned") else INTEGER
    return {"date": DATE, "datetime": DATETIME}.get(word)


def reckoning_of(table: PartitionedTable) -> Reckoning:
    """That of a table as it was listed; raises InstanceError where there is none."""
    by_kind = {"day": DATE, "moment": DATETIME, "integer": INTEGER}
    found = reckoning_by_function(table.key) or by_kind.get(table.kind)
    if found is None or table.method != "range":
        raise errors.InstanceError(
            _("“%(table)s” is partitioned by %(key)s, which cannot be reckoned with.")
            % {"table": table.name, "key": table.key}
        )
    return found


def in_order(bound: Bound) -> Any:
    """What bounds of one table are sorted by, be they days or moments."""
    return bound if isinstance(bound, int) else _moment(bound)


def _day_from_number(text: str) -> date:
    ordinal = int(text) - DAYS_BEFORE_ORDINALS
    return date.fromordinal(min(max(ordinal, 1), date.max.toordinal()))


def _moment_from_seconds(text: str) -> datetime:
    days, seconds = divmod(int(text), 86400)
    day = _day_from_number(str(days))
    return datetime(day.year, day.month, day.day) + timedelta(seconds=seconds)  # noqa: DTZ001


def _moment_from_timestamp(text: str) -> datetime:
    last = datetime.max.replace(tzinfo=UTC)
    return datetime.fromtimestamp(min(int(text), int(last.timestamp())), UTC)


def _day_from_year(text: str) -> date:
    return date(min(max(int(text), date.min.year), date.max.year), 1, 1)


def _moment_from_literal(text: str) -> datetime:
    """Naive, since the column has no zone."""
    found = A_LITERAL.fullmatch(text)
    if found is None:
        raise ValueError(text)
    if found[1] == "0000":
        return datetime.min  # noqa: DTZ901
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups()[:6])
    microsecond = int((found[7] or "").ljust(6, "0"))
    return datetime(year, month, day, hour, minute, second, microsecond)  # noqa: DTZ001


def _moment(bound: Bound) -> datetime:
    """Naive; in UTC where it had a zone."""
    if isinstance(bound, int):
        raise TypeError(bound)
    if not isinstance(bound, datetime):
        return datetime(bound.year, bound.month, bound.day)  # noqa: DTZ001
    return bound.astimezone(UTC).replace(tzinfo=None) if bound.tzinfo else bound


def _day(bound: Bound) -> date:
    return _moment(bound).date()


def _whole_year(bound: Bound) -> str:
    day = _day(bound)
    if (day.month, day.day) != (1, 1):
        raise errors.InstanceError(
            _("A partition by YEAR() cannot end on %(day)s, but on the first of January alone.")
            % {"day": day.isoformat()}
        )
    return str(day.year)


DATE = Reckoning("day", lambda text: _moment_from_literal(text).date(), lambda b: f"'{_day(b)}'")
DATETIME = Reckoning("moment", _moment_from_literal, lambda bound: f"'{_moment(bound)}'")
INTEGER = Reckoning("integer", int, str)
UNSIGNED_INTEGER = replace(
    INTEGER,
    # MariaDB shows the upper half of BIGINT UNSIGNED as negative numbers.
    read=lambda text: int(text) + UNSIGNED if text.startswith("-") else int(text),
)
FUNCTIONS = {
    "to_days": Reckoning("day", _day_from_number, lambda bound: f"TO_DAYS('{_day(bound)}')"),
    "to_seconds": Reckoning(
        "moment", _moment_from_seconds, lambda bound: f"TO_SECONDS('{_moment(bound)}')"
    ),
    "unix_timestamp": Reckoning(
        "moment",
        _moment_from_timestamp,
        # A literal would be taken in the session's time zone.
        lambda bound: f"{_moment(bound).replace(tzinfo=UTC).timestamp():.0f}",
    ),
    "year": Reckoning("day", _day_from_year, _whole_year),
}
