"""What became of each occurrence: read-only, with Cancel and Run again."""

from __future__ import annotations

from datetime import timedelta, tzinfo
from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import quote
from django.contrib.admin.views.main import ChangeList
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from jobs.admin.commands import Command, CommandsAdmin, as_action
from jobs.admin.display import (
    badge,
    duration,
    json_block,
    lines,
    moment,
    text_block,
    zone_of,
)
from jobs.admin.paging import BoundedPaginator
from jobs.control import execution as control
from jobs.control.rights import require_right_to_retry
from jobs.executions.database import database_now
from jobs.models import ExecutionLog, JobExecution, Status

MOST_LOG_LINES = 200

HEAVY = ("args", "kwargs", "result", "error", "traceback")
"""Columns that a list has no use for and that may be large."""

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


class WithinFilter(admin.SimpleListFilter):
    """By when it ended; what has not ended is always recent. Served by the index on that."""

    title = gettext_lazy("time")
    parameter_name = "within"
    spans = {
        "1h": (timedelta(hours=1), gettext_lazy("Last hour")),
        "24h": (timedelta(hours=24), gettext_lazy("Last 24 hours")),
        "7d": (timedelta(days=7), gettext_lazy("Last 7 days")),
        "30d": (timedelta(days=30), gettext_lazy("Last 30 days")),
    }

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return [(key, label) for key, (_span, label) in self.spans.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() not in self.spans:
            return queryset
        since = database_now() - self.spans[self.value() or ""][0]
        return queryset.filter(Q(finished_at__gte=since) | Q(finished_at__isnull=True))


class ExecutionList(ChangeList):
    def get_queryset(self, request: HttpRequest, *args: Any, **kwargs: Any) -> QuerySet[Any]:
        return super().get_queryset(request, *args, **kwargs).defer(*HEAVY)


@admin.register(JobExecution)
class JobExecutionAdmin(CommandsAdmin):
    commands = (CANCEL, RETRY)
    actions = [as_action(CANCEL), as_action(RETRY)]
    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    list_display = ("number", "job_link", "verdict", "source", "scheduled", "ran")
    list_filter = ("status", "source", WithinFilter)
    search_fields = ("job__id", "job_name")
    sortable_by = ()
    fields = (
        "job_link",
        "verdict",
        "progress",
        "warning_block",
        "error_block",
        "result_block",
        "scheduled",
        "queued",
        "started",
        "finished",
        "waited",
        "took",
        "asked_by",
        "attempts",
        "function",
        "args_block",
        "kwargs_block",
    )
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        # A job that has gone is None through a join, and an error through a look-up of its own.
        return super().get_queryset(request).select_related("job")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return ExecutionList

    def offered(self, execution: JobExecution) -> set[str]:
        if not execution.is_finished:
            return set() if execution.is_cancelling else {CANCEL.name}
        return {RETRY.name} if execution.job else set()

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: JobExecution | None = None,
    ) -> HttpResponse:
        if obj is not None:
            context["buttons"] = self.buttons(request, obj)
            context.update(title=str(obj), subtitle=None)
            context.update(_logs(obj))
        return super().render_change_form(request, context, add, change, form_url, obj)

    @admin.display(description=gettext_lazy("execution"))
    def number(self, execution: JobExecution) -> str:
        return f"#{execution.pk}"

    @admin.display(description=gettext_lazy("job"))
    def job_link(self, execution: JobExecution) -> SafeString:
        if execution.job is None:
            gone = _("deleted") if execution.job_id else ""
            return lines(execution.job_name, execution.job_id, gone)
        url = reverse("admin:jobs_job_change", args=[quote(execution.job.pk)])
        link = format_html('<a href="{}">{}</a>', url, execution.job_name)
        return lines(link, execution.job.pk)

    @admin.display(description=gettext_lazy("verdict"))
    def verdict(self, execution: JobExecution) -> SafeString:
        warned = _("with a warning") if execution.warning else ""
        return lines(status_badge(execution), execution.reason, warned, _cancelling(execution))

    @admin.display(description=gettext_lazy("progress"))
    def progress(self, execution: JobExecution) -> SafeString | None:
        if execution.progress_done is None:
            return None
        done = f"{execution.progress_done:.12g}"
        if execution.progress_total is None:
            return lines(done, execution.progress_message)
        total = f"{execution.progress_total:.12g}"
        bar = format_html(
            '<progress max="{}" value="{}"></progress> {}',
            total,
            done,
            _("%(done)s of %(total)s") % {"done": done, "total": total},
        )
        return lines(bar, execution.progress_message)

    @admin.display(description=gettext_lazy("scheduled for"))
    def scheduled(self, execution: JobExecution) -> SafeString:
        zone = zone_of(execution.job) if execution.job else None
        return lines(moment(execution.scheduled_for, zone), _stretch(execution, zone))

    @admin.display(description=gettext_lazy("asked by"))
    def asked_by(self, execution: JobExecution) -> SafeString:
        return lines(execution.get_source_display(), execution.requested_by)

    @admin.display(description=gettext_lazy("attempt"))
    def attempts(self, execution: JobExecution) -> SafeString:
        number = str(execution.attempt)
        after, then = "", ""
        if execution.retry_of_id is not None:
            after = _link(execution.retry_of_id, _("after execution %(id)s"))
        if execution.is_finished:
            next_one = JobExecution.objects.filter(retry_of=execution.pk).order_by("pk").first()
            if next_one is not None:
                then = _link(next_one.pk, _("followed by execution %(id)s"))
        elif execution.start_after is not None and execution.status == Status.QUEUED:
            zone = zone_of(execution.job) if execution.job else None
            then = format_html(_("waits until {}"), moment(execution.start_after, zone))
        return lines(number, after, then)

    @admin.display(description=gettext_lazy("waited"))
    def waited(self, execution: JobExecution) -> str | None:
        return duration(execution.waited_s)

    @admin.display(description=gettext_lazy("duration"))
    def took(self, execution: JobExecution) -> str | None:
        return duration(execution.duration_s)

    @admin.display(description=gettext_lazy("error"))
    def error_block(self, execution: JobExecution) -> SafeString | None:
        if not execution.error and not execution.traceback:
            return None
        return format_html(
            "{}{}",
            text_block(execution.error) or "",
            text_block(execution.traceback, folded=_("Traceback")) or "",
        )

    @admin.display(description=gettext_lazy("warning"))
    def warning_block(self, execution: JobExecution) -> SafeString | None:
        return text_block(execution.warning)

    @admin.display(description=gettext_lazy("queued at"))
    def queued(self, execution: JobExecution) -> SafeString | None:
        return moment(execution.queued_at)

    @admin.display(description=gettext_lazy("started at"))
    def started(self, execution: JobExecution) -> SafeString | None:
        return moment(execution.started_at)

    @admin.display(description=gettext_lazy("started at"))
    def ran(self, execution: JobExecution) -> SafeString | None:
        """The start, and for how long, in one column of the list."""
        if execution.started_at is None:
            return None
        return lines(moment(execution.started_at), duration(execution.duration_s))

    @admin.display(description=gettext_lazy("finished at"))
    def finished(self, execution: JobExecution) -> SafeString | None:
        return moment(execution.finished_at)

    @admin.display(description=gettext_lazy("positional arguments"))
    def args_block(self, execution: JobExecution) -> SafeString | None:
        return json_block(execution.args)

    @admin.display(description=gettext_lazy("arguments"))
    def kwargs_block(self, execution: JobExecution) -> SafeString | None:
        return json_block(execution.kwargs)

    @admin.display(description=gettext_lazy("result"))
    def result_block(self, execution: JobExecution) -> SafeString | None:
        return json_block(execution.result)


def _link(execution_id: int, text: str) -> SafeString:
    url = reverse("admin:jobs_jobexecution_change", args=[execution_id])
    return format_html('<a href="{}">{}</a>', url, text % {"id": execution_id})


def status_badge(execution: JobExecution) -> SafeString:
    return badge(execution.status, execution.get_status_display())


def _cancelling(execution: JobExecution) -> str:
    if not execution.is_cancelling:
        return ""
    return _("%(who)s asked for its end; it stops at its next check.") % {
        "who": execution.cancel_requested_by
    }


def _stretch(execution: JobExecution, zone: tzinfo | None) -> str | SafeString:
    """Of a row that stands for several occurrences: how many, and since when."""
    n = execution.occurrence_count
    if n == 1:
        return ""
    text = (
        ngettext("at least %(n)d occurrence", "at least %(n)d occurrences", n)
        if execution.is_count_capped
        else ngettext("%(n)d occurrence", "%(n)d occurrences", n)
    ) % {"n": n}
    if execution.first_scheduled_for is None:
        return text
    return format_html(
        "{}, {} {}", text, _("the first for"), moment(execution.first_scheduled_for, zone)
    )


def _logs(execution: JobExecution) -> dict[str, Any]:
    """The last lines of the log, oldest first."""
    newest = list(
        ExecutionLog.objects.filter(execution_id=execution.pk).order_by("-id")[: MOST_LOG_LINES + 1]
    )
    lines_shown = newest[:MOST_LOG_LINES][::-1]
    return {
        "log_lines": [(line, moment(line.at)) for line in lines_shown],
        "log_is_cut": len(newest) > MOST_LOG_LINES,
    }
