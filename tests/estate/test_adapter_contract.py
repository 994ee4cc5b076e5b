"""What every adapter promises, against real servers and files."""

from __future__ import annotations

import sqlite3
import time
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import FrozenInstanceError, replace
from pathlib import Path
from typing import Any

import psycopg
import pymysql
import pytest

from jobs.estate.adapters.base import ConnectionTarget, DatabaseSize, Session
from jobs.estate.adapters.errors import EmptyListing, InstanceError, NothingMeasured
from jobs.estate.adapters.mysql_connection import quoted
from jobs.estate.adapters.registry import all_adapters, get_adapter
from tests.estate.conftest import MARIADB, POSTGRES, MariadbServer, PostgresServer

pytestmark = pytest.mark.once

PASSWORD = "correct horse battery staple"


class SqliteWorld:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def make_database(self, name: str) -> ConnectionTarget:
        path = self.folder / name
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("CREATE TABLE word (id INTEGER PRIMARY KEY, text TEXT)")
            connection.execute("CREATE INDEX word_text ON word (text)")
        return ConnectionTarget("sqlite", str(path), folders=(self.folder,))

    def grow(self, target: ConnectionTarget) -> None:
        with closing(sqlite3.connect(target.database)) as connection, connection:
            rows = ((f"{number:0500}",) for number in range(2000))
            connection.executemany("INSERT INTO word (text) VALUES (?)", rows)

    def absent(self) -> ConnectionTarget:
        return ConnectionTarget("sqlite", str(self.folder / "absent"), folders=(self.folder,))

    def require_closed(self, target: ConnectionTarget) -> None:
        with closing(sqlite3.connect(target.database, timeout=0, isolation_level=None)) as alone:
            alone.execute("BEGIN EXCLUSIVE")  # refused while somebody reads


class PostgresqlWorld:
    def __init__(self, server: PostgresServer) -> None:
        self.server = server

    def make_database(self, name: str) -> ConnectionTarget:
        self.server.make_database(name)
        self.server.run_in(name, "CREATE TABLE word (id int, text text)")
        self.server.run_in(name, "CREATE INDEX ON word (text)")
        return self._target(name)

    def grow(self, target: ConnectionTarget) -> None:
        rows = "SELECT n, repeat(n::text, 100) FROM generate_series(1, 20000) n"
        self.server.run_in(target.database, f"INSERT INTO word {rows}")

    def absent(self) -> ConnectionTarget:
        return self._target(f"absent_{uuid.uuid4().hex}")

    def require_closed(self, target: ConnectionTarget) -> None:
        self.server.drop_database(target.database)  # refused while somebody is connected

    def _target(self, database: str) -> ConnectionTarget:
        return ConnectionTarget(
            "postgresql",
            database,
            host=POSTGRES["host"],
            port=POSTGRES["port"],
            username=POSTGRES["user"],
            password=PASSWORD,
            tls_mode="disable",
        )


class MysqlWorld:
    def __init__(self, server: MariadbServer) -> None:
        self.server = server
        self.username = server.make_user(
            "SELECT, CREATE, SHOW DATABASES ON *.*", identified=f"BY '{PASSWORD}'"
        )

    def make_database(self, name: str) -> ConnectionTarget:
        self.server.make_database(name)
        self.server.execute(
            f"CREATE TABLE {quoted(name, 'word')} (id int, text varchar(500), KEY (text))"
        )
        return self._target(name)

    def grow(self, target: ConnectionTarget) -> None:
        word = quoted(target.database, "word")
        numbers = quoted(target.database, "seq_1_to_10000")
        self.server.execute(f"INSERT INTO {word} SELECT seq, repeat(seq, 60) FROM {numbers}")
        self.server.execute(f"ANALYZE TABLE {word}")

    def absent(self) -> ConnectionTarget:
        return self._target(f"absent_{uuid.uuid4().hex}")

    def require_closed(self, target: ConnectionTarget) -> None:
        mine = "SELECT 1 FROM information_schema.PROCESSLIST WHERE USER = %s"
        deadline = time.monotonic() + 10
        while self.server.execute(mine, self.username):  # it notices the end a little later
            assert time.monotonic() < deadline

    def _target(self, database: str) -> ConnectionTarget:
        return ConnectionTarget(
            "mysql",
            database,
            host=MARIADB["host"],
            port=MARIADB["port"],
            username=self.username,
            password=PASSWORD,
            tls_mode="disable",
        )


@pytest.fixture(params=["sqlite", "postgresql", "mysql"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    if request.param == "sqlite":
        return SqliteWorld(tmp_path)
    if request.param == "mysql":
        return MysqlWorld(request.getfixturevalue("mariadb"))
    return PostgresqlWorld(request.getfixturevalue("postgres"))


@contextmanager
def visiting(target: ConnectionTarget) -> Iterator[Session]:
    with get_adapter(target.engine).connect(target) as session:
        yield session


def own_size(target: ConnectionTarget) -> DatabaseSize:
    name = Path(target.database).name
    with visiting(target) as session:
        [own] = [size for size in session.database_sizes() if size.name == name]
    return own


def test_every_engine_is_known_by_its_word_and_passes_this_suite() -> None:
    assert [adapter.engine for adapter in all_adapters()] == ["mysql", "postgresql", "sqlite"]


def test_the_server_tells_its_version(world: Any) -> None:
    target = world.make_database(f"estate_{uuid.uuid4().hex}")
    with visiting(target) as session:
        info = session.server_info()
    assert info.engine == target.engine
    assert info.version[0].isdigit()


@pytest.mark.parametrize(
    "name", ["Sales", "two words", 'quo"ted', "it's", "dot.ted", "größe_数据库", "100%", "a?b#c"]
)
def test_a_name_is_told_exactly_as_the_server_has_it(world: Any, name: str) -> None:
    name = f"{name}_{uuid.uuid4().hex}"
    assert own_size(world.make_database(name)).name == name


def test_parts_do_not_exceed_the_total(world: Any) -> None:
    target = world.make_database(f"estate_{uuid.uuid4().hex}")
    world.grow(target)
    size = own_size(target)
    assert size.total_bytes is not None
    assert size.data_bytes is not None
    assert size.index_bytes is not None
    assert 0 < size.index_bytes < size.total_bytes
    assert 0 < size.data_bytes <= size.total_bytes - size.index_bytes
    assert not size.is_system
    assert not size.problem


def test_a_database_that_grew_is_measured_bigger(world: Any) -> None:
    target = world.make_database(f"estate_{uuid.uuid4().hex}")
    before = own_size(target)
    world.grow(target)
    after = own_size(target)
    assert before.total_bytes is not None
    assert after.total_bytes is not None
    assert after.total_bytes > before.total_bytes + 1_000_000


def test_a_visit_cannot_write(world: Any) -> None:
    target = world.make_database(f"estate_{uuid.uuid4().hex}")
    refusals = (
        sqlite3.OperationalError,
        psycopg.errors.ReadOnlySqlTransaction,
        pymysql.err.OperationalError,
    )
    with visiting(target) as session, pytest.raises(refusals, match=r"(?i)read.?only"):
        session._connection.execute("CREATE TABLE intruder (id int)")  # type: ignore[attr-defined]


def test_a_visit_that_ends_well_or_badly_leaves_no_connection_open(world: Any) -> None:
    target = world.make_database(f"estate_{uuid.uuid4().hex}")
    own_size(target)
    with pytest.raises(ZeroDivisionError), visiting(target):
        raise ZeroDivisionError
    world.require_closed(target)


def test_what_is_absent_is_an_error_in_words_that_hold_no_password(world: Any) -> None:
    target = world.absent()
    with pytest.raises(InstanceError) as caught, visiting(target):
        pass
    assert target.database in caught.value.message
    assert PASSWORD not in caught.value.message
    assert caught.value.code != InstanceError.code


def test_a_target_is_frozen_and_never_shows_its_password(world: Any) -> None:
    target = replace(world.absent(), password=PASSWORD)
    assert PASSWORD not in f"{target} {target!r}"
    with pytest.raises(FrozenInstanceError):
        target.password = "other"


@pytest.mark.parametrize(
    ("sizes", "kind"),
    [
        ([], EmptyListing),
        ([DatabaseSize("template1", 1, is_system=True)], EmptyListing),
        ([DatabaseSize("secret", None, problem="no right")], NothingMeasured),
    ],
)
def test_a_listing_without_one_measured_database_is_an_error(
    world: Any, monkeypatch: pytest.MonkeyPatch, sizes: list[DatabaseSize], kind: type[Exception]
) -> None:
    target = world.make_database(f"estate_{uuid.uuid4().hex}")
    with visiting(target) as session:
        monkeypatch.setattr(type(session), "_read_sizes", lambda self, largest_tables: sizes)
        with pytest.raises(kind):
            session.database_sizes()
