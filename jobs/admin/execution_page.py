"""The page of one execution, and the parts of it that change while somebody looks."""

from __future__ import annotations

from math import isfinite
from typing import Any

from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path
from django.utils import timezone as django_timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from jobs.admin.commands import CommandsAdmin
from jobs.admin.display import (
    abbreviation,
    duration,
    moment,
    status_badge,
    text_block,
    zone_of,
)
from jobs.admin.execution_list import HEAVY, job_link
from jobs.admin.execution_log import asked_window, whole_text
from jobs.admin.execution_words import asked_by, occurrences, why
from jobs.admin.job_explain import explain_url
from jobs.admin.page_words import page_words
from jobs.admin.rights import user_of
from jobs.admin.tree import tree
from jobs.executions.chain import attempts_of
from jobs.executions.database import database_now
from jobs.models import JobExecution, SchedulerProcess, Status


class ExecutionPageAdmin(CommandsAdmin):
    fields = ()

    class Media:
        css = {"all": ["jobs/execution.css"]}

    def get_urls(self) -> list[URLPattern]:
        def admin_path(tail: str, view: Any, name: str) -> URLPattern:
            shown = self.admin_site.admin_view(view)
            found: URLPattern = path(
                f"<path:object_id>/{tail}", shown, name=f"jobs_jobexecution_{name}"
            )
            return found

        return [
            admin_path("live/", self.live_view, "live"),
            admin_path("log.txt", self.log_view, "log"),
            *super().get_urls(),
        ]

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> JobExecution | None:
        # A job that has gone is None through a join, and an error through a look-up of its own.
        rows = self.get_queryset(request).select_related("job")
        found: JobExecution | None = (
            rows.filter(pk=object_id).first() if _is_id(object_id) else None
        )
        return found

    def live_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The parts of the page that change, by themselves."""
        execution = self._seen(request, object_id)
        context = self._state(request, execution)
        return render(request, "admin/jobs/jobexecution/live.html", context)

    def log_view(self, request: HttpRequest, object_id: str) -> StreamingHttpResponse:
        """The whole log, to be kept."""
        execution = self._seen(request, object_id)
        return StreamingHttpResponse(
            whole_text(execution.pk),
            content_type="text/plain; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="execution-{execution.pk}.log"'},
        )

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
            context.update(self._state(request, obj), **_details(request, obj))
            context.update(title=str(obj), subtitle=None, page_words=page_words())
        return super().render_change_form(request, context, add, change, form_url, obj)

    def _seen(self, request: HttpRequest, object_id: str) -> JobExecution:
        execution: JobExecution | None = self.get_object(request, unquote(object_id))
        if execution is None:
            raise Http404
        if not self.has_view_permission(request, execution):
            raise PermissionDenied
        return execution

    def _state(self, request: HttpRequest, execution: JobExecution) -> dict[str, Any]:
        """What changes until the verdict, and with it."""
        chain = attempts_of(execution.pk)
        return {
            "original": execution,
            "buttons": self.buttons(request, execution),
            "badge": status_badge(execution),
            "why": why(execution, database_now(), error=execution.error),
            "explain_url": _explain_url(execution),
            "steps": _steps(execution),
            "percentage": _percentage(execution),
            "error": text_block(execution.error),
            "traceback": text_block(execution.traceback, folded=_("Traceback")),
            "result": None if execution.result is None else tree(execution.result),
            "chain": _chain(chain, request) if len(chain) > 1 else [],
        }


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 19


def _steps(execution: JobExecution) -> list[dict[str, Any]]:
    """Its way from the occurrence to the verdict: what, when, and a word about it."""
    waited, took = duration(_waited_s(execution)), duration(execution.duration_s)
    held = ""
    if execution.released_at and execution.released_at != execution.finished_at:
        held = format_html("{} {}", _("its worker was free again"), moment(execution.released_at))
    return [
        {
            "label": _("Scheduled for"),
            "at": moment(execution.scheduled_for),
            "notes": [_in_its_zone(execution), _stretch(execution)],
        },
        {"label": _("Queued"), "at": moment(execution.queued_at), "notes": []},
        {
            "label": _("Started"),
            "at": moment(execution.started_at),
            "notes": [_("waited %(span)s") % {"span": waited} if waited else ""],
        },
        {
            "label": _("Finished"),
            "at": moment(execution.finished_at),
            "notes": [_("took %(span)s") % {"span": took} if took else "", held],
        },
    ]


def _waited_s(execution: JobExecution) -> float | None:
    """From when it could have begun; None if that is not worth a word."""
    if execution.started_at is None:
        return None
    since = execution.start_after or execution.scheduled_for
    waited_s = (execution.started_at - since).total_seconds()
    return waited_s if waited_s >= 0.01 else None


def _in_its_zone(execution: JobExecution) -> SafeString | None:
    """The occurrence as the job's trigger means it, where that is another zone's time."""
    zone = zone_of(execution.job) if execution.job else django_timezone.get_default_timezone()
    theirs = execution.scheduled_for.astimezone(zone)
    ours = django_timezone.localtime(execution.scheduled_for)
    return None if theirs.utcoffset() == ours.utcoffset() else moment(theirs, zone)


def _stretch(execution: JobExecution) -> str | SafeString:
    counted = occurrences(execution)
    if not counted or execution.first_scheduled_for is None:
        return counted
    return format_html(
        "{}, {} {}", counted, _("the first for"), moment(execution.first_scheduled_for)
    )


def _percentage(execution: JobExecution) -> int | None:
    """How much of it is done; None where nobody can tell."""
    done, total = execution.progress_done, execution.progress_total
    if done is None or total is None or not total > 0:
        return None
    share = done / total
    return int(min(max(share, 0), 1) * 100) if isfinite(share) else None


def _explain_url(execution: JobExecution) -> str | None:
    """Of an occurrence that was not run: where it is told why."""
    if execution.job_id is None or execution.status not in (Status.MISSED, Status.SKIPPED):
        return None
    return explain_url(execution.job_id, execution.scheduled_for)


def _chain(ids: list[int], request: HttpRequest) -> list[dict[str, Any]]:
    rows = JobExecution.objects.visible_to(user_of(request)).defer(*HEAVY).in_bulk(ids)
    return [
        {"row": row, "badge": status_badge(row), "at": moment(row.started_at or row.queued_at)}
        for row in (rows[pk] for pk in ids if pk in rows)
    ]


def _details(request: HttpRequest, execution: JobExecution) -> dict[str, Any]:
    """What stands fast from the beginning, and the log as it is now."""
    local = django_timezone.localtime(execution.started_at or execution.queued_at)
    return {
        "job_link": job_link(execution),
        "asked_by": asked_by(execution),
        "executor": _executor(execution),
        "scheduler": SchedulerProcess.objects.filter(pk=execution.owner or None).first(),
        "args_tree": tree(execution.args) if execution.args else None,
        "kwargs_tree": tree(execution.kwargs) if execution.kwargs else None,
        "log": asked_window(request, execution.pk),
        "zone": abbreviation(local),
        "zone_name": django_timezone.get_default_timezone_name(),
    }


def _executor(execution: JobExecution) -> str:
    if not execution.timeout_s:
        return _("%(name)s, without a timeout") % {"name": execution.executor}
    words = {"name": execution.executor, "limit": duration(execution.timeout_s)}
    return _("%(name)s, for at most %(limit)s") % words
