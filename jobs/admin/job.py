"""Jobs: the list, the form, the buttons. Every change goes through `jobs.control.job`."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.contrib.admin import helpers
from django.contrib.admin.utils import model_ngettext
from django.contrib.admin.views.main import ChangeList
from django.db.models import F, Model, OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from jobs.admin.commands import Command, CommandsAdmin, as_action
from jobs.admin.display import badge, differences, duration, lines, moment, relative, zone_of
from jobs.admin.execution import HEAVY, status_badge
from jobs.admin.job_form import JobForm
from jobs.admin.leader import scheduler_strip
from jobs.admin.rights import actor_of, user_of
from jobs.control import execution as execution_control
from jobs.control import job as control
from jobs.control.input import POLICIES
from jobs.control.schedule import problem_of, trigger_of
from jobs.errors import SchedulerError
from jobs.executions.database import database_clock
from jobs.models import AuditEvent, Job, JobExecution, JobState
from jobs.models.rights import has_right
from jobs.triggers import describe, preview

IDENTITY = ("name", "description", "function", "args", "kwargs")
"""Fixed in a built-in job."""

SHOWN_OCCURRENCES = 5
SHOWN_EXECUTIONS = 20
SHOWN_EVENTS = 10

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


class StateFilter(admin.SimpleListFilter):
    title = gettext_lazy("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return list(JobState.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(state=self.value()) if self.value() else queryset


class JobList(ChangeList):
    def get_results(self, request: HttpRequest) -> None:
        """With the last execution of each job of the page, by one query for all."""
        super().get_results(request)
        jobs: list[Any] = list(self.result_list)
        last = JobExecution.objects.defer(*HEAVY).in_bulk(
            [job.last_execution_id for job in jobs if job.last_execution_id]
        )
        for job in jobs:
            job.last_execution = last.get(job.last_execution_id)
        self.result_list = jobs


@admin.register(Job)
class JobAdmin(CommandsAdmin):
    form = JobForm
    commands = (RUN, PAUSE, RESUME, ENABLE, DISABLE)
    actions = [*(as_action(command) for command in commands), "delete_selected"]
    list_display = ("title", "schedule", "state", "next_run", "running_count", "last_run")
    list_filter = (StateFilter, "function", "trigger_type")
    search_fields = ("id", "name", "description", "function")

    def job_id_of(self, job: Job) -> str:
        return job.pk

    # Rights

    def has_add_permission(self, request: HttpRequest) -> bool:
        return has_right(user_of(request), "manage_job")

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.may(request, "manage_job", obj)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        is_protected = isinstance(obj, Job) and obj.is_builtin
        return not is_protected and self.may(request, "manage_job", obj)

    # The list

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        jobs: Any = super().get_queryset(request)
        latest = JobExecution.objects.filter(job_id=OuterRef("pk")).order_by("-id").values("pk")
        now = database_clock()
        rows: QuerySet[Any] = (
            jobs.with_schedule(now)
            .with_running()
            .annotate(last_execution_id=Subquery(latest[:1]), seen_at=now)
        )
        return rows

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return JobList

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        sees_all = has_right(user_of(request), "view_job")
        strip = scheduler_strip(sees_all_jobs=sees_all)
        return super().changelist_view(request, {**(extra_context or {}), "strip": strip})

    @admin.display(description=gettext_lazy("job"), ordering="name")
    def title(self, job: Job) -> SafeString:
        return lines(job.name, job.pk, _("built-in") if job.is_builtin else "")

    @admin.display(description=gettext_lazy("schedule"))
    def schedule(self, job: Job) -> SafeString:
        words = describe(job.trigger_type, job.trigger_params, job.zone_name)
        params = job.trigger_params if isinstance(job.trigger_params, dict) else {}
        return lines(words, params.get("cron_expression", ""), job.zone_name)

    @admin.display(description=gettext_lazy("state"), ordering="state")
    def state(self, job: Job) -> SafeString:
        return lines(_state(job), job.problem)

    @admin.display(
        description=gettext_lazy("next run"), ordering=F("next_run_time").asc(nulls_last=True)
    )
    def next_run(self, job: Any) -> SafeString | None:
        if job.next_run_time is None:
            return None
        until = relative(job.next_run_time, job.seen_at)
        return lines(until, moment(job.next_run_time, zone_of(job)))

    @admin.display(description=gettext_lazy("running"))
    def running_count(self, job: Job) -> int | None:
        return job.running

    @admin.display(description=gettext_lazy("last run"))
    def last_run(self, job: Any) -> SafeString | None:
        execution: JobExecution | None = job.last_execution
        if execution is None:
            return None
        url = reverse("admin:jobs_jobexecution_change", args=[execution.pk])
        link = format_html('<a href="{}">{}</a>', url, status_badge(execution))
        at = execution.finished_at or execution.started_at or execution.queued_at
        return lines(link, duration(execution.duration_s), relative(at, job.seen_at))

    # Add and edit

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
        events = AuditEvent.objects.visible_to(user_of(request)).filter(job_id=job.pk)
        return {
            "buttons": self.buttons(request, job),
            "problem": job.problem or problem_of(job),
            "state_badge": _state(job),
            "state_label": JobState(job.state).label,
            "next_run": self.next_run(job),
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
            "executions_url": _list_url("jobexecution", job__id__exact=job.pk),
            "events": [
                (event, moment(event.at), differences(event.before, event.after))
                for event in events[:SHOWN_EVENTS]
            ],
            "events_url": _list_url("auditevent", q=job.pk),
            "may_see_events": self.may(request, "manage_job", job),
        }

    def offered(self, job: Job) -> set[str]:
        return {
            RUN.name,
            RESUME.name if job.is_paused else PAUSE.name,
            DISABLE.name if job.is_enabled else ENABLE.name,
        }

    # Delete

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """The jobs alone: rights on them go too, and their history stays."""
        names = [f"{job.name} ({job.pk})" for job in objs]
        return names, {model_ngettext(self.opts, len(names)): len(names)}, set(), []

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        control.delete(obj.pk, actor=actor_of(request))

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        try:
            return super().delete_view(request, object_id, extra_context)
        except SchedulerError as error:
            self.message_user(request, error.message, messages.ERROR)
            return HttpResponseRedirect(self._url("changelist"))

    @admin.action(permissions=[DELETE.right], description=DELETE.bulk_label)  # type: ignore[arg-type]  # lazy text is fine
    def delete_selected(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        """In place of Django's own, which deletes rows past control."""
        if request.POST.get("post"):
            self.command_many(request, queryset, DELETE)
            return None
        names, counts, perms_lacking, protected = self.get_deleted_objects(queryset, request)
        context = {
            **self.admin_site.each_context(request),
            "title": _("Delete jobs"),
            "objects_name": model_ngettext(queryset),
            "deletable_objects": [names],
            "model_count": counts.items(),
            "queryset": queryset,
            "perms_lacking": perms_lacking,
            "protected": protected,
            "opts": self.opts,
            "action_checkbox_name": helpers.ACTION_CHECKBOX_NAME,
            "media": self.media,
        }
        return TemplateResponse(request, "admin/delete_selected_confirmation.html", context)


def _state(job: Job) -> SafeString:
    until = moment(job.paused_until, zone_of(job)) if job.state == JobState.PAUSED else None
    return lines(
        badge(job.state, str(JobState(job.state).label)),
        format_html("{} {}", _("until"), until) if until else "",
    )


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
