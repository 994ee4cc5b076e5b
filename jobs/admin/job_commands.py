"""What can be done to a job besides editing it, and when it makes sense."""

from __future__ import annotations

from django.utils.translation import gettext_lazy

from jobs.admin.commands import Command
from jobs.control import execution as execution_control
from jobs.control import job as control
from jobs.models import Job

RUN = Command(
    name="run",
    right="run_job",
    label=gettext_lazy("Run now"),
    bulk_label=gettext_lazy("Run selected jobs now"),
    done=gettext_lazy("Queued"),
    call=lambda key, actor: execution_control.run_now(key, actor=actor),
)
PAUSE = Command(
    name="pause",
    right="manage_job",
    label=gettext_lazy("Pause"),
    bulk_label=gettext_lazy("Pause selected jobs"),
    done=gettext_lazy("Paused"),
    call=lambda key, actor: control.pause(key, actor=actor),
)
RESUME = Command(
    name="resume",
    right="manage_job",
    label=gettext_lazy("Resume"),
    bulk_label=gettext_lazy("Resume selected jobs"),
    done=gettext_lazy("Resumed"),
    call=lambda key, actor: control.resume(key, actor=actor),
)
ENABLE = Command(
    name="enable",
    right="manage_job",
    label=gettext_lazy("Enable"),
    bulk_label=gettext_lazy("Enable selected jobs"),
    done=gettext_lazy("Enabled"),
    call=lambda key, actor: control.enable(key, actor=actor),
)
DISABLE = Command(
    name="disable",
    right="manage_job",
    label=gettext_lazy("Disable"),
    bulk_label=gettext_lazy("Disable selected jobs"),
    done=gettext_lazy("Disabled"),
    call=lambda key, actor: control.disable(key, actor=actor),
)
DELETE = Command(
    name="delete_selected",
    right="manage_job",
    label=gettext_lazy("Delete"),
    bulk_label=gettext_lazy("Delete selected jobs"),
    done=gettext_lazy("Deleted"),
    call=lambda key, actor: control.delete(key, actor=actor),
)

BUTTONS = (RUN, PAUSE, RESUME, ENABLE, DISABLE)
"""Those that stand on a job's page."""


def offered_for(job: Job) -> set[str]:
    """Names of the buttons that make sense in the job's present state."""
    return {
        RUN.name,
        RESUME.name if job.is_paused else PAUSE.name,
        DISABLE.name if job.is_enabled else ENABLE.name,
    }
