"""The audit events of changes that are not about a job."""

from __future__ import annotations

from collections.abc import Collection

from jobs.api.view import ApiView
from jobs.control.audit import record


def record_change(
    view: ApiView, action: str, target: str, fields: Collection[str] | None = None
) -> None:
    """Say who did `action` to `target`, and to which `fields`, never to what: that may be a
    secret. In the transaction of the change."""
    record(
        view.actor,
        action,
        target=target,
        after=None if fields is None else {"fields": sorted(fields)},
        message=", ".join(sorted(fields or ())),
    )
