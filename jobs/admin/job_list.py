"""The list of jobs: its columns, filters and rows."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import F, OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from jobs.admin.commands import CommandsAdmin
from jobs.admin.display import duration, lines, next_run_of, relative, state_badge, status_badge
from jobs.admin.execution_list import HEAVY
from jobs.admin.leader import scheduler_strip
from jobs.admin.rights import user_of
from jobs.executions.database import database_clock
from jobs.models import Job, JobExecution, JobState
from jobs.models.rights import has_right
from jobs.triggers import describe


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


class JobListAdmin(CommandsAdmin):
    list_display = ("title", "schedule", "state", "next_run", "running_count", "last_run")
    list_filter = (StateFilter, "function", "trigger_type")
    search_fields = ("id", "name", "description", "function")

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
        return lines(state_badge(job), job.problem)

    @admin.display(
        description=gettext_lazy("next run"), ordering=F("next_run_time").asc(nulls_last=True)
    )
    def next_run(self, job: Any) -> SafeString | None:
        return next_run_of(job)

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
