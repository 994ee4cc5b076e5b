"""What is done on a real server shows up as exactly that change."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from psycopg import sql

from jobs.estate.models import Account, AccountChange, DatabaseInstance
from jobs.estate.services.accounts import sync_accounts
from tests.estate.conftest import (
    MARIADB,
    MariadbServer,
    PostgresServer,
    account,
    postgres_instance,
)
from tests.estate.fakes import NotedExecution

pytestmark = pytest.mark.django_db


def changes_of(name: str) -> list[tuple[str, dict[str, Any], list[str]]]:
    """Those of one account; others come and go on the server meanwhile."""
    changes = AccountChange.objects.filter(account__name=name).order_by("id")
    return list(changes.values_list("kind", "difference", "flags"))


def test_what_happens_to_a_role_of_postgresql_is_told_exactly(
    postgres: PostgresServer, only: Callable[..., None], execution: NotedExecution
) -> None:
    name = f'estate "Ana" Ö.{uuid.uuid4().hex}'
    role = postgres.make_role(name, "LOGIN PASSWORD 'x' VALID UNTIL '2030-01-01 UTC'")
    database = postgres.make_database()
    only(database)
    postgres.run_in(database, 'CREATE TABLE "Or.ders" (id int)')
    postgres_instance("server")
    sync_accounts()
    assert Account.objects.get(name=role).flags == []

    sync_accounts()
    assert changes_of(role) == []

    postgres.execute("ALTER ROLE {} SUPERUSER", role)
    sync_accounts()
    told = [("changed", {"is_superuser": {"before": False, "after": True}}, ["superuser"])]
    assert changes_of(role) == told

    grant = sql.SQL('GRANT SELECT ON "Or.ders" TO {} WITH GRANT OPTION')
    postgres.run_in(database, grant.format(sql.Identifier(role)).as_string())
    sync_accounts()
    granted = {
        "scope": "table",
        "path": [database, "public", "Or.ders"],
        "is_grantable": True,
        "privileges": ["SELECT"],
    }
    told.append(("changed", {"grants": {"added": [granted]}}, ["grant_option"]))
    assert changes_of(role) == told

    revoke = sql.SQL('REVOKE ALL ON "Or.ders" FROM {}')
    postgres.run_in(database, revoke.format(sql.Identifier(role)).as_string())
    postgres.execute("DROP ROLE {}", role)
    sync_accounts()
    [*before, (kind, found, flags)] = changes_of(role)
    assert (before, kind, flags) == (told, "removed", [])
    assert found["grants"] == {"removed": [granted]}

    postgres.execute("CREATE ROLE {} LOGIN", role)
    sync_accounts()
    kind, found, flags = changes_of(role)[-1]
    assert (kind, flags) == ("reappeared", ["never_expires", "no_password"])
    assert found["is_superuser"] == {"before": True, "after": False}


def test_what_happens_to_a_user_of_mariadb_is_told_exactly(
    mariadb: MariadbServer, execution: NotedExecution
) -> None:
    DatabaseInstance.objects.create(
        name="server",
        engine="mysql",
        host=MARIADB["host"],
        port=MARIADB["port"],
        username=MARIADB["user"],
    )
    database = mariadb.make_database()
    user = mariadb.make_user(
        f"SELECT ON `{database}`.*", identified="BY 'x' PASSWORD EXPIRE INTERVAL 30 DAY"
    )
    sync_accounts()
    assert Account.objects.get(name=user).flags == ["any_host"]

    sync_accounts()
    assert changes_of(user) == []

    mariadb.execute(f"GRANT UPDATE ON `{database}`.* TO {account(user)}")
    sync_accounts()
    added = {
        "scope": "database",
        "path": [database],
        "is_grantable": False,
        "privileges": ["UPDATE"],
    }
    told = [("changed", {"grants": {"added": [added]}}, [])]
    assert changes_of(user) == told

    mariadb.execute(f"ALTER USER {account(user)} ACCOUNT LOCK")
    sync_accounts()
    [*before, (kind, found, flags)] = changes_of(user)
    assert (before, kind, flags) == (told, "changed", [])
    assert found["is_locked"] == {"before": False, "after": True}
    assert Account.objects.get(name=user).flags == []

    mariadb.execute(f"DROP USER {account(user)}")
    sync_accounts()
    assert [kind for kind, _found, _flags in changes_of(user)][2:] == ["removed"]

    mariadb.execute(f"CREATE USER {account(user)}")
    sync_accounts()
    kind, _found, flags = changes_of(user)[-1]
    assert (kind, flags) == ("reappeared", ["any_host", "never_expires", "no_password"])
    assert Account.objects.filter(name=user).count() == 1
