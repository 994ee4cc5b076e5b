"""What became of an occurrence that has a row, in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta, tzinfo

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from jobs.explain.answer import Code, Statement
from jobs.models import JobExecution, Source, Status
from jobs.wording import duration, when

LATE_S = 5.0
"""From there on it is worth a word that a run began late."""
MOST_QUOTED = 300


def verdict(row: JobExecution, zone: tzinfo, now: datetime) -> Statement:
    """What became of one execution."""
    return Statement(
        _code(row),
        _sentence(row, zone, now),
        at=row.started_at or row.finished_at or row.queued_at,
        until=row.finished_at if row.started_at else None,
        who=row.requested_by,
        execution_id=row.pk,
    )


def stretch(row: JobExecution, occurrence: datetime, zone: tzinfo) -> Statement | None:
    """Of a row that stands for several occurrences: which."""
    if row.occurrence_count == 1 or row.first_scheduled_for is None:
        return None
    words = {
        "n": row.occurrence_count,
        "first": when(row.first_scheduled_for, zone),
        "last": when(row.scheduled_for, zone),
        "this": when(occurrence, zone),
    }
    if row.status in (Status.MISSED, Status.SKIPPED):
        counted = (
            ngettext(
                "This row stands for at least %(n)d occurrence, from %(first)s to %(last)s.",
                "This row stands for at least %(n)d occurrences, from %(first)s to %(last)s.",
                row.occurrence_count,
            )
            if row.is_count_capped
            else ngettext(
                "This row stands for %(n)d occurrence, from %(first)s to %(last)s.",
                "This row stands for %(n)d occurrences, from %(first)s to %(last)s.",
                row.occurrence_count,
            )
        )
    else:
        counted = ngettext(
            "%(n)d occurrence that was due, from %(first)s to %(last)s, became this one run.",
            "%(n)d occurrences that were due, from %(first)s to %(last)s, became this one run.",
            row.occurrence_count,
        )
    return Statement(
        "coalesced",
        counted % words,
        at=row.first_scheduled_for,
        until=row.scheduled_for,
        execution_id=row.pk,
    )


def attempts(rows: Sequence[JobExecution], zone: tzinfo, now: datetime) -> Iterator[Statement]:
    """The attempts of a row before its last one."""
    for row in rows:
        words = {"n": row.attempt, "sentence": _sentence(row, zone, now)}
        yield Statement(
            "attempt",
            _("Attempt %(n)d: %(sentence)s") % words,
            at=row.started_at or row.finished_at,
            until=row.finished_at,
            execution_id=row.pk,
        )


def blockers(row: JobExecution, runs: Sequence[JobExecution], zone: tzinfo) -> list[Statement]:
    """The runs that held the slots when a skipped row was written."""
    return [
        Statement(
            "blocked_by",
            _held(run, zone),
            at=run.started_at or run.queued_at,
            until=run.released_at,
            who=run.requested_by,
            execution_id=run.pk,
        )
        for run in runs
        if run.pk < row.pk
        and run.queued_at <= row.queued_at
        and (run.released_at is None or run.released_at >= row.queued_at)
    ]


def was_running(runs: Sequence[JobExecution], moment: datetime, zone: tzinfo) -> list[Statement]:
    """The runs that went on at a moment."""
    return [
        Statement(
            "was_running",
            _("Execution %(id)d, which was due at %(due)s, was running then: %(span)s.")
            % {"id": run.pk, "due": when(run.scheduled_for, zone), "span": _span(run, zone)},
            at=run.started_at,
            until=run.finished_at,
            execution_id=run.pk,
        )
        for run in runs
        if run.started_at is not None
        and run.started_at <= moment
        and (run.finished_at is None or run.finished_at >= moment)
    ]


def asked_for(row: JobExecution, zone: tzinfo, now: datetime) -> Statement:
    """A run that somebody asked for."""
    words = {
        "who": row.requested_by or _("somebody"),
        "at": when(row.queued_at, zone),
        "sentence": _sentence(row, zone, now),
    }
    return Statement(
        "asked_for",
        _("%(who)s asked for a run at %(at)s. %(sentence)s") % words,
        at=row.queued_at,
        until=row.finished_at,
        who=row.requested_by,
        execution_id=row.pk,
    )


def is_late(row: JobExecution) -> bool:
    """Whether it waited for longer than a scheduler takes."""
    return (
        row.source == Source.SCHEDULE
        and row.started_at is not None
        and row.started_at - row.scheduled_for > timedelta(seconds=LATE_S)
    )


def _code(row: JobExecution) -> Code:
    if row.status == Status.FAILED and row.started_at is None:
        return "broken"
    code: Code = Status(row.status).value  # type: ignore[assignment]  # statuses are codes; tested
    return code


def _sentence(row: JobExecution, zone: tzinfo, now: datetime) -> str:
    words = {
        "id": row.pk,
        "due": when(row.scheduled_for, zone),
        "queued": when(row.queued_at, zone),
        "began": _began(row, zone),
        "took": duration(row.duration_s) or "",
        "reason": row.reason,
        "why": row.reason or _error(row),
    }
    match row.status:
        case Status.QUEUED if row.start_after is not None and row.start_after > now:
            words["at"] = when(row.start_after, zone)
            return _("Execution %(id)d waits for its time, %(at)s.") % words
        case Status.QUEUED:
            return _("Execution %(id)d has waited for a worker since %(queued)s.") % words
        case Status.RUNNING:
            return _("Execution %(id)d runs: %(began)s, and has not ended yet.") % words
        case Status.SUCCEEDED:
            return _("It ran, and succeeded: execution %(id)d %(began)s and took %(took)s.") % words
        case Status.MISSED:
            return _("It was missed. %(reason)s") % words
        case Status.SKIPPED:
            return _("It was skipped. %(reason)s") % words
    if row.started_at is None:
        if row.status == Status.FAILED:
            return _("It was due, but the job could not run: %(why)s") % words
        return _("It was queued at %(queued)s, and did not begin. %(why)s") % words
    match row.status:
        case Status.FAILED:
            return _("It ran, and failed: execution %(id)d %(began)s. %(why)s") % words
        case Status.TIMED_OUT:
            return _("It ran, and timed out: execution %(id)d %(began)s. %(why)s") % words
        case Status.CANCELLED:
            return _("It ran, and was cancelled: execution %(id)d %(began)s. %(why)s") % words
    return _("It ran, and was interrupted: execution %(id)d %(began)s. %(why)s") % words


def _began(row: JobExecution, zone: tzinfo) -> str:
    if row.started_at is None:
        return ""
    words = {"at": when(row.started_at, zone)}
    if is_late(row):
        words["late"] = duration((row.started_at - row.scheduled_for).total_seconds()) or ""
        return _("began at %(at)s, %(late)s late") % words
    return _("began at %(at)s") % words


def _error(row: JobExecution) -> str:
    line = row.error.strip().partition("\n")[0].strip()
    if not line:
        return ""
    short = line if len(line) <= MOST_QUOTED else f"{line[:MOST_QUOTED]}…"
    return _("The task raised %(error)s.") % {"error": short.rstrip(".")}


def _held(run: JobExecution, zone: tzinfo) -> str:
    words = {"id": run.pk, "span": _span(run, zone), "who": run.requested_by}
    if run.started_at is None and run.source == Source.RETRY:
        return _("Execution %(id)d held the slot: a retry that waited, %(span)s.") % words
    if run.source == Source.MANUAL:
        return _("Execution %(id)d was still going, which %(who)s had asked for: %(span)s.") % words
    return _("Execution %(id)d was still going: %(span)s.") % words


def _span(run: JobExecution, zone: tzinfo) -> str:
    words = {"since": when(run.started_at or run.queued_at, zone)}
    if run.released_at is None:
        return _("since %(since)s, until now") % words
    words["until"] = when(run.released_at, zone)
    return _("from %(since)s to %(until)s") % words
