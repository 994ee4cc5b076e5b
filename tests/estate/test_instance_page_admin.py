"""The page of one instance: what it says, to whom, and what it costs."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from jobs.estate.models import Account, AccountChange, DatabaseInstance, PartitionFinding
from tests.estate.api.rows import STATE, make_estate
from tests.estate.snapshots import make_database, make_instance
from tests.estate.test_instance_admin import client_with

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("folder")]

GIB = 1024**3
ALL_RIGHTS = (
    "view_databaseinstance",
    "view_database",
    "view_account",
    "view_accountchange",
    "view_partitionfinding",
    "view_syncsession",
)


def url_of(instance: DatabaseInstance, query: str = "") -> str:
    return reverse("admin:estate_databaseinstance_change", args=[instance.pk]) + query


def growing(days: int, *, start: int, a_day: int) -> dict[date | str, int]:
    """Up to today."""
    today = timezone.now().date()
    return {today - timedelta(days=days - 1 - n): start + n * a_day for n in range(days)}


def texts(page: Any) -> dict[str, str]:
    """The cards: their values by their labels, with their notes."""
    return {
        str(card.label): f"{card.value} | {card.note} | {card.tone}"
        for card in page.context["known"]()["cards"]
    }


def test_it_says_how_big_it_is_how_it_grows_and_when_its_limit_is_reached(
    admin_client: Client,
) -> None:
    instance = make_instance("main", engine="postgresql", size_limit_bytes=60 * GIB)
    make_database(instance, "shop", growing(40, start=10 * GIB, a_day=GIB))
    page = admin_client.get(url_of(instance))
    cards = texts(page)
    today = timezone.now().date()
    assert cards["Size"] == f"49.0 GiB | in 1 database, on {today} | "
    assert cards["Growth"] == "+1.0 GiB | a day, over the last 30 days | "
    reached = today + timedelta(days=11)
    assert cards["Limit reached"] == f"{reached} | 60.0 GiB, in 11 days | bad"
    for part in ("sc-ahead", "sc-limit", "sc-layer-1", "All its databases"):
        assert part in page.text


@pytest.mark.parametrize(
    ("query", "days"), [("", 90), ("?range=30d", 30), ("?range=1y", 365), ("?range=x", 90)]
)
def test_the_range_is_chosen_in_the_address(admin_client: Client, query: str, days: int) -> None:
    instance = make_instance("main", engine="postgresql")
    make_database(instance, "shop", growing(2, start=GIB, a_day=GIB))
    page = admin_client.get(url_of(instance, query))
    assert page.context["known"]()["asked"].days == days
    assert page.text.count('aria-current="true"') == 1


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("12 GiB", "10.0 GiB"),
        ("0", "Enter a size"),
        ("-1", "Enter a size"),
        ("soon", "Enter a size"),
        ("9" * 50, "Enter a size"),
        ("9999999 PiB", "Enter a size"),
        ("<b>", "Enter a size"),
        ("", "No limit is set."),
    ],
)
def test_any_limit_may_be_asked_for(admin_client: Client, typed: str, said: str) -> None:
    instance = make_instance("main", engine="postgresql")
    make_database(instance, "shop", growing(10, start=GIB, a_day=GIB))
    page = admin_client.get(url_of(instance), {"limit": typed, "range": "30d"})
    assert page.status_code == 200
    assert said in page.text
    assert '<b>"' not in page.text


def test_a_limit_that_is_asked_for_is_answered_and_changes_nothing(admin_client: Client) -> None:
    instance = make_instance("main", engine="postgresql")
    make_database(instance, "shop", growing(10, start=GIB, a_day=GIB))
    page = admin_client.get(url_of(instance), {"limit": "12 GiB"})
    reached = timezone.now().date() + timedelta(days=2)
    assert f"<output>{reached} · 12.0 GiB, in 2 days</output>" in page.text
    instance.refresh_from_db()
    assert instance.size_limit_bytes is None


def test_it_shows_databases_accounts_changes_findings_and_sessions_with_links_to_all(
    admin_client: Client,
) -> None:
    instance = make_estate("main")
    text = admin_client.get(url_of(instance)).text
    for part in (
        "shop",
        "superuser",
        "<b>superuser</b> no → yes",
        "There is a gap.",
        "capacity #",
        f"/admin/estate/database/?instance__id__exact={instance.pk}",
        f"/admin/estate/account/?instance__id__exact={instance.pk}",
        f"/admin/estate/accountchange/?instance__id__exact={instance.pk}",
        f"/admin/estate/partitionfinding/?resolved=no&amp;instance__id__exact={instance.pk}",
        f"/admin/estate/syncsession/?instance={instance.pk}",
    ):
        assert part in text, part


def test_every_list_that_it_leads_to_shows_rows_of_this_instance_alone(
    admin_client: Client,
) -> None:
    instance, other = make_estate("main"), make_estate("other")
    for model in ("database", "account", "accountchange", "partitionfinding"):
        url = reverse(f"admin:estate_{model}_changelist")
        page = admin_client.get(url, {"instance__id__exact": instance.pk})
        assert len(page.context["cl"].result_list) == 1, model
        assert f'<option value="{instance.pk}" selected>main</option>' in page.text
    url = reverse("admin:estate_syncsession_changelist")
    page = admin_client.get(url, {"instance": other.pk, "status__exact": "completed"})
    [session] = page.context["cl"].result_list
    assert session.records.get().instance == other
    assert '<input type="hidden" name="status__exact" value="completed">' in page.text
    for nonsense in ("x", "99999999", "9" * 30):
        assert not admin_client.get(url, {"instance": nonsense}).context["cl"].result_list


def test_an_instance_of_which_nothing_is_known_says_what_to_do(admin_client: Client) -> None:
    text = admin_client.get(url_of(make_instance("new", engine="postgresql"))).text
    for sentence in (
        "No sync has visited it yet.",
        "Nothing has been measured yet.",
        "collect_database_sizes",
        "sync_accounts",
        "There is nothing to complain about.",
    ):
        assert sentence in text, sentence


def test_why_the_last_visit_failed_stands_at_the_top(admin_client: Client) -> None:
    instance = make_estate("main")
    instance.records.update(status="failed", error="It <hangs>.")
    page = admin_client.get(url_of(instance))
    assert "It &lt;hangs&gt;." in page.text
    assert texts(page)["Last visit"].endswith("| bad")


def test_who_may_see_the_instance_alone_learns_of_nothing_else() -> None:
    instance = make_estate("main")
    text = client_with("view_databaseinstance").get(url_of(instance)).text
    for secret in ("shop", "superuser", "There is a gap.", "capacity #", "__exact"):
        assert secret not in text, secret


def test_it_costs_the_same_statements_for_little_and_for_much(
    django_assert_num_queries: Any,
) -> None:
    viewer = client_with(*ALL_RIGHTS)
    instance = make_estate("main")
    viewer.get(url_of(instance))  # what a process reads once
    with django_assert_num_queries(14):
        viewer.get(url_of(instance))
    now = timezone.now()
    for number in range(30):
        make_database(
            instance, f"db {number}", growing(3, start=1, a_day=1), size_limit_bytes=10 + number
        )
        account = Account.objects.create(
            instance=instance, name=f"a{number}", state=STATE, first_seen=now, last_seen=now
        )
        AccountChange.objects.create(account=account, instance=instance, at=now, kind="added")
        PartitionFinding.objects.create(
            instance=instance,
            database="shop",
            table=f"t{number}",
            kind="gap",
            severity="error",
            message="A gap.",
            first_seen=now,
            last_seen=now,
        )
    with django_assert_num_queries(14):
        page = viewer.get(url_of(instance))
    assert texts(page)["Open findings"] == "31 | the worst: error | bad"


def test_a_test_of_the_connection_reads_nothing_of_what_is_known(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    from jobs.estate.admin import instance_page

    monkeypatch.setattr(instance_page, "known_of", lambda *args: pytest.fail("it was read"))
    instance = make_instance("main", engine="postgresql")
    sent = {"_test": "1", "name": ""}
    answer = admin_client.post(url_of(instance), sent, headers={"accept": "application/json"})
    assert "name" in answer.json()["errors"]


def test_the_form_is_folded_until_something_is_wrong_in_it(admin_client: Client) -> None:
    instance = make_estate("main")
    assert '<details class="sc-settings">' in admin_client.get(url_of(instance)).text
    wrong = admin_client.post(url_of(instance), {"name": ""})
    assert '<details class="sc-settings" open>' in wrong.text
    assert wrong.context["title"] == "main", "as it stands, not as it was typed"


def test_a_size_limit_is_typed_in_words_and_saved_in_bytes(admin_client: Client) -> None:
    instance = make_estate("main")
    form = admin_client.get(url_of(instance)).context["adminform"].form
    sent = {field.name: field.value() for field in form if field.value() is not None}
    sent = {**sent, "tags": "[]", "initial-tags": "[]"}
    answer = admin_client.post(url_of(instance), {**sent, "size_limit_bytes": "1.5 tb"})
    assert answer.status_code == 302
    instance.refresh_from_db()
    assert instance.size_limit_bytes == 1536 * GIB
    assert 'value="1536 GiB"' in admin_client.get(url_of(instance)).text
