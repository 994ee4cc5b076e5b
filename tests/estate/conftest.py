"""Real servers and files, and settings that let instances be made of them."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pymysql
import pytest
from cryptography.fernet import Fernet
from psycopg import sql

from jobs.estate.adapters import (
    postgresql_databases,
    postgresql_rights,
    postgresql_sizes,
    registry,
)
from jobs.estate.adapters.mysql_connection import quoted
from jobs.estate.adapters.postgresql_databases import DatabaseEntry, list_databases
from jobs.estate.adapters.registry import find_adapter
from jobs.estate.models import DatabaseInstance
from jobs.registry import executing
from tests.estate.fake_partitions import FakePartitions
from tests.estate.fakes import FakeAdapter, NotedExecution
from tests.estate.mariadbd import PrivateMariadb

POSTGRES = {"host": "127.0.0.1", "port": 5432, "user": "root"}
MARIADB = {"host": "127.0.0.1", "port": 3306, "user": "root"}


@pytest.fixture
def folder(tmp_path: Path, scheduler_settings: Callable[..., Any]) -> Path:
    """A folder below which SQLite files may lie; a credentials key is set too."""
    permitted = tmp_path / "permitted"
    permitted.mkdir()
    scheduler_settings(
        sqlite_folders=(permitted,), credentials_keys=(Fernet.generate_key().decode(),)
    )
    return permitted


class PostgresServer:
    """The server of this machine, through its superuser."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        self._made: list[tuple[str, str]] = []

    def execute(self, statement: str, *names: str) -> list[Any]:
        composed = sql.SQL(statement).format(*map(sql.Identifier, names))
        cursor = self._connection.execute(composed)
        return cursor.fetchall() if cursor.description else []

    def make_database(self, name: str = "", template: str = "template0") -> str:
        name = name or f"estate_{uuid.uuid4().hex}"
        self.execute("CREATE DATABASE {} TEMPLATE {}", name, template)
        self._made.append(("DATABASE", name))
        return name

    def drop_database(self, name: str) -> None:
        self.execute("DROP DATABASE IF EXISTS {}", name)

    def make_role(self, name: str = "", options: str = "LOGIN") -> str:
        name = name or f"estate_{uuid.uuid4().hex}"
        self.execute(f"CREATE ROLE {{}} {options}", name)
        self._made.append(("ROLE", name))
        return name

    def run_in(self, database: str, statement: str) -> None:
        with psycopg.connect(**POSTGRES, dbname=database, autocommit=True) as connection:
            connection.execute(statement.encode())

    def size_of(self, name: str) -> int:
        found = self._connection.execute("SELECT pg_database_size(%s)", [name]).fetchone()
        assert found
        return found[0]

    def clean_up(self) -> None:
        for kind, name in reversed(self._made):
            self.execute(f"DROP {kind} IF EXISTS {{}}", name)


@pytest.fixture
def postgres() -> Iterator[PostgresServer]:
    try:
        connection = psycopg.connect(
            **POSTGRES, dbname="postgres", autocommit=True, connect_timeout=5
        )
    except psycopg.OperationalError as error:
        reason = f"No PostgreSQL for the tests: {error}"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    with connection:
        server = PostgresServer(connection)
        try:
            yield server
        finally:
            server.clean_up()


class MariadbServer:
    """The server of this machine, through its root user."""

    def __init__(self, connection: pymysql.Connection[Any]) -> None:
        self._connection = connection
        self._made: list[str] = []

    def execute(self, statement: str, *values: Any) -> list[Any]:
        with self._connection.cursor() as cursor:
            cursor.execute(statement, values or None)
            return list(cursor.fetchall())

    def make_database(self, name: str = "") -> str:
        name = name or f"estate_{uuid.uuid4().hex}"
        self.execute(f"CREATE DATABASE {quoted(name)}")
        self._made.append(f"DROP DATABASE IF EXISTS {quoted(name)}")
        return name

    def drop_database(self, name: str) -> None:
        self.execute(f"DROP DATABASE IF EXISTS {quoted(name)}")

    def make_user(self, *grants: str, name: str = "", host: str = "%", identified: str = "") -> str:
        """`grants` as in "SELECT ON *.*", `identified` as in "BY 'secret'"."""
        name = name or f"estate_{uuid.uuid4().hex}"
        self.execute(
            f"CREATE USER {account(name, host)} {identified and 'IDENTIFIED'} {identified}"
        )
        self._made.append(f"DROP USER IF EXISTS {account(name, host)}")
        for grant in grants:
            self.execute(f"GRANT {grant} TO {account(name, host)}")
        return name

    def make_role(self, *grants: str) -> str:
        name = f"estate_{uuid.uuid4().hex}"
        self.execute(f"CREATE ROLE {quoted(name)}")
        self._made.append(f"DROP ROLE IF EXISTS {quoted(name)}")
        for grant in grants:
            self.execute(f"GRANT {grant} TO {quoted(name)}")
        return name

    def clean_up(self) -> None:
        for statement in reversed(self._made):
            self.execute(statement)


def account(name: str, host: str = "%") -> str:
    return f"{quoted(name)}@{quoted(host)}"


@pytest.fixture
def mariadb() -> Iterator[MariadbServer]:
    try:
        connection = pymysql.connect(**MARIADB, autocommit=True, connect_timeout=5)
    except pymysql.Error as error:
        reason = f"No MariaDB for the tests: {error}"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    with connection:
        server = MariadbServer(connection)
        try:
            yield server
        finally:
            server.clean_up()


@pytest.fixture(scope="session")
def private_mariadb() -> Iterator[PrivateMariadb]:
    if not shutil.which("mariadb-install-db"):
        reason = "No MariaDB server is installed for the tests to start"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    with closing(PrivateMariadb()) as server:
        yield server


@pytest.fixture
def only(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Leaves out PostgreSQL databases of others, which come and go meanwhile."""

    def limit(*names: str) -> None:
        def some(home: Any) -> list[DatabaseEntry]:
            return [entry for entry in list_databases(home) if entry.name in names]

        for module in (postgresql_databases, postgresql_rights, postgresql_sizes):
            monkeypatch.setattr(module, "list_databases", some)

    return limit


def sqlite_instance(path: Path, **fields: Any) -> DatabaseInstance:
    values = {"name": path.stem, "engine": "sqlite", "database": str(path), **fields}
    return DatabaseInstance.objects.create(**values)


def postgres_instance(name: str = "main", **fields: Any) -> DatabaseInstance:
    values = {
        "name": name,
        "engine": "postgresql",
        "host": POSTGRES["host"],
        "port": POSTGRES["port"],
        "username": POSTGRES["user"],
        **fields,
    }
    return DatabaseInstance.objects.create(**values)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeAdapter:
    adapter = FakeAdapter()
    find_adapter("sqlite")  # so that the real ones are there before it joins them
    monkeypatch.setitem(registry._adapters, "fake", adapter)
    return adapter


@pytest.fixture
def partition_server(monkeypatch: pytest.MonkeyPatch) -> FakePartitions:
    """In the place of `fake`: servers with partitioned tables."""
    adapter = FakePartitions()
    find_adapter("sqlite")  # so that the real ones are there before it joins them
    monkeypatch.setitem(registry._adapters, "fake", adapter)
    return adapter


@pytest.fixture
def execution() -> Iterator[NotedExecution]:
    noted = NotedExecution()
    with executing(noted):
        yield noted
