"""The few statements that the two databases say differently, for batches of rows.

PostgreSQL takes a batch as arrays (`unnest`), in one round trip. SQLite runs in this
process, so one prepared statement for many rows (`executemany`) is as good there.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from django.db import connection
from django.db.backends.utils import CursorWrapper


def is_postgresql() -> bool:
    return connection.vendor == "postgresql"


def database_now() -> datetime:
    """The database's clock where it has one of its own, else this host's; UTC."""
    if not is_postgresql():
        return datetime.now(UTC)
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (now,) = cursor.fetchone()
    return now.astimezone(UTC)  # type: ignore[no-any-return]


def to_database(moment: datetime | None) -> Any:
    """A moment as a statement's parameter."""
    return connection.ops.adapt_datetimefield_value(moment)


def from_database(value: Any) -> datetime | None:
    """A moment as a raw cursor gives it, in UTC."""
    if value is None:
        return None
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if value.tzinfo is None:
        return value.replace(tzinfo=UTC)  # type: ignore[no-any-return]
    return value.astimezone(UTC)  # type: ignore[no-any-return]


def from_json(value: Any) -> Any:
    """A JSON column as a raw cursor gives it."""
    return json.loads(value) if isinstance(value, str | bytes) else value


def in_list(column: str, pg_type: str) -> str:
    """`column` is one of the values of a parameter made by `list_parameter`."""
    if is_postgresql():
        return f"{column} = ANY(%s::{pg_type}[])"
    return f"{column} IN (SELECT value FROM json_each(%s))"


def list_parameter(values: Sequence[Any]) -> Any:
    return list(values) if is_postgresql() else json.dumps(list(values))


def insert_rows(
    cursor: CursorWrapper,
    table: str,
    columns: dict[str, str],
    rows: Sequence[Sequence[Any]],
    *,
    suffix: str = "",
) -> None:
    """Insert `rows`; `columns` maps names to PostgreSQL types."""
    if not rows:
        return
    names = ", ".join(columns)
    if is_postgresql():
        arrays = ", ".join(f"%s::{pg_type}[]" for pg_type in columns.values())
        cursor.execute(
            f"INSERT INTO {table} ({names}) SELECT * FROM unnest({arrays}) {suffix}",
            [list(values) for values in zip(*rows, strict=True)],
        )
    else:
        marks = ", ".join(["%s"] * len(columns))
        cursor.executemany(f"INSERT INTO {table} ({names}) VALUES ({marks}) {suffix}", rows)


def update_rows(
    cursor: CursorWrapper,
    table: str,
    key: tuple[str, str],
    columns: dict[str, str],
    rows: Sequence[Sequence[Any]],
    *,
    condition: str = "TRUE",
    condition_values: Sequence[Any] = (),
) -> None:
    """Set `columns` of the rows whose key comes first in each of `rows`.

    `key` is a name and its PostgreSQL type; `condition` speaks of the table as `t`.
    """
    if not rows:
        return
    key_name, key_type = key
    if is_postgresql():
        types = {key_name: key_type, **columns}
        arrays = ", ".join(f"%s::{pg_type}[]" for pg_type in types.values())
        settings = ", ".join(f"{name} = v.{name}" for name in columns)
        cursor.execute(
            f"UPDATE {table} AS t SET {settings} FROM unnest({arrays}) AS v ({', '.join(types)}) "
            f"WHERE t.{key_name} = v.{key_name} AND {condition}",
            [*(list(values) for values in zip(*rows, strict=True)), *condition_values],
        )
    else:
        settings = ", ".join(f"{name} = %s" for name in columns)
        cursor.executemany(
            f"UPDATE {table} AS t SET {settings} WHERE {key_name} = %s AND {condition}",
            [[*row[1:], row[0], *condition_values] for row in rows],
        )
