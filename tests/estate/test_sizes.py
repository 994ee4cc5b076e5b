"""The inventory and the snapshots."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from jobs.estate.adapters.base import DatabaseSize, ServerInfo
from jobs.estate.adapters.errors import EmptyListing
from jobs.estate.models import Database, DatabaseInstance, DatabaseSizeSnapshot
from jobs.estate.services.sizes import Measured, store
from jobs.estate.services.sync import Outcome
from tests.estate.fakes import sizes

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


def test_the_day_is_that_of_the_servers_default_zone(
    instance: DatabaseInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timezone, "get_default_timezone", lambda: ZoneInfo("Pacific/Auckland"))
    with timezone.override(ZoneInfo("America/Los_Angeles")):
        take(instance, sizes(one=1), datetime(2026, 3, 1, 20, 0, tzinfo=UTC))
    assert DatabaseSizeSnapshot.objects.get().day == date(2026, 3, 2)


def test_what_could_not_be_measured_is_seen_without_a_snapshot_and_warned_of(
    instance: DatabaseInstance,
) -> None:
    outcome = take(instance, sizes(one=1, secret=None), MONDAY)
    assert outcome.warning == "Not measured: secret."
    assert outcome.details["unmeasured"] == {"secret": "no right"}
    assert outcome.totals == {"databases": 2, "total_bytes": 1}
    assert Database.objects.get(name="secret").dropped_at is None
    assert DatabaseSizeSnapshot.objects.get().database.name == "one"


def test_three_thousand_databases_cost_a_fixed_number_of_statements(
    instance: DatabaseInstance, django_assert_max_num_queries: object
) -> None:
    listing = [DatabaseSize(f"database {number}", number) for number in range(3000)]
    with django_assert_max_num_queries(80):  # type: ignore[operator]
        take(instance, listing, MONDAY)
    assert DatabaseSizeSnapshot.objects.count() == 3000
