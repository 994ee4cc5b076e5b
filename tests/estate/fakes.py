"""An engine whose answers the test decides, and an execution that takes notes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from jobs.estate.adapters.accounts import AccountListing
from jobs.estate.adapters.base import (
    Adapter,
    ConnectionTarget,
    DatabaseSize,
    MissingRight,
    ServerInfo,
    Session,
)
from jobs.estate.models import DatabaseInstance
from jobs.registry import CurrentExecution, StopRun

Listing = Iterable[DatabaseSize]


class FakeAdapter(Adapter):
    """`listings` maps a host to its databases, or to a function that returns or raises;
    `account_listings` the same to its accounts."""

    engine = "fake"
    label = "Fake"

    def __init__(self) -> None:
        self.listings: dict[str, Listing | Callable[[], Listing]] = {}
        self.account_listings: dict[str, AccountListing | Callable[[], AccountListing]] = {}
        self.largest_tables: int | None = None
        self.threads: set[str] = set()
        self.most_at_once = 0
        self._at_once = 0
        self._lock = threading.Lock()

    @contextmanager
    def connect(self, target: ConnectionTarget) -> Iterator[Session]:
        with self._lock:
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
            self.threads.add(threading.current_thread().name)
        try:
            yield FakeSession(self, target.host)
        finally:
            with self._lock:
                self._at_once -= 1

    def instance(
        self, name: str, listing: Listing | Callable[[], Listing] = (), **fields: Any
    ) -> DatabaseInstance:
        self.listings[name] = listing
        return DatabaseInstance.objects.create(
            name=name, engine="fake", host=name, port=1, username="watcher", **fields
        )


class FakeSession(Session):
    def __init__(self, adapter: FakeAdapter, host: str) -> None:
        self._adapter = adapter
        self._host = host

    def server_info(self) -> ServerInfo:
        return ServerInfo("fake", "1.0")

    def missing_rights(self) -> list[MissingRight]:
        return []

    def _read_sizes(self, largest_tables: int) -> Listing:
        listing = self._adapter.listings[self._host]
        self._adapter.largest_tables = largest_tables
        return listing() if callable(listing) else listing

    def accounts(self) -> AccountListing:
        listing = self._adapter.account_listings[self._host]
        return listing() if callable(listing) else listing


class NotedExecution(CurrentExecution):
    def __init__(self, **facts: Any) -> None:
        self.steps: list[tuple[float, float | None, str]] = []
        self.warnings: list[str] = []
        self.stop_after: int | None = None
        for name, value in facts.items():
            setattr(self, name, value)

    def progress(self, done: float, total: float | None = None, message: str = "") -> None:
        self.steps.append((done, total, message))
        self.check()

    def check(self) -> None:
        if self.stop_after is not None and len(self.steps) >= self.stop_after:
            raise StopRun

    def warn(self, message: str) -> None:
        self.warnings.append(message)


def failing(error: Exception) -> Callable[[], Any]:
    def read() -> Any:
        raise error

    return read


def sizes(**bytes_by_name: int | None) -> list[DatabaseSize]:
    return [
        DatabaseSize(name, total, problem="" if total is not None else "no right")
        for name, total in bytes_by_name.items()
    ]
