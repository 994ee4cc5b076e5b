"""An execution in words."""

from __future__ import annotations

from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from jobs.admin.display import duration, span
from jobs.models import JobExecution, Source, Status

MOST_OF_AN_ERROR = 300
"""Characters of it that a sentence quotes."""


def why(execution: JobExecution, now: datetime, *, error: str) -> str:
    """The verdict in a sentence, or what it is waiting for; `error` is the task's own words,
    which a list reads only the beginning of."""
    match execution.status:
        case Status.QUEUED:
            return _queued(execution, now)
        case Status.RUNNING:
            return _running(execution, now)
    if execution.reason:
        return execution.reason
    if error:
        return _("The task raised %(error)s") % {"error": first_line(error)}
    if execution.status == Status.SUCCEEDED and execution.duration_s is not None:
        return _("It ended well, after %(span)s.") % {"span": duration(execution.duration_s)}
    return ""


def first_line(text: str) -> str:
    """Of an error, as much as fits into a list."""
    line = text.strip().partition("\n")[0].strip()
    return line if len(line) <= MOST_OF_AN_ERROR else f"{line[:MOST_OF_AN_ERROR]}…"


def asked_by(execution: JobExecution) -> str:
    """Who or what wanted it."""
    if execution.source == Source.SCHEDULE:
        return _("its schedule")
    words = {"n": execution.attempt, "who": execution.requested_by}
    if execution.source == Source.RETRY:
        if execution.requested_by:
            return _("its retry policy, as attempt %(n)d at what %(who)s asked for") % words
        return _("its retry policy, as attempt %(n)d") % words
    if execution.requested_by:
        return _("%(who)s, by hand") % words
    return _("somebody, by hand")


def occurrences(execution: JobExecution) -> str:
    """Of a row that stands for several occurrences, how many; else nothing."""
    n = execution.occurrence_count
    if n == 1:
        return ""
    text = (
        ngettext("at least %(n)d occurrence", "at least %(n)d occurrences", n)
        if execution.is_count_capped
        else ngettext("%(n)d occurrence", "%(n)d occurrences", n)
    )
    return text % {"n": n}


def _queued(execution: JobExecution, now: datetime) -> str:
    if execution.start_after is not None and execution.start_after > now:
        wait_s = (execution.start_after - now).total_seconds()
        return _("It waits for its next attempt, in %(span)s.") % {"span": span(wait_s)}
    waited_s = max((now - execution.queued_at).total_seconds(), 0)
    return _("It has waited for a free worker for %(span)s.") % {"span": span(waited_s)}


def _running(execution: JobExecution, now: datetime) -> str:
    if execution.is_cancelling:
        return _("%(who)s asked for its end; it stops at its next check.") % {
            "who": execution.cancel_requested_by
        }
    started = execution.started_at or execution.queued_at
    words = {
        "span": duration(max((now - started).total_seconds(), 0)),
        "limit": duration(execution.timeout_s),
    }
    if execution.timeout_s:
        return _("It has run for %(span)s, of at most %(limit)s.") % words
    return _("It has run for %(span)s.") % words
