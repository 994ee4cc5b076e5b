"""A fresh database for each trial, migrated once; and what is asked of it from outside."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

POSTGRESQL_URL = os.environ.get("TEST_DATABASE_URL", "postgres://root@127.0.0.1:5432/postgres")
_numbers = count(1)

Migrate = Callable[[str], None]
"""Migrates the database of that URL."""


class Database(ABC):
    """One database of one trial."""

    url: str
    """As `DATABASE_URL` takes it."""
    sqlalchemy_url: str

    @abstractmethod
    def rows(self, statement: str) -> list[tuple[Any, ...]]: ...

    def connections(self) -> int | None:
        """How many connections to it are open, if it is a server."""
        return None

    def transactions(self) -> int | None:
        """How many it has committed and rolled back, if it counts them."""
        return None

    def verdicts(self) -> dict[str, tuple[int, int]]:
        """schedcore's rows by status: how many, and for how many occurrences."""
        found = self.rows(
            "SELECT status, COUNT(*), SUM(occurrence_count) FROM jobs_jobexecution "
            "WHERE function IN ('note_start', 'use_orm') GROUP BY status"
        )
        return {status: (rows, int(occurrences)) for status, rows, occurrences in found}

    def stock_verdicts(self) -> dict[str, tuple[int, int]]:
        found = self.rows(
            "SELECT status, COUNT(*) FROM django_apscheduler_djangojobexecution GROUP BY status"
        )
        return {status: (rows, rows) for status, rows in found}


class Sqlite(Database):
    def __init__(self, path: Path) -> None:
        self.url = f"sqlite:///{path}"
        self.sqlalchemy_url = self.url
        self._path = path

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        connection = sqlite3.connect(self._path, timeout=10)
        try:
            return connection.execute(statement).fetchall()
        finally:
            connection.close()


class Postgresql(Database):
    def __init__(self, name: str) -> None:
        self._name = name
        self.url = POSTGRESQL_URL.rsplit("/", 1)[0] + f"/{name}"
        self.sqlalchemy_url = "postgresql+psycopg://" + self.url.split("://", 1)[1]

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url) as connection:
            return connection.execute(statement.encode()).fetchall()

    def connections(self) -> int:
        return int(self._asked("SELECT COUNT(*) FROM pg_stat_activity WHERE datname = %s"))

    def transactions(self) -> int:
        return int(
            self._asked(
                "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = %s"
            )
        )

    def _asked(self, statement: str) -> int:
        # Through another database, so that the question does not count itself.
        with psycopg.connect(POSTGRESQL_URL) as connection:
            row = connection.execute(statement.encode(), [self._name]).fetchone()
            assert row is not None
            return int(row[0])


class Kind(ABC):
    """SQLite or PostgreSQL."""

    label: str

    def __init__(self) -> None:
        self._templates: dict[str, Any] = {}

    @abstractmethod
    def fresh(self, whose: str, migrate: Migrate) -> Any:
        """A context manager: a database as `migrate` makes it, which is called once for each
        `whose`."""

    @abstractmethod
    def close(self) -> None:
        """Remove what was kept between trials."""


class SqliteKind(Kind):
    label = "SQLite"

    def __init__(self) -> None:
        super().__init__()
        self._folder = Path(tempfile.mkdtemp(prefix="schedcore-bench-"))

    @contextmanager
    def fresh(self, whose: str, migrate: Migrate) -> Iterator[Database]:
        if whose not in self._templates:
            template = Sqlite(self._folder / f"template-{len(self._templates)}.sqlite3")
            migrate(template.url)
            template.rows("PRAGMA wal_checkpoint(TRUNCATE)")
            self._templates[whose] = template
        folder = self._folder / f"trial-{next(_numbers)}"
        folder.mkdir()
        path = folder / "bench.sqlite3"
        shutil.copy(self._templates[whose]._path, path)
        try:
            yield Sqlite(path)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def close(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)


class PostgresqlKind(Kind):
    label = "PostgreSQL"

    @contextmanager
    def fresh(self, whose: str, migrate: Migrate) -> Iterator[Database]:
        if whose not in self._templates:
            template = f"schedcore_bench_{os.getpid()}_template_{len(self._templates)}"
            _administer("CREATE DATABASE {}", template)
            self._templates[whose] = template
            migrate(Postgresql(template).url)
        name = f"schedcore_bench_{os.getpid()}_{next(_numbers)}"
        _administer("CREATE DATABASE {} TEMPLATE {}", name, self._templates[whose])
        try:
            yield Postgresql(name)
        finally:
            _administer("DROP DATABASE {} WITH (FORCE)", name)

    def close(self) -> None:
        for template in self._templates.values():
            _administer("DROP DATABASE {} WITH (FORCE)", template)


def postgresql_version() -> str | None:
    """None where no server answers."""
    try:
        with psycopg.connect(POSTGRESQL_URL, connect_timeout=3) as connection:
            return connection.info.parameter_status("server_version")
    except psycopg.Error:
        return None


def _administer(statement: str, *names: str) -> None:
    with psycopg.connect(POSTGRESQL_URL, autocommit=True) as connection:
        connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))
