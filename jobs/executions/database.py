"""The few statements that the two databases say differently, for batches of rows.

PostgreSQL takes a batch as arrays (`unnest`), in one round trip. SQLite runs in this
process, so one prepared statement for many rows (`executemany`) is as good there.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any

from django.db import connection
from django.db.backends.utils import CursorWrapper
from django.db.models import Value
from django.db.models.functions import Now


@cache
def is_postgresql() -> bool:
    return connection.vendor == "postgresql"  # the proxy is slow, and asked for every row


def database_now() -> datetime:
    """The database's clock where it has one of its own, else this host's; UTC."""
    if not is_postgresql():
        return datetime.now(UTC)
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (now,) = cursor.fetchone()
    return now.astimezone(UTC)  # type: ignore[no-any-return]


def database_clock() -> Now | Value:
    """The same as part of a query, which saves a statement of its own."""
    return Now() if is_postgresql() else Value(datetime.now(UTC))


def to_database(moment: datetime | None) -> Any:
    """A moment as a statement's parameter."""
    if moment is None or is_postgresql():
        return moment
    return str(moment.astimezone(UTC).replace(tzinfo=None))


def from_database(value: Any) -> datetime | None:
    """A moment as a raw cursor gives it, in UTC."""
    if value is None:
        return None
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if value.tzinfo is None:
        return value.replace(tzinfo=UTC)  # type: ignore[no-any-return]
    return value.astimezone(UTC)  # type: ignore[no-any-return]


def readable_moment(column: str) -> str:
    """The column in a SELECT, so that reading it never fails, whatever was written by SQL.

    What is no moment comes as None on PostgreSQL (its infinities, and years that Python does
    not have); on SQLite every value comes as text, which `from_database` may refuse.
    """
    if is_postgresql():
        is_readable = f"{column} >= '0001-01-01' AND {column} < '10000-01-01'"
        return f"CASE WHEN {is_readable} THEN {column} END"
    return f"CAST({column} AS TEXT)"


def from_json(value: Any) -> Any:
    """A JSON column as a raw cursor gives it."""
    if value == "[]":  # as most arguments are
        return []
    if value == "{}":
        return {}
    return _decoded(value) if isinstance(value, str) else value


_decoded = json.JSONDecoder().decode
"""As `json.loads`, which first looks at its options."""


def in_list(column: str, pg_type: str) -> str:
    """`column` is one of the values of a parameter made by `list_parameter`."""
    if is_postgresql():
        return f"{column} = ANY(%s::{pg_type}[])"
    return f"{column} IN (SELECT value FROM json_each(%s))"


def list_parameter(values: Sequence[Any]) -> str:
    return array(values) if is_postgresql() else json.dumps(list(values))


def array(values: Iterable[Any]) -> str:
    """The values as the text of a PostgreSQL array, whose type a cast has to say.

    psycopg's own dumper looks at each value with regular expressions, which was most of what
    a batch cost. Source: "Array Input and Output Syntax" of PostgreSQL's manual.
    """
    return "{" + ",".join(["NULL" if v is None else ELEMENTS[type(v)](v) for v in values]) + "}"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


ELEMENTS: dict[type, Callable[[Any], str]] = {
    str: _quoted,
    int: str,
    float: repr,
    bool: str,
    datetime: datetime.isoformat,
}


def insert_rows(
    cursor: CursorWrapper,
    table: str,
    columns: dict[str, str],
    rows: Sequence[Sequence[Any]],
    *,
    suffix: str = "",
    returning: Sequence[str] = (),
) -> list[Any]:
    """Insert `rows`; `columns` maps names to PostgreSQL types.

    The `returning` columns of those that were inserted, which `suffix` may decide; on SQLite
    in a transaction that holds the write lock, so that nobody else inserts meanwhile.
    """
    if not rows:
        return []
    names, wanted = ", ".join(columns), ", ".join(returning)
    if is_postgresql():
        arrays, values = _as_arrays(columns, rows)
        told = f"RETURNING {wanted}" if wanted else ""
        cursor.execute(
            f"INSERT INTO {table} ({names}) SELECT {names} FROM {arrays} {suffix} {told}", values
        )
        return list(cursor.fetchall()) if wanted else []
    last = None
    if wanted:
        cursor.execute(f"SELECT MAX(id) FROM {table}")
        (last,) = cursor.fetchone()
    marks = ", ".join(["%s"] * len(columns))
    cursor.executemany(f"INSERT INTO {table} ({names}) VALUES ({marks}) {suffix}", rows)
    if not wanted:
        return []
    cursor.execute(f"SELECT {wanted} FROM {table} WHERE id > %s ORDER BY id", [last or 0])
    return list(cursor.fetchall())


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
        arrays, values = _as_arrays({key_name: key_type, **columns}, rows)
        settings = ", ".join(f"{name} = v.{name}" for name in columns)
        # CASE hides the condition from the planner. It would take it for so selective that it
        # begins with it (a scan), and joins that with every row of the arrays: quadratic.
        cursor.execute(
            f"UPDATE {table} AS t SET {settings} FROM {arrays} "
            f"WHERE t.{key_name} = v.{key_name} AND CASE WHEN {condition} THEN TRUE END",
            [*values, *condition_values],
        )
    else:
        settings = ", ".join(f"{name} = %s" for name in columns)
        cursor.executemany(
            f"UPDATE {table} AS t SET {settings} WHERE {key_name} = %s AND {condition}",
            [[*row[1:], row[0], *condition_values] for row in rows],
        )


def _as_arrays(columns: dict[str, str], rows: Sequence[Sequence[Any]]) -> tuple[str, list[Any]]:
    """The rows as a table `v` for PostgreSQL, and its parameters.

    What is alike in all rows goes once, and not in an array. The first column is always one, and
    tells how many rows there are.
    """
    arrays: dict[str, tuple[str, str]] = {}
    constants: dict[str, tuple[str, Any]] = {}
    for (name, pg_type), column in zip(columns.items(), zip(*rows, strict=True), strict=True):
        if arrays and column.count(column[0]) == len(column):
            constants[name] = (pg_type, column[0])
        else:
            arrays[name] = (pg_type, array(column))
    same = "".join(f", %s::{pg_type} AS {name}" for name, (pg_type, _) in constants.items())
    unnest = ", ".join(f"%s::{pg_type}[]" for pg_type, _ in arrays.values())
    table = f"(SELECT a.*{same} FROM unnest({unnest}) AS a ({', '.join(arrays)})) AS v"
    return table, [value for _, value in [*constants.values(), *arrays.values()]]
