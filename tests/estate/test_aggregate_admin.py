"""The list of aggregates."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from jobs.admin import paging
from jobs.estate.admin.bytes import signed_bytes, signed_percent
from jobs.estate.models import SizeAggregate
from tests.estate.snapshots import SEEN, make_database, make_instance

pytestmark = pytest.mark.django_db

LIST = "admin:estate_sizeaggregate_changelist"


def make_aggregate(**fields: Any) -> SizeAggregate:
    starts_on = date(2026, 3, 2)
    values: dict[str, Any] = {
        "kind": "weekly",
        "starts_on": starts_on,
        "ends_on": starts_on + timedelta(days=6),
        "samples": 7,
        "average_bytes": 1536,
        "minimum_bytes": 1024,
        "maximum_bytes": 3072,
        "first_bytes": 1024,
        "last_bytes": 2048,
        "computed_at": SEEN,
        **fields,
    }
    return SizeAggregate.objects.create(**values)


def shown(client: Client, **filters: str) -> list[list[str]]:
    """The cells of the list, as they stand on the page."""
    page = client.get(reverse(LIST), filters)
    assert page.status_code == 200
    rows = re.findall(r"<tr>(<t[dh] class=.*?)</tr>", page.text, re.DOTALL)
    cells = [re.findall(r'<t[dh] class="field-[^"]*">(.*?)</t[dh]>', row) for row in rows]
    return [
        [re.sub(r"<[^>]*>", "", cell.replace("<small", " | <small")) for cell in row]
        for row in cells
    ]


def test_a_row_says_of_whom_over_which_days_how_big_and_how_it_changed(
    admin_client: Client,
) -> None:
    instance = make_instance("berlin")
    database = make_database(instance, "Sales “EU”")
    make_aggregate(
        instance=instance,
        database=database,
        change_bytes=-2048,
        change_percent=-50.04,
        trend_bytes_per_day=512.4,
    )
    make_aggregate(instance=instance, kind="daily", ends_on=date(2026, 3, 2), change_bytes=2048)
    assert shown(admin_client) == [
        ["all | berlin", "2026-03-02 | day", "2.0 KiB | average 1.5 KiB", "+2.0 KiB | –"],
        [
            "Sales “EU” | berlin",
            "2026-03-02 – 2026-03-08 | week",
            "2.0 KiB | average 1.5 KiB",
            "−2.0 KiB (−50.0 %) | +512 B a day",
        ],
    ]


def test_the_list_is_filtered_by_kind_by_instance_and_by_whether_it_is_of_one_database(
    admin_client: Client,
) -> None:
    for name in ("a", "b"):
        instance = make_instance(name)
        make_aggregate(instance=instance, database=make_database(instance))
        make_aggregate(instance=instance)
        make_aggregate(instance=instance, kind="daily", ends_on=date(2026, 3, 2))
    second = str(instance.pk)
    assert len(shown(admin_client)) == 6
    assert [row[1] for row in shown(admin_client, kind__exact="daily")] == ["2026-03-02 | day"] * 2
    owners = [row[0] for row in shown(admin_client, instance__id__exact=second)]
    assert owners == ["all | b", "all | b", "one | b"]
    assert [row[0][:3] for row in shown(admin_client, of="instances")] == ["all"] * 4
    assert [row[0][:3] for row in shown(admin_client, of="databases")] == ["one"] * 2


def test_one_row_shows_all_figures_and_can_only_be_looked_at(admin_client: Client) -> None:
    row = make_aggregate(instance=make_instance("berlin"))
    page = admin_client.get(reverse("admin:estate_sizeaggregate_change", args=[row.pk]))
    for text in ("berlin", "2026-03-02 – 2026-03-08", "1.5 KiB", "1.0 KiB", "3.0 KiB", "2.0 KiB"):
        assert text in page.text
    assert admin_client.get(reverse("admin:estate_sizeaggregate_add")).status_code == 403
    url = reverse("admin:estate_sizeaggregate_delete", args=[row.pk])
    assert admin_client.post(url, {"post": "yes"}).status_code == 403


def test_many_rows_cost_the_statements_of_one_and_are_not_all_counted(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def add(name: str) -> None:
        instance = make_instance(name)
        make_aggregate(instance=instance, database=make_database(instance))

    add("first")
    admin_client.get(reverse(LIST))
    with CaptureQueriesContext(connection) as one:
        admin_client.get(reverse(LIST))
    for number in range(20):
        add(f"further {number}")
    monkeypatch.setattr(paging, "MOST_ROWS", 3)
    with CaptureQueriesContext(connection) as many:
        page = admin_client.get(reverse(LIST))
    assert len(many) == len(one)
    assert page.context["cl"].result_count == 3
    counting = [query["sql"] for query in many if "COUNT(" in query["sql"].upper()]
    assert counting
    assert all("LIMIT 4" in sql for sql in counting)


@pytest.mark.parametrize(("count", "text"), [(0, "0 B"), (-8, "−8 B"), (13_000_000, "+12.4 MiB")])
def test_a_change_in_bytes_bears_its_sign(count: int, text: str) -> None:
    assert signed_bytes(count) == text


@pytest.mark.parametrize(
    ("percent", "text"),
    [(0.0, "0.0 %"), (-50.04, "−50.0 %"), (0.01, "+0.0 %"), (123456.78, "+123,456.8 %")],
)
def test_a_percentage_bears_its_sign(percent: float, text: str) -> None:
    assert signed_percent(percent) == text
