from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from jobs.estate.models import (
    Database,
    DatabaseInstance,
    DatabaseSizeSnapshot,
    SyncRecord,
    SyncSession,
)
from jobs.estate.units import format_bytes

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("folder")]

SECRET = "s3cret-of-the-instance"
LIST = "admin:estate_databaseinstance_changelist"
CHANGE = "admin:estate_databaseinstance_change"
FORM: dict[str, Any] = {
    "name": "main",
    "engine": "postgresql",
    "host": "db.example",
    "port": 5432,
    "username": "watcher",
    "password": "",
    "database": "",
    "tls_mode": "prefer",
    "ca": "",
    "connect_timeout_s": 5,
    "statement_timeout_s": 30,
    "tags": "[]",
    "is_active": "on",
}


@pytest.fixture
def instance() -> DatabaseInstance:
    made = DatabaseInstance(
        name="main", engine="postgresql", host="db.example", port=5432, username="watcher"
    )
    made.set_password(SECRET)
    made.save()
    return made


def measured(instance: DatabaseInstance, name: str, total_bytes: int) -> DatabaseSizeSnapshot:
    now = timezone.now()
    database = Database.objects.create(instance=instance, name=name, first_seen=now, last_seen=now)
    return DatabaseSizeSnapshot.objects.create(
        database=database, day=now.date(), taken_at=now, total_bytes=total_bytes
    )


def test_a_password_is_stored_encrypted(admin_client: Client) -> None:
    url = reverse("admin:estate_databaseinstance_add")
    assert admin_client.post(url, {**FORM, "password": SECRET}).status_code == 302
    made = DatabaseInstance.objects.get()
    assert made.password == SECRET
    assert SECRET not in made.password_encrypted
    assert SECRET not in LogEntry.objects.get().change_message


def test_the_admin_never_shows_a_password(admin_client: Client, instance: DatabaseInstance) -> None:
    change = reverse(CHANGE, args=[instance.pk])
    pages = [
        admin_client.get(reverse(LIST)),
        admin_client.get(change),
        admin_client.get(reverse("admin:estate_databaseinstance_history", args=[instance.pk])),
        admin_client.get(reverse("admin:estate_databaseinstance_delete", args=[instance.pk])),
        admin_client.post(change, {**FORM, "port": "x", "password": "wrong-" + SECRET}),
    ]
    for page in pages:
        assert page.status_code == 200
        assert SECRET not in page.text
        assert instance.password_encrypted not in page.text


def test_an_empty_password_keeps_the_stored_one(
    admin_client: Client, instance: DatabaseInstance
) -> None:
    url = reverse(CHANGE, args=[instance.pk])
    assert admin_client.post(url, {**FORM, "name": "renamed"}).status_code == 302
    instance.refresh_from_db()
    assert (instance.name, instance.password) == ("renamed", SECRET)


@pytest.mark.parametrize("change", [{"host": "evil.example"}, {"port": 1}, {"tls_mode": "disable"}])
def test_a_stored_password_is_not_sent_to_another_server(
    admin_client: Client, instance: DatabaseInstance, change: dict[str, Any]
) -> None:
    url = reverse(CHANGE, args=[instance.pk])
    page = admin_client.post(url, {**FORM, **change})
    assert list(page.context["adminform"].form.errors) == ["password"]
    assert admin_client.post(url, {**FORM, **change, "password": "new"}).status_code == 302
    instance.refresh_from_db()
    assert instance.password == "new"


def test_without_a_key_the_form_says_so(admin_client: Client, scheduler_settings: Any) -> None:
    scheduler_settings(credentials_keys=())
    url = reverse("admin:estate_databaseinstance_add")
    page = admin_client.post(url, {**FORM, "password": SECRET})
    [sentence] = page.context["adminform"].form.errors["password"]
    assert "SCHEDCORE_CREDENTIALS_KEY" in sentence
    assert not DatabaseInstance.objects.exists()


def test_an_instance_that_becomes_a_file_loses_its_password(
    admin_client: Client, instance: DatabaseInstance, folder: Path
) -> None:
    file = {"engine": "sqlite", "host": "", "port": "", "username": ""}
    url = reverse(CHANGE, args=[instance.pk])
    answer = admin_client.post(url, {**FORM, **file, "database": str(folder / "words")})
    assert answer.status_code == 302
    instance.refresh_from_db()
    assert not instance.has_password


def test_the_list_shows_the_latest_total_of_the_databases_that_are_there(
    admin_client: Client, instance: DatabaseInstance
) -> None:
    measured(instance, "one", 10 * 1024**2)
    measured(instance, "two", 1024**2)
    gone = measured(instance, "gone", 1024**3).database
    gone.dropped_at = timezone.now()
    gone.save()
    yesterday = timezone.now().date() - timezone.timedelta(days=1)
    DatabaseSizeSnapshot.objects.create(
        database=Database.objects.get(name="one"),
        day=yesterday,
        taken_at=timezone.now(),
        total_bytes=1,
    )
    assert "11.0 MiB" in admin_client.get(reverse(LIST)).text


@pytest.mark.parametrize(
    "model", ["databaseinstance", "database", "databasesizesnapshot", "syncsession"]
)
def test_a_list_costs_the_same_statements_for_one_row_and_for_many(
    admin_client: Client,
    instance: DatabaseInstance,
    django_assert_num_queries: Any,
    model: str,
) -> None:
    url = reverse(f"admin:estate_{model}_changelist")

    def add(name: str) -> None:
        other = DatabaseInstance.objects.create(name=name, engine="postgresql")
        measured(other, name, 1)
        SyncSession.objects.create(category="capacity", source="manual", started_at=timezone.now())

    add("first")
    admin_client.get(url)
    with CaptureQueriesContext(connection) as one:
        admin_client.get(url)
    for number in range(20):
        add(f"further {number}")
    with django_assert_num_queries(len(one)):
        admin_client.get(url)


def test_a_session_shows_its_records(admin_client: Client, instance: DatabaseInstance) -> None:
    session = SyncSession.objects.create(
        category="capacity", source="manual", started_at=timezone.now(), execution_id=4711
    )
    SyncRecord.objects.create(
        session=session,
        instance=instance,
        instance_name="main",
        status="completed",
        details={"totals": {"total_bytes": 1536}},
    )
    page = admin_client.get(reverse("admin:estate_syncsession_change", args=[session.pk]))
    for text in ("main", "completed", "1.5 KiB", "#4711"):
        assert text in page.text
    started = session.started_at.astimezone(timezone.get_default_timezone())
    assert f"{started:%H:%M:%S %Z}</span>" in page.text, "a time names its zone"


@pytest.mark.parametrize("model", ["databasesizesnapshot", "syncsession"])
def test_history_can_only_be_looked_at(admin_client: Client, model: str) -> None:
    assert admin_client.get(reverse(f"admin:estate_{model}_changelist")).status_code == 200
    assert admin_client.get(reverse(f"admin:estate_{model}_add")).status_code == 403


def test_an_instance_goes_with_its_databases_and_its_records_stay(
    admin_client: Client, instance: DatabaseInstance
) -> None:
    measured(instance, "one", 1)
    session = SyncSession.objects.create(
        category="capacity", source="manual", started_at=timezone.now()
    )
    record = SyncRecord.objects.create(session=session, instance=instance, instance_name="main")
    url = reverse("admin:estate_databaseinstance_delete", args=[instance.pk])
    assert admin_client.post(url, {"post": "yes"}).status_code == 302
    assert not DatabaseSizeSnapshot.objects.exists()
    record.refresh_from_db()
    assert (record.instance, record.instance_name) == (None, "main")


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (None, "-"),
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1024**2 - 1, "1.0 MiB"),
        (13_000_000, "12.4 MiB"),
        (1024**6, "1024.0 PiB"),
    ],
)
def test_bytes_are_shown_for_people(count: int | None, text: str) -> None:
    assert format_bytes(count) == text
