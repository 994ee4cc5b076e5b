"""Bounds of range partitions, as PostgreSQL writes them and as we do."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest

from jobs.estate.adapters.postgresql_bounds import NotUnderstood, literal, parse_range, suits

NEW_YEAR = datetime.fromisoformat("2026-01-01")


@pytest.mark.parametrize(
    ("expression", "kind", "has_zone", "bounds"),
    [
        ("FROM (1) TO (10)", "integer", False, (1, 10)),
        ("FROM ('-10') TO ('9223372036854775807')", "integer", False, (-10, 2**63 - 1)),
        ("FROM (MINVALUE) TO (5)", "integer", False, (None, 5)),
        ("FROM (5) TO (MAXVALUE)", "integer", False, (5, None)),
        (
            "FROM ('2026-01-01') TO ('2026-02-01')",
            "day",
            False,
            (date(2026, 1, 1), date(2026, 2, 1)),
        ),
        ("FROM ('-infinity') TO ('infinity')", "day", False, (None, None)),
        (
            "FROM ('2026-01-01 00:00:00+00') TO ('2026-01-31 23:30:00.5+00')",
            "moment",
            True,
            (
                datetime(2026, 1, 1, tzinfo=UTC),
                datetime(2026, 1, 31, 23, 30, 0, 500_000, tzinfo=UTC),
            ),
        ),
        (
            "FROM ('2026-01-01 00:00:00') TO ('2026-01-01 00:00:00.000001')",
            "moment",
            False,
            (NEW_YEAR, NEW_YEAR.replace(microsecond=1)),
        ),
        (
            "FROM ('0044-03-15 BC') TO ('10000-01-01')",
            "day",
            False,
            (date.min, None),
        ),
        ("FROM ('infinity') TO (MAXVALUE)", "day", False, (date.max, None)),
        (
            "FROM ('10000-01-01 00:00:00+00') TO ('infinity')",
            "moment",
            True,
            (datetime.max.replace(tzinfo=UTC), None),
        ),
        (
            "FROM (MINVALUE) TO ('-infinity')",
            "moment",
            False,
            (None, datetime.fromisoformat("0001-01-01")),
        ),
    ],
)
def test_bounds_are_read_exactly(
    expression: str, kind: Any, has_zone: bool, bounds: tuple[Any, Any]
) -> None:
    assert parse_range(f"FOR VALUES {expression}", kind, has_zone=has_zone) == bounds


@pytest.mark.parametrize(
    ("expression", "kind", "has_zone"),
    [
        ("FOR VALUES IN ('a')", "integer", False),
        ("FOR VALUES WITH (modulus 4, remainder 0)", "integer", False),
        ("DEFAULT", "integer", False),
        ("FOR VALUES FROM (1, 2) TO (3, 4)", "integer", False),
        ("FOR VALUES FROM ('a') TO ('b')", "integer", False),
        ("FOR VALUES FROM ('01.02.2026') TO ('01.03.2026')", "day", False),
        ("FOR VALUES FROM ('2026-01-01 00:00:00') TO (MAXVALUE)", "moment", True),
        ("FOR VALUES FROM ('2026-01-01 00:00:00+00') TO (MAXVALUE)", "moment", False),
        ("FOR VALUES FROM (1) TO (2)", "other", False),
        ("FOR VALUES FROM (1) TO (2) and more", "integer", False),
    ],
)
def test_what_is_not_expected_is_refused_and_not_guessed(
    expression: str, kind: Any, has_zone: bool
) -> None:
    with pytest.raises(NotUnderstood):
        parse_range(expression, kind, has_zone=has_zone)


@pytest.mark.parametrize(
    ("bound", "text"),
    [
        (-5, "-5"),
        (date(2026, 1, 1), "'2026-01-01'"),
        (date(1, 1, 1), "'0001-01-01'"),
        (NEW_YEAR.replace(hour=12), "'2026-01-01 12:00:00'"),
        (datetime(2026, 1, 1, tzinfo=UTC), "'2026-01-01 00:00:00+00:00'"),
        (
            datetime(2026, 1, 1, 1, tzinfo=timezone(timedelta(hours=1))),
            "'2026-01-01 00:00:00+00:00'",
        ),
    ],
)
def test_bounds_are_written_as_literals(bound: Any, text: str) -> None:
    assert literal(bound) == text


@pytest.mark.parametrize(
    ("bound", "kind"),
    [(1, "integer"), (date(2026, 1, 1), "day"), (NEW_YEAR, "moment")],
)
def test_a_bound_suits_its_own_kind_alone(bound: Any, kind: str) -> None:
    kinds: list[Any] = ["integer", "day", "moment", "other"]
    assert [one for one in kinds if suits(bound, one)] == [kind]
