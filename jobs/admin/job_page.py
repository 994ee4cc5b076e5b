"""The page of one job: its form, and what stands above and below it."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

from django.contrib.admin.utils import unquote
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.middleware.csrf import get_token
from django.urls import URLPattern, path, reverse
from django.utils import timezone as django_timezone
from django.utils.translation import gettext as _
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
from jobs.admin.form_sections import sections
from jobs.admin.form_words import words
from jobs.admin.job_charts import runs_chart
from jobs.admin.job_form import Intent, JobForm
from jobs.admin.json_text import as_text
from jobs.admin.rights import actor_of, user_of
from jobs.admin.schedule_preview import SchedulePreview, schedule_preview
from jobs.api.job_id import free_ids
from jobs.control.input import POLICIES
from jobs.control.schedule import problem_of
from jobs.executions.database import database_now
from jobs.models import AuditEvent, Job, JobExecution, JobState

IDENTITY = ("name", "description", "function", "args", "kwargs")
"""Fixed in a built-in job."""

SHOWN_EXECUTIONS = 20
SHOWN_EVENTS = 10
LONGEST_COPIED = 150
"""Of a name, so that there is room to call it a copy."""


class JobPageAdmin(CommandsAdmin):
    form = JobForm
    save_as = True

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.session_view)
        return [path("session/", view, name="jobs_job_session"), *super().get_urls()]

    def session_view(self, request: HttpRequest) -> HttpResponse:
        """Whose session it is, and the token of forms: a page asks before it sends what was typed.

        Who is not logged in any more is sent to the login, as everywhere.
        """
        answer = {"user": user_of(request).get_username(), "csrf_token": get_token(request)}
        return JsonResponse(answer)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        if object_id is not None and "_saveasnew" in request.POST:
            original = self.get_object(request, unquote(object_id))
            if original is None:
                raise Http404
            request.POST = _as_copy(request.POST, original)  # type: ignore[assignment]  # it may be set
            about = {**(extra_context or {}), "copied": original}
            return super().changeform_view(request, None, self._url("add"), about)
        return super().changeform_view(request, object_id, form_url, extra_context)

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
        form = context["adminform"].form
        if form.may_edit:
            context.update(
                sections=sections(form),
                words=json.dumps(words()),
                preview_url=reverse("scheduler:trigger_preview"),
                session_url=self._url("session"),
                zone_name=django_timezone.get_default_timezone_name(),
            )
        if form.conflict:
            context["errors"] = []  # all of it is said in its own place
        context["schedule"] = _schedule(form, obj)
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
            "events_url": _list_url("auditevent", job_id=job.pk),
            "may_see_events": self.may(request, "manage_job", job),
        }


def _schedule(form: JobForm, job: Any) -> SchedulePreview | None:
    """What comes, by the form as it is; were the job switched on."""
    now = job.seen_at if job is not None else database_now()
    stored = (
        {name: getattr(job, name) for name in ("trigger_type", "trigger_params", "timezone")}
        if job is not None
        else {}
    )
    asked = form.asked_trigger() if form.may_edit else stored
    if not asked:
        return None
    return schedule_preview(
        asked["trigger_type"],
        asked["trigger_params"],
        asked["timezone"] or django_timezone.get_default_timezone_name(),
        now=now,
        after=max(now, job.paused_until or now) if job is not None else now,
        # A trigger that is changed counts anew.
        anchor=job.anchor if job is not None and asked == stored else now,
        seed=job.pk if job is not None else "",
    )


def _as_copy(sent: QueryDict, original: Job) -> QueryDict:
    """What was typed into a job's page, as the page of a new one takes it."""
    typed = sent.copy()
    for name in ("_saveasnew", "version", "seen"):
        typed.pop(name, None)
    typed[Intent.COPY] = "1"
    typed["id"] = next(free_ids(original.pk))
    if typed.get("name", original.name) == original.name:
        typed["name"] = _("%(name)s (copy)") % {"name": original.name[:LONGEST_COPIED]}
    if original.is_builtin:
        typed["description"] = original.description
        typed["function"] = original.function
        typed["kwargs"] = as_text(original.kwargs)
        typed["args"] = as_text(original.args)
    return typed


def _list_url(model: str, **query: str) -> str:
    return f"{reverse(f'admin:jobs_{model}_changelist')}?{urlencode(query)}"
