"""The admin's pages of instances and databases: tests of the connection, and what they show."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.contrib.messages import get_messages
from django.db import connection, transaction
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from jobs.estate.models import (
    Database,
    DatabaseInstance,
    SizeAggregate,
    SyncRecord,
    SyncSession,
)
from jobs.estate.services import diagnosis
from jobs.estate.services.overview import with_overview
from jobs.models import AuditEvent
from tests.estate.fakes import FakeAdapter, failing, sizes

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("folder")]

SECRET = "s3cret-of-the-instance"
LIST = "admin:estate_databaseinstance_changelist"
ADD = "admin:estate_databaseinstance_add"
CHANGE = "admin:estate_databaseinstance_change"
FORM: dict[str, Any] = {
    "name": "main",
    "engine": "fake",
    "host": "main",
    "port": 1,
    "username": "watcher",
    "password": "",
    "database": "",
    "tls_mode": "prefer",
    "ca": "",
    "connect_timeout_s": 5,
    "statement_timeout_s": 30,
    "timezone": "",
    "size_limit_bytes": "",
    "change_username": "",
    "change_password": "",
    "tags": "[]",
    "initial-tags": "[]",
    "is_active": "on",
}
TEST = {"_test": "Test connection"}


@pytest.fixture
def instance(fake: FakeAdapter) -> DatabaseInstance:
    made = fake.instance("main", sizes(shop=1))
    made.set_password(SECRET)
    made.save()
    return made


def client_with(*rights: str) -> Client:
    user = User.objects.create_user(f"user-{User.objects.count()}", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=rights))
    client = Client()
    client.force_login(user)
    return client


def said(answer: HttpResponse) -> list[tuple[str, str]]:
    return [(one.level_tag, one.message) for one in get_messages(answer.wsgi_request)]


def test_a_test_shows_its_answer_beside_what_was_typed_and_saves_nothing(
    admin_client: Client, fake: FakeAdapter
) -> None:
    fake.listings["other"] = sizes(a=1, b=2)
    sent = {**FORM, **TEST, "name": "not yet", "host": "other", "password": SECRET}
    page = admin_client.post(reverse(ADD), sent)
    assert page.status_code == 200
    assert "Fake 1.0 answered" in page.text
    assert "databases seen: 2" in page.text
    assert 'value="not yet"' in page.text
    assert SECRET not in page.text
    assert "Please correct" not in page.text
    assert not DatabaseInstance.objects.exists()
    assert not AuditEvent.objects.exists()


def test_a_test_of_a_saved_instance_uses_the_stored_password_and_changes_nothing(
    admin_client: Client,
    instance: DatabaseInstance,
    fake: FakeAdapter,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tried = []
    monkeypatch.setattr(
        diagnosis,
        "diagnose",
        lambda one: tried.append((one.name, one.password)) or diagnosis.Diagnosis(),
    )
    url = reverse(CHANGE, args=[instance.pk])
    admin_client.post(url, {**FORM, **TEST, "name": "renamed"})
    admin_client.post(url, {**FORM, **TEST, "password": "typed"})
    assert tried == [("renamed", SECRET), ("main", "typed")]
    instance.refresh_from_db()
    assert (instance.name, instance.password) == ("main", SECRET)


@pytest.mark.parametrize(
    ("change", "field"),
    [({"host": "evil.example"}, "password"), ({"port": "x"}, "port"), ({"name": ""}, "name")],
)
def test_what_is_no_valid_form_is_not_tried(
    admin_client: Client,
    instance: DatabaseInstance,
    monkeypatch: pytest.MonkeyPatch,
    change: dict[str, Any],
    field: str,
) -> None:
    monkeypatch.setattr(diagnosis, "diagnose", lambda one: pytest.fail("it was tried"))
    url = reverse(CHANGE, args=[instance.pk])
    page = admin_client.post(url, {**FORM, **TEST, **change})
    assert field in page.context["adminform"].form.errors


@pytest.mark.django_db(transaction=True)
def test_no_transaction_is_open_while_a_server_is_waited_for(
    fake: FakeAdapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    were_open = []
    monkeypatch.setattr(
        diagnosis,
        "diagnose",
        lambda one: were_open.append(connection.in_atomic_block) or diagnosis.Diagnosis(),
    )
    client = client_with("manage_databaseinstance")
    client.post(reverse(ADD), {**FORM, **TEST})
    assert were_open == [False]


def test_what_is_wrong_is_said(
    admin_client: Client, instance: DatabaseInstance, fake: FakeAdapter
) -> None:
    fake.listings["main"] = failing(OSError(f"no {SECRET}"))
    answer = admin_client.post(reverse(CHANGE, args=[instance.pk]), {**FORM, **TEST})
    assert "OSError: no ***" in answer.text
    assert SECRET not in answer.text


def test_who_may_only_look_sees_no_button_and_can_test_nothing(
    instance: DatabaseInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(diagnosis, "diagnose", lambda one: pytest.fail("it was tried"))
    monkeypatch.setattr(diagnosis, "diagnose_all", lambda all_: pytest.fail("it was tried"))
    viewer, url = client_with("view_databaseinstance"), reverse(CHANGE, args=[instance.pk])
    page = viewer.get(url)
    assert page.status_code == 200
    assert "_test" not in page.text
    assert viewer.post(url, {**FORM, **TEST}).status_code == 403
    assert viewer.post(reverse(ADD), {**FORM, **TEST}).status_code == 403
    page = viewer.get(reverse(LIST))
    assert "test_connections" not in page.text
    viewer.post(reverse(LIST), {"action": "test_connections", "_selected_action": [instance.pk]})
    manager = client_with("manage_databaseinstance")
    assert 'name="_test"' in manager.get(url).text


def test_selected_instances_are_tested_side_by_side(
    admin_client: Client, fake: FakeAdapter
) -> None:
    made = [
        fake.instance("good", sizes(shop=1)),
        fake.instance("bad", failing(OSError("unplugged"))),
    ]
    chosen = {"action": "test_connections", "_selected_action": [one.pk for one in made]}
    found = dict(reversed(pair) for pair in said(admin_client.post(reverse(LIST), chosen)))
    [good] = [text for text in found if text.startswith("“good”: Fake 1.0")]
    assert found == {good: "success", "“bad”: OSError: unplugged": "error"}


def test_too_many_are_not_tested_at_once(admin_client: Client, fake: FakeAdapter) -> None:
    made = [fake.instance(f"number {n}", sizes(shop=1)) for n in range(diagnosis.MOST + 1)]
    chosen = {"action": "test_connections", "_selected_action": [one.pk for one in made]}
    [(level, text)] = said(admin_client.post(reverse(LIST), chosen))
    assert (level, str(diagnosis.MOST) in text) == ("error", True)
    assert not fake.threads


def test_the_password_for_changes_is_stored_encrypted_and_never_shown(
    admin_client: Client, instance: DatabaseInstance
) -> None:
    url = reverse(CHANGE, args=[instance.pk])
    sent = {**FORM, "change_username": "maker", "change_password": "s3cret-of-changes"}
    assert admin_client.post(url, sent).status_code == 302
    instance.refresh_from_db()
    assert instance.change_target().password == "s3cret-of-changes"
    assert "s3cret-of-changes" not in admin_client.get(url).text

    page = admin_client.post(url, {**FORM, "host": "evil.example", "password": "new"})
    assert page.status_code == 302, "without a user for changes there is nothing to send"
    instance.refresh_from_db()
    assert instance.change_password_encrypted == ""


def test_a_stored_password_for_changes_is_not_sent_elsewhere(
    admin_client: Client, instance: DatabaseInstance
) -> None:
    instance.change_username = "maker"
    instance.set_change_password(SECRET)
    instance.save()
    sent = {**FORM, "change_username": "maker", "host": "evil.example", "password": "new"}
    page = admin_client.post(reverse(CHANGE, args=[instance.pk]), sent)
    assert list(page.context["adminform"].form.errors) == ["change_password"]


def test_changes_by_hand_are_audited_without_their_values(
    admin_client: Client, instance: DatabaseInstance
) -> None:
    url = reverse(CHANGE, args=[instance.pk])
    admin_client.post(url, {**FORM, "password": "new-" + SECRET, "timezone": "Asia/Tokyo"})
    admin_client.post(url, {**FORM, "timezone": "Asia/Tokyo"})
    admin_client.post(reverse(ADD), {**FORM, "name": "second"})
    chosen = {"action": "delete_selected", "_selected_action": [instance.pk], "post": "yes"}
    admin_client.post(reverse(LIST), chosen)
    admin_client.post(
        reverse("admin:estate_databaseinstance_delete", args=[DatabaseInstance.objects.get().pk]),
        {"post": "yes"},
    )
    changed, created, *deleted = AuditEvent.objects.order_by("id")
    assert (changed.action, changed.target) == ("instance.change", "main")
    assert changed.after == {"fields": ["password", "timezone"]}
    assert (created.action, created.target) == ("instance.create", "second")
    assert [(one.action, one.target) for one in deleted] == [
        ("instance.delete", "main"),
        ("instance.delete", "second"),
    ]
    assert SECRET not in str(list(AuditEvent.objects.values()))


def test_the_list_says_which_instance_was_reached_and_why_another_was_not(
    admin_client: Client, fake: FakeAdapter
) -> None:
    for name, category, status, error in [
        ("good", "capacity", "completed", ""),
        ("bad", "account", "failed", "It hangs for <ever>."),
    ]:
        session = SyncSession.objects.create(
            category=category, source="manual", started_at=timezone.now()
        )
        SyncRecord.objects.create(
            session=session,
            instance=fake.instance(name),
            instance_name=name,
            status=status,
            error=error,
            details={"version": "15.4"},
        )
    # To add up what is known is no visit.
    adding = SyncSession.objects.create(
        category="aggregation", source="manual", started_at=timezone.now()
    )
    SyncRecord.objects.create(
        session=adding,
        instance=DatabaseInstance.objects.get(name="bad"),
        instance_name="bad",
        status="completed",
    )
    fake.instance("new", is_active=False)
    text = admin_client.get(reverse(LIST)).text
    for words in (
        "reached</span>",
        "capacity, now",
        "15.4",
        "failed</span>",
        "accounts, now",
        "It hangs for &lt;ever&gt;.",
        "not visited yet",
        "not active",
    ):
        assert words in text, words
    assert text.count("reached</span>") == 1


def test_the_list_shows_how_sizes_went_and_costs_the_same_for_one_row_and_for_many(
    admin_client: Client, fake: FakeAdapter, django_assert_num_queries: Any
) -> None:
    today = timezone.now().date()

    def add(name: str) -> None:
        made = fake.instance(name)
        for days, size in ((2, 1024), (1, 2048)):
            SizeAggregate.objects.create(
                instance=made,
                kind="daily",
                starts_on=today - timedelta(days=days),
                ends_on=today - timedelta(days=days),
                samples=1,
                average_bytes=1,
                minimum_bytes=1,
                maximum_bytes=1,
                first_bytes=1,
                last_bytes=size,
                computed_at=timezone.now(),
            )

    add("first")
    assert "30 days: from 1.0 KiB to 2.0 KiB" in admin_client.get(reverse(LIST)).text
    for number in range(20):
        add(f"further {number}")
    with django_assert_num_queries(5):
        text = admin_client.get(reverse(LIST)).text
    assert text.count("sc-spark") == 21


def test_the_last_visits_are_found_by_their_index() -> None:
    """Else each row of the list costs a walk over the records of all instances."""
    # So many that PostgreSQL does not find a walk back over all records as good.
    instances = DatabaseInstance.objects.bulk_create(
        DatabaseInstance(name=f"n{number}", engine="fake", host="h", port=1)
        for number in range(1000)
    )
    sessions = SyncSession.objects.bulk_create(
        SyncSession(category="capacity", source="manual", started_at=timezone.now())
        for _ in range(3)
    )
    SyncRecord.objects.bulk_create(
        SyncRecord(session=session, instance=instance, instance_name=instance.name)
        for session in sessions
        for instance in instances
    )
    statement, values = with_overview(DatabaseInstance.objects.all()).query.sql_with_params()
    explain = "EXPLAIN" if connection.vendor == "postgresql" else "EXPLAIN QUERY PLAN"
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("ANALYZE estate_syncrecord")
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute("SET LOCAL enable_bitmapscan = off")
        cursor.execute(f"{explain} {statement}", values)
        plan = "\n".join(str(row[-1]) for row in cursor.fetchall())
    assert plan.count("record_newest_idx") == 7


def test_a_name_that_somebody_else_took_at_the_same_moment_is_an_error_at_the_field(
    admin_client: Client, instance: DatabaseInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    checked = DatabaseInstance.validate_unique

    def overlooked_once(self: DatabaseInstance, *args: Any, **kwargs: Any) -> None:
        seen.append(self.name)
        if len(seen) > 1:
            checked(self, *args, **kwargs)

    monkeypatch.setattr(DatabaseInstance, "validate_unique", overlooked_once)
    monkeypatch.setattr(DatabaseInstance, "validate_constraints", lambda *args, **kwargs: None)
    page = admin_client.post(reverse(ADD), {**FORM, "name": "main"})
    assert page.status_code == 200
    assert "already exists" in str(page.context["adminform"].form.errors["name"])
    assert len(seen) == 2
    assert DatabaseInstance.objects.count() == 1
    assert not AuditEvent.objects.exists()


def test_a_script_is_told_how_a_test_went_or_which_field_is_wrong(
    admin_client: Client, fake: FakeAdapter
) -> None:
    fake.listings["other"] = sizes(a=1)
    sent = {**FORM, **TEST, "host": "other", "password": SECRET}
    asked = {"headers": {"accept": "application/json"}}
    well = admin_client.post(reverse(ADD), sent, **asked)
    assert well.headers["Content-Type"] == "application/json"
    assert well.json()["level"] == "success"
    [sentence] = well.json()["sentences"]
    assert sentence.startswith("Fake 1.0 answered")
    assert not said(well), "it is not said once more on the next page"

    fake.listings["other"] = failing(OSError(f"no {SECRET}"))
    lost = admin_client.post(reverse(ADD), sent, **asked).json()
    assert (lost["level"], lost["sentences"]) == ("error", ["OSError: no ***"])

    wrong = admin_client.post(reverse(ADD), {**sent, "port": "x"}, **asked).json()
    assert wrong["errors"] == {"port": ["Enter a whole number.", "Fake needs this."]}
    assert not DatabaseInstance.objects.exists()


def test_of_a_database_only_the_limit_can_be_set(instance: DatabaseInstance) -> None:
    now = timezone.now()
    database = Database.objects.create(
        instance=instance, name="shop", first_seen=now, last_seen=now
    )
    url = reverse("admin:estate_database_change", args=[database.pk])
    manager, viewer = client_with("manage_database"), client_with("view_database")
    sent = {"size_limit_bytes": 5, "name": "other", "is_system": "on"}
    assert viewer.post(url, sent).status_code == 403
    assert manager.post(url, {"size_limit_bytes": 0}).status_code == 200
    assert manager.post(url, sent).status_code == 302
    database.refresh_from_db()
    assert (database.size_limit_bytes, database.name, database.is_system) == (5, "shop", False)
    assert AuditEvent.objects.get(is_refused=False).action == "database.change"
    assert manager.get(reverse("admin:estate_database_add")).status_code == 403
    assert (
        manager.get(reverse("admin:estate_database_delete", args=[database.pk])).status_code == 403
    )
