"""What became of each occurrence: read-only, with Cancel and Run again.

The list stands in `execution_list`, the page of one execution in `execution_page`.
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin

from jobs.admin.commands import as_action
from jobs.admin.execution_commands import BUTTONS, offered_for
from jobs.admin.execution_list import ExecutionListAdmin
from jobs.admin.execution_page import ExecutionPageAdmin
from jobs.models import JobExecution


@admin.register(JobExecution)
class JobExecutionAdmin(ExecutionListAdmin, ExecutionPageAdmin):
    audited_as = "execution"
    commands = BUTTONS
    actions = [as_action(command) for command in BUTTONS]

    def offered(self, execution: JobExecution) -> set[str]:
        return offered_for(execution)

    def shown_after(self, obj: Any, result: Any) -> Any:
        """A run that was asked for is what one wants to watch."""
        return result if isinstance(result, JobExecution) else obj
