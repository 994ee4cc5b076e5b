"""The health of every partitioned table: findings that come and go by themselves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from functools import partial
from itertools import islice
from zoneinfo import ZoneInfo

from django.utils import timezone
from django.utils.translation import gettext as _

from jobs.estate.adapters.base import ConnectionTarget, ServerInfo
from jobs.estate.adapters.partitions import PartitionListing
from jobs.estate.adapters.registry import get_adapter
from jobs.estate.models.finding import PartitionFinding, Severity
from jobs.estate.models.instance import DatabaseInstance, known_zones
from jobs.estate.models.policy import PartitionPolicy
from jobs.estate.models.session import Category, SyncSession
from jobs.estate.services.choice import Choice
from jobs.estate.services.partition_analysis import TableKey, analyse, key_of, nested, unknown
from jobs.estate.services.partition_found import Found
from jobs.estate.services.sync import NAMED, Approach, Outcome, Work, sync

BATCH = 500
"""Rows a statement, so that one never outgrows what a database takes."""

Policies = Mapping[TableKey, PartitionPolicy]

FindingKey = tuple[str, str, str, str, str]
"""Database, schema, table, partition, kind: what the unique constraint allows once unresolved."""


@dataclass(frozen=True, slots=True)
class Read:
    listing: PartitionListing
    server: ServerInfo


@dataclass(frozen=True, slots=True)
class Judged:
    """What was read, what is wrong with it, and of what that is not known."""

    answer: Read
    found: Mapping[FindingKey, Found]
    unknown: Collection[FindingKey]


def sync_partitions(
    *,
    instances: Sequence[str] | None = None,
    engines: Sequence[str] | None = None,
    tags: Sequence[str] | None = None,
    concurrency: int = 4,
) -> SyncSession:
    """Look at the partitioned tables of the chosen active instances, side by side.

    None means all. Raises Invalid, EveryInstanceFailed and StopRun, as `sync` says.
    """
    choice = Choice(instances, engines, tags, concurrency)
    work = Work(
        Category.PARTITION,
        visit=_visit,
        store=store,
        is_offered=lambda engine: engine.has_partitions,
        approach=_approach,
    )
    return sync(work, choice)


def read(target: ConnectionTarget) -> Read:
    """The partitions last, since they may use up all the time that there is."""
    with get_adapter(target.engine).connect(target) as session:
        server = session.server_info()
        return Read(session.partitions(), server)


def judge(answer: Read, policies: Policies, zones: Sequence[tzinfo], now: datetime) -> Judged:
    """Every table by itself. This takes its time, and so is no part of what is stored."""
    tables = answer.listing.tables
    within = nested(tables)
    found = {
        (*key_of(table), what.partition, what.kind.value): what
        for table in tables
        for what in analyse(
            table,
            now,
            policies.get(key_of(table)),
            zones=zones,
            within=within.get(key_of(table)),
        )
    }
    open_questions = {
        (*key_of(table), partition, kind.value)
        for table in tables
        for partition, kind in unknown(table)
    }
    return Judged(answer, found, open_questions)


def store(instance: DatabaseInstance, judged: Judged, now: datetime) -> Outcome:
    """Bring the findings up to date; `now` in UTC.

    One that is not found any more is resolved, save of what could not be read.
    """
    listing, found = judged.answer.listing, judged.found
    before = {_key(row): row for row in instance.findings.unresolved()}
    new = [key for key in found if key not in before]
    seen = {key: row for key, row in before.items() if key in found}
    gone = [
        row
        for key, row in before.items()
        if key not in found and key not in judged.unknown and row.database not in listing.unread
    ]
    changed = [row for key, row in seen.items() if _take_over(row, found[key])]

    _set(gone, resolved_at=now)
    _set(seen.values(), last_seen=now)
    PartitionFinding.objects.bulk_update(
        changed, ["severity", "message", "details"], batch_size=BATCH
    )
    PartitionFinding.objects.bulk_create(
        [_row(instance, key, found[key], now) for key in new], batch_size=BATCH
    )
    severities = Counter(what.severity for what in found.values())
    return Outcome(
        seen=len(listing.tables),
        created=len(new),
        updated=len(changed),
        removed=len(gone),
        totals={
            "tables": len(listing.tables),
            "partitions": sum(len(table.partitions) for table in listing.tables),
            "findings": len(found),
            "errors": severities[Severity.ERROR],
            "warnings": severities[Severity.WARNING],
        },
        details={"version": judged.answer.server.version, "unread": dict(listing.unread)},
        warning=" ".join(filter(None, (_unread(listing), _errors(found)))),
    )


def policies_of(instance: DatabaseInstance) -> Policies:
    """The active ones, by database, schema and table."""
    return {
        (policy.database, policy.schema, policy.table): policy
        for policy in instance.partition_policies.filter(is_active=True)
    }


def zones_of(instance: DatabaseInstance, server: ServerInfo) -> list[tzinfo]:
    """The one whose days count first: the instance's, else the server's where it tells one that
    is known here, else this server's own. Then those in which partitions may have been made."""
    known = known_zones()
    told = ZoneInfo(server.timezone) if server.timezone and server.timezone in known else None
    own = instance.zone if instance.timezone in known or told is None else told
    return list(dict.fromkeys(zone for zone in (own, told, UTC) if zone))


def some(names: Collection[str]) -> str:
    """A list for a sentence, cut where nobody would read on."""
    listed = ", ".join(islice(names, NAMED))
    if len(names) <= NAMED:
        return listed
    return _("%(names)s and %(more)s more") % {"names": listed, "more": len(names) - NAMED}


def _approach(instance: DatabaseInstance) -> Approach:
    return Approach((instance.target(),), (policies_of(instance), partial(zones_of, instance)))


def _visit(
    target: ConnectionTarget,
    policies: Policies,
    zones_for: Callable[[ServerInfo], Sequence[tzinfo]],
) -> Judged:
    answer = read(target)
    return judge(answer, policies, zones_for(answer.server), timezone.now())


def _key(row: PartitionFinding) -> FindingKey:
    return row.database, row.schema, row.table, row.partition, row.kind


def _take_over(row: PartitionFinding, found: Found) -> bool:
    """Onto the row, which is yet to be saved; whether anything differs."""
    told = (found.severity.value, found.message, dict(found.details))
    if told == (row.severity, row.message, row.details):
        return False
    row.severity, row.message, row.details = told
    return True


def _row(
    instance: DatabaseInstance, key: FindingKey, found: Found, now: datetime
) -> PartitionFinding:
    database, schema, table, partition, kind = key
    return PartitionFinding(
        instance=instance,
        database=database,
        schema=schema,
        table=table,
        partition=partition,
        kind=kind,
        severity=found.severity,
        message=found.message,
        details=dict(found.details),
        first_seen=now,
        last_seen=now,
    )


def _set(rows: Iterable[PartitionFinding], **moment: datetime) -> None:
    keys = iter([row.pk for row in rows])
    while batch := list(islice(keys, BATCH)):
        PartitionFinding.objects.filter(pk__in=batch).update(**moment)


def _unread(listing: PartitionListing) -> str:
    if not listing.unread:
        return ""
    return _("Not read: %(names)s.") % {"names": some(listing.unread)}


def _errors(found: Mapping[FindingKey, Found]) -> str:
    """What cannot wait until somebody happens to look at the findings."""
    names = {
        ".".join(filter(None, key[:3])): None
        for key, what in found.items()
        if what.severity == Severity.ERROR
    }
    if not names:
        return ""
    return _("Rows are refused, or will be soon: %(names)s.") % {"names": some(names)}
