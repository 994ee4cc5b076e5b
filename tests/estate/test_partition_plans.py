"""What a policy asks for at its table."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.estate.adapters.partitions import Partition, PartitionedTable
from jobs.estate.models import Interval, PartitionPolicy
from jobs.estate.services.partition_periods import CALENDAR_START, CalendarPeriods
from jobs.estate.services.partition_plans import (
    MOST_AHEAD,
    Creation,
    Misfit,
    Situation,
    creation,
    detachment,
)
from jobs.estate.services.partition_ranges import covers
from tests.estate.fake_partitions import (
    DEFAULT,
    moment,
    months,
    numbers,
    partitions,
    table,
    wall,
)

NOW = moment("2026-01-31T12:00")
WHEN = Situation(NOW)
BERLIN = ZoneInfo("Europe/Berlin")


def policy(interval: str = "month", **fields: Any) -> PartitionPolicy:
    return PartitionPolicy(interval=interval, **{"premake": 2, **fields})


def wanted(made: PartitionedTable, rule: PartitionPolicy, when: Situation = WHEN) -> list[str]:
    return [new.name for new in creation(made, rule, when).wanted]


def test_the_periods_for_now_and_ahead_that_are_missing_are_made() -> None:
    """Pain 40: from 31 January the next ones are February and March."""
    made = creation(table(months("2025-06", "2026-01")), policy(), WHEN)
    assert [(new.name, new.lower, new.upper) for new in made.wanted] == [
        ("events_2026_02", date(2026, 2, 1), date(2026, 3, 1)),
        ("events_2026_03", date(2026, 3, 1), date(2026, 4, 1)),
    ]
    assert made.problems == ()


def test_where_all_is_there_nothing_is_made() -> None:
    assert creation(table(months("2025-06", "2026-03")), policy(), WHEN) == Creation()


def test_a_hole_in_the_periods_ahead_is_filled() -> None:
    parts = months("2025-06", "2026-01") + months("2026-03", "2026-05")
    assert wanted(table(parts), policy()) == ["events_2026_02"]


def test_a_hole_up_to_now_is_filled_as_far_as_the_retention_goes() -> None:
    old = table(months("2025-01", "2025-08"))
    assert wanted(old, policy(premake=0)) == [
        f"events_2025_{month:02}" for month in range(9, 13)
    ] + ["events_2026_01"]
    assert wanted(old, policy(premake=0, retention=1)) == ["events_2025_12", "events_2026_01"]


def test_moments_keep_the_zone_that_their_bounds_were_made_in() -> None:
    bounds = [datetime(2026, month, 1, tzinfo=BERLIN).astimezone(UTC) for month in (1, 2, 3)]
    made = creation(
        table(partitions(*bounds, name="e")), policy(premake=3), Situation(NOW, (BERLIN,))
    )
    assert [new.lower for new in made.wanted] == [
        moment("2026-02-28T23:00"),
        moment("2026-03-31T22:00"),
    ]
    assert [new.name for new in made.wanted] == ["events_2026_03", "events_2026_04"]
    naive = creation(
        table(partitions(wall("2026-01-01"), wall("2026-02-01"))), policy(premake=1), WHEN
    )
    assert [(new.lower, new.upper) for new in naive.wanted] == [
        (wall("2026-02-01"), wall("2026-03-01"))
    ]


def test_a_table_without_partitions_gets_those_of_the_calendar() -> None:
    assert wanted(table(kind="day"), policy("week", premake=1)) == [
        "events_2026_01_26",
        "events_2026_02_02",
    ]
    [zoned] = creation(
        table(kind="moment", is_zoned=True), policy(premake=0), Situation(NOW, (BERLIN,))
    ).wanted
    assert zoned.lower == moment("2025-12-31T23:00")
    [naive] = creation(table(kind="moment", is_zoned=False), policy(premake=0), WHEN).wanted
    assert naive.lower == wall("2026-01-01")


def test_numbers_go_on_beyond_the_highest_rows() -> None:
    rule = policy("number", step=10, premake=2)
    assert wanted(table(numbers(0, 10, 20, rows=[9, 4])), rule) == ["events_20", "events_30"]
    assert wanted(table(numbers(0, 10, 20, rows=[9, 0])), rule) == ["events_20"]
    first = Partition("p9", upper=10, rows_estimate=3)
    assert wanted(table([first], schema=""), rule) == ["p10", "p20"]


def test_the_default_partition_is_in_nobodys_way() -> None:
    made = table([*months("2025-06", "2026-01"), replace(DEFAULT, lower=date(2026, 2, 1))])
    assert wanted(made, policy(premake=1)) == ["events_2026_02"]


def test_what_overlaps_another_partition_is_not_made_and_told() -> None:
    odd = Partition("odd", "public", date(2026, 2, 10), date(2026, 2, 20))
    made = creation(
        table([*months("2025-06", "2026-01"), *months("2026-04", "2026-05"), odd]), policy(), WHEN
    )
    assert [new.name for new in made.wanted] == ["events_2026_03"]
    assert made.problems == (
        "“odd” overlaps the periods from 2026-02-01 up to 2026-03-01; none is made.",
    )


def test_an_open_end_is_told_once_however_many_periods_it_holds() -> None:
    rest = Partition("rest", "public", lower=date(2026, 2, 1))
    made = creation(table([*months("2025-06", "2026-01"), rest]), policy(premake=9), WHEN)
    assert made.wanted == ()
    [problem] = made.problems
    assert problem == "“rest” overlaps the periods from 2026-02-01 up to 2026-11-01; none is made."


def test_a_partition_that_is_cut_itself_is_made_none_beyond_its_bounds() -> None:
    within = Partition("events_2026", "public", date(2026, 1, 1), date(2026, 3, 1))
    when = replace(WHEN, within=within)
    assert wanted(table(months("2026-01", "2026-01")), policy(premake=5), when) == [
        "events_2026_02"
    ]
    past = replace(within, lower=date(2025, 1, 1), upper=date(2026, 1, 1))
    assert wanted(table(months("2025-01", "2025-12")), policy(), replace(WHEN, within=past)) == []


def test_a_mistyped_number_of_periods_ahead_has_its_limit() -> None:
    made = creation(table(months("2025-12", "2026-01")), policy(premake=32_767), WHEN)
    assert len(made.wanted) == MOST_AHEAD
    assert made.problems == ("The policy asks for 32767 periods ahead; 400 are the most.",)
    far = creation(table(kind="day"), policy("year", premake=32_767), WHEN)
    assert len(far.wanted) == MOST_AHEAD + 1


def test_a_period_for_which_no_name_is_free_is_told() -> None:
    when = replace(WHEN, taken={"events_2026_02"})
    made = creation(table(months("2025-06", "2026-01")), policy(), when)
    assert [new.name for new in made.wanted] == ["events_2026_03"]
    assert made.problems == ("No name is free for a partition from 2026-02-01 on.",)


@pytest.mark.parametrize(
    ("made", "rule", "says"),
    [
        (table(method="list", kind="other"), policy(), "by list"),
        (table(method="hash", kind="other"), policy(), "by hash"),
        (table(kind="other", key="lower(name)"), policy(), "lower(name)"),
        (table(months("2025-06", "2026-01")), policy("day"), "go by month, the policy by day"),
        (table(months("2025-06", "2026-01")), policy("number", step=10), "range of numbers"),
        (table(numbers(0, 10, 20, rows=[1, 1])), policy(), "month"),
        (
            table(numbers(0, 10, 20, rows=[1, 1])),
            policy("number", step=100),
            "go by 10 numbers, the policy by 100 numbers",
        ),
        (table(numbers(0, 10, 20)), policy("number", step=10), "Analyze"),
        (table(kind="integer"), policy("number", step=10), "by hand"),
        (table(kind="moment"), policy(), "by hand"),
        (
            table(partitions(date(2026, 1, 1), date(2026, 1, 11), date(2026, 1, 21))),
            policy(),
            "no regular length",
        ),
    ],
)
def test_a_policy_that_does_not_fit_says_why(
    made: PartitionedTable, rule: PartitionPolicy, says: str
) -> None:
    for follow in (creation, detachment):
        rule.retention = 1
        with pytest.raises(Misfit, match=re.escape(says)):
            follow(made, rule, WHEN)


def old(made: PartitionedTable, rule: PartitionPolicy, when: Situation = WHEN) -> list[str]:
    return list(detachment(made, rule, when).names)


def test_what_ended_so_many_whole_periods_ago_is_old() -> None:
    """Pain 40: one month back from 31 March is February, whole."""
    made = table(months("2025-10", "2026-05"))
    march = Situation(moment("2026-03-31T23:59"))
    assert old(made, policy(retention=1), march) == [
        "events_2025_10",
        "events_2025_11",
        "events_2025_12",
        "events_2026_01",
    ]
    assert old(made, policy(retention=5), march) == []
    assert old(made, policy(retention=None), march) == []
    assert old(made, policy(retention=32_767), march) == []


def test_rows_newer_than_the_retention_keep_their_partition() -> None:
    longer = partitions(date(2025, 1, 1), date(2026, 1, 1), name="longer")
    made = table([*longer, *months("2026-01", "2026-03")])
    december = replace(WHEN, now=moment("2026-02-28"))
    assert old(made, policy(retention=2), december) == []
    assert old(made, policy(retention=1), december) == ["longer"]


def test_the_day_is_counted_in_the_zone_of_the_instance() -> None:
    made = table(months("2025-10", "2026-05"))
    now = moment("2026-01-31T23:30")
    assert old(made, policy(retention=2), Situation(now, (UTC,))) == ["events_2025_10"]
    assert len(old(made, policy(retention=2), Situation(now, (BERLIN,)))) == 2


def test_the_default_and_what_has_no_end_are_never_old() -> None:
    parts = [
        *months("2024-01", "2026-03"),
        replace(DEFAULT, lower=date(2020, 1, 1)),
        Partition("endless", "public"),
    ]
    names = old(table(parts), policy(retention=1))
    assert names[-1] == "events_2025_11"
    assert not {"events_default", "endless"} & set(names)


def test_one_without_a_beginning_or_with_another_ones_name_is_left_to_a_person() -> None:
    parts = months("2024-01", "2026-03")
    first = Partition("before", "public", upper=date(2024, 1, 1))
    twin = replace(parts[0], name=parts[-1].name, schema="archive")
    found = detachment(table([first, twin, *parts[1:]]), policy(retention=22), WHEN)
    assert found.names == ("events_2024_02",)
    assert found.left_alone == ("before", "archive.events_2026_03")


def test_of_numbers_the_highest_rows_say_what_is_old() -> None:
    rule = policy("number", step=10, retention=1)
    assert old(table(numbers(0, 10, 20, 30, 40, rows=[9, 9, 9, 0])), rule) == ["events_0"]
    assert old(table(numbers(0, 10, 20, 30, rows=[0, 0, 0])), rule) == []


intervals = st.sampled_from([each for each in Interval if each is not Interval.NUMBER])


@given(
    interval=intervals,
    at=st.datetimes(wall("2015-01-01"), wall("2040-01-01")),
    premake=st.integers(0, 4),
    there=st.sets(st.integers(-4, 6), min_size=1),
    retention=st.none() | st.integers(1, 3),
)
def test_whatever_is_there_now_and_ahead_are_covered_afterwards_and_nothing_is_made_twice(
    interval: Interval, at: datetime, premake: int, there: set[int], retention: int | None
) -> None:
    """Pain 40."""
    calendar = CalendarPeriods(interval, CALENDAR_START)
    current = calendar.index_of(at)
    parts = [
        Partition(f"x{index}", "public", period.lower, period.upper)
        for index in sorted(there)
        for period in calendar.between(current + index, current + index)
    ]
    rule = policy(interval, premake=premake, retention=retention)
    when = Situation(at.replace(tzinfo=UTC))
    made = creation(table(parts), rule, when)
    assert made.problems == ()
    after = [*parts, *(Partition(new.name, "public", new.lower, new.upper) for new in made.wanted)]
    after.sort(key=lambda part: part.lower)  # type: ignore[arg-type, return-value]
    assert all(one.upper <= other.lower for one, other in pairwise(after))  # type: ignore[operator]
    for period in calendar.between(current, current + premake):
        assert covers(after, period)
    assert creation(table(after), rule, when) == Creation()
    if retention:
        cutoff = calendar.start(current - retention)
        gone = set(old(table(after), rule, when))
        assert gone == {part.name for part in after if part.upper <= cutoff}  # type: ignore[operator]
        assert not gone & {new.name for new in made.wanted}, "none is made that is old at once"
