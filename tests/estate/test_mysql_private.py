"""What can only be tried on a server that nobody else uses: TLS, freezing, breaking, crowding."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from jobs.estate.adapters import errors, mysql_partitions
from jobs.estate.adapters.base import ConnectionTarget
from jobs.estate.adapters.mysql import MysqlAdapter
from tests.estate.mariadbd import PrivateMariadb

pytestmark = pytest.mark.once


@pytest.fixture
def server(private_mariadb: PrivateMariadb) -> Iterator[PrivateMariadb]:
    try:
        yield private_mariadb
    finally:
        private_mariadb.execute("DROP DATABASE IF EXISTS shop")


def visit(server: PrivateMariadb, **changes: Any) -> Any:
    values = {"host": "localhost", "port": server.port, "username": "root", **changes}
    return MysqlAdapter().connect(ConnectionTarget("mysql", "", **values))


def cipher(session: Any) -> str:
    [(_name, value)] = session._connection.execute("SHOW STATUS LIKE 'Ssl_cipher'")
    return value


@pytest.mark.parametrize(
    ("tls_mode", "with_ca", "host", "is_encrypted"),
    [
        ("disable", False, "localhost", False),
        ("prefer", False, "127.0.0.1", True),
        ("require", False, "127.0.0.1", True),
        ("verify-ca", True, "127.0.0.1", True),
        ("verify-full", True, "localhost", True),
    ],
)
def test_each_tls_mode_is_what_it_says(
    server: PrivateMariadb, tls_mode: str, with_ca: bool, host: str, is_encrypted: bool
) -> None:
    ca = server.ca if with_ca else ""
    with visit(server, tls_mode=tls_mode, ca=ca, host=host) as session:
        assert bool(cipher(session)) is is_encrypted


@pytest.mark.parametrize(
    ("tls_mode", "with_ca", "says"),
    [
        ("verify-ca", False, "certificate verify failed"),
        ("verify-full", False, "certificate verify failed"),
        ("verify-full", True, "not valid for '127.0.0.1'"),
    ],
)
def test_a_certificate_that_does_not_fit_is_refused(
    server: PrivateMariadb, tls_mode: str, with_ca: bool, says: str
) -> None:
    ca = server.ca if with_ca else ""
    with (
        pytest.raises(errors.TlsFailed, match=says),
        visit(server, tls_mode=tls_mode, ca=ca, host="127.0.0.1"),
    ):
        pass


def test_a_host_that_begins_with_a_slash_is_a_socket_and_needs_no_tls(
    server: PrivateMariadb,
) -> None:
    with visit(server, host=str(server.socket), port=None, tls_mode="verify-full") as session:
        assert not cipher(session)
        assert session.database_sizes(include_system=True)


def test_the_binary_log_is_measured_by_who_may_see_it(server: PrivateMariadb) -> None:
    server.execute("FLUSH BINARY LOGS")
    server.execute("CREATE OR REPLACE USER logless")
    server.execute("GRANT SELECT ON *.* TO logless")
    with visit(server) as session:
        assert session.server_info().wal_bytes == sum(
            size for _name, size in server.execute("SHOW BINARY LOGS")
        )
        assert session.missing_rights() == []
    with visit(server, username="logless") as session:
        assert session.server_info().wal_bytes is None
        [missing] = session.missing_rights()
        assert missing.right == "BINLOG MONITOR on *.*"


@pytest.mark.parametrize("tls_mode", ["disable", "require"])
def test_a_server_that_freezes_in_mid_visit_is_left_when_the_time_is_over(
    server: PrivateMariadb, monkeypatch: pytest.MonkeyPatch, tls_mode: str
) -> None:
    monkeypatch.setattr("jobs.estate.adapters.mysql_connection.CLIENT_SLACK_S", 0.1)
    with (
        visit(server, tls_mode=tls_mode, statement_timeout_s=1, connect_timeout_s=2) as session,
        server.frozen(),
        pytest.raises(errors.DidNotAnswer, match="within 3 s"),
    ):
        session.database_sizes()


@pytest.mark.parametrize("tls_mode", ["disable", "require"])
def test_a_server_that_is_frozen_from_the_start_is_left_when_the_time_is_over(
    server: PrivateMariadb, tls_mode: str
) -> None:
    with (
        server.frozen(),
        pytest.raises(errors.DidNotAnswer, match="within 1 s"),
        visit(server, tls_mode=tls_mode, connect_timeout_s=1),
    ):
        pass


@pytest.fixture
def broken_table(server: PrivateMariadb) -> str:
    """The database `shop`, in which the partitioned table `parted` cannot be opened."""
    server.execute("CREATE DATABASE shop")
    server.execute("CREATE TABLE shop.whole (id int) ENGINE=MyISAM")
    server.execute(
        "CREATE TABLE shop.parted (id int) ENGINE=MyISAM PARTITION BY HASH (id) PARTITIONS 2"
    )
    server.execute("FLUSH TABLES")
    (server.data / "shop" / "parted#P#p1.MYI").unlink()
    return "parted"


def test_a_database_with_a_table_that_cannot_be_opened_is_not_told_as_smaller(
    server: PrivateMariadb, broken_table: str
) -> None:
    server.execute("CREATE DATABASE IF NOT EXISTS sound")
    with visit(server) as session:
        sizes = {size.name: size for size in session.database_sizes(largest_tables=3)}
    assert sizes["sound"].total_bytes == 0
    assert sizes["shop"].total_bytes is None
    assert broken_table in sizes["shop"].problem
    assert "parted.MYI" in sizes["shop"].problem
    assert sizes["shop"].largest_tables == ()


def test_a_partitioned_table_that_cannot_be_opened_leaves_its_database_unread(
    server: PrivateMariadb, broken_table: str
) -> None:
    server.execute("CREATE TABLE shop.sound (id int) PARTITION BY HASH (id) PARTITIONS 2")
    with visit(server) as session:
        listing = session.partitions()
    assert [table.name for table in listing.tables] == ["sound"]
    assert list(listing.unread) == ["shop"]
    assert broken_table in listing.unread["shop"]


@pytest.fixture
def let_go(server: PrivateMariadb, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """Lets go of the partitioned table `shop.parted`, which is locked exclusively until then."""
    monkeypatch.setattr("jobs.estate.adapters.mysql_connection.LOCK_TIMEOUT_S", 1)
    server.execute("CREATE DATABASE shop")
    server.execute("DO GET_LOCK('shop', 0)")
    with server.connect() as other, other.cursor() as cursor, ThreadPoolExecutor(1) as pool:
        held = pool.submit(
            cursor.execute,
            "CREATE TABLE shop.parted (id int) ENGINE=MyISAM PARTITION BY HASH (id) PARTITIONS 2"
            " AS SELECT GET_LOCK('shop', 60) AS id",
        )

        def let_go() -> None:
            server.execute("DO RELEASE_LOCK('shop')")
            held.result()

        waiting = "SELECT 1 FROM information_schema.PROCESSLIST WHERE STATE = 'User lock'"
        while not server.execute(waiting):
            assert not held.done()
        yield let_go
        let_go()


def test_what_is_locked_for_long_leaves_its_database_unread(
    server: PrivateMariadb, let_go: Callable[[], None]
) -> None:
    with visit(server) as session:
        listing = session.partitions()
        sizes = {size.name: size for size in session.database_sizes(include_system=True)}
    assert "parted" in listing.unread["shop"]
    assert "Lock wait timeout" in listing.unread["shop"]
    assert sizes["shop"].total_bytes is None
    assert "Lock wait timeout" in sizes["shop"].problem


def test_what_is_locked_for_a_moment_is_read_all_the_same(
    server: PrivateMariadb, let_go: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    look = mysql_partitions.unopened_tables

    def look_later(connection: Any) -> Any:
        let_go()
        return look(connection)

    monkeypatch.setattr(mysql_partitions, "unopened_tables", look_later)
    with visit(server) as session:
        listing = session.partitions()
    assert [table.name for table in listing.tables] == ["parted"]
    assert not listing.unread


def test_warnings_that_nothing_explains_fail_the_listing(
    server: PrivateMariadb, broken_table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mysql_partitions, "unopened_tables", lambda connection: {})
    with visit(server) as session, pytest.raises(errors.InstanceError, match="parted"):
        session.partitions()


def test_privileges_that_the_server_does_not_know_are_not_told(server: PrivateMariadb) -> None:
    """MariaDB's installer gives mysql@localhost all 64 bits."""
    server.execute(
        "INSERT INTO mysql.global_priv (User, Host, Priv)"
        """ VALUES ('installer', '%', '{"access":18446744073709551615}')"""
    )
    try:
        with visit(server) as session:
            accounts = {account.name: account for account in session.accounts().accounts}
    finally:
        server.execute("DELETE FROM mysql.global_priv WHERE User = 'installer'")
    words = {name: {grant.privilege for grant in accounts[name].grants} for name in accounts}
    assert words["installer"] == words["root"] - {"PROXY"}
    assert "SHOW CREATE ROUTINE" not in words["installer"]


def test_twenty_thousand_accounts_are_read_in_a_handful_of_statements(
    server: PrivateMariadb,
) -> None:
    server.execute(
        "INSERT INTO mysql.global_priv (User, Host, Priv)"
        """ SELECT CONCAT('crowd_', seq), '%%', '{"access":1,"plugin":"ed25519"}'"""
        " FROM mysql.seq_1_to_20000"
    )
    server.execute(
        "INSERT INTO mysql.db (User, Host, Db, Select_priv)"
        " SELECT CONCAT('crowd_', seq), '%%', 'shop', 'Y' FROM mysql.seq_1_to_20000"
    )
    asked = 0
    try:
        with visit(server) as session:
            execute = session._connection.execute

            def count(statement: str, params: Any = ()) -> Any:
                nonlocal asked
                asked += 1
                return execute(statement, params)

            session._connection.execute = count
            accounts = session.accounts().accounts
    finally:
        for table in ("global_priv", "db"):
            server.execute(f"DELETE FROM mysql.{table} WHERE User LIKE 'crowd\\_%%'")
    crowd = [account for account in accounts if account.name.startswith("crowd_")]
    assert len(crowd) == 20_000
    assert {len(account.grants) for account in crowd} == {2}
    assert asked < 15


def test_five_thousand_partitions_are_read_in_a_handful_of_statements(
    server: PrivateMariadb,
) -> None:
    bounds = ", ".join(f"PARTITION p{n} VALUES LESS THAN ({n})" for n in range(1, 5001))
    server.execute("CREATE DATABASE shop")
    server.execute(
        f"CREATE TABLE shop.parted (id int) ENGINE=MEMORY PARTITION BY RANGE (id) ({bounds})"
    )
    with visit(server) as session:
        [table] = session.partitions().tables
    assert len(table.partitions) == 5000
    assert (table.partitions[-1].lower, table.partitions[-1].upper) == (4999, 5000)
