"""How states of sessions and of their records look."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from jobs.admin.display import badge
from jobs.estate.admin.base import EMPTY
from jobs.estate.models.record import RecordStatus, SyncRecord
from jobs.estate.models.session import SessionStatus, SyncSession
from jobs.estate.units import format_bytes

LOOKS: Mapping[str, str] = {
    SessionStatus.RUNNING: "running",
    SessionStatus.COMPLETED: "succeeded",
    SessionStatus.PARTIAL: "partial",
    SessionStatus.FAILED: "failed",
    SessionStatus.CANCELLED: "cancelled",
    RecordStatus.PENDING: "queued",
    RecordStatus.SKIPPED: "skipped",
}
"""The stylesheet's words; what sessions and records share has one look."""


def status_badge(row: SyncSession | SyncRecord) -> SafeString:
    return badge(LOOKS[row.status], row.get_status_display())


def asked_by(session: SyncSession) -> str:
    """ "scheduled", "manual, by ana"."""
    source = str(session.get_source_display())
    if not session.requested_by:
        return source
    return _("%(source)s, by %(name)s") % {"source": source, "name": session.requested_by}


def size_of(totals: Mapping[str, Any]) -> str:
    """What was measured, of a session or of a record."""
    count = totals.get("total_bytes")
    return EMPTY if count is None else format_bytes(count)
