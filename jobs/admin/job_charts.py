"""The picture of a job's last runs, below its form."""

from __future__ import annotations

from django.urls import reverse
from django.utils import timezone as django_timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from jobs.admin.charts.bars import Run, durations
from jobs.admin.display import abbreviation, duration
from jobs.models import JobExecution
from jobs.models.execution import JobExecutionQuerySet

MOST_RUNS = 200


def runs_chart(executions: JobExecutionQuerySet) -> SafeString:
    """Durations of the last 200 of the executions, which are those of one job. One statement."""
    newest = executions.order_by("-pk").only(
        "status", "duration_s", "started_at", "scheduled_for", "reason"
    )
    runs = [_run(execution) for execution in newest[:MOST_RUNS]][::-1]
    n = len(runs)
    zone = django_timezone.get_default_timezone()
    return durations(
        runs,
        title=ngettext("The last run", "The last %(n)d runs", n) % {"n": n} if n else _("Runs"),
        zone=zone,
        note=_("From the oldest at the left to the newest. Times in %(zone)s.") % {"zone": zone},
        words=_words,
    )


def _run(execution: JobExecution) -> Run:
    at = django_timezone.localtime(execution.started_at or execution.scheduled_for)
    took = duration(execution.duration_s)
    label = str(execution.get_status_display())
    moment = f"{at:%Y-%m-%d %H:%M:%S} {abbreviation(at)}"
    return Run(
        at=at,
        duration_s=execution.duration_s,
        verdict=execution.status,
        verdict_label=label,
        tip=" · ".join(filter(None, [f"#{execution.pk} {moment}", label, took, execution.reason])),
        url=reverse("admin:jobs_jobexecution_change", args=[execution.pk]),
    )


def _words(seconds: float) -> str:
    return duration(seconds) or ""
