"""SQLite: one file is one instance with one database, named after the file."""

from __future__ import annotations

import sqlite3
import stat
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jobs.estate.adapters import errors
from jobs.estate.adapters.base import (
    Adapter,
    ConnectionTarget,
    DatabaseSize,
    MissingRight,
    ServerInfo,
    Session,
    TableSize,
)
from jobs.estate.adapters.registry import register

OPCODES_BETWEEN_LOOKS = 10_000
"""How often SQLite looks at the clock: every few milliseconds."""


def permitted_path(path: str, folders: Iterable[Path]) -> Path:
    """Where `path` leads, all symbolic links followed; raises FolderNotPermitted.

    It says nothing of whether the file is there, so that it cannot be used to find out.
    """
    allowed = [folder.resolve() for folder in folders]
    try:
        found = Path(path).resolve()
    except (OSError, RuntimeError, ValueError):  # a loop of links, a NUL
        raise errors.FolderNotPermitted(path, allowed) from None
    if not Path(path).is_absolute() or not any(found.is_relative_to(one) for one in allowed):
        raise errors.FolderNotPermitted(path, allowed)
    return found


@register
class SqliteAdapter(Adapter):
    engine = "sqlite"
    label = "SQLite"
    is_file = True
    has_accounts = False
    has_partitions = False

    @contextmanager
    def connect(self, target: ConnectionTarget) -> Iterator[Session]:
        path = permitted_path(target.database, target.folders)
        _require_file(path)
        with _in_words(path, target):
            connection = sqlite3.connect(
                f"{path.as_uri()}?mode=ro",
                uri=True,
                timeout=target.connect_timeout_s,
                isolation_level=None,
            )
        with closing(connection):
            session = SqliteSession(connection, path, target)
            session.begin()
            yield session


@dataclass(frozen=True, slots=True)
class TableBytes:
    """`total_bytes` holds the indexes."""

    name: str
    total_bytes: int
    index_bytes: int


class SqliteSession(Session):
    def __init__(
        self, connection: sqlite3.Connection, path: Path, target: ConnectionTarget
    ) -> None:
        self._connection = connection
        self._path = path
        self._target = target
        self._ends_at = time.monotonic() + target.deadline_s
        connection.set_progress_handler(self._is_over, OPCODES_BETWEEN_LOOKS)

    def begin(self) -> None:
        self._row("PRAGMA query_only = 1")
        self._row("BEGIN")
        self._row("SELECT count(*) FROM sqlite_schema")  # the first look into the file

    def server_info(self) -> ServerInfo:
        return ServerInfo(engine=SqliteAdapter.engine, version=sqlite3.sqlite_version)

    def missing_rights(self) -> list[MissingRight]:
        """None: the file could be opened, and there is no other right."""
        return []

    def _read_sizes(self, largest_tables: int) -> Iterable[DatabaseSize]:
        """Total: the file and its `-wal`. Data: its pages. Indexes and tables: `dbstat`, where
        compiled in."""
        wal_bytes = _file_bytes(self._path.with_name(f"{self._path.name}-wal"))
        total_bytes = _file_bytes(self._path) + wal_bytes
        (pages_bytes,) = self._row(
            "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"
        )
        tables = self._tables()
        index_bytes = None if tables is None else sum(table.index_bytes for table in tables)
        yield DatabaseSize(
            name=self._path.name,
            total_bytes=total_bytes,
            data_bytes=pages_bytes - (index_bytes or 0),
            index_bytes=index_bytes,
            wal_bytes=wal_bytes,
            largest_tables=tuple(
                TableSize("", table.name, table.total_bytes)
                for table in (tables or [])[:largest_tables]
            ),
        )

    def _tables(self) -> list[TableBytes] | None:
        """The largest first; None without `dbstat`, or when reading every page takes longer than
        there is time."""
        try:
            # Joined here: SQLite would read its schema once for every table and index.
            pages = dict(self._all("SELECT name, sum(pgsize) FROM dbstat GROUP BY name"))
            entries = self._all("SELECT name, tbl_name, type FROM sqlite_schema")
        except sqlite3.OperationalError:
            return None
        totals: Counter[str] = Counter()
        of_indexes: Counter[str] = Counter()
        for name, table, kind in entries:
            if name in pages:
                totals[table] += pages[name]
                of_indexes[table] += pages[name] if kind == "index" else 0
        tables = [TableBytes(name, total, of_indexes[name]) for name, total in totals.items()]
        return sorted(tables, key=lambda table: (-table.total_bytes, table.name))

    def _all(self, statement: str) -> list[Any]:
        return self._connection.execute(statement).fetchall()

    def _row(self, statement: str) -> Sequence[Any]:
        with _in_words(self._path, self._target):
            return self._connection.execute(statement).fetchone() or ()

    def _is_over(self) -> bool:
        return time.monotonic() > self._ends_at


def _require_file(path: Path) -> None:
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        raise errors.FileMissing(str(path)) from None
    except OSError as error:
        raise errors.FileNotReadable(str(path), error.strerror or str(error)) from None
    if not stat.S_ISREG(mode):  # to open a pipe would wait for ever
        raise errors.NotADatabase(str(path))


def _file_bytes(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


@contextmanager
def _in_words(path: Path, target: ConnectionTarget) -> Iterator[None]:
    """Errors of the driver as kinds, by SQLite's own result codes."""
    try:
        yield
    except sqlite3.Error as error:
        name = getattr(error, "sqlite_errorname", "")
        if name.startswith(("SQLITE_NOTADB", "SQLITE_CORRUPT")):
            raise errors.NotADatabase(str(path)) from None
        if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            raise errors.Locked(str(path), target.connect_timeout_s) from None
        if name.startswith("SQLITE_INTERRUPT"):
            raise errors.DidNotAnswer(target.deadline_s) from None
        raise errors.FileNotReadable(str(path), str(error)) from None
