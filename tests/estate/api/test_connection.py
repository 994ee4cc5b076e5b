from __future__ import annotations

import pytest
from rest_framework.test import APIClient

from jobs.estate.adapters.base import MissingRight
from jobs.estate.models import DatabaseInstance
from jobs.models import AuditEvent
from tests.api.answers import refused, succeeded
from tests.estate.api.conftest import BASE
from tests.estate.conftest import PostgresServer, postgres_instance
from tests.estate.fakes import FakeAdapter, FakeSession, sizes

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("folder")]

SECRET = "s3cret-of-the-instance"


def url_of(instance: DatabaseInstance) -> str:
    return f"{BASE}instances/{instance.pk}/test"


def test_what_was_seen_is_told(
    manager: APIClient, fake: FakeAdapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = [MissingRight("Sizes", "SELECT on *.*")]
    monkeypatch.setattr(FakeSession, "missing_rights", lambda session: missing)
    data = succeeded(manager.post(url_of(fake.instance("main", sizes(shop=1)))))
    assert data.pop("seconds") >= 0
    assert data == {
        "is_well": False,
        "problem": None,
        "change_problem": None,
        "version": "1.0",
        "timezone": None,
        "databases": 1,
        "missing_rights": [{"purpose": "Sizes", "right": "SELECT on *.*"}],
    }


def test_what_is_wrong_is_an_answer_and_no_error(
    manager: APIClient, postgres: PostgresServer
) -> None:
    instance = postgres_instance(username="nobody-at-all")
    instance.set_password(SECRET)
    instance.save()
    response = manager.post(url_of(instance))
    data = succeeded(response)
    assert data["problem"]["code"] == "login_failed"
    assert "nobody-at-all" in response.json()["message"]
    assert SECRET not in response.content.decode()


def test_a_change_can_be_tried_before_it_is_made(manager: APIClient, fake: FakeAdapter) -> None:
    instance = fake.instance("main", sizes(shop=1))
    fake.listings["other"] = sizes(a=1, b=2)
    assert succeeded(manager.post(url_of(instance), {"host": "other"}))["databases"] == 2
    instance.refresh_from_db()
    assert instance.host == "main"
    refused(manager.post(url_of(instance), {"host": "a b"}), 400, "validation_error", "host")
    assert not AuditEvent.objects.exists(), "nothing was changed"
