"""Retention of the history."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from jobs.conf import conf
from jobs.errors import Invalid
from jobs.executions.retention import count_expired, delete_expired
from jobs.registry import current_execution, scheduled_task


@scheduled_task(label=gettext_lazy("Log cleanup"))
def cleanup_logs(*, days: int | None = None) -> dict[str, int]:
    """Delete executions, with their logs, that ended more than `days` ago.

    Without `days` the setting SCHEDCORE_RETENTION_DAYS says how many. Deletes in batches of
    at most 5,000 rows a transaction, so that it holds nobody up; safe to stop and run again.
    """
    keep_days = conf().retention_days if days is None else days
    if not 1 <= keep_days <= 36_500:
        raise Invalid({"days": [_("Use 1 to 36500 days, not %(days)s.") % {"days": keep_days}]})
    before = datetime.now(UTC) - timedelta(days=keep_days)
    total = count_expired(before)
    run = current_execution()
    executions = lines = 0
    run.progress(0, total)
    for gone_executions, gone_lines in delete_expired(before):
        executions += gone_executions
        lines += gone_lines
        run.progress(executions, max(total, executions))
    return {"executions": executions, "log_lines": lines, "days": keep_days}
