"""The page of one job: its form, and what stands above and below it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy

from jobs.admin.commands import CommandsAdmin
from jobs.admin.display import (
    differences,
    duration,
    moment,
    next_run_of,
    state_badge,
    status_badge,
    zone_of,
)
from jobs.admin.execution_list import HEAVY
from jobs.admin.job_charts import runs_chart
from jobs.admin.job_form import JobForm
from jobs.admin.rights import actor_of, user_of
from jobs.control.input import POLICIES
from jobs.control.schedule import problem_of, trigger_of
from jobs.errors import SchedulerError
from jobs.models import AuditEvent, Job, JobExecution, JobState
from jobs.triggers import preview

IDENTITY = ("name", "description", "function", "args", "kwargs")
"""Fixed in a built-in job."""

SHOWN_OCCURRENCES = 5
SHOWN_EXECUTIONS = 20
SHOWN_EVENTS = 10


class JobPageAdmin(CommandsAdmin):
    form = JobForm

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Any:
        return (
            (None, {"fields": ("name", "id", "description", "function", "kwargs", "args")}),
            (
                gettext_lazy("Schedule"),
                {"fields": ("trigger_type", "trigger_params", "timezone", "is_enabled")},
            ),
            (
                gettext_lazy("Policies"),
                {
                    "classes": ("collapse",),
                    "fields": ("executor", *POLICIES),
                },
            ),
        )

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        if not isinstance(obj, Job):
            return ()
        return ("id", *IDENTITY) if obj.is_builtin else ("id",)

    def get_prepopulated_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        return {} if obj else {"id": ("name",)}

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        form: Any = super().get_form(request, obj, change=change, **kwargs)
        form.actor = actor_of(request)
        return form

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Nothing: the form's validation has carried the change out."""

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Job | None = None,
    ) -> HttpResponse:
        if obj is not None:
            context.update(self._about(request, obj))
        return super().render_change_form(request, context, add, change, form_url, obj)

    def _about(self, request: HttpRequest, job: Job) -> dict[str, Any]:
        """What stands above and below the form of a job."""
        executions = JobExecution.objects.visible_to(user_of(request)).filter(job_id=job.pk)
        changes = AuditEvent.objects.visible_to(user_of(request)).filter(is_refused=False)
        events = changes.filter(job_id=job.pk)
        return {
            "buttons": self.buttons(request, job),
            "problem": job.problem or problem_of(job),
            "state_badge": state_badge(job),
            "state_label": JobState(job.state).label,
            "next_run": next_run_of(job),
            "zone_name": job.zone_name,
            "occurrences": _occurrences(job),
            "executions": [
                {
                    "row": execution,
                    "badge": status_badge(execution),
                    "scheduled": moment(execution.scheduled_for, zone_of(job)),
                    "started": moment(execution.started_at),
                    "duration": duration(execution.duration_s),
                }
                for execution in executions.defer(*HEAVY)[:SHOWN_EXECUTIONS]
            ],
            "runs_chart": runs_chart(executions),
            "executions_url": _list_url("jobexecution", job__id__exact=job.pk),
            "events": [
                (event, moment(event.at), differences(event.before, event.after))
                for event in events[:SHOWN_EVENTS]
            ],
            "events_url": _list_url("auditevent", q=job.pk),
            "may_see_events": self.may(request, "manage_job", job),
        }


def _occurrences(job: Any) -> list[SafeString | None]:
    """The next moments at which it would run, were it switched on; none if it is broken."""
    after = max(job.seen_at, job.paused_until or job.seen_at)
    try:
        trigger = trigger_of(job)
    except SchedulerError:
        return []
    return [moment(at, zone_of(job)) for at in preview(trigger, SHOWN_OCCURRENCES, now=after)]


def _list_url(model: str, **query: str) -> str:
    return f"{reverse(f'admin:jobs_{model}_changelist')}?{urlencode(query)}"
