"""What holds for every test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.contrib.contenttypes.models import ContentType
from django.core.cache import cache
from django.db import connection, transaction
from django.test import TransactionTestCase

from jobs.conf import SchedulerSettings, conf
from tests.factories import make_user


@pytest.fixture(autouse=True, scope="session")
def _a_transactional_test_ends_with_few_statements() -> Iterator[None]:
    """Django's `flush` truncates each table, and then makes content types and permissions anew:
    on PostgreSQL more than most of these tests take."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", lambda _case: empty_tables())
        yield


def empty_tables() -> None:
    """Delete all rows, save what `flush` would make again."""
    kept = {ContentType._meta.db_table, Permission._meta.db_table}
    tables = connection.introspection.django_table_names(only_existing=True, include_views=False)
    statements = [f"DELETE FROM {table}" for table in sorted(set(tables) - kept)]
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":  # which takes them at once
            statements = ["; ".join(statements)]
        for statement in statements:
            cursor.execute(statement)


@pytest.fixture(autouse=True)
def _no_request_was_counted_yet() -> None:
    """Else the requests of earlier tests would count for the limits of the API."""
    cache.clear()


@pytest.fixture(autouse=True)
def _what_runs_once_has_no_part_in_our_database(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """pytest-django keeps a test from it that does not ask for it, and so its processes are."""
    if request.node.get_closest_marker("once"):
        asked_for = {"db", "transactional_db", "live_server"} & set(request.fixturenames)
        assert not asked_for, "what needs the database runs on both of them"
        assert not request.node.get_closest_marker("django_db")
        monkeypatch.setenv("DATABASE_URL", "postgres://nobody@127.0.0.1:9/none")


@pytest.fixture
def admin_user(db: None) -> User:
    """pytest-django's, without the half second in which its password is hashed."""
    return make_user(name="admin", is_staff=True, is_superuser=True)


@pytest.fixture
def scheduler_settings(settings: Any) -> Callable[..., SchedulerSettings]:
    """Changes some of the settings for one test."""

    def change(**changes: Any) -> SchedulerSettings:
        settings.SCHEDCORE = replace(conf(), **changes)
        return settings.SCHEDCORE

    return change
