"""What stands in the cells of the list of jobs. Addresses are relative to the list's own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from django.contrib.admin.utils import quote
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from jobs.admin.display import (
    abbreviation,
    badge,
    duration,
    relative,
    span,
    zone_of,
)
from jobs.executions.last_runs import LastRun
from jobs.models import Job, JobState, Status
from jobs.triggers import describe


def title(job: Any) -> SafeString:
    """Its state as a sign, its name, its id, and what is wrong with it."""
    label = JobState(job.state).label
    name = format_html(
        '<span class="sc-titled"><span class="sc-icon sc-{}" role="img" title="{}"></span>'
        '<a href="{}/change/"{}>{}</a>{}</span>',
        *(job.state, label, quote(job.pk)),
        format_html(' title="{}"', job.description) if job.description else "",
        job.name,
        format_html('<span class="sc-tag">{}</span>', _("built-in")) if job.is_builtin else "",
    )
    problem = ""
    if job.problem:
        problem = format_html('<small class="sc-problem" title="{0}">{0}</small>', job.problem)
    return format_html("{}<small>{}</small>{}", name, job.pk, problem)


def schedule(job: Job) -> SafeString:
    """In words, and below it the expression and the zone."""
    words = describe(job.trigger_type, job.trigger_params, job.zone_name)
    params = job.trigger_params if isinstance(job.trigger_params, dict) else {}
    expression = params.get("cron_expression", "")
    code = format_html("<code>{}</code> ", expression) if expression else ""
    return _lines(words, format_html("{}{}", code, job.zone_name))


def next_run(job: Any) -> SafeString:
    """What it does now or, at rest, when it runs next; where it does not, why not."""
    coming = _coming(job)
    if job.running:
        return _lines(_at_work(job), coming)
    if job.state == JobState.PAUSED and job.paused_until:
        until = day_and_time(job.paused_until, job.seen_at, zone_of(job))
        return _lines(_state(job), format_html("{} {}", _("until"), until))
    if not coming:
        return _state(job)
    if job.state != JobState.SCHEDULED:
        return _lines(_state(job), coming)
    return _lines(*_when(job.next_run_time, job))


def last_run(job: Any) -> SafeString:
    """The verdict in a sign and, unless all went well, in a word; how long it took, and when."""
    if not job.runs:
        return format_html('<span class="sc-none">{}</span>', _("never"))
    run: LastRun = job.runs[0]
    label = run.status.label
    if run.status == Status.RUNNING:
        text: str | SafeString = ticking_clock(run.at, job.seen_at)
        below: str | SafeString = _("still running")
    elif run.status == Status.SUCCEEDED:
        text = duration(run.duration_s) or str(label)
        below = ticking(run.ended_at, job.seen_at)
    else:
        text = str(label)
        took = duration(run.duration_s)
        ago = ticking(run.ended_at, job.seen_at)
        below = format_html("{} · {}", took, ago) if took else ago
    link = format_html(
        '<a href="../jobexecution/{}/change/" class="sc-badge sc-{}" aria-label="{}: {}">{}</a>',
        *(run.id, run.status.value, label, job.name, text),
    )
    return _lines(link, below)


def ticking(at: datetime, now: datetime) -> SafeString:
    """ "in 4 h", which the page keeps up to date."""
    return format_html('<span data-at="{}">{}</span>', int(at.timestamp()), relative(at, now))


def ticking_clock(since: datetime, now: datetime) -> SafeString:
    """The same for how long something has been going on."""
    seconds = max((now - since).total_seconds(), 0)
    return format_html('<span data-since="{}">{}</span>', int(since.timestamp()), span(seconds))


def day_and_time(at: datetime, now: datetime, zone: tzinfo) -> SafeString:
    """ "today 03:00 CST", in `zone`; exact on hover."""
    local = at.astimezone(zone)
    days = (local.date() - now.astimezone(zone).date()) / timedelta(days=1)
    if days in (0, 1):
        day = _("today") if days == 0 else _("tomorrow")
    else:
        day = date_format(local, "j M" if abs(days) < 300 else "j M Y")
    clock = f"{local:%H:%M:%S}" if local.second else f"{local:%H:%M}"
    return format_html(
        '<time datetime="{}" title="{} {}">{} <span>{} {}</span></time>',
        f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        local.isoformat(sep=" "),
        str(zone),
        day,
        clock,
        abbreviation(local),
    )


def _lines(first: str | SafeString, below: str | SafeString = "") -> SafeString:
    """As `display.lines`, without a class in each of hundreds of cells."""
    small = format_html("<small>{}</small>", below) if below else ""
    return format_html("{}{}", first, small)


def _state(job: Any) -> SafeString:
    return badge(job.state, str(JobState(job.state).label))


def _coming(job: Any) -> str | SafeString:
    if job.next_run_time is None:
        return ""
    return format_html("{} · {}", *_when(job.next_run_time, job))


def _when(at: datetime, job: Any) -> tuple[SafeString, SafeString]:
    return ticking(at, job.seen_at), day_and_time(at, job.seen_at, zone_of(job))


def _at_work(job: Any) -> SafeString:
    """ "running", how often at the same time, and how far."""
    going = [run for run in job.runs if run.status == Status.RUNNING]
    waiting = [run for run in job.runs if run.status == Status.QUEUED]
    status = Status.QUEUED if waiting and not going else Status.RUNNING
    label = str(status.label)
    if job.running > 1:
        label = _("%(state)s, %(n)d of them") % {"state": label, "n": job.running}
    run = going[0] if going else None
    if run is None or run.progress_done is None:
        return badge(status, label)
    if not run.progress_total:
        return format_html("{} {}", badge(status, label), f"{run.progress_done:.6g}")
    done, total = f"{run.progress_done:.6g}", f"{run.progress_total:.6g}"
    return format_html(
        '{} <span class="sc-progress"><progress max="{}" value="{}" aria-label="{}"></progress>'
        " {}/{}</span>",
        *(badge(status, label), total, done, _("Progress"), done, total),
    )
