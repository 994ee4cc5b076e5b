"""The strip above the list of jobs: is there a scheduler, and is it well?"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from django.utils.translation import gettext as _

from jobs.admin.display import duration, span
from jobs.executions.database import database_now
from jobs.health import HealthData, WarningData, health


@dataclass(frozen=True, slots=True)
class Strip:
    level: str
    """`healthy`, `warning` or `error`; a CSS class."""
    sentence: str
    findings: list[WarningData] = field(default_factory=list)
    """What is wrong: `message` and `fix`."""


def scheduler_strip(*, sees_all_jobs: bool) -> Strip:
    """One sentence on the leader, and what health finds.

    Findings that are no errors name jobs, so they are only for those who see all of them.
    """
    now = database_now()  # as heartbeats are: this host's clock may be off
    found = health(now)
    findings = [
        finding for finding in found["warnings"] if sees_all_jobs or finding["level"] == "error"
    ]
    if any(finding["level"] == "error" for finding in findings):
        return Strip("error", "", findings)
    return Strip("warning" if findings else "healthy", _leads(found, now), findings)


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
    return " · ".join(parts)
