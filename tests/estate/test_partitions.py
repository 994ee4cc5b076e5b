"""Findings that come, stay, and resolve by themselves."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from jobs.estate.adapters.base import ServerInfo
from jobs.estate.adapters.partitions import PartitionedTable, PartitionListing
from jobs.estate.models import (
    Category,
    DatabaseInstance,
    PartitionFinding,
    PartitionPolicy,
    SessionStatus,
)
from jobs.estate.services.partitions import (
    Read,
    judge,
    policies_of,
    store,
    sync_partitions,
    zones_of,
)
from jobs.estate.services.sync import EveryInstanceFailed, Outcome
from tests.estate.fake_partitions import (
    DEFAULT,
    GIB,
    OUT_OF_LUCK,
    FakePartitions,
    failing,
    moment,
    months,
    partitions,
    table,
)
from tests.estate.fakes import NotedExecution

pytestmark = pytest.mark.django_db

MONDAY = moment("2026-03-09T00:30")
TUESDAY = MONDAY + timedelta(days=1)
WEDNESDAY = MONDAY + timedelta(days=2)

GOOD = table(months("2025-06", "2026-05"))
SHORT = table(months("2025-06", "2026-03"))
"""Nothing for the next two months."""
CROWDED = replace(GOOD, partitions=(*GOOD.partitions, DEFAULT), has_default_rows=True)


def sized(*sizes_gib: int | None) -> PartitionedTable:
    """Like the good one, of the months up to its last."""
    parts = zip(GOOD.partitions[-len(sizes_gib) :], sizes_gib, strict=True)
    measured = [replace(part, size_bytes=size and size * GIB) for part, size in parts]
    return replace(GOOD, partitions=tuple(measured))


@pytest.fixture
def instance() -> DatabaseInstance:
    return DatabaseInstance.objects.create(
        name="main", engine="fake", host="main", port=1, username="watcher"
    )


def take(
    instance: DatabaseInstance, now: datetime, *tables: PartitionedTable, **unread: str
) -> Outcome:
    answer = Read(PartitionListing(tables, unread), ServerInfo("fake", "1.0"))
    judged = judge(answer, policies_of(instance), zones_of(instance, answer.server), now)
    return store(instance, judged, now)


def counts(outcome: Outcome) -> tuple[int, int, int, int]:
    return outcome.seen, outcome.created, outcome.updated, outcome.removed


def kinds(rows: Iterable[PartitionFinding]) -> list[str]:
    return sorted(row.kind for row in rows)


def test_a_finding_keeps_when_it_was_first_seen(instance: DatabaseInstance) -> None:
    assert counts(take(instance, MONDAY, SHORT)) == (1, 1, 0, 0)
    assert counts(take(instance, TUESDAY, SHORT)) == (1, 0, 0, 0)
    found = PartitionFinding.objects.get()
    assert (found.database, found.schema, found.table) == ("shop", "public", "events")
    assert (found.kind, found.severity, found.partition) == ("none_ahead", "warning", "")
    assert (found.first_seen, found.last_seen, found.resolved_at) == (MONDAY, TUESDAY, None)
    assert found.details["missing"] == ["2026-04-01", "2026-05-01"]


def test_a_finding_resolves_by_itself_and_is_a_new_one_when_it_comes_back(
    instance: DatabaseInstance,
) -> None:
    take(instance, MONDAY, SHORT)
    assert counts(take(instance, TUESDAY, GOOD)) == (1, 0, 0, 1)
    assert counts(take(instance, WEDNESDAY, SHORT)) == (1, 1, 0, 0)
    old, new = PartitionFinding.objects.order_by("pk")
    assert (old.last_seen, old.resolved_at) == (MONDAY, TUESDAY)
    assert (new.first_seen, new.resolved_at) == (WEDNESDAY, None)


def test_a_finding_that_changes_is_told_as_it_is_now(instance: DatabaseInstance) -> None:
    take(instance, MONDAY, SHORT)
    later = moment("2026-03-31")
    assert counts(take(instance, later, SHORT)) == (1, 0, 1, 0)
    found = PartitionFinding.objects.get()
    assert (found.severity, found.first_seen, found.last_seen) == ("error", MONDAY, later)


def test_a_table_that_was_dropped_has_no_findings_left(instance: DatabaseInstance) -> None:
    take(instance, MONDAY, SHORT, replace(SHORT, name="other"))
    assert counts(take(instance, TUESDAY, SHORT)) == (1, 0, 0, 1)
    assert PartitionFinding.objects.unresolved().get().table == "events"


def test_a_database_that_could_not_be_read_resolves_nothing(instance: DatabaseInstance) -> None:
    """Pain 35: what was not seen is not gone."""
    elsewhere = replace(SHORT, database="Büro 'x'")
    take(instance, MONDAY, SHORT, elsewhere)
    outcome = take(instance, TUESDAY, GOOD, **{"Büro 'x'": "no right"})
    assert counts(outcome) == (1, 0, 0, 1)
    assert outcome.warning == "Not read: Büro 'x'."
    assert outcome.details["unread"] == {"Büro 'x'": "no right"}
    left = PartitionFinding.objects.unresolved().get()
    assert (left.database, left.last_seen) == ("Büro 'x'", MONDAY)


def test_what_is_seen_in_a_database_that_was_read_in_part_is_told(
    instance: DatabaseInstance,
) -> None:
    take(instance, MONDAY, SHORT, replace(SHORT, name="hidden"))
    take(instance, TUESDAY, SHORT, CROWDED_ELSEWHERE, shop="a table is locked")
    rows = {(row.table, row.kind): row for row in PartitionFinding.objects.unresolved()}
    assert rows["events", "none_ahead"].last_seen == TUESDAY
    assert rows["hidden", "none_ahead"].last_seen == MONDAY
    assert rows["crowded", "default_rows"].first_seen == TUESDAY


@pytest.mark.parametrize(
    ("known", "unsure", "fine"),
    [
        pytest.param(
            CROWDED,
            replace(CROWDED, has_default_rows=None),
            replace(CROWDED, has_default_rows=False),
            id="default_rows",
        ),
        pytest.param(
            sized(1, 1, 1, 1, 9), sized(1, 1, 1, 1, None), sized(1, 1, 1, 1, 1), id="oversized"
        ),
    ],
)
def test_a_partition_that_was_locked_resolves_nothing(
    instance: DatabaseInstance,
    known: PartitionedTable,
    unsure: PartitionedTable,
    fine: PartitionedTable,
) -> None:
    """Pain 35 once more."""
    take(instance, MONDAY, known)
    assert counts(take(instance, TUESDAY, unsure)) == (1, 0, 0, 0)
    assert counts(take(instance, WEDNESDAY, known)) == (1, 0, 0, 0)
    found = PartitionFinding.objects.get()
    assert (found.first_seen, found.last_seen) == (MONDAY, WEDNESDAY)
    assert counts(take(instance, WEDNESDAY, unsure)) == (1, 0, 0, 0)
    assert counts(take(instance, WEDNESDAY, fine)) == (1, 0, 0, 1)


def test_a_partition_that_is_gone_and_one_that_cannot_be_measured_are_two(
    instance: DatabaseInstance,
) -> None:
    take(instance, MONDAY, sized(9, 1, 1, 1, 1))
    assert counts(take(instance, TUESDAY, sized(None, 1, 1, 1, None))) == (1, 0, 0, 0)
    without = replace(GOOD, partitions=sized(0, 1, 1, 1, None).partitions[1:])
    assert counts(take(instance, WEDNESDAY, without)) == (1, 0, 0, 1)


CROWDED_ELSEWHERE = replace(CROWDED, name="crowded")


def test_one_instances_answer_resolves_nothing_of_another(instance: DatabaseInstance) -> None:
    other = DatabaseInstance.objects.create(name="other", engine="fake")
    take(other, MONDAY, SHORT)
    take(instance, TUESDAY, GOOD)
    assert other.findings.get().resolved_at is None


def test_tables_of_one_name_in_other_places_and_other_cases_are_others(
    instance: DatabaseInstance,
) -> None:
    others = [
        SHORT,
        replace(SHORT, name="Events"),
        replace(SHORT, name='e "v". ents'),
        replace(SHORT, schema="archive"),
        replace(SHORT, database="Shop"),
    ]
    assert counts(take(instance, MONDAY, *others)) == (5, 5, 0, 0)
    assert counts(take(instance, TUESDAY, *others)) == (5, 0, 0, 0)


def test_only_an_active_policy_says_how_many_periods_must_be_ahead(
    instance: DatabaseInstance,
) -> None:
    policy = PartitionPolicy.objects.create(
        instance=instance,
        database="shop",
        schema="public",
        table="events",
        interval="month",
        premake=4,
    )
    take(instance, MONDAY, GOOD)
    assert kinds(PartitionFinding.objects.unresolved()) == ["none_ahead"]
    policy.is_active = False
    policy.save()
    take(instance, TUESDAY, GOOD)
    assert kinds(PartitionFinding.objects.unresolved()) == []


def test_refused_rows_are_warned_of_by_table(instance: DatabaseInstance) -> None:
    late = moment("2026-04-01T00:30")
    outcome = take(instance, late, SHORT, CROWDED_ELSEWHERE)
    assert outcome.warning == "Rows are refused, or will be soon: shop.public.events."
    assert outcome.totals == {
        "tables": 2,
        "partitions": 23,
        "findings": 4,
        "errors": 1,
        "warnings": 2,
    }
    many = [replace(SHORT, name=f"events {number:02}") for number in range(12)]
    assert take(instance, late, *many).warning.endswith("events 09 and 2 more.")


@pytest.mark.parametrize(
    ("own", "told", "first"),
    [
        ("Europe/Berlin", "Asia/Tokyo", "Europe/Berlin"),
        ("", "Asia/Tokyo", "Asia/Tokyo"),
        ("", "SYSTEM", "Pacific/Auckland"),
        ("", None, "Pacific/Auckland"),
        ("", "../../etc/passwd", "Pacific/Auckland"),
        ("Gone/Zone", "Asia/Tokyo", "Asia/Tokyo"),
    ],
)
def test_the_day_is_that_of_the_instances_zone_else_of_the_servers(
    instance: DatabaseInstance,
    monkeypatch: pytest.MonkeyPatch,
    own: str,
    told: str | None,
    first: str,
) -> None:
    default = ZoneInfo("Pacific/Auckland")
    monkeypatch.setattr("django.utils.timezone.get_default_timezone", lambda: default)
    instance.timezone = own
    zones = zones_of(instance, ServerInfo("fake", "1.0", told))
    assert str(zones[0]) == first
    assert UTC in zones
    if told == "Asia/Tokyo":
        assert ZoneInfo(told) in zones


def test_hundreds_of_findings_cost_a_bounded_number_of_statements(
    instance: DatabaseInstance,
) -> None:
    bounds = [date(2013, 6, 1) + timedelta(days=day) for day in range(5001)]
    large = table(partitions(*bounds, name="events_{:%Y_%m_%d}", missing_indexes=("idx",)))
    many = [replace(SHORT, name=f"events {number}") for number in range(600)]
    with CaptureQueriesContext(connection) as first:
        assert counts(take(instance, MONDAY, large, *many))[:2] == (601, 602)
    assert len(first) <= 20
    later = moment("2026-03-31")
    with CaptureQueriesContext(connection) as second:
        assert counts(take(instance, later, large, *many))[2] == 600
    assert len(second) <= 20
    with CaptureQueriesContext(connection) as third:
        assert counts(take(instance, later + timedelta(days=1)))[3] == 602
    assert len(third) <= 10


def test_a_pass_looks_at_every_instance_that_has_partitions(
    partition_server: FakePartitions, execution: NotedExecution, folder: Any
) -> None:
    partition_server.instance("main", SHORT)
    (folder / "file").touch()
    DatabaseInstance.objects.create(name="file", engine="sqlite", database=str(folder / "file"))
    session = sync_partitions()
    assert (session.category, session.status) == (Category.PARTITION, SessionStatus.COMPLETED)
    assert dict(session.records.values_list("instance_name", "status")) == {
        "main": "completed",
        "file": "skipped",
    }
    assert PartitionFinding.objects.unresolved().exists()
    assert set(sync_partitions(instances=["main"]).records.values_list("instance_name")) == {
        ("main",)
    }


def test_an_instance_that_failed_resolves_nothing(
    partition_server: FakePartitions, execution: NotedExecution
) -> None:
    """Pain 35."""
    partition_server.instance("main", table(months("2020-01", "2020-12")))
    sync_partitions()
    before = list(PartitionFinding.objects.unresolved())
    assert before
    partition_server.listings["main"] = failing(OUT_OF_LUCK)
    with pytest.raises(EveryInstanceFailed):
        sync_partitions()
    assert list(PartitionFinding.objects.unresolved()) == before
    assert [row.last_seen for row in PartitionFinding.objects.unresolved()] == [
        row.last_seen for row in before
    ]
