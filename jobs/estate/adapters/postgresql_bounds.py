"""The bounds of PostgreSQL's range partitions: from the server's words, and into them."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Literal

from jobs.estate.adapters.partitions import Bound

Kind = Literal["moment", "day", "integer", "other"]

KINDS: dict[str, Kind] = {
    "smallint": "integer",
    "integer": "integer",
    "bigint": "integer",
    "date": "day",
    "timestamp without time zone": "moment",
    "timestamp with time zone": "moment",
}
"""By the key column's type; of all others nobody can reckon with the bounds."""

DEFAULT = "DEFAULT"

VALUE = r"(MINVALUE|MAXVALUE|-?\d+|'[^']*')"
RANGE = re.compile(rf"FOR VALUES FROM \({VALUE}\) TO \({VALUE}\)")

FIRST: dict[Kind, Bound] = {"moment": datetime.min, "day": date.min}  # noqa: DTZ901
LAST: dict[Kind, Bound] = {"moment": datetime.max, "day": date.max}  # noqa: DTZ901


class NotUnderstood(ValueError):
    """A bound in words that are not expected here."""


def parse_range(
    expression: str, kind: Kind, *, has_zone: bool = False
) -> tuple[Bound | None, Bound | None]:
    """Lower and upper bound of `pg_get_expr(relpartbound)`, read with DateStyle ISO, in UTC.

    None has no limit there, as with MINVALUE, or an upper bound that is infinite or beyond the
    year 9999. What else lies outside the years 1 to 9999 becomes their first or last moment.
    Raises NotUnderstood.
    """
    match = RANGE.fullmatch(expression)
    if match is None or kind == "other":
        raise NotUnderstood(expression)
    lower, upper = (word.strip("'") for word in match.groups())
    return (
        None if lower in ("MINVALUE", "-infinity") else _value(lower, kind, has_zone),
        None
        if upper in ("MAXVALUE", "infinity") or _is_late(upper, kind)
        else _value(upper, kind, has_zone),
    )


def _value(word: str, kind: Kind, has_zone: bool) -> Bound:
    try:
        if kind == "integer":
            return int(word)
        if word in ("MINVALUE", "-infinity") or word.endswith(" BC"):
            return _zoned(FIRST[kind], has_zone)
        if word in ("MAXVALUE", "infinity") or _is_late(word, kind):
            return _zoned(LAST[kind], has_zone)
        if kind == "day":
            return date.fromisoformat(word)
        moment = datetime.fromisoformat(word)
    except (KeyError, ValueError):
        raise NotUnderstood(word) from None
    if (moment.tzinfo is not None) != has_zone:
        raise NotUnderstood(word)
    return moment.astimezone(UTC) if has_zone else moment


def _is_late(word: str, kind: Kind) -> bool:
    """Beyond the year 9999."""
    return kind != "integer" and re.match(r"\d{5,}-", word) is not None


def _zoned(bound: Bound, has_zone: bool) -> Bound:
    return bound.replace(tzinfo=UTC) if has_zone and isinstance(bound, datetime) else bound


def suits(bound: Bound, kind: Kind) -> bool:
    """Whether partitions of that kind can have it."""
    match bound:
        case datetime():
            return kind == "moment"
        case date():
            return kind == "day"
        case bool():
            return False
        case int():
            return kind == "integer"


def literal(bound: Bound) -> str:
    """As SQL; a moment with its offset where it has one."""
    match bound:
        case datetime():
            moment = bound if bound.tzinfo is None else bound.astimezone(UTC)
            return f"'{moment.isoformat(sep=' ')}'"
        case date():
            return f"'{bound.isoformat()}'"
        case int():
            return str(bound)
