"""What an instance's page lists: the first rows of each noun, and where all of them are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from django.db.models import Count, Q, Window
from django.urls import reverse
from django.utils.translation import gettext as _

from jobs.admin.display import badge, duration, moment
from jobs.estate.admin.account import MOST_LINES_OF_A_CHANGE, label
from jobs.estate.admin.account_display import difference_block, flag_badges
from jobs.estate.admin.finding import RANK, place_of
from jobs.estate.admin.instance_list import growth, trend_line
from jobs.estate.admin.session_display import status_badge
from jobs.estate.models.account import Account, Flag, with_flag
from jobs.estate.models.account_change import AccountChange
from jobs.estate.models.finding import PartitionFinding
from jobs.estate.models.instance import DatabaseInstance
from jobs.estate.models.record import SyncRecord
from jobs.estate.services.charts import SmallTrend
from jobs.estate.units import format_bytes

MOST_CHANGES = 8
MOST_FINDINGS = 10
MOST_SESSIONS = 10


def databases(rows: Sequence[Any], trends: Mapping[int, SmallTrend]) -> list[dict[str, Any]]:
    """Of rows as `largest_databases` returns them."""
    return [
        {
            "url": reverse("admin:estate_database_change", args=[row.pk]),
            "name": row.name,
            "is_system": row.is_system,
            "size": format_bytes(row.latest),
            "trend": trend_line(trends[row.pk]),
            "growth": growth(trends[row.pk]),
            "first_seen": moment(row.first_seen),
            "last_seen": moment(row.last_seen),
            "dropped": moment(row.dropped_at),
        }
        for row in rows
    ]


def account_counts(instance: DatabaseInstance) -> list[dict[str, Any]]:
    """How many accounts there are, and of each flag how many bear it. One statement."""
    flagged = {flag: Count("pk", filter=with_flag(flag)) for flag in Flag.values}
    counts = (
        Account.objects.present()
        .filter(instance=instance)
        .aggregate(all=Count("pk"), roles=Count("pk", filter=Q(is_role=True)), **flagged)
    )
    users = counts["all"] - counts["roles"]
    found = [
        {"count": users, "what": _("users"), "url": _accounts(instance, is_role__exact=0)},
        {
            "count": counts["roles"],
            "what": _("roles"),
            "url": _accounts(instance, is_role__exact=1),
        },
    ]
    flags = [
        {
            "count": counts[flag],
            "what": flag_badges([flag]),
            "url": _accounts(instance, flag=flag),
        }
        for flag in Flag.values
        if counts[flag]
    ]
    return [*found, *flags] if counts["all"] else []


def account_changes(instance: DatabaseInstance) -> list[dict[str, Any]]:
    """The last. One statement."""
    rows = (
        AccountChange.objects.filter(instance=instance)
        .select_related("account")
        .defer("account__state", "account__raw")
    )
    return [
        {
            "url": reverse("admin:estate_account_change", args=[change.account_id]),
            "account": label(change.account),
            "at": moment(change.at),
            "kind": badge(change.kind, change.get_kind_display()),
            "difference": difference_block(change.difference, MOST_LINES_OF_A_CHANGE),
            "flags": flag_badges(change.flags),
        }
        for change in rows[:MOST_CHANGES]
    ]


def findings(instance: DatabaseInstance) -> tuple[int, list[dict[str, Any]]]:
    """How many are open, and the worst of them. One statement."""
    rows: list[Any] = list(
        PartitionFinding.objects.unresolved()
        .filter(instance=instance)
        .annotate(open=Window(Count("pk")))
        .order_by(RANK.asc(), "-last_seen", "-pk")[:MOST_FINDINGS]
    )
    shown = [
        {
            "url": reverse("admin:estate_partitionfinding_change", args=[row.pk]),
            "severity": row.severity,
            "badge": badge(row.severity, row.get_severity_display()),
            "kind": row.get_kind_display(),
            "place": place_of(row),
            "message": row.message,
            "first_seen": moment(row.first_seen),
        }
        for row in rows
    ]
    return (rows[0].open if rows else 0), shown


def visits(instance: DatabaseInstance) -> list[dict[str, Any]]:
    """What became of it in the last sessions. One statement."""
    rows = SyncRecord.objects.filter(instance=instance).select_related("session").order_by("-pk")
    return [
        {
            "url": reverse("admin:estate_syncsession_change", args=[record.session_id]),
            "session": str(record.session),
            "at": moment(record.session.started_at),
            "badge": status_badge(record),
            "took": duration(record.seconds),
            "seen": record.items_seen,
            "error": record.error,
        }
        for record in rows.defer("details")[:MOST_SESSIONS]
    ]


def all_url(model: str, **filters: str | int) -> str:
    """Of the list of a model, filtered."""
    return f"{reverse(f'admin:estate_{model}_changelist')}?{urlencode(filters)}"


def _accounts(instance: DatabaseInstance, **filters: str | int) -> str:
    """Of those of its accounts that are there."""
    return all_url("account", instance__id__exact=instance.pk, removed="no", **filters)
