"""Findings are looked at, policies are managed."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.contrib.staticfiles import finders
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from jobs.estate.models import (
    DatabaseInstance,
    FindingKind,
    PartitionFinding,
    PartitionPolicy,
    Severity,
)

pytestmark = pytest.mark.django_db

FINDINGS = "admin:estate_partitionfinding_changelist"
ADD = "admin:estate_partitionpolicy_add"


@pytest.fixture
def instance() -> DatabaseInstance:
    return DatabaseInstance.objects.create(name="main", engine="postgresql")


def find(instance: DatabaseInstance, table: str, severity: str = "warning", **fields: Any) -> None:
    now = timezone.now()
    values = {
        "kind": "gap",
        "database": "shop",
        "schema": "public",
        "message": f"Something about {table}.",
        "first_seen": now,
        "last_seen": now,
        **fields,
    }
    PartitionFinding.objects.create(instance=instance, table=table, severity=severity, **values)


def shown(client: Client, **query: str) -> list[str]:
    page = client.get(reverse(FINDINGS), query)
    return [finding.table for finding in page.context["cl"].result_list]


def client_with(*rights: str) -> Client:
    user = User.objects.create_user("ana", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=rights))
    client = Client()
    client.force_login(user)
    return client


def test_open_findings_come_first_and_of_those_the_worst(
    admin_client: Client, instance: DatabaseInstance
) -> None:
    now = timezone.now()
    find(instance, "resolved", "error", resolved_at=now)
    find(instance, "info", "info")
    find(instance, "older warning", last_seen=now - timedelta(days=1))
    find(instance, "error", "error")
    find(instance, "warning")
    assert shown(admin_client) == ["error", "warning", "older warning", "info", "resolved"]


def test_findings_are_filtered_by_what_one_looks_for(
    admin_client: Client, instance: DatabaseInstance
) -> None:
    other = DatabaseInstance.objects.create(name="other", engine="postgresql")
    find(instance, "resolved", resolved_at=timezone.now())
    find(instance, "bad", "error", kind="none_for_now")
    find(other, "elsewhere")
    assert shown(admin_client, resolved="no") == ["bad", "elsewhere"]
    assert shown(admin_client, resolved="yes") == ["resolved"]
    assert len(shown(admin_client, resolved="perhaps")) == 3
    assert shown(admin_client, severity__exact="error") == ["bad"]
    assert shown(admin_client, kind__exact="none_for_now") == ["bad"]
    assert shown(admin_client, instance__id__exact=str(other.pk)) == ["elsewhere"]
    assert shown(admin_client, q="bad") == ["bad"]


@pytest.mark.parametrize("severity", Severity.values)
def test_a_severity_is_a_class_that_the_style_sheet_knows(
    admin_client: Client, instance: DatabaseInstance, severity: str
) -> None:
    find(instance, "events", severity)
    text = admin_client.get(reverse(FINDINGS)).text
    assert f'<span class="sc-badge sc-{severity}">' in text
    assert "jobs/admin.css" in text
    style = finders.find("jobs/admin.css")
    assert isinstance(style, str)
    assert f".sc-{severity} {{" in Path(style).read_text()


def test_a_finding_is_shown_whole_and_nothing_of_it_is_taken_for_markup(
    admin_client: Client, instance: DatabaseInstance
) -> None:
    find(
        instance,
        "<script>alert(1)</script>",
        partition="p'1\"",
        details={"missing": ["2026-04-01", "<b>"]},
    )
    found = PartitionFinding.objects.get()
    change = reverse("admin:estate_partitionfinding_change", args=[found.pk])
    for page in (admin_client.get(reverse(FINDINGS)), admin_client.get(change)):
        assert page.status_code == 200
        assert "<script>alert(1)" not in page.text
        assert "&lt;script&gt;alert(1)" in page.text
    assert "2026-04-01" in page.text
    assert "&lt;b&gt;" in page.text
    assert f"{timezone.localtime(found.first_seen):%H:%M:%S}" in page.text


def test_findings_can_only_be_looked_at(admin_client: Client, instance: DatabaseInstance) -> None:
    find(instance, "events")
    found = PartitionFinding.objects.get()
    assert admin_client.get(reverse("admin:estate_partitionfinding_add")).status_code == 403
    for page in ("change", "delete"):
        url = reverse(f"admin:estate_partitionfinding_{page}", args=[found.pk])
        assert admin_client.post(url, {"post": "yes", "message": "x"}).status_code == 403
    assert PartitionFinding.objects.get().message == found.message


@pytest.mark.parametrize("model", ["partitionfinding", "partitionpolicy"])
def test_a_list_costs_the_same_statements_for_one_row_and_for_many(
    admin_client: Client, django_assert_num_queries: Any, model: str
) -> None:
    url = reverse(f"admin:estate_{model}_changelist")

    def add(name: str) -> None:
        other = DatabaseInstance.objects.create(name=name, engine="postgresql")
        find(other, name)
        PartitionPolicy.objects.create(instance=other, database="d", table="t", interval="day")

    add("first")
    admin_client.get(url)
    with CaptureQueriesContext(connection) as one:
        admin_client.get(url)
    for number in range(20):
        add(f"further {number}")
    with django_assert_num_queries(len(one)):
        admin_client.get(url)


def form(instance: DatabaseInstance, **fields: Any) -> dict[str, Any]:
    return {
        "instance": instance.pk,
        "database": "shop",
        "schema": "public",
        "table": "events",
        "interval": "month",
        "step": "",
        "premake": 3,
        "retention": "",
        "is_active": "on",
        **fields,
    }


def errors(client: Client, values: dict[str, Any]) -> dict[str, list[str]]:
    page = client.post(reverse(ADD), values)
    assert page.status_code == 200
    assert not PartitionPolicy.objects.exists()
    found: dict[str, list[str]] = page.context["adminform"].form.errors
    return found


def test_a_policy_is_made_changed_and_deleted(
    admin_client: Client, instance: DatabaseInstance
) -> None:
    assert admin_client.post(reverse(ADD), form(instance)).status_code == 302
    made = PartitionPolicy.objects.get()
    assert (made.interval, made.step, made.premake, made.retention) == ("month", None, 3, None)
    change = reverse("admin:estate_partitionpolicy_change", args=[made.pk])
    numbers = form(instance, interval="number", step=1000, retention=2)
    assert admin_client.post(change, numbers).status_code == 302
    made.refresh_from_db()
    assert (made.interval, made.step, made.retention) == ("number", 1000, 2)
    delete = reverse("admin:estate_partitionpolicy_delete", args=[made.pk])
    assert admin_client.post(delete, {"post": "yes"}).status_code == 302
    assert not PartitionPolicy.objects.exists()


def test_a_list_says_what_a_policy_does(admin_client: Client, instance: DatabaseInstance) -> None:
    given: dict[str, Any] = {"instance": instance, "database": "shop"}
    PartitionPolicy.objects.create(**given, table="sales", interval="month", retention=12)
    PartitionPolicy.objects.create(
        **given, table="numbers", interval="number", step=1_000_000, premake=1, is_active=False
    )
    page = admin_client.get(reverse("admin:estate_partitionpolicy_changelist")).text
    assert "sc-by-card" in page
    for text in (
        'one for each month<small class="sc-below">3 periods ahead</small>',
        'one for each range of 1,000,000 numbers<small class="sc-below">1 period ahead</small>',
        "12 periods kept",
        "all kept",
        ">active</span>",
        ">not active</span>",
    ):
        assert text in page


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"interval": "number"}, "step"),
        ({"interval": "number", "step": 0}, "step"),
        ({"interval": "number", "step": -1}, "step"),
        ({"step": 1000}, "step"),
        ({"interval": "fortnight"}, "interval"),
        ({"interval": ""}, "interval"),
        ({"premake": 401}, "premake"),
        ({"premake": -1}, "premake"),
        ({"premake": ""}, "premake"),
        ({"retention": 0}, "retention"),
        ({"table": ""}, "table"),
        ({"instance": ""}, "instance"),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused_at_its_field(
    admin_client: Client, instance: DatabaseInstance, fields: dict[str, Any], field: str
) -> None:
    assert list(errors(admin_client, {**form(instance), **fields})) == [field]


def test_a_table_has_one_policy(admin_client: Client, instance: DatabaseInstance) -> None:
    admin_client.post(reverse(ADD), form(instance))
    page = admin_client.post(reverse(ADD), form(instance, interval="day"))
    assert page.status_code == 200
    assert PartitionPolicy.objects.get().interval == "month"
    assert admin_client.post(reverse(ADD), form(instance, table="Events")).status_code == 302


def test_who_may_see_policies_may_not_change_them(instance: DatabaseInstance) -> None:
    policy = PartitionPolicy.objects.create(
        instance=instance, database="shop", table="events", interval="day"
    )
    client = client_with("view_partitionpolicy", "view_partitionfinding")
    change = reverse("admin:estate_partitionpolicy_change", args=[policy.pk])
    assert client.get(change).status_code == 200
    assert client.post(change, form(instance)).status_code == 403
    assert client.post(reverse(ADD), form(instance, table="x")).status_code == 403
    assert client.get(reverse(FINDINGS)).status_code == 200


def test_who_may_manage_policies_may(instance: DatabaseInstance) -> None:
    client = client_with("manage_partitionpolicy", "view_databaseinstance")
    assert client.post(reverse(ADD), form(instance)).status_code == 302
    assert client.get(reverse(FINDINGS)).status_code == 403


def test_every_kind_has_a_label_of_its_own() -> None:
    assert len({kind.label for kind in FindingKind}) == len(FindingKind)
