from __future__ import annotations

from datetime import date

import pytest
from django.test import Client
from django.urls import reverse

from jobs.estate.models import DatabaseSizeSnapshot
from tests.estate.snapshots import SEEN, make_database, make_instance

pytestmark = pytest.mark.django_db

LIST = reverse("admin:estate_databasesizesnapshot_changelist")


@pytest.fixture
def snapshot() -> DatabaseSizeSnapshot:
    database = make_database(make_instance("main"), "shop", {})
    return DatabaseSizeSnapshot.objects.create(
        database=database,
        day=date(2026, 7, 1),
        taken_at=SEEN,
        total_bytes=3 * 1024,
        data_bytes=2 * 1024,
        index_bytes=1024,
    )


def test_a_row_says_whose_size_it_is_and_of_what_it_consists(
    admin_client: Client, snapshot: DatabaseSizeSnapshot
) -> None:
    page = admin_client.get(LIST).text
    assert "sc-by-card" in page
    for text in (
        'shop<small class="sc-below">main</small>',
        ">2026-07-01</a>",
        '3.0 KiB<small class="sc-below">data 2.0 KiB, indexes 1.0 KiB</small>',
    ):
        assert text in page


def test_a_part_that_the_engine_does_not_tell_is_left_out(
    admin_client: Client, snapshot: DatabaseSizeSnapshot
) -> None:
    DatabaseSizeSnapshot.objects.update(data_bytes=None, index_bytes=None)
    assert '<td class="field-size">3.0 KiB</td>' in admin_client.get(LIST).text


@pytest.mark.parametrize("column", ["1", "2", "-3"])
def test_the_list_can_be_sorted(
    admin_client: Client, snapshot: DatabaseSizeSnapshot, column: str
) -> None:
    assert "shop" in admin_client.get(LIST, {"o": column}).text


def test_its_page_bears_the_name_of_the_database(
    admin_client: Client, snapshot: DatabaseSizeSnapshot
) -> None:
    url = reverse("admin:estate_databasesizesnapshot_change", args=[snapshot.pk])
    assert "<h2>shop 2026-07-01</h2>" in admin_client.get(url).text
