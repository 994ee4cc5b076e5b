"""How big every database is: the inventory, and one snapshot a database and day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from functools import partial

from django.utils import timezone
from django.utils.translation import gettext as _

from jobs.errors import Invalid
from jobs.estate.adapters.base import ConnectionTarget, DatabaseSize, ServerInfo
from jobs.estate.adapters.errors import EmptyListing
from jobs.estate.adapters.registry import get_adapter
from jobs.estate.models.database import Database
from jobs.estate.models.instance import DatabaseInstance
from jobs.estate.models.session import Category, SyncSession
from jobs.estate.models.snapshot import DatabaseSizeSnapshot
from jobs.estate.services.choice import Choice
from jobs.estate.services.sync import Outcome, Work, sync
from jobs.estate.services.wording import enumeration

MAX_TABLES = 100
"""Of a database; they are stored with every snapshot."""


@dataclass(frozen=True, slots=True)
class Measured:
    """`has_system` and `has_tables` say what was asked for; else there are none."""

    sizes: Sequence[DatabaseSize]
    server: ServerInfo
    has_system: bool = False
    has_tables: bool = False


def sync_sizes(
    *,
    instances: Sequence[str] | None = None,
    engines: Sequence[str] | None = None,
    tags: Sequence[str] | None = None,
    concurrency: int = 4,
    largest_tables: int = 0,
    include_system: bool = False,
) -> SyncSession:
    """Measure the databases of the chosen active instances, `concurrency` of them at a time,
    and of each so many of its largest tables.

    None means all. Raises Invalid, EveryInstanceFailed and StopRun, as `sync` says.
    """
    if not 0 <= largest_tables <= MAX_TABLES:
        sentence = _("Must be from 0 to %(most)s, not %(given)s.") % {
            "most": MAX_TABLES,
            "given": largest_tables,
        }
        raise Invalid({"largest_tables": [sentence]})
    choice = Choice(instances, engines, tags, concurrency)
    visit = partial(measure, largest_tables=largest_tables, include_system=include_system)
    return sync(Work(Category.CAPACITY, visit, store), choice)


def measure(
    target: ConnectionTarget, *, largest_tables: int = 0, include_system: bool = False
) -> Measured:
    """The sizes last, since they may use up all the time that there is."""
    with get_adapter(target.engine).connect(target) as session:
        server = session.server_info()
        sizes = session.database_sizes(largest_tables=largest_tables, include_system=include_system)
    return Measured(sizes, server, include_system, largest_tables > 0)


def store(instance: DatabaseInstance, measured: Measured, now: datetime) -> Outcome:
    """Bring the inventory up to date and take today's snapshots; `now` in UTC.

    A database that could not be measured is seen all the same, and gets no snapshot. Raises
    EmptyListing, since an empty listing taken at its word would drop everything.
    """
    sizes = measured.sizes
    if not sizes:
        raise EmptyListing
    before = {database.name: database for database in instance.databases.all()}
    databases = _see(instance, sizes, now)
    gone = instance.databases.present().exclude(last_seen=now)
    if not measured.has_system:
        gone = gone.filter(is_system=False)
    removed = gone.update(dropped_at=now)
    day = timezone.localdate(now, instance.zone)
    _snapshot(databases, measured, day, now)

    known = [before[size.name] for size in sizes if size.name in before]
    unmeasured = [size.name for size in sizes if size.total_bytes is None]
    return Outcome(
        seen=len(sizes),
        created=len(sizes) - len(known),
        updated=sum(database.dropped_at is not None for database in known),
        removed=removed,
        totals={
            "databases": len(sizes),
            "total_bytes": sum(size.total_bytes or 0 for size in sizes),
        },
        details={
            "version": measured.server.version,
            "wal_bytes": measured.server.wal_bytes,
            "unmeasured": {size.name: size.problem for size in sizes if size.total_bytes is None},
        },
        warning=_("Not measured: %(names)s.") % {"names": enumeration(unmeasured)}
        if unmeasured
        else "",
    )


def _see(
    instance: DatabaseInstance, sizes: Sequence[DatabaseSize], now: datetime
) -> list[Database]:
    """A row for each, seen now, dropped no longer; those that were there keep `first_seen`."""
    return Database.objects.bulk_create(
        [
            Database(
                instance=instance,
                name=size.name,
                is_system=size.is_system,
                first_seen=now,
                last_seen=now,
            )
            for size in sizes
        ],
        update_conflicts=True,
        unique_fields=["instance", "name"],
        update_fields=["is_system", "last_seen", "dropped_at"],
    )


def _snapshot(databases: Sequence[Database], measured: Measured, day: date, now: datetime) -> None:
    """A later one of the day replaces an earlier one, but for tables that it did not ask for."""
    tables = ["largest_tables"] if measured.has_tables else []
    DatabaseSizeSnapshot.objects.bulk_create(
        [
            DatabaseSizeSnapshot(
                database=database,
                day=day,
                taken_at=now,
                total_bytes=size.total_bytes,
                data_bytes=size.data_bytes,
                index_bytes=size.index_bytes,
                wal_bytes=size.wal_bytes,
                largest_tables=[asdict(table) for table in size.largest_tables]
                if measured.has_tables
                else None,
            )
            for database, size in zip(databases, measured.sizes, strict=True)
            if size.total_bytes is not None
        ],
        update_conflicts=True,
        unique_fields=["database", "day"],
        update_fields=[
            "taken_at",
            "total_bytes",
            "data_bytes",
            "index_bytes",
            "wal_bytes",
            *tables,
        ],
    )
