"""The page that tells why a job ran at a moment, or did not; also of a job that was deleted."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.contrib.admin.utils import quote, unquote
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone as django_timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from jobs.admin.commands import Button, CommandsAdmin
from jobs.admin.display import moment, with_code
from jobs.admin.rights import user_of
from jobs.errors import JobNotFound
from jobs.executions.database import database_now
from jobs.explain.answer import Code, Explanation, Statement
from jobs.explain.why import explain
from jobs.models import Job
from jobs.models.rights import has_right
from jobs.triggers.moments import LONGEST, Told, read_told

TONES: dict[Code, str] = {
    "succeeded": "succeeded",
    "due": "succeeded",
    "queued": "queued",
    "running": "queued",
    "asked_for": "queued",
    "being_claimed": "queued",
    "cancelled": "skipped",
    "skipped": "skipped",
    "missed": "skipped",
    "disabled": "skipped",
    "paused": "skipped",
    "rearmed": "skipped",
    "failed": "failed",
    "timed_out": "failed",
    "interrupted": "failed",
    "broken": "failed",
    "no_leader": "failed",
}
"""The verdict whose colour an answer bears; others have none."""


class JobExplainAdmin(CommandsAdmin):
    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.explain_view)
        page = path("<path:object_id>/explain/", view, name="jobs_job_explain")
        return [page, *super().get_urls()]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        job = context.get("original")
        if job is not None:
            link = Button(_("Explain"), explain_url(job.pk))
            context["links"] = [link, *context.get("links", [])]
        return super().render_change_form(request, context, *args, **kwargs)

    def explain_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        job_id = unquote(object_id)
        job: Job | None = self.get_object(request, job_id)
        if job is None and not has_right(user_of(request), "view_job"):
            raise Http404
        now, text = database_now(), request.GET.get("at", "").strip()
        told, problem = _read(text, now)
        try:
            found = None if problem else explain(job_id, told, now=now)
        except JobNotFound:
            raise Http404 from None
        sees_events = has_right(user_of(request), "manage_job", job_id)
        context = {
            **self.admin_site.each_context(request),
            "title": _("Why it ran, or did not"),
            "subtitle": found.job_name if found else job_id,
            "opts": self.opts,
            "original": job,
            "job_id": job_id,
            "asked": text,
            "longest": LONGEST,
            "problem": problem,
            "zone_name": django_timezone.get_default_timezone_name(),
            "found": found,
            "at": moment(found.asked_at) if found and found.asked_at else None,
            "tone": TONES.get(found.answer.code, "") if found else "",
            "statements": _shown(found, sees_events=sees_events) if found else [],
            "neighbours": _neighbours(found) if found else [],
            "media": self.media,
        }
        return TemplateResponse(request, "admin/jobs/job/explain.html", context)


def explain_url(job_id: str, at: datetime | None = None) -> str:
    """The page, about a moment or about now."""
    url = reverse("admin:jobs_job_explain", args=[quote(job_id)])
    return f"{url}?{urlencode({'at': at.isoformat()})}" if at is not None else url


def _read(text: str, now: datetime) -> tuple[Told | None, str]:
    """The moment that was typed, or what is wrong with it."""
    if not text:
        return None, ""
    try:
        return read_told(text, now=now, zone=django_timezone.get_default_timezone()), ""
    except ValueError as error:
        return None, str(error)


def _shown(found: Explanation, *, sees_events: bool) -> list[tuple[SafeString, list[SafeString]]]:
    """Each sentence, and where to look further."""
    return [
        (with_code(one.sentence), list(_links(one, sees_events=sees_events)))
        for one in found.statements
    ]


def _links(statement: Statement, *, sees_events: bool) -> list[SafeString]:
    links = []
    if statement.execution_id is not None:
        url = reverse("admin:jobs_jobexecution_change", args=[statement.execution_id])
        label = _("Execution %(id)s") % {"id": statement.execution_id}
        links.append(format_html('<a href="{}">{}</a>', url, label))
    if statement.event_id is not None and sees_events:
        url = reverse("admin:jobs_auditevent_change", args=[statement.event_id])
        links.append(format_html('<a href="{}">{}</a>', url, _("Change")))
    return links


def _neighbours(found: Explanation) -> list[tuple[str, str, SafeString | None]]:
    """Links to the explanations of the occurrences before and after."""
    nearest = found.nearest
    return [
        (label, explain_url(found.job_id, at), moment(at))
        for label, at in (
            (_("The occurrence before"), nearest.before),
            (_("The occurrence after"), nearest.after),
        )
        if at is not None
    ]
