"""The inventory and the snapshots."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from jobs.errors import Invalid
from jobs.estate.adapters.base import DatabaseSize, ServerInfo, TableSize
from jobs.estate.adapters.errors import EmptyListing
from jobs.estate.models import Database, DatabaseInstance, DatabaseSizeSnapshot, SyncSession
from jobs.estate.services.sizes import Measured, store, sync_sizes
from jobs.estate.services.sync import Outcome
from tests.estate.fakes import FakeAdapter, NotedExecution, sizes

pytestmark = pytest.mark.django_db

MONDAY = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)
TUESDAY = MONDAY + timedelta(days=1)
WEDNESDAY = MONDAY + timedelta(days=2)


@pytest.fixture
def instance() -> DatabaseInstance:
    return DatabaseInstance.objects.create(
        name="main", engine="fake", host="main", port=1, username="watcher"
    )


def take(instance: DatabaseInstance, listing: list[DatabaseSize], now: datetime) -> Outcome:
    return store(instance, Measured(listing, ServerInfo("fake", "1.0")), now)


def counts(outcome: Outcome) -> tuple[int, int, int, int]:
    return outcome.seen, outcome.created, outcome.updated, outcome.removed


def test_a_database_keeps_when_it_was_first_seen(instance: DatabaseInstance) -> None:
    assert counts(take(instance, sizes(one=1, two=2), MONDAY)) == (2, 2, 0, 0)
    assert counts(take(instance, sizes(one=1, two=2), TUESDAY)) == (2, 0, 0, 0)
    one = Database.objects.get(name="one")
    assert (one.first_seen, one.last_seen, one.dropped_at) == (MONDAY, TUESDAY, None)


def test_a_dropped_database_is_marked_once_and_unmarked_when_it_reappears(
    instance: DatabaseInstance,
) -> None:
    take(instance, sizes(one=1, two=2), MONDAY)
    assert counts(take(instance, sizes(one=1), TUESDAY)) == (1, 0, 0, 1)
    assert counts(take(instance, sizes(one=1), WEDNESDAY)) == (1, 0, 0, 0)
    two = Database.objects.get(name="two")
    assert (two.last_seen, two.dropped_at) == (MONDAY, TUESDAY)

    thursday = WEDNESDAY + timedelta(days=1)
    assert counts(take(instance, sizes(one=1, two=2), thursday)) == (2, 0, 1, 0)
    two.refresh_from_db()
    assert (two.first_seen, two.last_seen, two.dropped_at) == (MONDAY, thursday, None)


def test_an_empty_listing_drops_nothing(instance: DatabaseInstance) -> None:
    take(instance, sizes(one=1), MONDAY)
    with pytest.raises(EmptyListing):
        take(instance, [], TUESDAY)
    assert Database.objects.get().dropped_at is None


def test_one_instances_listing_drops_nothing_of_another(instance: DatabaseInstance) -> None:
    other = DatabaseInstance.objects.create(name="other", engine="fake")
    take(other, sizes(one=1), MONDAY)
    take(instance, sizes(two=2), TUESDAY)
    assert other.databases.get().dropped_at is None


def test_system_databases_left_out_of_a_listing_are_not_dropped(
    instance: DatabaseInstance,
) -> None:
    take(instance, [*sizes(one=1), DatabaseSize("template1", 1, is_system=True)], MONDAY)
    take(instance, sizes(one=1), TUESDAY)
    assert Database.objects.get(name="template1").dropped_at is None


def take_with_system(
    instance: DatabaseInstance, listing: list[DatabaseSize], now: datetime
) -> Outcome:
    return store(instance, Measured(listing, ServerInfo("fake", "1.0"), has_system=True), now)


def test_a_pass_without_the_system_databases_drops_none_of_a_pass_with_them(
    instance: DatabaseInstance,
) -> None:
    """Pain 35."""
    template = DatabaseSize("template1", 7, is_system=True)
    assert counts(take_with_system(instance, [*sizes(one=1), template], MONDAY)) == (2, 2, 0, 0)
    assert counts(take(instance, sizes(one=1), TUESDAY)) == (1, 0, 0, 0)
    assert Database.objects.get(name="template1").dropped_at is None
    assert counts(take_with_system(instance, [*sizes(one=1), template], WEDNESDAY)) == (2, 0, 0, 0)


def test_a_system_database_that_is_gone_is_noticed_by_a_pass_that_looks_for_them(
    instance: DatabaseInstance,
) -> None:
    template = DatabaseSize("template1", 7, is_system=True)
    take_with_system(instance, [*sizes(one=1), template], MONDAY)
    assert counts(take_with_system(instance, sizes(one=1), TUESDAY)) == (1, 0, 0, 1)


def test_names_that_differ_in_case_are_two_databases(instance: DatabaseInstance) -> None:
    take(instance, sizes(Sales=1, sales=2, SALES=3), MONDAY)
    assert set(Database.objects.values_list("name", flat=True)) == {"Sales", "sales", "SALES"}


def test_the_last_measurement_of_a_day_wins(instance: DatabaseInstance) -> None:
    take(instance, sizes(one=1), MONDAY)
    later = MONDAY + timedelta(hours=5)
    take(instance, [DatabaseSize("one", 10, 7, 2, 1)], later)
    take(instance, sizes(one=100), TUESDAY)
    first, second = DatabaseSizeSnapshot.objects.order_by("day")
    assert (first.day, first.taken_at) == (MONDAY.date(), later)
    assert (first.total_bytes, first.data_bytes, first.index_bytes, first.wal_bytes) == (
        10,
        7,
        2,
        1,
    )
    assert (second.day, second.total_bytes) == (TUESDAY.date(), 100)


AT_EIGHT = datetime(2026, 3, 1, 20, 0, tzinfo=UTC)
"""In the evening of the 1st in Europe, and in the morning of the 2nd in Auckland."""


def test_the_day_is_that_of_the_instances_zone(instance: DatabaseInstance) -> None:
    instance.timezone = "Pacific/Auckland"
    with timezone.override(ZoneInfo("America/Los_Angeles")):
        take(instance, sizes(one=1), AT_EIGHT)
    assert DatabaseSizeSnapshot.objects.get().day == date(2026, 3, 2)


@pytest.mark.parametrize("zone", ["", "Mars/Olympus"])
def test_without_a_zone_of_its_own_the_day_is_that_of_the_servers_default_zone(
    instance: DatabaseInstance, monkeypatch: pytest.MonkeyPatch, zone: str
) -> None:
    instance.timezone = zone
    monkeypatch.setattr(timezone, "get_default_timezone", lambda: ZoneInfo("Pacific/Auckland"))
    with timezone.override(ZoneInfo("America/Los_Angeles")):
        take(instance, sizes(one=1), AT_EIGHT)
    assert DatabaseSizeSnapshot.objects.get().day == date(2026, 3, 2)


def test_two_measurements_on_either_side_of_local_midnight_are_two_days(
    instance: DatabaseInstance,
) -> None:
    instance.timezone = "America/New_York"
    midnight = datetime(2026, 3, 3, 5, 0, tzinfo=UTC)
    take(instance, sizes(one=1), midnight - timedelta(minutes=1))
    take(instance, sizes(one=2), midnight)
    days = DatabaseSizeSnapshot.objects.order_by("day").values_list("day", "total_bytes")
    assert list(days) == [(date(2026, 3, 2), 1), (date(2026, 3, 3), 2)]


ORDERS = TableSize("public", "orders", 900)
LINES = TableSize("public", 'Or"der.lines', 100)


def take_tables(
    instance: DatabaseInstance, now: datetime, total_bytes: int, *tables: TableSize
) -> None:
    listing = [DatabaseSize("one", total_bytes, largest_tables=tables)]
    store(instance, Measured(listing, ServerInfo("fake", "1.0"), has_tables=True), now)


def test_the_largest_tables_are_kept_with_the_snapshot(instance: DatabaseInstance) -> None:
    take_tables(instance, MONDAY, 1000, ORDERS, LINES)
    assert DatabaseSizeSnapshot.objects.get().largest_tables == [
        {"schema": "public", "name": "orders", "total_bytes": 900},
        {"schema": "public", "name": 'Or"der.lines', "total_bytes": 100},
    ]
    take_tables(instance, MONDAY, 900, ORDERS)
    assert [table["name"] for table in DatabaseSizeSnapshot.objects.get().largest_tables] == [
        "orders"
    ]


def test_tables_that_nobody_asked_for_are_not_known_and_none_is_none(
    instance: DatabaseInstance,
) -> None:
    take(instance, sizes(one=1), MONDAY)
    take_tables(instance, TUESDAY, 1)
    tables = DatabaseSizeSnapshot.objects.order_by("day").values_list("largest_tables", flat=True)
    assert list(tables) == [None, []]


def test_a_later_pass_that_does_not_ask_for_tables_keeps_those_of_the_day(
    instance: DatabaseInstance,
) -> None:
    take_tables(instance, MONDAY, 1000, ORDERS)
    take(instance, sizes(one=1100), MONDAY + timedelta(hours=5))
    snapshot = DatabaseSizeSnapshot.objects.get()
    assert snapshot.total_bytes == 1100
    assert [table["name"] for table in snapshot.largest_tables] == ["orders"]


def test_what_could_not_be_measured_is_seen_without_a_snapshot_and_warned_of(
    instance: DatabaseInstance,
) -> None:
    outcome = take(instance, sizes(one=1, secret=None), MONDAY)
    assert outcome.warning == "Not measured: secret."
    assert outcome.details["unmeasured"] == {"secret": "no right"}
    assert outcome.totals == {"databases": 2, "total_bytes": 1}
    assert Database.objects.get(name="secret").dropped_at is None
    assert DatabaseSizeSnapshot.objects.get().database.name == "one"


def test_of_many_that_could_not_be_measured_ten_are_named(instance: DatabaseInstance) -> None:
    unmeasured = {f"secret{number:02}": None for number in range(12)}
    outcome = take(instance, sizes(one=1, **unmeasured), MONDAY)
    assert outcome.warning.endswith("secret08, secret09 and 2 more.")
    assert len(outcome.details["unmeasured"]) == 12


def test_a_pass_passes_on_what_it_was_asked_for(
    fake: FakeAdapter, execution: NotedExecution
) -> None:
    listing = [
        DatabaseSize("one", 1000, largest_tables=(ORDERS,)),
        DatabaseSize("system", 7, is_system=True),
    ]
    fake.instance("main", listing)
    assert sync_sizes().totals == {"databases": 1, "total_bytes": 1000}
    assert fake.largest_tables == 0
    session = sync_sizes(largest_tables=3, include_system=True)
    assert session.totals == {"databases": 2, "total_bytes": 1007}
    assert fake.largest_tables == 3
    snapshot = DatabaseSizeSnapshot.objects.get(database__name="one")
    assert snapshot.largest_tables == [asdict(ORDERS)]
    assert Database.objects.get(name="system").is_system


@pytest.mark.parametrize("number", [-1, 101])
def test_a_number_of_tables_that_makes_no_sense_is_refused_before_anything_happens(
    number: int,
) -> None:
    with pytest.raises(Invalid) as caught:
        sync_sizes(largest_tables=number)
    assert str(number) in caught.value.errors["largest_tables"][0]
    assert not SyncSession.objects.exists()


def test_three_thousand_databases_cost_a_fixed_number_of_statements(
    instance: DatabaseInstance, django_assert_max_num_queries: object
) -> None:
    listing = [DatabaseSize(f"database {number}", number) for number in range(3000)]
    with django_assert_max_num_queries(80):  # type: ignore[operator]
        take(instance, listing, MONDAY)
    assert DatabaseSizeSnapshot.objects.count() == 3000
