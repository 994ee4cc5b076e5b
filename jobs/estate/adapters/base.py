"""What every engine's adapter offers. Values in, frozen values out; no ORM, no settings."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, final

from django.utils.translation import gettext as _

from jobs.estate.adapters.accounts import AccountListing
from jobs.estate.adapters.errors import EmptyListing, NothingMeasured, NotOffered
from jobs.estate.adapters.partitions import NewPartition, PartitionedTable, PartitionListing

HOLD_UP_S = 5.0
"""How long a change may keep others from a table: a new partition needs milliseconds, unless a
default partition is searched, or copied, for rows that belong into it."""


@dataclass(frozen=True, slots=True)
class ConnectionTarget:
    """Everything that is needed to connect; times in seconds.

    `database` is the one to connect to or, where an engine is a file, the file's path, which
    must lie below one of `folders`. `ca` is the PEM text of certificates, not a path.
    """

    engine: str
    database: str
    host: str = ""
    port: int | None = None
    username: str = ""
    password: str = field(default="", repr=False)
    tls_mode: str = "prefer"
    ca: str = field(default="", repr=False)
    connect_timeout_s: int = 5
    statement_timeout_s: int = 30
    folders: tuple[Path, ...] = ()

    @property
    def deadline_s(self) -> int:
        """How long one visit may take: to connect, and for all its statements together."""
        return self.connect_timeout_s + self.statement_timeout_s


@dataclass(frozen=True, slots=True)
class ServerInfo:
    """`wal_bytes` only where the log is the server's and no database's own; None: not told."""

    engine: str
    version: str
    timezone: str | None = None
    wal_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class TableSize:
    """A table with its indexes; `schema` is empty where the engine has none."""

    schema: str
    name: str
    total_bytes: int


@dataclass(frozen=True, slots=True)
class MissingRight:
    """`purpose` is what it is needed for, `right` what to grant, both for people."""

    purpose: str
    right: str


@dataclass(frozen=True, slots=True)
class DatabaseSize:
    """One database, its name exactly as the server says it; None is "not known", never 0.

    `total_bytes` is None where the database could not be measured; `problem` says why of that,
    and of parts that are not known though they could be.
    `data_bytes` does not hold the indexes, save where `index_bytes` is None.
    """

    name: str
    total_bytes: int | None
    data_bytes: int | None = None
    index_bytes: int | None = None
    wal_bytes: int | None = None
    is_system: bool = False
    problem: str = ""
    largest_tables: tuple[TableSize, ...] = ()
    """The largest first; none unless they were asked for."""


class Session(ABC):
    """An open, read-only visit to one instance."""

    @abstractmethod
    def server_info(self) -> ServerInfo:
        """What the server says of itself. Raises InstanceError."""

    @abstractmethod
    def missing_rights(self) -> list[MissingRight]:
        """What the account may not do and should, for everything that is read. Raises
        InstanceError."""

    def database_names(self) -> list[str]:
        """Every database that is looked at, those of the system too. Raises InstanceError."""
        return [size.name for size in self.database_sizes(include_system=True)]

    @final
    def database_sizes(
        self, *, include_system: bool = False, largest_tables: int = 0
    ) -> list[DatabaseSize]:
        """Every database by name, those that could not be measured among them, each with so
        many of its largest tables.

        Raises InstanceError, also when there is none or not one could be measured.
        """
        sizes = sorted(self._read_sizes(largest_tables), key=lambda size: size.name)
        wanted = [size for size in sizes if include_system or not size.is_system]
        if not wanted:
            raise EmptyListing
        if all(size.total_bytes is None for size in wanted):
            raise NothingMeasured(wanted[0].problem)
        return wanted

    @abstractmethod
    def _read_sizes(self, largest_tables: int) -> Iterable[DatabaseSize]:
        """All of them, in any order, those of the system included."""

    def accounts(self) -> AccountListing:
        """Every account. Raises InstanceError; NotOffered where the engine has none."""
        raise NotOffered(_("accounts"))

    def partitions(self) -> PartitionListing:
        """Every partitioned table of all databases. Raises InstanceError; NotOffered where the
        engine has none."""
        raise NotOffered(_("partitions"))


class Changer(ABC):
    """What changes a server, and nothing else does: its partitions. An open visit of a credential
    that may, whose statements are run together or not at all where the engine can do that."""

    @abstractmethod
    def create_statements(
        self, table: PartitionedTable, wanted: Sequence[NewPartition]
    ) -> list[str]:
        """SQL that makes the partitions. Runs nothing."""

    @abstractmethod
    def detach_statements(self, table: PartitionedTable, names: Sequence[str]) -> list[str]:
        """SQL that takes the partitions out of the table, without dropping them; none where the
        engine can only drop. Runs nothing."""

    @abstractmethod
    def execute(self, database: str, statements: Sequence[str]) -> None:
        """Run them. Raises InstanceError, and then none has been run where DDL is transactional."""


class Adapter(ABC):
    """One engine. A further one is a module in this package with a class under `@register`."""

    engine: ClassVar[str]
    """The stable word that is stored, as in "postgresql"."""
    label: ClassVar[str]
    """The product's own name, which no language translates."""
    is_file: ClassVar[bool] = False
    """An engine without a server: no host, port or user, and `database` is a path."""
    default_port: ClassVar[int | None] = None
    default_database: ClassVar[str] = ""

    has_accounts: ClassVar[bool] = True
    has_hosts: ClassVar[bool] = False
    """An account is a name and where it may come from, as on MySQL; an empty host is any."""
    has_partitions: ClassVar[bool] = True

    @abstractmethod
    def connect(self, target: ConnectionTarget) -> AbstractContextManager[Session]:
        """Open a read-only visit, bounded on the server, and close it. Raises InstanceError."""

    def connect_to_change(self, target: ConnectionTarget) -> AbstractContextManager[Changer]:
        """Open a visit that may change partitions, and close it. `target` holds the credential
        for that. Raises InstanceError; NotOffered where the engine has no partitions."""
        raise NotOffered(_("partitions"))
