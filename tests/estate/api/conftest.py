"""Clients of the API of the estate."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Permission, User
from rest_framework.test import APIClient

from tests.api.conftest import JsonClient

BASE = "/scheduler/api/estate/"

Holder = Callable[..., APIClient]


@pytest.fixture
def holder(db: None) -> Holder:
    """A client on which somebody is logged in who holds these rights, as in "view_account"."""

    def log_in(*rights: str) -> APIClient:
        user = User.objects.create_user(f"user-{User.objects.count()}")
        user.user_permissions.set(Permission.objects.filter(codename__in=rights))
        client = JsonClient()
        client.force_login(user)
        return client

    return log_in


@pytest.fixture
def manager(holder: Holder) -> APIClient:
    return holder("manage_databaseinstance", "manage_partitionpolicy")


@pytest.fixture
def viewer(holder: Holder) -> APIClient:
    return holder("view_databaseinstance", "view_partitionpolicy")
