"""Clients of the API, and the tasks that its tests schedule."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from jobs.registry import isolated_registry, scheduled_task
from tests.factories import make_user

BASE = "/scheduler/api/"


@pytest.fixture(autouse=True)
def _tasks() -> Iterator[None]:
    with isolated_registry():

        @scheduled_task
        def send_report(*, recipient: str = "ops", days: int = 7) -> None:
            """Send the weekly report."""

        @scheduled_task(allow_kwargs_override=True)
        def open_report(*, recipient: str = "ops") -> None:
            """A report whose arguments everybody who runs it may choose."""

        @scheduled_task
        def strict_report(recipient: str, days: int) -> None: ...

        yield


class JsonClient(APIClient):
    """Sends JSON, as clients of the API do."""

    default_format = "json"


Login = Callable[[User], APIClient]


@pytest.fixture
def login(db: None) -> Login:
    """A client on which a user is logged in, by session."""

    def log_in(user: User) -> APIClient:
        client = JsonClient()
        client.force_login(user)
        return client

    return log_in


@pytest.fixture
def manager(login: Login) -> APIClient:
    return login(make_user("manage_job", name="manager"))


@pytest.fixture
def operator(login: Login) -> APIClient:
    return login(make_user("run_job", name="operator"))


@pytest.fixture
def viewer(login: Login) -> APIClient:
    return login(make_user("view_job", name="viewer"))


@pytest.fixture
def nobody(db: None) -> APIClient:
    return JsonClient()
