"""The strip above the list of jobs: is there a scheduler, and is it well?"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.contrib.admin.utils import quote
from django.contrib.auth.models import User
from django.db.models import OuterRef, Subquery
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django_apscheduler.models import DjangoJob

from jobs.admin.display import duration, span, with_code
from jobs.admin.job_cells import ticking
from jobs.executions.database import database_now
from jobs.health.report import health
from jobs.health.shapes import HealthData
from jobs.models import Job
from jobs.models.rights import has_right, visible_job_ids


@dataclass(frozen=True, slots=True)
class Strip:
    level: str
    """`healthy`, `warning` or `error`; a CSS class."""
    sentence: str
    facts: str | SafeString = ""
    """What it is busy with."""
    findings: list[dict[str, SafeString]] = field(default_factory=list)
    """What is wrong: `message` and `fix`."""


def scheduler_strip(user: User) -> Strip:
    """One sentence on the leader, what it is busy with, and what health finds.

    Findings that are no errors name jobs, so they are only for those who see all of them.
    """
    now = database_now()  # as heartbeats are: this host's clock may be off
    sees_all = has_right(user, "view_job")
    found = health(now)
    told = [one for one in found["warnings"] if sees_all or one["level"] == "error"]
    findings = [
        {"message": with_code(one["message"]), "fix": with_code(one["fix"])} for one in told
    ]
    if any(one["level"] == "error" for one in told):
        return Strip("error", "", "", findings)
    level = "warning" if findings else "healthy"
    return Strip(level, _leads(found, now), _facts(found, _next(user), now), findings)


def _leads(found: HealthData, now: datetime) -> str:
    leader = found["leader"]
    if leader is None:
        raise AssertionError("Without a leader health finds an error.")
    led_s = (now - (leader["since"] or leader["started_at"])).total_seconds()
    parts = [
        _("Running on %(host)s, pid %(pid)d") % leader,
        _("leading for %(span)s") % {"span": span(led_s)},
        _("heard from %(span)s ago") % {"span": span(leader["beat_age_s"])},
    ]
    if (late := found["lateness_p99_s"]) is not None:
        parts.append(_("lateness p99 %(late)s") % {"late": duration(late)})
    if standbys := len(found["standbys"]):
        parts.append(ngettext("%(n)d standby", "%(n)d standbys", standbys) % {"n": standbys})
    return " · ".join(parts)


def _facts(found: HealthData, coming: Any, now: datetime) -> SafeString:
    parts: list[str | SafeString] = []
    if found["workers"]:
        parts.append(
            _("%(busy)d of %(workers)d workers busy")
            % {"busy": found["busy_workers"] or 0, "workers": found["workers"]}
        )
    parts.append(_("%(n)d waiting") % {"n": found["queue"]["queued"]})
    if coming is not None:
        parts.append(
            format_html(
                '{}: <a href="{}">{}</a> {}',
                _("next"),
                reverse("admin:jobs_job_change", args=[quote(coming.pk)]),
                coming.name,
                ticking(coming.next_run_time, now),
            )
        )
    return format_html_join(" · ", "{}", ((part,) for part in parts))


def _next(user: User) -> Any:
    """The schedule row that is due next, with the job's name; by the index of its times."""
    name = Job.objects.filter(pk=OuterRef("pk")).values("name")
    armed = DjangoJob.objects.filter(next_run_time__isnull=False)
    visible = visible_job_ids(user)
    if visible is not None:
        armed = armed.filter(pk__in=visible)
    return armed.annotate(name=Subquery(name[:1])).order_by("next_run_time").first()
