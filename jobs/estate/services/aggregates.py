"""How big everything was over whole days, weeks, months and quarters."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db import IntegrityError
from django.db.models import Min
from django.utils import timezone
from django.utils.translation import gettext as _

from jobs.errors import Invalid
from jobs.estate.models.aggregate import PeriodKind
from jobs.estate.models.record import RecordStatus, SyncRecord
from jobs.estate.models.session import Category, SessionStatus, SyncSession
from jobs.estate.models.snapshot import DatabaseSizeSnapshot
from jobs.estate.services import sessions
from jobs.estate.services.aggregate_rows import Assignment, write_rows
from jobs.estate.services.aggregate_sql import DATABASE, INSTANCE
from jobs.estate.services.choice import Choice, chosen_instances
from jobs.estate.services.periods import (
    DAY,
    Period,
    last_complete,
    period_of,
    periods_within,
)
from jobs.registry import current_execution


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which periods; of every kind unless one is named.

    The last one that is over; or the current one, as far as it goes; or all that lie in the
    days from `since` to `until` and are over. None there means from the first snapshot on, and
    to the last day that is over.
    """

    kind: PeriodKind | None = None
    is_current: bool = False
    since: date | None = None
    until: date | None = None

    @property
    def has_range(self) -> bool:
        return self.since is not None or self.until is not None


@dataclass(frozen=True, slots=True)
class Written:
    """What one kind of period came to: rows of databases and of instances together."""

    kind: PeriodKind
    periods: Sequence[Period]
    rows: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Aggregation:
    session: SyncSession
    kinds: Sequence[Written]


def aggregate_sizes(
    wanted: Wanted, *, now: datetime, instances: Sequence[str] | None = None
) -> Aggregation:
    """Aggregate the snapshots of the chosen active instances and of their databases.

    Which day is today is the server's default zone's to say; `now` in UTC. The statements are
    as many for one database and period as for all of them, but on SQLite those that write (see
    `write_rows`). Safe to run again, and to stop: what was written stays. Raises Invalid
    for a choice that cannot be, and StopRun after it has ended the session as cancelled.
    """
    _require_sense(wanted)
    chosen = chosen_instances(Choice(instances))
    sessions.end_orphans(Category.AGGREGATION)
    session = sessions.begin(Category.AGGREGATION, chosen)
    with sessions.ended_by_errors(session):
        session.records.update(status=RecordStatus.RUNNING)
        kinds, rows = _write(session, _periods(wanted, now), now)
        _settle(session, rows)
    sessions.end(session, SessionStatus.COMPLETED)
    if not chosen:
        current_execution().warn(_("No active instance is registered that was asked for."))
    elif not any(kind.periods for kind in kinds):
        current_execution().warn(_("No whole period that is over lies in the days asked for."))
    elif not rows:
        current_execution().warn(_("There is no size snapshot in the periods asked for."))
    return Aggregation(session, kinds)


def _require_sense(wanted: Wanted) -> None:
    if wanted.is_current and wanted.has_range:
        sentence = _("Ask either for the current period or for a range of days.")
        raise Invalid({"current": [sentence]})
    if wanted.since and wanted.until and wanted.since > wanted.until:
        sentence = _("The range ends on %(until)s, before it begins.") % {"until": wanted.until}
        raise Invalid({"since": [sentence]})


def _periods(wanted: Wanted, now: datetime) -> dict[PeriodKind, list[Period]]:
    today = timezone.localdate(now, timezone.get_default_timezone())
    kinds = list(PeriodKind) if wanted.kind is None else [wanted.kind]
    if wanted.is_current:
        return {kind: [period_of(today, kind)] for kind in kinds}
    if not wanted.has_range:
        return {kind: [last_complete(kind, today)] for kind in kinds}
    first_day = DatabaseSizeSnapshot.objects.aggregate(day=Min("day"))["day"]
    if first_day is None:
        return {kind: [] for kind in kinds}
    until = min(wanted.until or today, today - DAY)
    found = {}
    for kind in kinds:
        # Before the first snapshot there is nothing, however early a range begins.
        earliest = period_of(first_day, kind).starts_on
        found[kind] = periods_within(kind, max(wanted.since or earliest, earliest), until)
    return found


def _write(
    session: SyncSession, periods: dict[PeriodKind, list[Period]], now: datetime
) -> tuple[list[Written], Counter[int]]:
    """Also returns how many rows were written, by instance id."""
    execution = current_execution()
    all_rows: Counter[int] = Counter()
    kinds = []
    for done, (kind, those) in enumerate(periods.items()):
        began = time.monotonic()
        rows: Counter[int] = Counter()
        for part, owner in enumerate((DATABASE, INSTANCE)) if those else ():
            execution.progress(2 * done + part, 2 * len(periods), str(kind.label))
            rows += _written(Assignment(owner, those, session.pk, now))
        all_rows += rows
        kinds.append(Written(kind, those, rows.total(), time.monotonic() - began))
    execution.progress(2 * len(periods), 2 * len(periods))
    return kinds, all_rows


def _written(assignment: Assignment) -> Counter[int]:
    look = current_execution().check
    try:
        return write_rows(assignment, look)
    except IntegrityError:
        # An instance was deleted after its snapshots had been read; now they are gone too.
        return write_rows(assignment, look)


def _settle(session: SyncSession, rows: Counter[int]) -> None:
    records = list(session.records.all())
    for record in records:
        if record.instance_id is None:
            record.status = RecordStatus.SKIPPED
            record.error = _("The instance was deleted meanwhile.")
        else:
            record.status = RecordStatus.COMPLETED
            record.items_seen = rows[record.instance_id]
            record.details = {"totals": {"aggregates": record.items_seen}}
    SyncRecord.objects.bulk_update(records, ["status", "items_seen", "error", "details"])
