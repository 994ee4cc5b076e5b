"""Accounts of MariaDB on the real server, and how a row of MySQL 8's catalog is understood."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest

from jobs.estate.adapters import errors
from jobs.estate.adapters.accounts import Account, Grant, Membership
from jobs.estate.adapters.mysql import MysqlAdapter
from jobs.estate.adapters.mysql_connection import quoted
from tests.estate.conftest import MariadbServer, account
from tests.estate.test_mysql import to

pytestmark = pytest.mark.once

SECRET = "BY 'secret'"


def read(username: str = "root", password: str = "") -> dict[tuple[str, str], Account]:
    with MysqlAdapter().connect(to(username=username, password=password)) as session:
        listing = session.accounts()
    assert not listing.unread
    return {(account.name, account.host): account for account in listing.accounts}


def read_one(name: str, host: str = "%") -> Account:
    return read()[name, host]


def test_every_account_is_listed_as_the_server_lists_them(mariadb: MariadbServer) -> None:
    mariadb.make_user()
    mariadb.make_role()
    rows = mariadb.execute("SELECT User, Host, is_role FROM mysql.user")
    found = read()
    for name, host, is_role in rows:
        if name.startswith("estate_") and (name, host) not in found:
            continue  # another test's, gone meanwhile
        assert found[name, host].is_role is (is_role == "Y")
    [(current,)] = mariadb.execute("SELECT CURRENT_USER()")
    assert tuple(current.rsplit("@", 1)) in found


def test_a_plain_user_is_told_in_full(mariadb: MariadbServer) -> None:
    user = mariadb.make_user(host="10.1.%", identified=SECRET)
    found = read_one(user, "10.1.%")
    assert found.can_login is True
    assert found.is_role is found.is_locked is found.is_superuser is False
    assert found.has_password is True
    assert found.never_expires is True
    assert found.expires_at is None
    assert found.attributes == {"plugins": ["mysql_native_password"]}
    assert found.grants == found.memberships == ()
    assert found.unread == frozenset()


def test_a_role_can_not_log_in_and_has_no_password_to_speak_of(mariadb: MariadbServer) -> None:
    found = read_one(mariadb.make_role("SUPER ON *.*"), "")
    assert found.is_role is True
    assert found.can_login is False
    assert found.has_password is None
    assert found.never_expires is None
    assert found.is_superuser is True


@pytest.mark.parametrize(
    ("identified", "has_password"),
    [
        ("", False),
        (SECRET, True),
        ("VIA unix_socket", None),
        ("VIA unix_socket USING 'service'", None),
        ("VIA unix_socket OR mysql_native_password", False),
        ("VIA unix_socket OR mysql_native_password USING PASSWORD('secret')", True),
        ("VIA mysql_native_password USING PASSWORD('secret') OR unix_socket", True),
    ],
)
def test_a_password_is_known_or_unknown_and_never_guessed(
    mariadb: MariadbServer, identified: str, has_password: bool | None
) -> None:
    user = mariadb.make_user(identified=identified)
    assert read_one(user).has_password is has_password


def test_the_ways_to_log_in_are_told_in_their_order(mariadb: MariadbServer) -> None:
    user = mariadb.make_user(identified="VIA unix_socket OR mysql_native_password")
    plugins = read_one(user).attributes["plugins"]
    assert plugins == ["unix_socket", "mysql_native_password"]


def test_a_locked_account_is_told_as_one_that_can_not_log_in(mariadb: MariadbServer) -> None:
    found = read_one(mariadb.make_user(identified=f"{SECRET} ACCOUNT LOCK"))
    assert found.is_locked is True
    assert found.can_login is False
    assert found.has_password is True


def test_a_password_with_a_lifetime_expires_so_many_days_after_its_change(
    mariadb: MariadbServer,
) -> None:
    user = mariadb.make_user(identified=f"{SECRET} PASSWORD EXPIRE INTERVAL 30 DAY")
    [(changed,)] = mariadb.execute(
        "SELECT JSON_VALUE(Priv, '$.password_last_changed') FROM mysql.global_priv WHERE User = %s",
        user,
    )
    found = read_one(user)
    assert found.expires_at == datetime.fromtimestamp(int(changed) + 30 * 86400, UTC)
    assert found.never_expires is False


def test_the_servers_lifetime_counts_where_the_account_has_none(
    mariadb: MariadbServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_default = mariadb.make_user(identified=SECRET)
    never = mariadb.make_user(identified=f"{SECRET} PASSWORD EXPIRE NEVER")
    monkeypatch.setattr("jobs.estate.adapters.mysql_accounts._default_lifetime", lambda _: 10)
    found = read()
    assert found[by_default, "%"].never_expires is False
    assert found[by_default, "%"].expires_at
    assert found[never, "%"].never_expires is True
    assert found[never, "%"].expires_at is None


def test_a_password_declared_expired_is_told_without_a_day(mariadb: MariadbServer) -> None:
    found = read_one(mariadb.make_user(identified=f"{SECRET} PASSWORD EXPIRE"))
    assert found.attributes["password_expired"] is True
    assert found.never_expires is False
    assert found.expires_at is None


def test_further_properties_are_told_by_their_names(mariadb: MariadbServer) -> None:
    role = mariadb.make_role()
    user = mariadb.make_user(
        quoted(role), identified=f"{SECRET} REQUIRE X509 WITH MAX_USER_CONNECTIONS 3"
    )
    mariadb.execute(f"SET DEFAULT ROLE {quoted(role)} FOR {quoted(user)}")
    assert read_one(user).attributes == {
        "plugins": ["mysql_native_password"],
        "default_role": role,
        "tls": "x509",
        "max_user_connections": 3,
    }


def test_grants_of_every_scope_are_told(mariadb: MariadbServer) -> None:
    user, other = mariadb.make_user(), mariadb.make_user()
    shop = mariadb.make_database()
    mariadb.execute(f"CREATE TABLE {quoted(shop, 'wörd')} (id int, text text)")
    mariadb.execute(f"CREATE PROCEDURE {quoted(shop, 'tidy')}() SELECT 1")
    mariadb.execute(f"CREATE FUNCTION {quoted(shop, 'tidy')}() RETURNS int RETURN 1")
    for grant in (
        "PROCESS, REPLICATION CLIENT ON *.*",
        "SELECT, CREATE TEMPORARY TABLES ON `sales\\_%`.*",
        f"DELETE, DELETE HISTORY ON {quoted(shop, 'wörd')}",
        f"UPDATE (text), SELECT (id) ON {quoted(shop, 'wörd')}",
        f"EXECUTE, ALTER ROUTINE ON PROCEDURE {quoted(shop, 'tidy')}",
        f"EXECUTE ON FUNCTION {quoted(shop, 'tidy')}",
    ):
        mariadb.execute(f"GRANT {grant} TO {account(user)}")
    assert read_one(user).grants == (
        Grant("column", (shop, "wörd", "id"), "SELECT"),
        Grant("column", (shop, "wörd", "text"), "UPDATE"),
        Grant("database", ("sales\\_%",), "CREATE TEMPORARY TABLES"),
        Grant("database", ("sales\\_%",), "SELECT"),
        Grant("routine", (shop, "FUNCTION", "tidy"), "EXECUTE"),
        Grant("routine", (shop, "PROCEDURE", "tidy"), "ALTER ROUTINE"),
        Grant("routine", (shop, "PROCEDURE", "tidy"), "EXECUTE"),
        Grant("server", (), "BINLOG MONITOR"),
        Grant("server", (), "PROCESS"),
        Grant("table", (shop, "wörd"), "DELETE"),
        Grant("table", (shop, "wörd"), "DELETE HISTORY"),
    )
    assert read_one(other).grants == ()


def test_who_may_grant_on_is_told_at_each_scope(mariadb: MariadbServer) -> None:
    shop, user = mariadb.make_database(), mariadb.make_user()
    mariadb.execute(f"CREATE TABLE {quoted(shop, 'word')} (id int)")
    mariadb.execute(f"CREATE PROCEDURE {quoted(shop, 'tidy')}() SELECT 1")
    for grant in (
        "PROCESS ON *.*",
        f"SELECT ON {quoted(shop)}.*",
        f"INSERT ON {quoted(shop, 'word')}",
        f"UPDATE (id) ON {quoted(shop, 'word')}",
        f"EXECUTE ON PROCEDURE {quoted(shop, 'tidy')}",
    ):
        mariadb.execute(f"GRANT {grant} TO {account(user)} WITH GRANT OPTION")
    found = read_one(user).grants
    assert len(found) == 5
    assert all(grant.is_grantable for grant in found)


@pytest.mark.parametrize(
    ("on", "expected"),
    [
        ("*.*", Grant("server", (), "USAGE", is_grantable=True)),
        ("shop.*", Grant("database", ("shop",), "USAGE", is_grantable=True)),
    ],
)
def test_a_grant_option_without_any_privilege_is_told_as_one_to_grant_nothing_yet(
    mariadb: MariadbServer, on: str, expected: Grant
) -> None:
    user = mariadb.make_user()
    mariadb.execute(f"GRANT USAGE ON {on} TO {account(user)} WITH GRANT OPTION")
    assert read_one(user).grants == (expected,)


def test_each_global_privilege_is_told_in_the_servers_own_word(mariadb: MariadbServer) -> None:
    user = mariadb.make_user()
    mariadb.execute(f"GRANT ALL PRIVILEGES ON *.* TO {account(user)}")
    words = [
        word
        for (word,) in mariadb.execute(
            "SELECT PRIVILEGE_TYPE FROM information_schema.USER_PRIVILEGES WHERE GRANTEE = %s",
            f"'{user}'@'%'",
        )
    ]
    assert len(words) > 30
    everything = read_one(user)
    assert [grant.privilege for grant in everything.grants] == sorted(words)
    assert everything.is_superuser is True
    for word in words:
        mariadb.execute(f"REVOKE ALL PRIVILEGES ON *.* FROM {account(user)}")
        mariadb.execute(f"GRANT {word} ON *.* TO {account(user)}")
        found = read_one(user)
        assert found.grants == (Grant("server", (), word),)
        assert found.is_superuser is (word == "SUPER")


def test_memberships_are_told_with_their_admin_option(mariadb: MariadbServer) -> None:
    plain, admin, user = mariadb.make_role(), mariadb.make_role(), mariadb.make_user()
    mariadb.execute(f"GRANT {quoted(plain)} TO {account(user)}")
    mariadb.execute(f"GRANT {quoted(admin)} TO {account(user)} WITH ADMIN OPTION")
    assert set(read_one(user).memberships) == {
        Membership(plain, is_admin=False),
        Membership(admin, is_admin=True),
    }


def test_what_a_role_has_from_another_is_no_grant_of_its_own(mariadb: MariadbServer) -> None:
    inner = mariadb.make_role("SUPER ON *.*", "SELECT ON `shop`.*")
    outer = mariadb.make_role(quoted(inner))
    found = read_one(outer, "")
    assert found.grants == ()
    assert found.is_superuser is False
    assert found.memberships == (Membership(inner),)


@pytest.mark.parametrize(
    "name", ["d'Arc", 'quo"ted', "back`tick", "a@b", "two words", "größe", "日本", "Mixed", "%_"]
)
def test_a_name_is_told_exactly_as_the_server_has_it(mariadb: MariadbServer, name: str) -> None:
    host = f"{uuid.uuid4().hex}.example"
    mariadb.make_user("SELECT ON `shop`.*", name=name, host=host)
    found = read_one(name, host)
    assert found.grants == (Grant("database", ("shop",), "SELECT"),)


def test_one_name_from_two_hosts_is_two_accounts(mariadb: MariadbServer) -> None:
    name = mariadb.make_user("PROCESS ON *.*", host="10.%")
    mariadb.make_user(name=name, host="%")
    assert read_one(name, "10.%").grants == (Grant("server", (), "PROCESS"),)
    assert read_one(name, "%").grants == ()


def test_no_hash_of_a_password_leaves_the_server(mariadb: MariadbServer) -> None:
    user = mariadb.make_user(
        identified="VIA unix_socket OR mysql_native_password USING PASSWORD('a\"\\\\b')"
    )
    plain = mariadb.make_user(identified=SECRET)
    rows = mariadb.execute(
        "SELECT JSON_VALUE(Priv, '$.authentication_string') FROM mysql.global_priv"
        " WHERE User IN (%s, %s)",
        user,
        plain,
    )
    hashes = [text for (text,) in rows]
    assert [len(text) for text in hashes] == [41, 41]
    received: list[Any] = []
    with MysqlAdapter().connect(to()) as session:
        run = session._connection._run

        def note(statement: str, params: Any = ()) -> Any:
            found = run(statement, params)
            received.append(found)
            return found

        session._connection._run = note
        listing = session.accounts()
    told = [json.dumps(dict(account.raw)) for account in listing.accounts]
    assert "mysql_native_password" in str(received)
    for text in hashes:
        assert text not in str(received)
        assert text not in str(told)
    assert "authentication_string" not in str(told)


def test_what_the_catalog_says_is_kept_raw(mariadb: MariadbServer) -> None:
    user = mariadb.make_user("SELECT ON *.*", identified="VIA unix_socket USING 'x\"y'")
    raw = read_one(user).raw
    assert raw["access"] == 1
    assert raw["plugin"] == "unix_socket"
    assert json.loads(json.dumps(dict(raw))) == raw


LISTED = ("SELECT ON mysql.global_priv",)
GRANTED = tuple(
    f"SELECT ON mysql.{table}"
    for table in ("db", "tables_priv", "columns_priv", "procs_priv", "proxies_priv")
)
JOINED = ("SELECT ON mysql.roles_mapping",)


@pytest.mark.parametrize(
    ("rights", "unread"),
    [
        ((*LISTED, *GRANTED, *JOINED), set()),
        ((*LISTED, *GRANTED), {"memberships"}),
        ((*LISTED, *JOINED), {"grants"}),
        ((*LISTED, *GRANTED[:-1], *JOINED), {"grants"}),
        (LISTED, {"grants", "memberships"}),
    ],
)
def test_what_may_not_be_read_is_named_and_left_empty(
    mariadb: MariadbServer, rights: tuple[str, ...], unread: set[str]
) -> None:
    role = mariadb.make_role()
    watched = mariadb.make_user("PROCESS ON *.*", "SELECT ON `shop`.*", quoted(role))
    found = read(mariadb.make_user(*rights))[watched, "%"]
    assert found.unread == unread
    assert len(found.grants) == (0 if "grants" in unread else 2)
    assert len(found.memberships) == (0 if "memberships" in unread else 1)
    assert found.is_superuser is False


def test_without_the_right_to_the_list_nothing_is_listed(mariadb: MariadbServer) -> None:
    user = mariadb.make_user(*GRANTED, *JOINED)
    with pytest.raises(errors.RightsMissing, match="global_priv"):
        read(user)
