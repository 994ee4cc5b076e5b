"""How the tests reach the PostgreSQL server of this machine."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from jobs.estate.adapters.base import ConnectionTarget
from jobs.estate.adapters.partitions import PartitionedTable
from jobs.estate.adapters.postgresql import PostgresqlAdapter
from tests.estate.conftest import POSTGRES, PostgresServer


def to(database: str = "postgres", **changes: Any) -> ConnectionTarget:
    target = ConnectionTarget(
        "postgresql",
        database,
        host=POSTGRES["host"],
        port=POSTGRES["port"],
        username=POSTGRES["user"],
        password="hunter2-hunter2",
        tls_mode="disable",
    )
    return replace(target, **changes)


def visit(target: ConnectionTarget) -> Any:
    return PostgresqlAdapter().connect(target)


class Shop:
    """A database of the test's own, and what the adapter says of it."""

    def __init__(self, server: PostgresServer) -> None:
        self.server = server
        self.database = server.make_database()

    def run(self, *statements: str) -> None:
        for statement in statements:
            self.server.run_in(self.database, statement)

    def tables(self, **changes: Any) -> dict[str, PartitionedTable]:
        with visit(to(**{"database": self.database, **changes})) as session:
            listing = session.partitions()
        assert listing.unread == {}
        return {table.name: table for table in listing.tables}

    def one(self, **changes: Any) -> PartitionedTable:
        [table] = self.tables(**changes).values()
        return table
