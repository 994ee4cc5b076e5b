"""The list of executions: its columns, filters and search. Quick with a million of them."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import quote
from django.contrib.admin.views.main import ChangeList
from django.db.models import CharField, Max, Q, QuerySet
from django.db.models.functions import Cast, Left
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from jobs.admin.commands import CommandsAdmin
from jobs.admin.display import duration, lines, moment, status_badge
from jobs.admin.execution_filters import JobFilter, SourceFilter, StatusFilter, WithinFilter
from jobs.admin.execution_words import MOST_OF_AN_ERROR, asked_by, first_line, occurrences, why
from jobs.admin.narrowed_list import NarrowedList, NarrowedListAdmin
from jobs.admin.rights import user_of
from jobs.executions.database import database_clock
from jobs.models import Job, JobExecution, Status

HEAVY = ("args", "kwargs", "result", "error", "traceback")
"""Columns that a list has no use for and that may be large."""

MOST_JOBS_FOUND = 500
"""By a search; more of them say that it was for too little."""
MOST_SUGGESTED = 200
"""Jobs that a browser offers while an id is typed."""
RECENT_ROWS = 20_000
"""Among which the names are looked for that a job bore when it ran."""


class ExecutionList(NarrowedList):
    tab_filter = StatusFilter
    select_filters = (SourceFilter, WithinFilter)

    def get_queryset(self, request: HttpRequest, *args: Any, **kwargs: Any) -> QuerySet[Any]:
        rows: Any = super().get_queryset(request, *args, **kwargs)
        start = Left("error", MOST_OF_AN_ERROR + 1)
        shown: QuerySet[Any] = rows.defer(*HEAVY).annotate(
            error_start=start, seen_at=database_clock()
        )
        return shown

    def get_results(self, request: HttpRequest) -> None:
        """With their jobs, by one query for all.

        Not by a join: where the rows are those of one job, Django takes it for an inner one,
        and a job that has gone would take its history along.
        """
        super().get_results(request)
        rows: list[JobExecution] = list(self.result_list)
        jobs = Job.objects.in_bulk({row.job_id for row in rows if row.job_id})
        for row in rows:
            JobExecution._meta.get_field("job").set_cached_value(row, jobs.get(row.job_id or ""))
        self.result_list = rows


class ExecutionListAdmin(NarrowedListAdmin, CommandsAdmin):
    list_display = ("number", "verdict", "job_link", "at", "source_text")
    list_filter = (StatusFilter, JobFilter, SourceFilter, WithinFilter)
    search_fields = ("job__id", "job_name")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return ExecutionList

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        jobs = Job.objects.visible_to(user_of(request)).order_by("name", "pk")
        suggested = list(jobs.values_list("pk", "name")[:MOST_SUGGESTED])
        return super().changelist_view(request, {"suggested": suggested, **(extra_context or {})})

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """By index, never by reading the table: the jobs are looked for first."""
        term = search_term.strip()
        if not term:
            return queryset, False
        found = Q(job_id__in=_jobs_named(term))
        number = term.removeprefix("#")
        if number.isascii() and number.isdigit() and len(number) < 19:
            found |= Q(pk=int(number))
        return queryset.filter(found), False

    @admin.display(description=gettext_lazy("execution"))
    def number(self, execution: JobExecution) -> str:
        return f"#{execution.pk}"

    @admin.display(description=gettext_lazy("verdict"))
    def verdict(self, execution: Any) -> SafeString:
        reason = ""
        if execution.status != Status.SUCCEEDED or execution.reason:
            reason = first_line(why(execution, execution.seen_at, error=execution.error_start))
        warned = _("with a warning") if execution.warning else ""
        return lines(status_badge(execution), reason, warned)

    @admin.display(description=gettext_lazy("job"))
    def job_link(self, execution: JobExecution) -> SafeString:
        return job_link(execution)

    @admin.display(description=gettext_lazy("started at"))
    def at(self, execution: JobExecution) -> SafeString:
        """The start, and for how long; of what never started, for when it was meant."""
        if execution.started_at is None:
            return lines(moment(execution.scheduled_for), _("not started"), occurrences(execution))
        took = duration(execution.duration_s)
        return lines(
            moment(execution.started_at),
            _("took %(span)s") % {"span": took} if took else "",
            occurrences(execution),
        )

    @admin.display(description=gettext_lazy("asked for by"))
    def source_text(self, execution: JobExecution) -> str:
        return asked_by(execution)


def job_link(execution: JobExecution) -> SafeString:
    """The name it had, leading to the job if that is still there; `job` has to be loaded."""
    if execution.job is None:
        gone = _("deleted") if execution.job_id else ""
        return lines(execution.job_name, execution.job_id, gone)
    url = reverse("admin:jobs_job_change", args=[quote(execution.job.pk)])
    link = format_html('<a href="{}">{}</a>', url, execution.job_name)
    return lines(link, execution.job.pk)


def _jobs_named(term: str) -> list[str]:
    """Ids of jobs whose id or name holds the term, also of jobs that have gone or were called
    otherwise, if they are among the latest executions or the term is the id itself."""
    jobs = Job.objects.filter(Q(pk__icontains=term) | Q(name__icontains=term))
    newest = JobExecution.objects.aggregate(newest=Max("pk"))["newest"] or 0
    # As a text, since a look-up cannot search a key for a part.
    recent = JobExecution.objects.alias(id_text=Cast("job_id", CharField())).filter(
        Q(id_text__icontains=term) | Q(job_name__icontains=term),
        pk__gt=newest - RECENT_ROWS,
        job__isnull=False,
    )
    return sorted(
        {
            term,
            *jobs.order_by("pk").values_list("pk", flat=True)[:MOST_JOBS_FOUND],
            *recent.order_by().values_list("job_id", flat=True).distinct()[:MOST_JOBS_FOUND],
        }
    )
