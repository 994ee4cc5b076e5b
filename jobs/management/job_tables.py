"""Jobs on a terminal."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

from django.utils import timezone as django_timezone
from django.utils.translation import gettext as _
from rich.text import Text

from jobs.admin.display import zone_of
from jobs.executions.job_rows import JobRow
from jobs.management.execution_tables import execution_table, verdict
from jobs.management.terminal import Column, Terminal, word
from jobs.models import JobExecution, JobState
from jobs.registry import policies_of, retry_policies_of
from jobs.wording import duration, relative, when


def job_table(terminal: Terminal, jobs: Sequence[JobRow]) -> None:
    """One a line."""
    columns = [
        Column(_("Job"), wraps=True),
        Column(_("State"), wraps=True),
        Column(_("Schedule"), wraps=True),
        Column(_("Next run")),
        Column(_("Last run"), may_go=True),
        Column(_("Name"), wraps=True, may_go=True),
    ]
    terminal.table(columns, [_row(job) for job in jobs])


def job_page(
    terminal: Terminal,
    job: JobRow,
    upcoming: Sequence[datetime],
    executions: Sequence[JobExecution],
) -> None:
    """All of one job."""
    terminal.pairs(
        {
            _("Job"): job.id,
            _("Name"): job.name,
            _("Description"): job.description or None,
            _("State"): _state(job),
            _("Problem"): job.problem or None,
            _("Function"): job.function,
            _("Arguments"): _arguments(job),
            _("Schedule"): _schedule(job),
            _("Next run"): _next_run(job) or None,
            _("Running"): str(job.running) if job.running else None,
            _("Policies"): _policies(job),
            _("Version"): _("%(version)d, of %(moment)s")
            % {"version": job.version, "moment": when(job.updated_at)},
        }
    )
    if upcoming:
        terminal.heading(_("Next occurrences"))
        for moment in upcoming:
            terminal.say(f"  {when(moment, zone_of(job))}")
    terminal.heading(_("Last executions"))
    if executions:
        execution_table(terminal, executions, now=job.seen_at, has_jobs=False)
    else:
        terminal.say(_("  It has not run yet."))


def _row(job: JobRow) -> list[str | Text]:
    return [
        job.id,
        _state(job),
        job.trigger_text,
        when(job.next_run_time, zone_of(job)) if job.next_run_time else "",
        _last_run(job),
        job.name,
    ]


def _state(job: JobRow) -> Text:
    label = str(JobState(job.state).label)
    if job.state == JobState.PAUSED and job.paused_until is not None:
        words = {"state": label, "until": when(job.paused_until, zone_of(job))}
        label = _("%(state)s until %(until)s") % words
    return word(job.state, label)


def _next_run(job: JobRow) -> str:
    if job.next_run_time is None:
        return ""
    words = {
        "moment": when(job.next_run_time, zone_of(job)),
        "relative": relative(job.next_run_time, job.seen_at),
    }
    return _("%(moment)s, %(relative)s") % words


def _last_run(job: JobRow) -> Text:
    last = job.last_execution
    if last is None:
        return Text("")
    took = duration(last.duration_s)
    return Text.assemble(verdict(last), f" #{last.id}", f" {took}" if took else "")


def _schedule(job: JobRow) -> str:
    params = json.dumps(job.trigger_params, ensure_ascii=False)
    zone = job.zone_name
    if not job.timezone:
        zone = _("%(zone)s, the server's") % {"zone": django_timezone.get_default_timezone_name()}
    return f"{job.trigger_text} ({zone})\n{job.trigger_type} {params}"


def _arguments(job: JobRow) -> str | None:
    parts = [json.dumps(value, ensure_ascii=False) for value in (job.args, job.kwargs) if value]
    return " ".join(parts) or None


def _policies(job: JobRow) -> str:
    policies, retries = policies_of(job), retry_policies_of(job)
    words = [
        _("executor %(name)s") % {"name": job.executor},
        _("at most %(n)d at a time") % {"n": policies.max_instances},
        _("grace %(grace)s") % {"grace": _seconds(policies.misfire_grace_time)},
        _("timeout %(limit)s") % {"limit": _seconds(policies.timeout)},
        _("several late ones run once") if policies.coalesce else _("each late one runs"),
        _("%(n)d retries") % {"n": retries.max_retries},
    ]
    return ", ".join(words)


def _seconds(seconds: int) -> str:
    return str(duration(seconds)) if seconds else _("without limit")
