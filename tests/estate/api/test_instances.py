"""Instances through the API: created, changed, deleted, and their passwords never told."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
from rest_framework.test import APIClient

from jobs.estate.models import DatabaseInstance
from jobs.models import AuditEvent
from tests.api.answers import refused, succeeded
from tests.estate.api.conftest import BASE

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("folder")]

SECRET = "s3cret-of-the-instance"
INSTANCES = BASE + "instances"
NEW: dict[str, Any] = {
    "name": "main",
    "engine": "postgresql",
    "host": "db.example",
    "port": 5432,
    "username": "watcher",
    "password": SECRET,
}


@pytest.fixture
def instance() -> DatabaseInstance:
    made = DatabaseInstance(
        name="main", engine="postgresql", host="db.example", port=5432, username="watcher"
    )
    made.set_password(SECRET)
    made.save()
    return made


def url_of(instance: DatabaseInstance) -> str:
    return f"{INSTANCES}/{instance.pk}"


def test_an_instance_is_created(manager: APIClient) -> None:
    response = manager.post(INSTANCES, {**NEW, "tags": ["production"], "timezone": "Asia/Tokyo"})
    data = succeeded(response, 201)
    made = DatabaseInstance.objects.get()
    assert made.password == SECRET
    assert response.headers["Location"] == url_of(made)
    assert (data["name"], data["tags"], data["timezone"]) == ("main", ["production"], "Asia/Tokyo")
    assert (data["has_password"], data["has_change_password"]) == (True, False)
    assert (data["last_visit"], data["version"], data["database_count"]) == (None, None, 0)


def test_a_password_is_nowhere_but_encrypted(
    manager: APIClient, holder: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    change = "s3cret-of-changes"
    responses = [
        manager.post(INSTANCES, {**NEW, "change_username": "maker", "change_password": change})
    ]
    made = DatabaseInstance.objects.get()
    responses += [
        manager.get(INSTANCES),
        manager.get(url_of(made)),
        manager.patch(url_of(made), {"password": SECRET + "2", "port": "x"}),
        manager.patch(url_of(made), {"password": SECRET + "2"}),
        manager.delete(url_of(made)),
    ]
    assert [response.status_code for response in responses] == [201, 200, 200, 400, 200, 200]
    told = "".join(response.content.decode() for response in responses)
    told += str(list(AuditEvent.objects.values())) + caplog.text
    for text in (SECRET, change, made.password_encrypted, made.change_password_encrypted):
        assert text
        assert text not in told


def test_every_change_is_audited_by_the_names_of_its_fields(manager: APIClient) -> None:
    succeeded(manager.post(INSTANCES, NEW), 201)
    url = url_of(DatabaseInstance.objects.get())
    succeeded(manager.patch(url, {"password": "other", "port": 5433, "name": "main"}))
    succeeded(manager.patch(url, {"port": 5433}))
    succeeded(manager.delete(url))
    created, changed, deleted = AuditEvent.objects.order_by("id")
    assert (created.action, created.target, created.via) == ("instance.create", "main", "api")
    assert created.after == {"fields": sorted(NEW)}
    assert (changed.action, changed.after) == ("instance.change", {"fields": ["password", "port"]})
    assert (deleted.action, deleted.after) == ("instance.delete", None)


def test_an_absent_password_is_kept_and_an_empty_one_removes_it(
    manager: APIClient, instance: DatabaseInstance
) -> None:
    succeeded(manager.patch(url_of(instance), {"name": "renamed"}))
    instance.refresh_from_db()
    assert instance.password == SECRET
    assert succeeded(manager.patch(url_of(instance), {"password": ""}))["has_password"] is False
    instance.refresh_from_db()
    assert not instance.has_password


@pytest.mark.parametrize(
    "change", [{"host": "evil.example"}, {"port": 1}, {"tls_mode": "disable"}, {"engine": "mysql"}]
)
def test_a_stored_password_is_not_sent_to_another_server(
    manager: APIClient, instance: DatabaseInstance, change: dict[str, Any]
) -> None:
    refused(manager.patch(url_of(instance), change), 400, "validation_error", "password")
    refused(manager.post(url_of(instance) + "/test", change), 400, "validation_error", "password")
    succeeded(manager.patch(url_of(instance), {**change, "password": "new"}))
    instance.refresh_from_db()
    assert instance.password == "new"


def test_nor_is_the_stored_password_for_changes(
    manager: APIClient, instance: DatabaseInstance
) -> None:
    instance.change_username = "maker"
    instance.set_change_password(SECRET)
    instance.save()
    sent = {"host": "evil.example", "password": "new"}
    body = refused(manager.patch(url_of(instance), sent), 400, "validation_error")
    assert list(body["errors"]) == ["change_password"]
    data = succeeded(manager.patch(url_of(instance), {"change_username": ""}))
    assert data["has_change_password"] is False


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "x" * 101),
        ("name", "a\x00b"),
        ("name", None),
        ("engine", "oracle"),
        ("engine", ""),
        ("host", "a,b"),
        ("host", "two words"),
        ("host", []),
        ("port", 0),
        ("port", 65536),
        ("port", "x"),
        ("username", ""),
        ("username", "x" * 101),
        ("password", "x" * 1001),
        ("password", None),
        ("database", "x" * 1001),
        ("tls_mode", "maybe"),
        ("tls_mode", None),
        ("ca", {}),
        ("connect_timeout_s", 1),
        ("connect_timeout_s", 3601),
        ("statement_timeout_s", 0),
        ("statement_timeout_s", 3601),
        ("timezone", "Mars/Olympus"),
        ("size_limit_bytes", 0),
        ("size_limit_bytes", 2**63),
        ("change_username", "x" * 101),
        ("change_password", "without a user"),
        ("tags", "production"),
        ("tags", [1, ""]),
        ("is_active", "yes"),
        ("is_active", None),
        ("id", 4),
        ("password_encrypted", "x"),
        ("has_password", True),
    ],
)
def test_bad_values_are_refused_by_name(manager: APIClient, field: str, value: Any) -> None:
    body = refused(manager.post(INSTANCES, {**NEW, field: value}), 400)
    assert any(name.partition(".")[0] == field for name in body["errors"]), body["errors"]
    assert not DatabaseInstance.objects.exists()
    assert not AuditEvent.objects.exists()


def test_a_name_is_given_once(manager: APIClient, instance: DatabaseInstance) -> None:
    refused(manager.post(INSTANCES, NEW), 409, "already_exists", "name")


def test_a_certificate_mode_needs_its_certificates(manager: APIClient) -> None:
    sent = {**NEW, "tls_mode": "verify-ca"}
    refused(manager.post(INSTANCES, sent), 400, "validation_error", "ca")


def test_hosts_and_folders_that_are_not_permitted_are_refused(
    manager: APIClient, folder: Path, scheduler_settings: Any
) -> None:
    scheduler_settings(instance_hosts=("db.example",))
    refused(manager.post(INSTANCES, {**NEW, "host": "10.0.0.1"}), 400, field="host")
    file = {"name": "file", "engine": "sqlite", "database": "/etc/passwd"}
    refused(manager.post(INSTANCES, file), 400, field="database")
    file["database"] = str(folder / "words.sqlite3")
    refused(manager.post(INSTANCES, {**file, "password": SECRET}), 400, field="password")
    succeeded(manager.post(INSTANCES, file), 201)


def test_without_a_key_no_password_is_taken(manager: APIClient, scheduler_settings: Any) -> None:
    scheduler_settings(credentials_keys=())
    refused(manager.post(INSTANCES, NEW), 400, "validation_error", "password")


def test_one_that_is_not_there_is_not_found(manager: APIClient) -> None:
    for method in (manager.get, manager.patch, manager.delete):
        refused(method(INSTANCES + "/4711"), 404, "instance_not_found")
    refused(manager.post(INSTANCES + "/4711/test"), 404, "instance_not_found")
    refused(manager.get(INSTANCES + "/999999999999999999"), 404, "instance_not_found")


def test_paths_work_with_a_slash_and_others_are_not_there(
    manager: APIClient, instance: DatabaseInstance
) -> None:
    succeeded(manager.get(INSTANCES + "/"))
    succeeded(manager.get(url_of(instance) + "/"))
    refused(manager.get(BASE + "nope"), 404, "path_not_found")
    refused(manager.put(url_of(instance), NEW), 405)
