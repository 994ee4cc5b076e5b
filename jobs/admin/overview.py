"""The overview: how it goes, what ran, what will run, and what needs somebody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.contrib.admin.utils import quote
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone as django_timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_safe

from jobs.admin.display import abbreviation, badge, duration, relative, status_badge
from jobs.admin.execution_words import first_line, why
from jobs.admin.leader import scheduler_strip
from jobs.admin.overview_timeline import timeline_of
from jobs.admin.page_words import page_words
from jobs.admin.rights import user_of
from jobs.executions.database import database_now
from jobs.models import Job, JobExecution, Status
from jobs.models.rights import has_right_anywhere
from jobs.overview.lanes import Span, lanes
from jobs.overview.numbers import DAY, Day, leader_figures, two_days
from jobs.overview.troubles import Failing, Slow, Waiting, failing, longest_since_success, slowest

ZOOMS: dict[str, tuple[timedelta, str | Promise]] = {
    "1h": (timedelta(hours=1), gettext_lazy("1 h")),
    "6h": (timedelta(hours=6), gettext_lazy("6 h")),
    "24h": (timedelta(hours=24), gettext_lazy("24 h")),
    "7d": (timedelta(days=7), gettext_lazy("7 days")),
}
DEFAULT_ZOOM = "24h"


@dataclass(frozen=True, slots=True)
class Card:
    """One number; `tone` is a class of the stylesheet, `change` says how it was the day before."""

    label: str
    value: str
    url: str = ""
    change: str = ""
    tone: str = ""
    notes: Sequence[tuple[str, str]] = ()
    """(text, URL) of what it consists of."""


@require_safe
@gzip_page
def overview(request: HttpRequest) -> HttpResponse:
    """The page; `?zoom=` chooses how far its timeline reaches back and ahead."""
    context = {**admin.site.each_context(request), **_context(request), "page_words": page_words()}
    return render(request, "admin/overview.html", {**context, "title": _("Overview")})


@require_safe
@gzip_page
def overview_live(request: HttpRequest) -> HttpResponse:
    """What of the page changes, by itself."""
    return render(request, "admin/overview_parts.html", _context(request))


def _context(request: HttpRequest) -> dict[str, Any]:
    user = user_of(request)
    if not has_right_anywhere(user, "view_job"):
        raise PermissionDenied
    now = database_now()
    zoom = request.GET.get("zoom", "")
    zoom = zoom if zoom in ZOOMS else DEFAULT_ZOOM
    executions, jobs = JobExecution.objects.visible_to(user), Job.objects.visible_to(user)
    span = Span(now, ZOOMS[zoom][0])
    found = lanes(executions, jobs, span)
    zone = django_timezone.get_default_timezone()
    return {
        "strip": scheduler_strip(user),
        "cards": [*_day_cards(*two_days(executions, now)), *_leader_cards()],
        "zooms": [(key, label, key == zoom) for key, (_span, label) in ZOOMS.items()],
        "zoom": zoom,
        "timeline": timeline_of(found.shown, span, zone) if found.shown else None,
        "has_more_lanes": found.has_more,
        "shown_lanes": len(found.shown),
        "zone": abbreviation(now.astimezone(zone)),
        "zone_name": django_timezone.get_default_timezone_name(),
        "failing": [_failing_row(one, now) for one in failing(executions, now - DAY)],
        "slowest": [_slow_row(one) for one in slowest(executions, now - DAY)],
        "waiting": [_waiting_row(one, now) for one in longest_since_success(jobs, now)],
    }


def _day_cards(today: Day, before: Day) -> list[Card]:
    return [
        Card(
            _("Failed"),
            str(today.bad),
            _executions(Status.FAILED),
            _change(today.bad, before.bad),
            "bad" if today.bad else "good",
            [
                (f"{count} {status.label}", _executions(status))
                for status, count in (
                    (Status.FAILED, today.failed),
                    (Status.TIMED_OUT, today.timed_out),
                    (Status.INTERRUPTED, today.interrupted),
                )
                if count and count != today.bad
            ],
        ),
        Card(
            _("Missed"),
            str(today.missed),
            _executions(Status.MISSED),
            _change(today.missed, before.missed),
            "held" if today.missed else "good",
        ),
        Card(
            _("Skipped"),
            str(today.skipped),
            _executions(Status.SKIPPED),
            _change(today.skipped, before.skipped),
            "held" if today.skipped else "good",
        ),
        _rate_card(today.success_rate, before.success_rate),
    ]


def _rate_card(rate: float | None, before: float | None) -> Card:
    label = _("Success rate")
    if rate is None:
        return Card(label, "–", change=_("nothing has ended"))
    change = "" if before is None else _("%(rate)s the day before") % {"rate": _percent(before)}
    return Card(label, _percent(rate), _executions(Status.SUCCEEDED), change)


def _leader_cards() -> list[Card]:
    said = leader_figures()
    late = duration(said.lateness_p99_s)
    half = duration(said.lateness_p50_s)
    busy = None if said.workers is None else f"{said.busy_workers or 0} / {said.workers}"
    return [
        Card(
            _("Lateness p99"),
            late or "–",
            change=_("half within %(late)s, in 5 min") % {"late": half} if half else "",
        ),
        Card(_("Busy workers"), busy or "–", _executions(Status.RUNNING, within="")),
    ]


def _percent(share: float) -> str:
    # Not 100 % where something has failed.
    percentage = int(share * 1000) / 10
    return _("%(n)s %%") % {"n": f"{percentage:.1f}".removesuffix(".0")}


def _change(today: int, before: int) -> str:
    if today == before:
        return _("as the day before")
    words = {"n": abs(today - before)}
    if today > before:
        return _("▲ %(n)d more than the day before") % words
    return _("▼ %(n)d fewer than the day before") % words


def _executions(status: str, *, within: str = "24h", **more: str) -> str:
    query = {"status__exact": status, **({"within": within} if within else {}), **more}
    return f"{reverse('admin:jobs_jobexecution_changelist')}?{urlencode(query)}"


def _job_url(job_id: str) -> str:
    return reverse("admin:jobs_job_change", args=[quote(job_id)])


def _failing_row(one: Failing, now: datetime) -> dict[str, Any]:
    return {
        "name": one.name,
        "url": reverse("admin:jobs_jobexecution_change", args=[one.last.pk]),
        "badge": badge("succeeded", _("works again")) if one.is_over else status_badge(one.last),
        "why": first_line(why(one.last, now, error=one.last.error_start)),
        "when": relative(one.last.finished_at, now),
        "bad": one.bad,
        "runs": one.runs,
        "all_url": _executions(one.last.status, job__id__exact=one.job_id),
    }


def _slow_row(one: Slow) -> dict[str, Any]:
    return {
        "name": one.name,
        "url": _job_url(one.job_id),
        "longest": duration(one.longest_s),
        "usual": duration(one.usual_s),
        "runs": one.runs,
    }


def _waiting_row(one: Waiting, now: datetime) -> dict[str, Any]:
    return {
        "name": one.name,
        "url": _job_url(one.job_id),
        "badge": badge(one.last_status, str(Status(one.last_status).label)),
        "since": relative(one.since, now) if one.since else _("never"),
    }
