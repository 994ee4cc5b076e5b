"""Retention of the history."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from pydantic import Field

from jobs.conf import conf
from jobs.errors import Invalid
from jobs.executions.database import database_now
from jobs.executions.retention import count_expired, delete_expired
from jobs.registry import current_execution, scheduled_task

MAX_DAYS = 36_500
Days = Annotated[int, Field(ge=1, le=MAX_DAYS)]


@scheduled_task(label=gettext_lazy("Log cleanup"))
def cleanup_logs(*, days: Days | None = None) -> dict[str, int]:
    """Delete executions, with their logs, that ended more than `days` ago.

    Without `days` the setting SCHEDCORE_RETENTION_DAYS says how many. Deletes in batches of
    at most 5,000 rows a transaction, so that it holds nobody up; safe to stop and run again.
    """
    keep_days = conf().retention_days if days is None else days
    if not 1 <= keep_days <= MAX_DAYS:
        sentence = _("Use 1 to %(most)d days, not %(days)s.")
        raise Invalid({"days": [sentence % {"most": MAX_DAYS, "days": keep_days}]})
    before = database_now() - timedelta(days=keep_days)
    total = count_expired(before)
    run = current_execution()
    executions = lines = 0
    run.progress(0, total)
    for gone_executions, gone_lines in delete_expired(before):
        executions += gone_executions
        lines += gone_lines
        run.progress(executions, max(total, executions))
    return {"executions": executions, "log_lines": lines, "days": keep_days}
