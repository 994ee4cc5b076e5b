"""The task that deletes what is past its retention."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Annotated, Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from pydantic import Field

from jobs.conf import conf
from jobs.errors import Invalid
from jobs.estate.services.retention import expired_findings, expired_sessions, expired_snapshots
from jobs.executions.database import database_now
from jobs.executions.retention import (
    expired_alert_incidents,
    expired_alert_messages,
    expired_audit_events,
    expired_executions,
    expired_leader_terms,
)
from jobs.executions.tally import fold_gone
from jobs.pace import Pace
from jobs.registry import current_execution, scheduled_task
from jobs.sweep import Expired, sweep

MAX_DAYS = 36_500
MAX_KEPT = 10_000
Days = Annotated[int, Field(ge=1, le=MAX_DAYS)]


@scheduled_task(label=gettext_lazy("Log cleanup"))
def cleanup_logs(
    *,
    days: Days | None = None,
    keep_last: Annotated[int, Field(ge=0, le=MAX_KEPT)] = 0,
    audit_days: Days | None = None,
    session_days: Days | None = 90,
    snapshot_days: Days | None = 400,
    finding_days: Days | None = 90,
    dry_run: bool = False,
) -> dict[str, Any]:
    """Delete rows that are past their retention; no files.

    `days`: executions, with their logs, that ended longer ago, who led then, and the alerts of
    that time; without it as many as the setting SCHEDCORE_RETENTION_DAYS says. `keep_last`: the
    last so many of each job stay, however old they are. `audit_days`: audit events; without it
    all stay. `session_days`: sync sessions that ended longer ago, with their records.
    `snapshot_days`: measurements of a database's size, of which the aggregates stay; those of a
    quarter need two quarters of them. `finding_days`: partition findings that resolved longer
    ago. Of the last three, null keeps all. `dry_run`: only count what would go.

    In transactions of at most 1,000 rows, with a rest after each, so that it holds nobody up;
    safe to stop and run again. Returns how many rows have gone of each kind.
    """
    keep_days = conf().retention_days if days is None else days
    kept = {
        "days": keep_days,
        "audit_days": audit_days,
        "session_days": session_days,
        "snapshot_days": snapshot_days,
        "finding_days": finding_days,
    }
    moments = _moments(kept, database_now())
    kinds = list(_expired(moments, keep_last))
    gone = _sweep(kinds, is_dry_run=dry_run)
    while not dry_run and fold_gone(moments["days"]):
        current_execution().check()
    return {**gone, "days": keep_days, "dry_run": dry_run}


def _moments(kept: dict[str, int | None], now: datetime) -> dict[str, datetime]:
    """From when on things are kept, by argument; without those that keep everything."""
    moments = {}
    for name, days in kept.items():
        if days is None:
            continue
        if not 1 <= days <= MAX_DAYS:
            sentence = _("Use 1 to %(most)d days, not %(days)s.")
            raise Invalid({name: [sentence % {"most": MAX_DAYS, "days": days}]})
        moments[name] = now - timedelta(days=days)
    return moments


def _expired(moments: dict[str, datetime], keep_last: int) -> Iterator[Expired]:
    yield expired_executions(moments["days"], keep_last=keep_last)
    yield expired_leader_terms(moments["days"])
    yield expired_alert_incidents(moments["days"])
    yield expired_alert_messages(moments["days"])
    if before := moments.get("audit_days"):
        yield expired_audit_events(before)
    if before := moments.get("session_days"):
        yield expired_sessions(before)
    if before := moments.get("snapshot_days"):
        yield expired_snapshots(before.date())
    if before := moments.get("finding_days"):
        yield expired_findings(before)


def _sweep(kinds: list[Expired], *, is_dry_run: bool) -> Counter[str]:
    run, pace = current_execution(), Pace()
    total = sum(kind.rows.count() for kind in kinds)
    done = 0
    run.progress(done, total)
    gone = Counter({name: 0 for kind in kinds for name in kind.names})
    for kind in kinds:
        label = str(kind.rows.model._meta.verbose_name_plural)
        for counts in sweep(kind, pace, is_dry_run=is_dry_run):
            gone.update(counts)
            done += counts[kind.name]
            run.progress(done, max(total, done), label)
            pace.rest()
            run.check()
    if done < total:  # some were spared
        run.progress(done, done)
    return gone
