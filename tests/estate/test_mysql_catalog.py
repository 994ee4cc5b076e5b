"""How rows of the catalog are understood that this machine's server does not have."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from jobs.estate.adapters import errors
from jobs.estate.adapters.accounts import Account, Grant, Membership
from jobs.estate.adapters.mysql_accounts import account_of_mysql, read_accounts
from jobs.estate.adapters.mysql_grants import grants

USER = {
    "name": "maria",
    "host": "%",
    "plugin": "caching_sha2_password",
    "has_string": 1,
    "account_locked": "N",
    "password_expired": "N",
    "password_lifetime": None,
    "password_last_changed": 1_700_000_000,
    "ssl_type": "",
    "max_questions": 0,
    "max_updates": 0,
    "max_connections": 0,
    "max_user_connections": 0,
    "restrictions": None,
}


class Answers:
    """A connection whose statements are answered by the first text that they contain."""

    def __init__(self, is_mariadb: bool, **answers: list[Any]) -> None:
        self.is_mariadb = is_mariadb
        self.answers = answers

    def execute(self, statement: str, params: Any = ()) -> list[Any]:
        for text, rows in self.answers.items():
            if text in statement:
                return rows
        return []


@pytest.mark.parametrize("is_mariadb", [True, False])
def test_an_empty_list_is_an_error(is_mariadb: bool) -> None:
    answers = Answers(is_mariadb, default_password_lifetime=[(0,)])
    with pytest.raises(errors.EmptyAccountListing):
        read_accounts(answers)  # type: ignore[arg-type]


def of_mysql(default_days: int = 0, privileges: Any = (), **changes: Any) -> Account:
    return account_of_mysql({**USER, **changes}, privileges, default_days)


def test_a_user_of_mysql_8_is_understood() -> None:
    found = of_mysql(privileges=["Select", "Super", "Grant"], max_user_connections=2)
    assert (found.name, found.host, found.is_role, found.can_login) == ("maria", "%", False, True)
    assert found.has_password is True
    assert found.never_expires is True
    assert found.is_superuser is True
    assert found.attributes == {"plugins": ["caching_sha2_password"], "max_user_connections": 2}
    assert set(found.grants) == {
        Grant("server", (), "SELECT", is_grantable=True),
        Grant("server", (), "SUPER", is_grantable=True),
    }
    assert json.loads(json.dumps(found.raw)) == found.raw


@pytest.mark.parametrize(
    ("changes", "is_role"),
    [
        ({}, False),
        ({"account_locked": "Y"}, False),
        ({"account_locked": "Y", "password_expired": "Y"}, False),
        ({"account_locked": "Y", "password_expired": "Y", "has_string": 0}, True),
    ],
)
def test_a_role_of_mysql_8_is_what_is_as_create_role_makes_it(
    changes: dict[str, Any], is_role: bool
) -> None:
    assert of_mysql(**changes).is_role is is_role


def test_a_lifetime_of_mysql_8_counts_from_the_last_change() -> None:
    expires_at = datetime.fromtimestamp(1_700_000_000 + 7 * 86400, UTC)
    assert of_mysql(default_days=7).expires_at == expires_at
    assert of_mysql(password_lifetime=7).expires_at == expires_at
    assert of_mysql(default_days=7, password_lifetime=0).never_expires is True
    assert of_mysql(password_expired="Y").never_expires is False


@pytest.mark.parametrize(
    ("plugin", "has_password"),
    [("caching_sha2_password", False), ("auth_socket", None), ("authentication_ldap_sasl", None)],
)
def test_an_empty_string_is_no_password_only_where_it_would_be_one(
    plugin: str, has_password: bool | None
) -> None:
    assert of_mysql(plugin=plugin, has_string=0).has_password is has_password


def test_who_uses_mysql_no_login_can_not_log_in() -> None:
    assert of_mysql(plugin="mysql_no_login", has_string=0).can_login is False


def test_partly_revoked_privileges_of_mysql_8_are_told() -> None:
    restrictions = [{"Database": "mysql", "Privileges": ["INSERT"]}]
    found = of_mysql(restrictions=json.dumps(restrictions))
    assert found.attributes["restrictions"] == restrictions


def test_the_catalogs_of_mysql_8_are_put_together() -> None:
    columns = [*USER.values()]
    answers = Answers(
        False,
        default_password_lifetime=[(0,)],
        **{
            "COLUMN_NAME FROM": [("Host",), ("User",), ("Repl_client_priv",), ("Show_db_priv",)],
            "mysql.user": [(*columns, "Y", "N")],
            "mysql.db": [("maria", "%", "shop", "N", "Y")],
            "mysql.role_edges": [("maria", "%", "staff@%", "Y")],
            "mysql.global_grants": [("maria", "%", "BACKUP_ADMIN", "Y")],
        },
    )
    [found] = read_accounts(answers).accounts  # type: ignore[arg-type]
    assert found.memberships == (Membership("staff@%", is_admin=True),)
    assert found.grants == (
        Grant("database", ("shop",), "SHOW DATABASES"),
        Grant("server", (), "BACKUP_ADMIN", is_grantable=True),
        Grant("server", (), "REPLICATION CLIENT"),
    )


def test_a_word_of_the_catalog_becomes_that_of_the_statement_grant() -> None:
    words = ["Create Tmp Table", "Delete versioning rows", "Show db", "Alter Routine", ""]
    assert [grant.privilege for grant in grants("server", (), words)] == [
        "CREATE TEMPORARY TABLES",
        "DELETE HISTORY",
        "SHOW DATABASES",
        "ALTER ROUTINE",
    ]
