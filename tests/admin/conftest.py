"""Staff who are logged in, and the tasks that these tests schedule."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from jobs.models import AuditEvent
from jobs.registry import isolated_registry, scheduled_task
from tests.factories import make_user

Login = Callable[[User], Client]


@pytest.fixture(autouse=True)
def _tasks() -> Iterator[None]:
    with isolated_registry():

        @scheduled_task(label="Weekly report", timeout=77)
        def send_report(*, recipient: str = "ops", days: int = 7) -> None:
            """Send the weekly report."""

        @scheduled_task
        def other_report() -> None: ...

        yield


def staff(*rights: Any, **fields: Any) -> User:
    return make_user(*rights, is_staff=True, **fields)


def last_event() -> AuditEvent:
    return AuditEvent.objects.latest("pk")


def logged_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def manager(db: None) -> Client:
    return logged_in(staff("manage_job", name="manager"))


@pytest.fixture
def operator(db: None) -> Client:
    return logged_in(staff("run_job", name="operator"))


@pytest.fixture
def viewer(db: None) -> Client:
    return logged_in(staff("view_job", name="viewer"))
