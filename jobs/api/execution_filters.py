from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from jobs.api.filters import Filters, Moment, Text, Words
from jobs.executions.claim import EXECUTORS
from jobs.models import Source, Status


class InStatus(Words):
    def filter(self, qs: Any, value: list[str]) -> Any:
        return qs.in_status(value)


class ExecutionFilters(Filters):
    job = Text("job_id", max_length=100, help_text=_("The id of the job."))
    status = InStatus("status", Status.values)
    source = Words("source", Source.values)
    function = Text("function", max_length=200)
    executor = Words("executor", sorted(EXECUTORS))
    requested_by = Text(
        "requested_by", max_length=150, help_text=_("Who asked for the run, by user name.")
    )
    since = Moment("scheduled_for", "gte", help_text=_("Scheduled then or later."))
    until = Moment("scheduled_for", "lte", help_text=_("Scheduled then or earlier."))
