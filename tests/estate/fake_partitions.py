"""Partitioned tables that a test makes up, and an engine that serves and changes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import pairwise
from typing import Any

from jobs.estate.adapters.base import Adapter, Changer, ConnectionTarget, ServerInfo, Session
from jobs.estate.adapters.errors import InstanceError
from jobs.estate.adapters.partitions import (
    Bound,
    NewPartition,
    Partition,
    PartitionedTable,
    PartitionListing,
)
from jobs.estate.models import DatabaseInstance
from tests.estate.fakes import FakeAdapter, FakeSession

GIB = 1024**3


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def wall(text: str) -> datetime:
    """A moment without a zone."""
    return datetime.fromisoformat(text)


def partitions(*bounds: Bound, name: str = "events_{:%Y_%m}", **fields: Any) -> list[Partition]:
    """One from each bound to the next; dates in `name` are those of the lower one."""
    return [
        Partition(name.format(lower), "public", lower, upper, **fields)
        for lower, upper in pairwise(bounds)
    ]


def months(first: str, last: str, **fields: Any) -> list[Partition]:
    """A partition for each month from the one to the other, both included, as in 2026-01."""
    year, month = map(int, first.split("-"))
    bounds = [date(year, month, 1)]
    while f"{bounds[-1]:%Y-%m}" <= last:
        year, month = bounds[-1].year + bounds[-1].month // 12, bounds[-1].month % 12 + 1
        bounds.append(date(year, month, 1))
    return partitions(*bounds, **fields)


def numbers(*bounds: int, rows: Sequence[int | None] = ()) -> list[Partition]:
    made = partitions(*bounds, name="events_{}")
    return [
        replace(part, rows_estimate=count)
        for part, count in zip(made, [*rows, *[None] * len(made)], strict=False)
    ]


def table(parts: Sequence[Partition] = (), **fields: Any) -> PartitionedTable:
    """By a date, unless the first bound or a field says otherwise."""
    bounds = [bound for part in parts for bound in (part.lower, part.upper) if bound is not None]
    kind = "day"
    if bounds and isinstance(bounds[0], datetime):
        kind = "moment"
    elif bounds and isinstance(bounds[0], int):
        kind = "integer"
    values: dict[str, Any] = {
        "database": "shop",
        "schema": "public",
        "name": "events",
        "method": "range",
        "key": "at",
        "kind": kind,
        "partitions": tuple(parts),
        **fields,
    }
    return PartitionedTable(**values)


DEFAULT = Partition("events_default", "public", is_default=True)


class FakePartitions(Adapter):
    """Hosts are names of instances; `listings` are what they list, or functions that do.

    Each notes what is executed on it, and makes or detaches the partitions in its listing.
    """

    engine = "fake"
    label = "Fake"
    can_detach = True

    def __init__(self) -> None:
        self.listings: dict[str, PartitionListing | Callable[[], PartitionListing]] = {}
        self.executed: list[tuple[str, tuple[str, ...]]] = []
        self.users: list[str] = []
        self.refuses: dict[str, Exception] = {}
        """By table, what executing its statements raises."""
        self.timezone = "UTC"

    @contextmanager
    def connect(self, target: ConnectionTarget) -> Iterator[Session]:
        yield FakePartitionSession(self, target)

    @contextmanager
    def connect_to_change(self, target: ConnectionTarget) -> Iterator[Changer]:
        self.users.append(target.username)
        yield FakeChanger(self, target.host)

    def instance(
        self,
        name: str,
        *tables: PartitionedTable,
        unread: dict[str, str] | None = None,
        **fields: Any,
    ) -> DatabaseInstance:
        self.listings[name] = PartitionListing(tables, unread or {})
        values = {"port": 1, "username": "watcher", "change_username": "changer", **fields}
        return DatabaseInstance.objects.create(name=name, engine="fake", host=name, **values)

    def lists(self, name: str, *tables: PartitionedTable, **unread: str) -> None:
        self.listings[name] = PartitionListing(tables, unread)

    def names(self, instance: str, table: str = "events") -> list[str]:
        listing = self.listings[instance]
        assert isinstance(listing, PartitionListing)
        [found] = [each for each in listing.tables if each.name == table]
        return [part.name for part in found.partitions]


class FakePartitionSession(FakeSession):
    def __init__(self, server: FakePartitions, target: ConnectionTarget) -> None:
        super().__init__(FakeAdapter(), target.host)
        self._server = server

    def server_info(self) -> ServerInfo:
        return ServerInfo("fake", "1.0", self._server.timezone)

    def partitions(self) -> PartitionListing:
        listing = self._server.listings[self._host]
        return listing() if callable(listing) else listing


class FakeChanger(Changer):
    """Its statements are `create <name>` and `detach <name>`."""

    def __init__(self, server: FakePartitions, host: str) -> None:
        self._server = server
        self._host = host
        self._table: PartitionedTable | None = None
        self._wanted: Sequence[NewPartition] = ()

    def create_statements(
        self, table: PartitionedTable, wanted: Sequence[NewPartition]
    ) -> list[str]:
        self._table, self._wanted = table, wanted
        return [f"create {new.name} from {new.lower} to {new.upper}" for new in wanted]

    def detach_statements(self, table: PartitionedTable, names: Sequence[str]) -> list[str]:
        self._table = table
        return [f"detach {name}" for name in names] if self._server.can_detach else []

    def execute(self, database: str, statements: Sequence[str]) -> None:
        assert self._table is not None
        assert database == self._table.database
        if self._table.name in self._server.refuses:
            raise self._server.refuses[self._table.name]
        self._server.executed.append((database, tuple(statements)))
        gone = {text.removeprefix("detach ") for text in statements if text.startswith("detach ")}
        kept = [part for part in self._table.partitions if part.name not in gone]
        new = [Partition(one.name, "public", one.lower, one.upper) for one in self._wanted]
        changed = replace(self._table, partitions=(*kept, *new))
        listing = self._server.listings[self._host]
        assert isinstance(listing, PartitionListing)
        tables = (changed if each.name == changed.name else each for each in listing.tables)
        self._server.listings[self._host] = replace(listing, tables=tuple(tables))


def failing(error: Exception) -> Callable[[], PartitionListing]:
    def read() -> PartitionListing:
        raise error

    return read


OUT_OF_LUCK = InstanceError("The disk is on fire.")
