"""How the tests reach the PostgreSQL server of this machine."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from jobs.estate.adapters.base import ConnectionTarget
from jobs.estate.adapters.postgresql import PostgresqlAdapter
from tests.estate.conftest import POSTGRES


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
