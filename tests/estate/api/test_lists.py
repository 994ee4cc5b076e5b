"""What the lists show, how they are filtered and paged, and what they cost."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from jobs.estate.models import Account, Database, PartitionFinding, SyncSession
from tests.api.answers import refused, succeeded
from tests.estate.api.conftest import BASE, Holder
from tests.estate.api.rows import make_estate

pytestmark = pytest.mark.django_db

LISTS = (
    "instances",
    "databases",
    "snapshots",
    "aggregates",
    "accounts",
    "account-changes",
    "sessions",
    "findings",
    "policies",
)


@pytest.fixture
def reader(holder: Holder) -> APIClient:
    return holder(
        "view_databaseinstance",
        "view_database",
        "view_databasesizesnapshot",
        "view_sizeaggregate",
        "view_account",
        "view_accountchange",
        "view_syncsession",
        "view_partitionfinding",
        "view_partitionpolicy",
    )


def get(client: APIClient, path: str, **query: Any) -> Any:
    return succeeded(client.get(BASE + path, query))


@pytest.mark.parametrize("path", LISTS)
def test_a_list_costs_the_same_statements_for_one_row_and_for_many(
    reader: APIClient, django_assert_num_queries: Any, path: str
) -> None:
    make_estate()
    get(reader, path)
    with CaptureQueriesContext(connection) as one:
        get(reader, path)
    for _number in range(10):
        make_estate()
    with django_assert_num_queries(len(one)):
        assert len(get(reader, path)) >= 11


def test_a_session_costs_the_same_statements_for_one_record_and_for_many(
    reader: APIClient, django_assert_num_queries: Any
) -> None:
    make_estate()
    session = SyncSession.objects.get()
    get(reader, f"sessions/{session.pk}")
    with CaptureQueriesContext(connection) as one:
        get(reader, f"sessions/{session.pk}")
    for number in range(20):
        session.records.create(instance_name=f"further {number}", status="failed", error="no")
    with django_assert_num_queries(len(one)):
        assert len(get(reader, f"sessions/{session.pk}")["records"]) == 21


@pytest.mark.parametrize("path", LISTS)
def test_pages_follow_one_another_without_gap_or_repetition(reader: APIClient, path: str) -> None:
    for _number in range(5):
        make_estate()
    whole = [row["id"] for row in get(reader, path)]
    assert whole == sorted(whole, reverse=True)
    paged, before = [], None
    while True:
        response = reader.get(BASE + path, {"limit": 2, **({"before": before} if before else {})})
        paged += [row["id"] for row in succeeded(response)]
        before = response.json()["meta"]["next_before"]
        if before is None:
            break
    assert paged == whole


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("limit", 0),
        ("limit", 501),
        ("limit", "x"),
        ("before", 0),
        ("before", 2**63),
        ("colour", "red"),
        ("format", "json"),
    ],
)
def test_bad_parameters_are_refused_by_name(
    reader: APIClient, path: str, name: str, value: Any
) -> None:
    refused(reader.get(BASE + path, {name: value}), 400, "validation_error", name)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("instances", "is_active"),
        ("databases", "dropped"),
        ("snapshots", "since"),
        ("aggregates", "kind"),
        ("aggregates", "level"),
        ("accounts", "flag"),
        ("account-changes", "kind"),
        ("sessions", "category"),
        ("sessions", "status"),
        ("findings", "severity"),
        ("findings", "resolved"),
        ("policies", "is_active"),
    ],
)
def test_words_that_are_not_known_are_refused_by_name(
    reader: APIClient, path: str, name: str
) -> None:
    refused(reader.get(BASE + path, {name: "nonsense"}), 400, "validation_error", name)


@pytest.mark.parametrize("path", [path for path in LISTS if path != "instances"])
def test_lists_are_of_one_instance_if_asked(reader: APIClient, path: str) -> None:
    make_estate("one")
    make_estate("other")
    rows = get(reader, path, instance="one")
    assert rows
    assert len(rows) * 2 == len(get(reader, path))
    assert all(row.get("instance", "one") == "one" for row in rows)
    assert get(reader, path, instance="nobody's") == []


def test_what_was_found_or_went_is_told_apart(reader: APIClient) -> None:
    make_estate("there")
    make_estate("gone")
    gone = {"instance__name": "gone"}
    now = timezone.now()
    Database.objects.filter(**gone).update(dropped_at=now)
    Account.objects.filter(**gone).update(removed_at=now, flags=["any_host"])
    PartitionFinding.objects.filter(**gone).update(resolved_at=now)
    for path, parameter in [
        ("databases", "dropped"),
        ("accounts", "removed"),
        ("findings", "resolved"),
    ]:
        assert [row["instance"] for row in get(reader, path, **{parameter: "true"})] == ["gone"]
        assert [row["instance"] for row in get(reader, path, **{parameter: "false"})] == ["there"]
    assert [row["instance"] for row in get(reader, "accounts", flag="any_host")] == ["gone"]
    [of_database] = get(reader, "aggregates", level="database", instance="there")
    [of_instance] = get(reader, "aggregates", level="instance", instance="there")
    assert (of_database["database"], of_instance["database"]) == ("shop", None)


def test_an_instance_says_how_its_last_visits_went(reader: APIClient) -> None:
    instance = make_estate("main")
    session = SyncSession.objects.create(
        category="account", source="manual", started_at=timezone.now()
    )
    session.records.create(
        instance=instance, instance_name="main", status="failed", error="It hangs.", seconds=7
    )
    session = SyncSession.objects.create(
        category="partition", source="manual", started_at=timezone.now()
    )
    session.records.create(instance=instance, instance_name="main", status="pending")
    [row] = get(reader, "instances")
    assert (row["version"], row["database_count"], row["latest_total_bytes"]) == ("15.4", 1, 1536)
    assert row["last_visit"] == {
        "status": "failed",
        "category": "account",
        "error": "It hangs.",
        "seconds": 7.0,
    }


def test_an_account_is_shown_whole_on_its_own_and_short_in_the_list(reader: APIClient) -> None:
    make_estate()
    [short] = get(reader, "accounts")
    assert short.keys().isdisjoint({"state", "raw"})
    whole = get(reader, f"accounts/{short['id']}")
    assert (whole["raw"], whole["flags"]) == ({"rolname": "ana"}, ["superuser"])
    refused(reader.get(BASE + "accounts/4711"), 404, "account_not_found")


def test_a_session_is_shown_with_its_records(reader: APIClient) -> None:
    make_estate("main")
    [listed] = get(reader, "sessions", execution=4711)
    assert "records" not in listed
    [record] = get(reader, f"sessions/{listed['id']}")["records"]
    assert (record["instance"], record["status"], record["seconds"]) == ("main", "completed", 0.5)
    refused(reader.get(BASE + "sessions/4711"), 404, "session_not_found")
