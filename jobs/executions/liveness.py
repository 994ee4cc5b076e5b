"""Who lives, who leads, what has changed, and what the dead have left: in one statement."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from django.db.backends.utils import CursorWrapper

from jobs.executions.database import from_database, is_postgresql
from jobs.executions.fencing import LIMITS, limits
from jobs.models.execution import Status


@dataclass(frozen=True, slots=True)
class Peer:
    """A scheduler process that counts as alive. `beat` is its heartbeat's counter."""

    id: str
    host: str
    host_id: str
    pid: int
    ttl_s: float
    beat: int


@dataclass(frozen=True, slots=True)
class Sighting:
    """What was seen at `now` (the database's time, UTC)."""

    now: datetime
    holder: str
    epoch: int
    revision: int
    has_alert_rules: bool
    has_orphans: bool
    """Runs whose process is not alive wait for their verdict, or for their slot's release."""
    peers: list[Peer]

    def peer(self, process_id: str) -> Peer | None:
        return next((peer for peer in self.peers if peer.id == process_id), None)


def look(cursor: CursorWrapper, limit_s: float) -> Sighting:
    """Look, at the beginning of a transaction that `limit_s` bounds from then on."""
    clock, bounds, values = "NULL", "", []
    if is_postgresql():
        clock, bounds, values = "clock_timestamp()", f", {LIMITS}", limits(limit_s)
    cursor.execute(
        f"SELECT {clock}, l.holder, l.epoch, r.number, r.has_alert_rules, "
        f"EXISTS ({ORPHANS}), "
        f"p.id, p.host, p.host_id, p.pid, p.ttl_s, p.beat{bounds} "
        "FROM (SELECT 1 AS id) AS one "
        "LEFT JOIN jobs_schedulerlease l ON l.id = one.id "
        "LEFT JOIN jobs_revision r ON r.id = one.id "
        "LEFT JOIN jobs_schedulerprocess p ON p.stopped_at IS NULL",
        values,
    )
    rows = cursor.fetchall()
    now, holder, epoch, revision, has_alert_rules, has_orphans = rows[0][:6]
    return Sighting(
        now=from_database(now) or datetime.now(UTC),
        holder=holder or "",
        epoch=epoch or 0,
        revision=revision or 0,
        has_alert_rules=bool(has_alert_rules),
        has_orphans=bool(has_orphans),
        peers=[Peer(*row[6:12]) for row in rows if row[6] is not None],
    )


ORPHANS = (
    "SELECT 1 FROM jobs_jobexecution e "
    f"WHERE e.released_at IS NULL AND e.status <> '{Status.QUEUED.value}' "
    "AND NOT EXISTS (SELECT 1 FROM jobs_schedulerprocess a "
    "WHERE a.id = e.owner AND a.stopped_at IS NULL)"
)
