from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from jobs.estate.models import DatabaseInstance, PartitionPolicy
from jobs.models import AuditEvent
from tests.api.answers import refused, succeeded
from tests.estate.api.conftest import BASE

pytestmark = pytest.mark.django_db

POLICIES = BASE + "policies"
NEW: dict[str, Any] = {
    "instance": "main",
    "database": "shop",
    "schema": "public",
    "table": "Orders ünd more",
    "interval": "month",
}


@pytest.fixture(autouse=True)
def _instance(db: None) -> None:
    DatabaseInstance.objects.create(name="main", engine="postgresql")


def test_a_policy_is_created_changed_and_deleted_and_each_is_audited(manager: APIClient) -> None:
    response = manager.post(POLICIES, NEW)
    data = succeeded(response, 201)
    url = response.headers["Location"]
    assert (data["instance"], data["premake"], data["retention"]) == ("main", 3, None)
    assert succeeded(manager.patch(url, {"retention": 12}))["retention"] == 12
    succeeded(manager.patch(url, {"retention": 12}))
    succeeded(manager.delete(url))
    assert not PartitionPolicy.objects.exists()
    events = [(event.action, event.after) for event in AuditEvent.objects.order_by("id")]
    assert events == [
        ("policy.create", {"fields": sorted(NEW)}),
        ("policy.change", {"fields": ["retention"]}),
        ("policy.delete", None),
    ]
    refused(manager.get(url), 404, "policy_not_found")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("instance", "nobody's"),
        ("instance", ""),
        ("database", ""),
        ("database", "x" * 256),
        ("schema", None),
        ("table", ""),
        ("table", "a\x00b"),
        ("interval", "fortnight"),
        ("interval", "number"),
        ("step", 5),
        ("step", 0),
        ("premake", -1),
        ("premake", 30_000),
        ("premake", None),
        ("retention", 0),
        ("retention", 40_000),
        ("is_active", 1),
        ("colour", "red"),
    ],
)
def test_bad_values_are_refused_by_name(manager: APIClient, field: str, value: Any) -> None:
    body = refused(manager.post(POLICIES, {**NEW, field: value}), 400, "validation_error")
    expected = "step" if value == "number" else field
    assert expected in body["errors"]
    assert not PartitionPolicy.objects.exists()


@pytest.mark.parametrize("field", ["instance", "database", "table", "interval"])
def test_what_a_policy_needs_is_named(manager: APIClient, field: str) -> None:
    sent = {name: value for name, value in NEW.items() if name != field}
    refused(manager.post(POLICIES, sent), 400, "validation_error", field)


def test_a_table_has_one_policy(manager: APIClient) -> None:
    succeeded(manager.post(POLICIES, NEW), 201)
    refused(manager.post(POLICIES, NEW), 409, "already_exists")
    succeeded(manager.post(POLICIES, {**NEW, "table": "orders"}), 201)
