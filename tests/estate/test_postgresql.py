"""What is PostgreSQL's own: rights, system databases, timeouts and every kind of refusal."""

from __future__ import annotations

import select
import socket
import threading
import uuid
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import psycopg
import pytest

from jobs.estate.adapters import errors, postgresql_connection, postgresql_sizes
from jobs.estate.adapters.postgresql import PostgresqlAdapter
from jobs.estate.adapters.postgresql_connection import why
from jobs.estate.adapters.postgresql_databases import list_databases
from tests.estate.conftest import POSTGRES, PostgresServer
from tests.estate.postgresql import to, visit

pytestmark = pytest.mark.once


def test_the_measured_size_is_what_pg_database_size_says(postgres: PostgresServer) -> None:
    name = postgres.make_database()
    with visit(to()) as session:
        sizes = {size.name: size for size in session.database_sizes()}
    assert sizes[name].total_bytes == postgres.size_of(name)
    assert sizes[name].data_bytes
    assert sizes[name].index_bytes
    assert not sizes[name].largest_tables, "they were not asked for"
    assert sizes[name].wal_bytes is None, "the log belongs to the server"


def test_system_databases_are_marked_and_left_out_by_default(postgres: PostgresServer) -> None:
    with visit(to()) as session:
        plain = {size.name for size in session.database_sizes()}
        system = {
            size.name for size in session.database_sizes(include_system=True) if size.is_system
        }
    assert {"template0", "template1"} <= system
    assert not plain & system


def test_a_database_without_the_right_is_told_as_not_measurable(postgres: PostgresServer) -> None:
    hidden, role = postgres.make_database(), postgres.make_role()
    postgres.execute("REVOKE CONNECT ON DATABASE {} FROM PUBLIC", hidden)
    with visit(to(username=role)) as session:
        sizes = {size.name: size for size in session.database_sizes()}
        info = session.server_info()
    assert sizes[hidden].total_bytes is None
    assert hidden in sizes[hidden].problem
    assert "pg_read_all_stats" in sizes[hidden].problem
    assert sizes["postgres"].total_bytes
    assert info.wal_bytes is None

    postgres.execute("GRANT pg_monitor TO {}", role)
    with visit(to(username=role)) as session:
        sizes = {size.name: size for size in session.database_sizes()}
        info = session.server_info()
    assert sizes[hidden].total_bytes == postgres.size_of(hidden)
    assert info.wal_bytes


@pytest.mark.parametrize("is_superuser", [True, False])
def test_a_database_dropped_while_being_measured_is_left_out(
    postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch, is_superuser: bool
) -> None:
    username = POSTGRES["user"] if is_superuser else postgres.make_role()
    doomed, other = postgres.make_database(), postgres.make_database()
    with visit(to(username=username)) as session:
        listed = list_databases(session._home)
        postgres.drop_database(doomed)
        monkeypatch.setattr(postgresql_sizes, "list_databases", lambda home: listed)
        names = {size.name for size in session.database_sizes()}
    assert other in names
    assert doomed not in names


@pytest.mark.parametrize("connected_to", ["", "postgres"])
def test_a_locked_table_costs_the_parts_and_not_the_total(
    postgres: PostgresServer, connected_to: str
) -> None:
    name = postgres.make_database()
    postgres.run_in(name, "CREATE TABLE word (id int)")
    with psycopg.connect(**POSTGRES, dbname=name) as busy:
        busy.execute("LOCK TABLE word IN ACCESS EXCLUSIVE MODE")
        with visit(to(connected_to or name)) as session:
            [own] = [size for size in session.database_sizes() if size.name == name]
    assert own.total_bytes
    assert own.data_bytes is None
    assert own.index_bytes is None
    assert "locked" in own.problem


def test_the_server_ends_a_statement_that_takes_too_long(postgres: PostgresServer) -> None:
    with visit(to(statement_timeout_s=1)) as session:
        session._home.rows("SELECT 1")
        with pytest.raises(psycopg.errors.QueryCanceled):
            session._home.rows("SELECT pg_sleep(60)")


def test_it_is_seen_as_schedcore_in_a_read_only_transaction(postgres: PostgresServer) -> None:
    with visit(to()) as session:
        [row] = session._home.rows(
            "SELECT current_setting('application_name'), current_setting('transaction_read_only'),"
            " current_setting('statement_timeout') <> '0'"
        )
    assert row == ("schedcore", "on", True)


@pytest.mark.parametrize(
    ("changes", "kind", "says"),
    [
        ({"host": "no.such.host.invalid"}, errors.NameNotFound, "no.such.host.invalid"),
        ({"host": "x" * 70 + ".invalid"}, errors.NameNotFound, "xxx"),
        ({"port": 1}, errors.Refused, "port 1"),
        ({"host": "/nonexistent"}, errors.Refused, "/nonexistent"),
        ({"tls_mode": "require"}, errors.TlsFailed, "SSL"),
        ({"tls_mode": "verify-full"}, errors.TlsFailed, "SSL"),
        ({"username": "nobody-at-all"}, errors.LoginFailed, "nobody-at-all"),
        ({"database": "password ssl"}, errors.DatabaseNotFound, "password ssl"),
    ],
)
def test_what_hinders_the_connection_is_said_in_words(
    postgres: PostgresServer, changes: dict[str, Any], kind: type[Exception], says: str
) -> None:
    with pytest.raises(kind, match=says) as caught, visit(to(**changes)):
        pass
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_login_without_connect_is_told_which_right_it_lacks(postgres: PostgresServer) -> None:
    hidden, role = postgres.make_database(), postgres.make_role()
    postgres.execute("REVOKE CONNECT ON DATABASE {} FROM PUBLIC", hidden)
    with (
        pytest.raises(errors.RightsMissing, match=f"CONNECT on database {hidden}"),
        visit(to(hidden, username=role)),
    ):
        pass


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ('FATAL:  password authentication failed for user "root"', errors.LoginFailed),
        ("fe_sendauth: no password supplied", errors.LoginFailed),
        ('FATAL:  no pg_hba.conf entry for host "::1", no encryption', errors.LoginFailed),
        ("SSL error: certificate verify failed", errors.TlsFailed),
        ('root certificate file "/x" does not exist', errors.TlsFailed),
        ("connection failed: No route to host", errors.Unreachable),
        ("server closed the connection unexpectedly", errors.ConnectionLost),
        ("FATAL:  sorry, too many clients already", errors.InstanceError),
    ],
)
def test_refusals_that_this_machine_cannot_make_are_known_by_their_words(
    words: str, kind: type[errors.InstanceError]
) -> None:
    assert type(why(to(), psycopg.OperationalError(words))) is kind


def test_of_a_failed_login_only_the_servers_own_words_are_shown() -> None:
    said = psycopg.OperationalError('connection to "db" failed: FATAL:  role "x" does not exist')
    assert why(to(), said).message.endswith('The server says: role "x" does not exist')


def test_what_a_server_says_is_shown_without_the_password() -> None:
    said = psycopg.OperationalError("FATAL: strange\n hunter2-hunter2 things")
    assert why(to(), said).message == "FATAL: strange *** things"


class StuckProxy:
    """Stands before the server and, when told to, hands on nothing any more."""

    def __init__(self) -> None:
        self.is_stuck = threading.Event()
        self._is_over = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        client, _address = self._listener.accept()
        with client, socket.create_connection((POSTGRES["host"], POSTGRES["port"])) as server:
            peers = {client: server, server: client}
            while not self._is_over.is_set():
                readable = select.select(list(peers), [], [], 0.05)[0]
                for ready in [] if self.is_stuck.is_set() else readable:
                    peers[ready].sendall(ready.recv(65536))

    def close(self) -> None:
        self._is_over.set()
        self._thread.join()
        self._listener.close()


@pytest.fixture
def stuck_proxy(postgres: PostgresServer) -> Iterator[StuckProxy]:
    with closing(StuckProxy()) as proxy:
        yield proxy


def test_a_server_that_freezes_in_mid_visit_is_left_when_the_time_is_over(
    stuck_proxy: StuckProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs.estate.adapters.postgresql_connection.CLIENT_SLACK_S", 0.1)
    target = to(port=stuck_proxy.port, statement_timeout_s=1, connect_timeout_s=2)
    with visit(target) as session:
        stuck_proxy.is_stuck.set()
        with pytest.raises(errors.DidNotAnswer, match="within 3 s"):
            session.database_sizes()


def test_a_server_that_goes_away_in_mid_visit_is_a_lost_connection(
    postgres: PostgresServer,
) -> None:
    with visit(to()) as session:
        [(pid,)] = session._home.rows("SELECT pg_backend_pid()")
        postgres.execute(f"SELECT pg_terminate_backend({pid})")
        with pytest.raises(errors.ConnectionLost):
            session.database_sizes()


def test_a_password_of_the_process_is_never_sent_to_an_instance(
    postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPASSWORD", "of-the-process")
    monkeypatch.setenv("PGOPTIONS", "-c search_path=nonsense")
    with visit(to(password="")) as session:
        assert session._connection.info.password == ""
        assert session._home.rows("SHOW search_path") == [("pg_catalog",)]


def test_a_server_older_than_supported_is_said(
    postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql_connection, "OLDEST", 99)
    for connect in (PostgresqlAdapter().connect, PostgresqlAdapter().connect_to_change):
        with (
            pytest.raises(errors.TooOld, match=r"PostgreSQL \d+\.\d+.* too old; 99 is"),
            connect(to()),
        ):
            pass


def test_the_servers_zone_is_told_and_not_the_one_that_is_read_in(
    postgres: PostgresServer,
) -> None:
    database = postgres.make_database()
    postgres.execute("ALTER DATABASE {} SET TimeZone = 'Asia/Tokyo'", database)
    with visit(to(database)) as session:
        assert session.server_info().timezone == "Asia/Tokyo"
        assert session._home.rows("SHOW timezone") == [("UTC",)]


def test_names_stay_as_they_are_when_two_differ_in_case_only(postgres: PostgresServer) -> None:
    tail = uuid.uuid4().hex
    for name in (f"Sales_{tail}", f"sales_{tail}"):
        postgres.make_database(name)
    with visit(to()) as session:
        names = {size.name for size in session.database_sizes()}
    assert {f"Sales_{tail}", f"sales_{tail}"} <= names
