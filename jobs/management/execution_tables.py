"""Executions and their logs on a terminal."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.utils import timezone as django_timezone
from django.utils.translation import gettext as _
from rich.text import Text

from jobs.admin.execution_words import asked_by, first_line, occurrences, why
from jobs.escaping import harmless
from jobs.executions.job_rows import LastExecution
from jobs.management.terminal import Column, Terminal, styled, word
from jobs.models import ExecutionLog, JobExecution, LogLevel, Status
from jobs.wording import duration, when


def execution_table(
    terminal: Terminal, executions: Sequence[JobExecution], *, now: datetime, has_jobs: bool = True
) -> None:
    """One a line, with the reason of its verdict."""
    columns = [
        Column(_("Execution"), is_number=True),
        *([Column(_("Job"), wraps=True)] if has_jobs else []),
        Column(_("Verdict")),
        Column(_("Scheduled for")),
        Column(_("Took"), may_go=True),
        Column(_("Asked for by"), wraps=True, may_go=True),
        Column(_("Why"), wraps=True),
    ]
    rows: list[list[str | Text]] = []
    for execution in executions:
        job: list[str | Text] = [execution.job_id or execution.job_name] if has_jobs else []
        rows.append(
            [
                str(execution.pk),
                *job,
                verdict(execution),
                when(execution.scheduled_for),
                duration(execution.duration_s) or "",
                asked_by(execution),
                reason(execution, now),
            ]
        )
    terminal.table(columns, rows)


def verdict(execution: JobExecution | LastExecution) -> Text:
    return word(execution.status, str(Status(execution.status).label))


def reason(execution: JobExecution, now: datetime) -> str:
    """Why it ended as it did, or what it is waiting for; and for how many occurrences it stands."""
    sentence = why(execution, now, error=execution.error)
    counted = occurrences(execution)
    return f"{sentence} ({counted})" if counted else sentence


def verdict_line(execution: JobExecution, now: datetime) -> Text:
    """ "failed  #12  The task raised …" """
    return Text.assemble(
        verdict(execution), f"  #{execution.pk}  ", harmless(reason(execution, now))
    )


def result_of(execution: JobExecution) -> str | None:
    """What it left behind: its result, or its traceback."""
    if execution.status == Status.SUCCEEDED:
        if execution.result is None:
            return None
        return json.dumps(execution.result, ensure_ascii=False)
    return execution.traceback or None


def progress(execution: JobExecution) -> str:
    """ "3 of 10: reading", or nothing."""
    if execution.progress_done is None:
        return ""
    done = f"{execution.progress_done:g}"
    if execution.progress_total is not None:
        words = {"done": done, "total": f"{execution.progress_total:g}"}
        done = _("%(done)s of %(total)s") % words
    message = first_line(execution.progress_message)
    return f"{done}: {message}" if message else done


def log_line(line: ExecutionLog) -> Text:
    """Its time is of the server's zone, which the head of a log names."""
    local = line.at.astimezone(django_timezone.get_default_timezone())
    level = LogLevel(line.level) if line.level in LogLevel else None
    name = level.name.lower() if level else str(line.level)
    pad = " " * 24
    message = harmless(line.message).rstrip("\n").replace("\n", f"\n{pad}")
    time = f"{local:%H:%M:%S}.{local.microsecond // 1000:03d}"
    return Text.assemble(styled(time, "dim"), "  ", word(name, f"{name:<8}"), "  ", message)


def log_head(execution: JobExecution) -> str:
    zone = django_timezone.get_default_timezone_name()
    words: dict[str, Any] = {"name": execution.job_name, "id": execution.pk, "zone": zone}
    return _("“%(name)s”, execution %(id)s; times in %(zone)s") % words
