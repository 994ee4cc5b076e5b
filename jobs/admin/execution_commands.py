"""What can be done to an execution."""

from __future__ import annotations

from django.utils.translation import gettext_lazy

from jobs.admin.commands import Command
from jobs.control import execution as control
from jobs.control.rights import require_right_to_retry
from jobs.models import JobExecution

CANCEL = Command(
    name="cancel",
    right="run_job",
    label=gettext_lazy("Cancel"),
    bulk_label=gettext_lazy("Cancel selected executions"),
    done=gettext_lazy("Cancel asked for"),
    call=lambda key, actor: control.cancel(key, actor=actor),
)
RETRY = Command(
    name="retry",
    right="run_job",
    label=gettext_lazy("Run again"),
    bulk_label=gettext_lazy("Run selected executions again"),
    done=gettext_lazy("Queued"),
    call=lambda key, actor: control.retry(key, actor=actor),
    check=require_right_to_retry,
)
BUTTONS = (CANCEL, RETRY)


def offered_for(execution: JobExecution) -> set[str]:
    """Names of the commands that make sense now; `job` has to be loaded."""
    if not execution.is_finished:
        return set() if execution.is_cancelling else {CANCEL.name}
    return {RETRY.name} if execution.job else set()
