"""What is MariaDB's and MySQL's own: rights, sizes, timeouts and every kind of refusal."""

from __future__ import annotations

import time
import uuid
from dataclasses import replace
from typing import Any

import pymysql
import pytest

from jobs.estate.adapters import errors, mysql_connection, mysql_sizes
from jobs.estate.adapters.base import ConnectionTarget, DatabaseSize
from jobs.estate.adapters.mysql import MysqlAdapter
from jobs.estate.adapters.mysql_connection import quoted, require_supported
from tests.estate.conftest import MARIADB, MariadbServer

pytestmark = pytest.mark.once


def to(database: str = "", **changes: Any) -> ConnectionTarget:
    target = ConnectionTarget(
        "mysql",
        database,
        host=MARIADB["host"],
        port=MARIADB["port"],
        username=MARIADB["user"],
        tls_mode="disable",
    )
    return replace(target, **changes)


def visit(target: ConnectionTarget) -> Any:
    return MysqlAdapter().connect(target)


def sizes_for(username: str, **asked: Any) -> dict[str, DatabaseSize]:
    with visit(to(username=username)) as session:
        return {size.name: size for size in session.database_sizes(**asked)}


def make_table(mariadb: MariadbServer, database: str, name: str = "word", rows: int = 0) -> None:
    table = quoted(database, name)
    mariadb.execute(f"CREATE TABLE {table} (id int PRIMARY KEY, text varchar(500), KEY (text))")
    if rows:
        numbers = quoted(database, f"seq_1_to_{rows}")
        mariadb.execute(f"INSERT INTO {table} SELECT seq, repeat(seq, 60) FROM {numbers}")
        mariadb.execute(f"ANALYZE TABLE {table}")


def test_the_sizes_are_what_information_schema_says(mariadb: MariadbServer) -> None:
    name = mariadb.make_database()
    make_table(mariadb, name, "word", rows=5000)
    make_table(mariadb, name, "other")
    mariadb.execute(f"CREATE VIEW {quoted(name, 'seen')} AS SELECT 1")
    [(data_bytes, index_bytes)] = mariadb.execute(
        "SELECT SUM(DATA_LENGTH), SUM(INDEX_LENGTH) FROM information_schema.TABLES"
        " WHERE TABLE_SCHEMA = %s",
        name,
    )
    own = sizes_for("root")[name]
    assert own.data_bytes == data_bytes > 1_000_000
    assert own.index_bytes == index_bytes > 1_000_000
    assert own.total_bytes == data_bytes + index_bytes
    assert own.wal_bytes is None, "the log belongs to the server"


def test_a_database_without_tables_is_one_of_zero_bytes(mariadb: MariadbServer) -> None:
    name = mariadb.make_database()
    own = sizes_for("root")[name]
    assert (own.total_bytes, own.data_bytes, own.index_bytes, own.problem) == (0, 0, 0, "")


def test_the_largest_tables_are_told_when_asked_for(mariadb: MariadbServer) -> None:
    name = mariadb.make_database()
    for table, rows in (("small", 10), ("größte `1`", 3000), ("middle", 500)):
        make_table(mariadb, name, table, rows)
    own = sizes_for("root", largest_tables=2)[name]
    assert [table.name for table in own.largest_tables] == ["größte `1`", "middle"]
    assert {table.schema for table in own.largest_tables} == {""}
    first, second = (table.total_bytes for table in own.largest_tables)
    assert own.total_bytes is not None
    assert own.total_bytes > first + second
    assert first > second > 0
    assert sizes_for("root")[name].largest_tables == ()


def test_system_databases_are_marked_and_left_out_by_default(mariadb: MariadbServer) -> None:
    with_system = sizes_for("root", include_system=True)
    system = {name for name, size in with_system.items() if size.is_system}
    assert system == {"mysql", "information_schema", "performance_schema", "sys"}
    assert not system & set(sizes_for("root"))


def test_databases_whose_names_differ_in_case_only_are_two(mariadb: MariadbServer) -> None:
    tail = uuid.uuid4().hex
    upper = mariadb.make_database(f"Sales_{tail}")
    lower = mariadb.make_database(f"sales_{tail}")
    make_table(mariadb, upper, rows=2000)
    found = sizes_for("root", largest_tables=1)
    assert found[upper].total_bytes
    assert found[upper].largest_tables
    assert found[lower].total_bytes == 0


def test_a_database_without_the_right_is_told_as_not_measurable(mariadb: MariadbServer) -> None:
    seen, hidden = mariadb.make_database(), mariadb.make_database()
    make_table(mariadb, seen, rows=100)
    make_table(mariadb, hidden, rows=100)
    user = mariadb.make_user("SHOW DATABASES ON *.*", f"SELECT ON {quoted(seen)}.*")
    found = sizes_for(user)
    assert found[seen].total_bytes == sizes_for("root")[seen].total_bytes
    assert found[hidden].total_bytes is None
    assert found[hidden].data_bytes is None
    assert hidden in found[hidden].problem
    assert "SELECT" in found[hidden].problem


@pytest.mark.parametrize(
    "grant", ["SELECT ON {}.word", "SELECT (id) ON {}.word", "EXECUTE ON {}.*"]
)
def test_a_database_that_is_seen_in_part_is_never_told_as_smaller(
    mariadb: MariadbServer, grant: str
) -> None:
    name = mariadb.make_database()
    make_table(mariadb, name, "word", rows=100)
    make_table(mariadb, name, "other", rows=1000)
    user = mariadb.make_user("SHOW DATABASES ON *.*", grant.format(quoted(name)))
    other = mariadb.make_database()
    mariadb.execute(f"GRANT SELECT ON {quoted(other)}.* TO {quoted(user)}")
    own = sizes_for(user)[name]
    assert own.total_bytes is None
    assert own.problem


@pytest.mark.parametrize("grant", ["SELECT", "REFERENCES", "INSERT"])
def test_any_right_on_the_tables_of_the_server_measures_them_all(
    mariadb: MariadbServer, grant: str
) -> None:
    name = mariadb.make_database()
    make_table(mariadb, name, rows=100)
    own = sizes_for(mariadb.make_user(f"{grant} ON *.*"))[name]
    assert own.total_bytes == sizes_for("root")[name].total_bytes


def test_rights_from_a_role_within_a_role_count(mariadb: MariadbServer) -> None:
    name = mariadb.make_database()
    make_table(mariadb, name, rows=100)
    inner = mariadb.make_role("SHOW DATABASES ON *.*", f"SELECT ON {quoted(name)}.*")
    outer = mariadb.make_role(quoted(inner))
    user = mariadb.make_user(quoted(outer))
    mariadb.execute(f"SET DEFAULT ROLE {quoted(outer)} FOR {quoted(user)}")
    assert sizes_for(user)[name].total_bytes == sizes_for("root")[name].total_bytes


def test_without_show_databases_nothing_is_listed_lest_the_hidden_count_as_dropped(
    mariadb: MariadbServer,
) -> None:
    user = mariadb.make_user(f"SELECT ON {quoted(mariadb.make_database())}.*")
    with pytest.raises(errors.RightsMissing, match=r"SHOW DATABASES on \*\.\*"):
        sizes_for(user)


@pytest.mark.parametrize("grant", ["SELECT ON *.*", "SHOW DATABASES ON *.*"])
def test_a_database_dropped_while_being_measured_is_left_out(
    mariadb: MariadbServer, monkeypatch: pytest.MonkeyPatch, grant: str
) -> None:
    doomed, other = mariadb.make_database(), mariadb.make_database()
    user = mariadb.make_user(grant)
    mariadb.execute(f"GRANT SELECT ON {quoted(other)}.* TO {quoted(user)}")
    measure = mysql_sizes._measure

    def measure_and_drop(*given: Any) -> Any:
        measured = measure(*given)
        mariadb.drop_database(doomed)
        return measured

    monkeypatch.setattr(mysql_sizes, "_measure", measure_and_drop)
    names = set(sizes_for(user))
    assert other in names
    assert doomed not in names


def test_a_database_dropped_while_the_right_to_it_is_looked_for_is_left_out(
    mariadb: MariadbServer,
) -> None:
    doomed, user = mariadb.make_database(), mariadb.make_user("SHOW DATABASES ON *.*")
    kept = mariadb.make_database()
    for name in (doomed, kept):
        mariadb.execute(f"GRANT SELECT ON {quoted(name)}.* TO {quoted(user)}")
    with visit(to(username=user)) as session:
        execute = session._connection.execute

        def drop_once_listed(statement: str, params: Any = ()) -> Any:
            rows = execute(statement, params)
            if "SCHEMATA" in statement:
                mariadb.drop_database(doomed)
            return rows

        session._connection.execute = drop_once_listed
        names = {size.name for size in session.database_sizes()}
    assert kept in names
    assert doomed not in names


def test_many_databases_are_measured_in_two_statements_when_rights_are_on_all(
    mariadb: MariadbServer,
) -> None:
    names = {mariadb.make_database() for _ in range(100)}
    with visit(to()) as session:
        asked: list[str] = []
        execute = session._connection.execute

        def note(statement: str, params: Any = ()) -> Any:
            asked.append(statement)
            return execute(statement, params)

        session._connection.execute = note
        found = {size.name for size in session.database_sizes(largest_tables=10)}
    assert names <= found
    assert len([text for text in asked if "information_schema" in text]) == 2


def test_the_server_tells_product_version_and_zone(mariadb: MariadbServer) -> None:
    with visit(to()) as session:
        info = session.server_info()
    [(version,)] = mariadb.execute("SELECT VERSION()")
    number, _, product = info.version.partition(" ")
    assert version.startswith(f"{number}-")
    assert product == "(MariaDB)"
    [(zone,)] = mariadb.execute("SELECT @@system_time_zone")
    assert info.timezone == zone


def test_a_server_older_than_supported_is_said_so(
    mariadb: MariadbServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(mysql_connection.OLDEST, "MariaDB", (99, 1))
    with (
        pytest.raises(errors.TooOld, match=r"MariaDB 10\.\S+ is too old; 99\.1 is the oldest"),
        visit(to()),
    ):
        pass


@pytest.mark.parametrize(
    ("product", "version", "number"),
    [
        ("MySQL", "8.0.36-0ubuntu0.22.04.1", "8.0.36"),
        ("MySQL", "8.4.0", "8.4.0"),
        ("MySQL", "9.1.0-commercial", "9.1.0"),
        ("MariaDB", "10.5.29-MariaDB-log", "10.5.29"),
        ("MariaDB", "11.4.2-MariaDB", "11.4.2"),
    ],
)
def test_supported_versions_are_known_by_their_number(
    product: str, version: str, number: str
) -> None:
    assert require_supported(product, version) == number


@pytest.mark.parametrize(
    ("product", "version"),
    [("MySQL", "5.7.44-log"), ("MySQL", "5.5.62"), ("MariaDB", "10.4.34-MariaDB")],
)
def test_unsupported_versions_are_refused(product: str, version: str) -> None:
    with pytest.raises(errors.TooOld, match=product):
        require_supported(product, version)


def test_a_visit_is_a_read_only_transaction_whose_statements_are_limited(
    mariadb: MariadbServer,
) -> None:
    with visit(to()) as session:
        [row] = session._connection.execute(
            "SELECT @@tx_read_only, @@max_statement_time > 0, @@in_transaction,"
            " @@character_set_connection, @@local.lock_wait_timeout"
        )
    assert row == (1, 1, 1, "utf8mb4", mysql_connection.LOCK_TIMEOUT_S)


def test_after_a_lock_has_been_let_go_it_still_cannot_write(mariadb: MariadbServer) -> None:
    name = mariadb.make_database()
    make_table(mariadb, name)
    with visit(to(name)) as session:
        session._connection.release()
        session._connection.execute("COMMIT")
        with pytest.raises(pymysql.err.OperationalError, match="READ ONLY"):
            session._connection.execute("INSERT INTO word (id) VALUES (1)")


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT COUNT(*) FROM seq_1_to_1000000 AS a, seq_1_to_1000000 AS b WHERE a.seq + b.seq < 0",
        "SELECT BENCHMARK(1000000000000, MD5('a'))",  # ends without an error when it is cut off
    ],
)
def test_the_server_ends_a_statement_that_takes_too_long(
    mariadb: MariadbServer, statement: str
) -> None:
    user = mariadb.make_user("SELECT ON *.*")
    with visit(to("mysql", username=user, statement_timeout_s=1)) as session:
        with pytest.raises(errors.DidNotAnswer, match="within 6 s"), session._connection.in_words():
            session._connection.execute(statement)
        assert not session._connection._hang_up.has_struck, "the server was quicker"
        running = "SELECT 1 FROM information_schema.PROCESSLIST WHERE USER = %s AND INFO <> ''"
        deadline = time.monotonic() + 10
        while mariadb.execute(running, user):
            assert time.monotonic() < deadline


def test_when_the_time_is_over_nothing_more_is_asked(mariadb: MariadbServer) -> None:
    with visit(to()) as session:
        session._connection._ends_at = 0.0
        with pytest.raises(errors.DidNotAnswer, match="within 35 s"):
            session.database_sizes()


def test_no_rights_are_missing_to_who_may_read_everything(mariadb: MariadbServer) -> None:
    user = mariadb.make_user("SELECT, SHOW DATABASES, BINLOG MONITOR ON *.*")
    with visit(to(username=user)) as session:
        assert session.missing_rights() == []


@pytest.mark.parametrize(
    ("grants", "missing"),
    [
        ([], {"SHOW DATABASES on *.*", "SELECT on mysql.*"}),
        (["SHOW DATABASES ON *.*"], {"SELECT on *.*", "SELECT on mysql.*"}),
        (["SHOW DATABASES, SHOW VIEW ON *.*"], {"SELECT on *.*", "SELECT on mysql.*"}),
        (["REFERENCES ON *.*"], {"SELECT on mysql.*"}),
        (["REFERENCES ON *.*", "SELECT ON mysql.*"], set()),
    ],
)
def test_each_right_that_is_missing_is_told(
    mariadb: MariadbServer, grants: list[str], missing: set[str]
) -> None:
    mariadb.make_database()
    user = mariadb.make_user(*grants)
    with visit(to(username=user)) as session:
        assert {right.right for right in session.missing_rights()} == missing


def test_a_single_catalog_table_that_is_missing_is_named(mariadb: MariadbServer) -> None:
    readable = ("global_priv", "db", "tables_priv", "columns_priv", "procs_priv", "proxies_priv")
    user = mariadb.make_user("REFERENCES ON *.*", *(f"SELECT ON mysql.{name}" for name in readable))
    with visit(to(username=user)) as session:
        [missing] = session.missing_rights()
    assert missing.right == "SELECT on mysql.roles_mapping"
    assert missing.purpose == "accounts"
