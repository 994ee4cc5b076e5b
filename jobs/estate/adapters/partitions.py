"""Partitioned tables as every engine tells of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal

Bound = datetime | date | int
"""Of a range: an aware moment in UTC where the column has a zone, else a naive one; a day; or
a number."""


@dataclass(frozen=True, slots=True)
class Partition:
    """`lower` is within, `upper` is not; None has no limit there, or is no range of one column.

    `missing_indexes` are the names of the table's indexes that it lacks. `size_bytes` counts its
    indexes. `expression` is its bound in the server's own words.
    """

    name: str
    schema: str = ""
    lower: Bound | None = None
    upper: Bound | None = None
    is_default: bool = False
    size_bytes: int | None = None
    rows_estimate: int | None = None
    missing_indexes: tuple[str, ...] = ()
    expression: str = ""


@dataclass(frozen=True, slots=True)
class PartitionedTable:
    """Names exactly as the server has them; `schema` is empty where the engine has none.

    `key` is the column or expression in the server's words. `kind` says what its bounds are:
    "moment", "day", "integer", or "other" for what nobody can reckon with. `has_default_rows`
    is whether any row is in the default partition; None: there is none, or it is not known.
    `leftovers` are the names of tables that look like its detached partitions. `is_zoned` is
    whether its moments carry a zone, which a table without bounds does not tell otherwise; None:
    no moments, or not known. `owner` is whom it belongs to, where the engine has owners.
    """

    database: str
    schema: str
    name: str
    method: Literal["range", "list", "hash"]
    key: str
    kind: Literal["moment", "day", "integer", "other"]
    partitions: tuple[Partition, ...] = ()
    has_default_rows: bool | None = None
    leftovers: tuple[str, ...] = ()
    is_zoned: bool | None = None
    owner: str = ""


@dataclass(frozen=True, slots=True)
class PartitionListing:
    """Every partitioned table of a server, and the databases that could not be read, with why."""

    tables: tuple[PartitionedTable, ...]
    unread: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NewPartition:
    """One that is yet to be made."""

    name: str
    lower: Bound
    upper: Bound
