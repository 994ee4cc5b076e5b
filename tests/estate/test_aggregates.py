"""Which periods of whom are aggregated, and the session about it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import IntegrityError, connection
from django.utils import timezone

from jobs.errors import Invalid
from jobs.estate.models import (
    DatabaseInstance,
    PeriodKind,
    RecordStatus,
    SessionStatus,
    SizeAggregate,
    SyncSession,
)
from jobs.estate.services import aggregate_rows, aggregates
from jobs.estate.services.periods import DAY
from jobs.registry import StopRun
from tests.estate.aggregating import aggregate, row
from tests.estate.fakes import NotedExecution
from tests.estate.snapshots import make_database, make_instance

pytestmark = pytest.mark.django_db


@pytest.fixture
def main(execution: NotedExecution) -> DatabaseInstance:
    return make_instance("main")


# --- Which periods -------------------------------------------------------------------------


def test_by_default_the_last_complete_period_of_each_kind_is_aggregated(
    main: DatabaseInstance,
) -> None:
    begin = date(2025, 9, 1)
    make_database(main, sizes={begin + number * DAY: number for number in range(300)})
    aggregation = aggregate()
    periods = SizeAggregate.objects.values_list("kind", "starts_on", "ends_on", "samples")
    assert sorted(set(periods)) == [
        ("daily", date(2026, 4, 5), date(2026, 4, 5), 1),
        ("monthly", date(2026, 3, 1), date(2026, 3, 31), 31),
        ("quarterly", date(2026, 1, 1), date(2026, 3, 31), 90),
        ("weekly", date(2026, 3, 30), date(2026, 4, 5), 7),
    ]
    assert [(one.kind, len(one.periods), one.rows) for one in aggregation.kinds] == [
        (kind, 1, 2) for kind in PeriodKind
    ]


def test_the_current_period_is_aggregated_as_far_as_it_goes(main: DatabaseInstance) -> None:
    make_database(main, sizes={"2026-03-31": 10, "2026-04-01": 20, "2026-04-06": 40})
    aggregate("monthly", is_current=True)
    april = row("monthly")
    assert (april.starts_on, april.ends_on) == (date(2026, 4, 1), date(2026, 4, 30))
    assert (april.samples, april.first_bytes, april.last_bytes) == (2, 20, 40)
    assert (april.change_bytes, april.change_percent) == (30, 300)


def test_a_range_holds_the_periods_that_are_whole_and_over(main: DatabaseInstance) -> None:
    begin = date(2026, 1, 1)
    make_database(main, sizes={begin + number * DAY: 1 for number in range(120)})
    aggregation = aggregate(since="2026-01-02", until="2026-12-31")
    counts = {one.kind: len(one.periods) for one in aggregation.kinds}
    assert counts == {"daily": 94, "weekly": 13, "monthly": 2, "quarterly": 0}
    assert SizeAggregate.objects.filter(kind="monthly", database=None).count() == 2


def test_a_range_may_begin_and_end_where_the_snapshots_do(main: DatabaseInstance) -> None:
    make_database(main, sizes={"2026-02-20": 1, "2026-03-20": 2})
    for wanted in ({"since": "0001-01-01"}, {"until": "9999-12-31"}, {"until": "2026-03-31"}):
        SizeAggregate.objects.all().delete()
        aggregation = aggregate("monthly", **wanted)
        assert [period.starts_on.month for period in aggregation.kinds[0].periods] == [2, 3]
        assert SizeAggregate.objects.count() == 4


def test_today_is_the_day_of_the_servers_default_zone(
    main: DatabaseInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_database(main, sizes={"2026-04-05": 1, "2026-04-06": 2})
    monkeypatch.setattr(timezone, "get_default_timezone", lambda: ZoneInfo("Pacific/Auckland"))
    with timezone.override(ZoneInfo("America/Los_Angeles")):
        aggregate("daily", now=datetime(2026, 4, 6, 13, 0, tzinfo=UTC))
    assert row("daily").starts_on == date(2026, 4, 6)


# --- Whose --------------------------------------------------------------------------------


def test_only_active_instances_and_those_named_are_aggregated(execution: NotedExecution) -> None:
    for name in ("a", "b", "asleep"):
        make_database(make_instance(name, is_active=name != "asleep"), sizes={"2026-04-05": 1})
    aggregate("daily", instances=["a"])
    names = SizeAggregate.objects.values_list("instance__name", flat=True)
    assert set(names) == {"a"}
    aggregate("daily")
    assert set(names.all()) == {"a", "b"}


@pytest.mark.parametrize(
    ("wanted", "field", "says"),
    [
        ({"instances": ["nope"]}, "instances", "“nope”"),
        ({"is_current": True, "since": "2026-01-01"}, "current", "range"),
        ({"is_current": True, "until": "2026-01-01"}, "current", "range"),
        ({"since": "2026-01-02", "until": "2026-01-01"}, "since", "2026-01-01"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_happens(
    main: DatabaseInstance, wanted: dict[str, Any], field: str, says: str
) -> None:
    with pytest.raises(Invalid) as caught:
        aggregate(**wanted)
    assert says in caught.value.errors[field][0]
    assert not SyncSession.objects.exists()


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        ({}, "no size snapshot in the periods"),
        ({"since": "2026-03-30"}, "No whole period"),
        ({"kind": "monthly", "since": "2026-03-02"}, "No whole period"),
        ({"since": "2030-01-01"}, "No whole period"),
    ],
)
def test_that_nothing_was_written_is_a_warning(
    main: DatabaseInstance, execution: NotedExecution, wanted: dict[str, Any], says: str
) -> None:
    if "kind" in wanted:
        make_database(main, sizes={"2026-03-05": 1})
    aggregation = aggregate(**wanted)
    assert aggregation.session.status == SessionStatus.COMPLETED
    assert says in execution.warnings[0]


def test_without_an_active_instance_the_session_completes_with_a_warning(
    execution: NotedExecution,
) -> None:
    assert aggregate().session.status == SessionStatus.COMPLETED
    assert execution.warnings == ["No active instance is registered that was asked for."]


# --- The session --------------------------------------------------------------------------


def test_the_session_has_a_record_for_each_instance_with_what_was_written(
    execution: NotedExecution,
) -> None:
    a, _b = make_instance("a"), make_instance("b")
    make_database(a, "one", {"2026-04-05": 1})
    make_database(a, "two", {"2026-03-20": 1})
    session = aggregate().session
    assert (session.category, session.status) == ("aggregation", SessionStatus.COMPLETED)
    assert session.totals == {"aggregates": 8}
    records = session.records.values_list("instance_name", "status", "items_seen")
    assert list(records) == [("a", "completed", 8), ("b", "completed", 0)]
    assert execution.warnings == []


def test_progress_counts_the_steps(main: DatabaseInstance, execution: NotedExecution) -> None:
    make_database(main, sizes={"2026-04-05": 1})
    aggregate()
    assert [(done, total) for done, total, _message in execution.steps] == [
        (done, 8) for done in range(9)
    ]


def test_a_cancelled_run_ends_its_session_and_keeps_what_was_written(
    main: DatabaseInstance, execution: NotedExecution
) -> None:
    make_database(main, sizes={"2026-04-05": 1})
    execution.stop_after = 3
    with pytest.raises(StopRun):
        aggregate()
    session = SyncSession.objects.get()
    assert session.status == SessionStatus.CANCELLED
    assert session.records.get().status == RecordStatus.SKIPPED
    assert set(SizeAggregate.objects.values_list("kind", flat=True)) == {"daily"}


def test_an_error_does_not_leave_the_session_running(
    main: DatabaseInstance, execution: NotedExecution, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: Any) -> None:
        raise MemoryError

    monkeypatch.setattr(aggregates, "write_rows", broken)
    with pytest.raises(MemoryError):
        aggregate()
    session = SyncSession.objects.get()
    assert session.status == SessionStatus.FAILED
    assert session.error == "It was ended by an error: MemoryError."


@pytest.fixture
def between(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """Have something happen once, after the sizes were read and before what they give is
    written; on PostgreSQL, where that is one statement, its failure stands for that."""

    def arrange(happen: Callable[[], object]) -> None:
        original = aggregate_rows.write_rows
        is_first = True

        def interrupted(assignment: Any, look: Callable[[], None]) -> Any:
            nonlocal is_first
            if not is_first:
                return original(assignment, look)
            is_first = False
            if connection.vendor == "postgresql":
                happen()
                raise IntegrityError
            return original(assignment, lambda: (happen(), look())[1])

        monkeypatch.setattr(aggregates, "write_rows", interrupted)

    return arrange


@pytest.mark.django_db(transaction=True)
def test_an_instance_deleted_meanwhile_does_not_stop_the_others(
    execution: NotedExecution, between: Callable[[Callable[[], object]], None]
) -> None:
    for name in ("a", "b"):
        make_database(make_instance(name), sizes={"2026-04-05": 1})
    between(lambda: DatabaseInstance.objects.filter(name="a").delete())
    session = aggregate("daily").session
    assert session.status == SessionStatus.COMPLETED
    records = {record.instance_name: record for record in session.records.all()}
    assert records["a"].status == RecordStatus.SKIPPED
    assert records["a"].error == "The instance was deleted meanwhile."
    assert records["b"].items_seen == 2
    assert SizeAggregate.objects.count() == 2
