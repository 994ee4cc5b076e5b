"""How times, durations, states and JSON look on a page. Every time names its zone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from typing import Any

from django.utils import timezone as django_timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from jobs.executions.job_rows import JobRow
from jobs.models import Job, JobExecution, JobState
from jobs.wording import abbreviation, duration, relative, span

__all__ = [
    "abbreviation",
    "badge",
    "differences",
    "duration",
    "json_block",
    "lines",
    "moment",
    "next_run_of",
    "printable",
    "relative",
    "span",
    "state_badge",
    "status_badge",
    "text_block",
    "with_code",
    "zone_of",
]


def moment(value: datetime | None, zone: tzinfo | None = None) -> SafeString | None:
    """A time in `zone` (the server's by default) with its abbreviation; exact on hover."""
    if value is None:
        return None
    local = value.astimezone(zone or django_timezone.get_current_timezone())
    return format_html(
        '<time datetime="{}" title="{}"><span>{}</span> <span>{}</span></time>',
        value.astimezone(UTC).isoformat(),
        f"{local.isoformat(sep=' ')} {local.tzinfo}",
        f"{local:%Y-%m-%d}",
        f"{local:%H:%M:%S} {abbreviation(local)}",
    )


def zone_of(job: Job | JobRow) -> tzinfo:
    """The job's zone; the server's if that is not known here."""
    try:
        return job.zone
    except (KeyError, ValueError, OSError):  # what zoneinfo raises, by the kind of bad name
        return django_timezone.get_default_timezone()


def status_badge(execution: JobExecution) -> SafeString:
    return badge(execution.status, execution.get_status_display())


def badge(value: str, label: str) -> SafeString:
    """A state or verdict; its word says it, the class adds a sign and a colour."""
    return format_html('<span class="sc-badge sc-{}">{}</span>', value, label)


def state_badge(job: Job) -> SafeString:
    """Of a job `with_schedule`: its state, and when a pause ends."""
    until = moment(job.paused_until, zone_of(job)) if job.state == JobState.PAUSED else None
    return lines(
        badge(job.state, str(JobState(job.state).label)),
        format_html("{} {}", _("until"), until) if until else "",
    )


def next_run_of(job: Any) -> SafeString | None:
    """Of a job as the list holds it, `seen_at` the time at which it was read."""
    if job.next_run_time is None:
        return None
    until = relative(job.next_run_time, job.seen_at)
    return lines(until, moment(job.next_run_time, zone_of(job)))


def lines(*parts: str | None) -> SafeString:
    """What matters, and below it in small what explains it."""
    first, *rest = [part for part in parts if part] or [""]
    small = format_html_join("", '<small class="sc-below">{}</small>', ((part,) for part in rest))
    return format_html("{}{}", first, small)


def json_block(value: Any) -> SafeString | None:
    if value is None:
        return None
    text = json.dumps(value, ensure_ascii=False, indent=2)
    return format_html('<pre class="sc-block">{}</pre>', printable(text))


def text_block(text: str, *, folded: str = "") -> SafeString | None:
    """A longer text as it is; `folded` under that heading."""
    if not text:
        return None
    block = format_html('<pre class="sc-block">{}</pre>', printable(text))
    if not folded:
        return block
    return format_html("<details><summary>{}</summary>{}</details>", folded, block)


def with_code(text: str) -> SafeString:
    """What stands between backticks is to be typed."""
    parts = enumerate(str(text).split("`"))
    return format_html_join(
        "", "{}", ((format_html("<code>{}</code>", part) if n % 2 else part,) for n, part in parts)
    )


def differences(
    before: Mapping[str, Any] | None, after: Mapping[str, Any] | None, *, most: int | None = None
) -> SafeString | None:
    """A line a field: before → after; of something new or gone, its one state. `most` characters
    of each."""
    names = sorted({**(before or {}), **(after or {})})
    if not names:
        return None

    def states(name: str) -> str:
        held = [side[name] for side in (before, after) if side is not None and name in side]
        texts = (json.dumps(value, ensure_ascii=False) for value in held)
        return " → ".join(
            text if most is None or len(text) <= most else f"{text[:most]}…" for text in texts
        )

    rows = ((name, printable(states(name))) for name in names)
    return format_html(
        '<ul class="sc-changes">{}</ul>',
        format_html_join("", "<li><b>{}</b> <code>{}</code></li>", rows),
    )


def printable(text: str) -> str:
    """Half a surrogate pair, which JSON may hold, cannot be sent as UTF-8."""
    return text.encode("utf-8", "backslashreplace").decode()
