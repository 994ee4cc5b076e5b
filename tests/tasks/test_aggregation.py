from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from jobs.errors import InvalidArguments
from jobs.estate.models import SizeAggregate
from jobs.registry import get_task
from jobs.tasks import aggregation
from tests.estate.snapshots import make_database, make_instance

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def monday(monkeypatch: pytest.MonkeyPatch) -> datetime:
    """The task reads the clock, and finds this."""
    now = datetime(2026, 4, 6, 4, 0, tzinfo=UTC)
    monkeypatch.setattr(aggregation.timezone, "now", lambda: now)
    return now


def call(**arguments: Any) -> Any:
    """The task's answer, both ways through JSON."""
    arguments = json.loads(json.dumps(arguments))
    task = get_task("calculate_database_size_aggregations")
    return json.loads(json.dumps(task.call([], arguments)))


def make_history() -> None:
    begin = date(2025, 12, 1)
    days = [begin + timedelta(days=number) for number in range(127)]
    make_database(make_instance("a"), sizes=dict.fromkeys(days, 8192))


def test_it_returns_for_each_kind_its_period_and_the_rows_written() -> None:
    make_history()
    result = call()
    assert isinstance(result.pop("session_id"), int)
    assert all(kind.pop("seconds") >= 0 for kind in result["kinds"])
    assert result == {
        "status": "completed",
        "rows": 8,
        "kinds": [
            {"kind": kind, "periods": 1, "since": since, "until": until, "rows": 2}
            for kind, since, until in [
                ("daily", "2026-04-05", "2026-04-05"),
                ("weekly", "2026-03-30", "2026-04-05"),
                ("monthly", "2026-03-01", "2026-03-31"),
                ("quarterly", "2026-01-01", "2026-03-31"),
            ]
        ],
    }


def test_it_takes_a_kind_a_range_and_instances() -> None:
    make_history()
    make_database(make_instance("b"), sizes={date(2026, 3, 1): 1})
    result = call(kind="monthly", since="2026-01-15", until="2026-03-31", instances=["a"])
    [monthly] = result["kinds"]
    assert (monthly["periods"], monthly["rows"]) == (2, 4)
    assert (monthly["since"], monthly["until"]) == ("2026-02-01", "2026-03-31")
    assert set(SizeAggregate.objects.values_list("instance__name", flat=True)) == {"a"}


def test_it_takes_the_current_period() -> None:
    make_history()
    [week] = call(kind="weekly", current=True)["kinds"]
    assert (week["since"], week["until"]) == ("2026-04-06", "2026-04-12")


def test_a_kind_without_a_whole_period_has_neither_rows_nor_days() -> None:
    make_history()
    monthly = call(since="2026-03-30")["kinds"][2]
    assert {name: monthly[name] for name in ("periods", "since", "until", "rows")} == {
        "periods": 0,
        "since": None,
        "until": None,
        "rows": 0,
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("kind", "yearly"),
        ("kind", ""),
        ("current", "yes"),
        ("since", "yesterday"),
        ("since", "2026-02-30"),
        ("until", 20260101),
        ("instances", "a"),
    ],
)
def test_arguments_that_make_no_sense_are_refused_when_the_job_is_saved(
    name: str, value: Any
) -> None:
    task = get_task("calculate_database_size_aggregations")
    with pytest.raises(InvalidArguments) as refused:
        task.arguments.bind([], {name: value})
    assert next(iter(refused.value.errors)).startswith(f"kwargs.{name}")
