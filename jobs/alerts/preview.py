"""What a rule would do: which jobs it is about, and what its message says."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.translation import gettext as _

from jobs.alerts.text import News, Run, Text, happened, message
from jobs.conf import conf
from jobs.models import AlertIncident, AlertRule, Job, Kind, Status

SHOWN = 20


@dataclass(frozen=True, slots=True)
class Preview:
    """The number of jobs that it matches now, the first 20 ids of them, and a message."""

    matches: int
    job_ids: list[str]
    text: Text


def preview(rule: AlertRule, now: datetime) -> Preview:
    """Of a rule that need not be saved. The message is about the first job, and made up."""
    jobs = dict(Job.objects.order_by("pk").values_list("pk", "name"))
    matched = [job_id for job_id in jobs if rule.matches(job_id)]
    job_id = matched[0] if matched else "example"
    status = Status.FAILED.value if rule.kind == Kind.TROUBLE else rule.kind
    incident = AlertIncident(
        rule_name=rule.name,
        kind=rule.kind,
        job_id=job_id,
        job_name=jobs.get(job_id, ""),
        began_at=now - timedelta(minutes=rule.threshold - 1),
        last_at=now,
        count=rule.threshold,
        status=status,
    )
    ran = None
    if not rule.is_timed and rule.kind != Kind.MISSED:
        ran = Run(0, now, 12.3, _("ExampleError: the last line of the error stands here"), "", {})
    news = News(incident, False, ran, rule.duration_s or 0)
    counts = Counter({(happened(rule.kind, status), False): 1})
    return Preview(len(matched), matched[:SHOWN], message([news], counts, conf().base_url))
