"""Why a job was not to run, or could not, as it stood at a moment; and who made it so."""

from __future__ import annotations

from datetime import datetime, tzinfo

from django.utils.translation import gettext as _

from jobs.explain.answer import Statement
from jobs.explain.past import CREATED, DELETED, Past, Standing, sets
from jobs.models import AuditEvent
from jobs.wording import when


def obstacle(
    past: Past, standing: Standing, zone: tzinfo, *, still: bool = False
) -> Statement | None:
    """Why it was not to run at that moment, or `still` is not; None if nothing stood between it
    and its trigger."""
    if not standing.is_enabled:
        return _disabled(past, standing.at, zone, still)
    if standing.is_paused:
        return _paused(past, standing, zone, still)
    if standing.problem:
        return _broken(past, standing, zone, still)
    return None


def absent(past: Past, moment: datetime, zone: tzinfo) -> Statement:
    """Why there was no such job at that moment, or why that is not known."""
    if deleted := past.last(moment, lambda event: event.action == DELETED):
        words = {**_by(deleted, zone), "then": when(moment, zone)}
        sentence = _("There was no such job at %(then)s: %(who)s deleted it at %(at)s (%(via)s).")
        return _told("deleted", sentence % words, deleted)
    if created := past.first(moment, lambda event: event.action == CREATED):
        words = {**_by(created, zone), "then": when(moment, zone)}
        sentence = _("There was no such job yet at %(then)s: %(who)s made it at %(at)s (%(via)s).")
        return _told("not_yet_created", sentence % words, created)
    if past.job is not None and moment < past.job.created_at:
        words = {"then": when(moment, zone), "at": when(past.job.created_at, zone)}
        sentence = _("There was no such job yet at %(then)s: it was made at %(at)s.") % words
        return Statement("not_yet_created", sentence, at=past.job.created_at)
    if (past.job is not None or past.events) and not past.is_kept_at(moment):
        words = {"then": when(moment, zone), "since": when(past.kept_since, zone)}
        sentence = _(
            "How the job stood at %(then)s cannot be told: what was recorded before %(since)s is "
            "not kept any more."
        )
        return Statement("audit_removed", sentence % words, at=past.kept_since)
    sentence = _(
        "There is no such job now, only its history; when it was deleted is not recorded any more."
    )
    return Statement("deleted", sentence)


def went_on(past: Past, standing: Standing, zone: tzinfo) -> Statement | None:
    """When what stood in the way ended, if it has."""
    if not standing.is_enabled:
        event = past.first(standing.at, sets("is_enabled", True))
        sentence = _("%(who)s switched it on at %(at)s (%(via)s).")
    elif standing.is_paused:
        until = standing.paused_until
        event = past.first(standing.at, sets("is_paused", False))
        if event is None or (until is not None and until <= event.at):
            return None  # until when is said already
        sentence = _("%(who)s let it go on at %(at)s (%(via)s).")
    else:
        event = past.first(standing.at, sets("problem", ""))
        sentence = _("It could run again from %(at)s on.")
    if event is None:
        return None
    return _told("went_on", sentence % _by(event, zone), event)


def _disabled(past: Past, moment: datetime, zone: tzinfo, still: bool) -> Statement:
    event = past.last(moment, sets("is_enabled", False))
    state = _("It is disabled") if still else _("It was disabled")
    if event is None:
        words = {"state": state}
        return Statement("disabled", _("%(state)s; by whom and when is not recorded.") % words)
    sentence = (
        _("%(state)s from the start: %(who)s made it so at %(at)s (%(via)s).")
        if event.action == CREATED
        else _("%(state)s: %(who)s did that at %(at)s (%(via)s).")
    )
    return _told("disabled", sentence % {"state": state, **_by(event, zone)}, event)


def _paused(past: Past, standing: Standing, zone: tzinfo, still: bool) -> Statement:
    event = past.last(standing.at, sets("is_paused", True))
    until = standing.paused_until
    if event is None:  # as when only its end was changed, or the event has gone
        event = past.last(standing.at, lambda one: "paused_until" in (one.after or {}))
    if until is None:
        state = _("It is paused until somebody resumes it")
        state = state if still else _("It was paused until somebody resumed it")
    else:
        state = _("It is paused until %(until)s") if still else _("It was paused until %(until)s")
        state %= {"until": when(until, zone)}
    if event is None:
        sentence = _("%(state)s; by whom and when is not recorded.") % {"state": state}
        return Statement("paused", sentence, until=until)
    sentence = _("%(state)s: %(who)s did that at %(at)s (%(via)s).")
    return _told("paused", sentence % {"state": state, **_by(event, zone)}, event, until=until)


def _broken(past: Past, standing: Standing, zone: tzinfo, still: bool) -> Statement:
    event = past.last(standing.at, sets("problem", standing.problem))
    words = {
        "state": _("It cannot run") if still else _("It could not run"),
        "problem": standing.problem,
    }
    if event is None:
        return Statement("broken", _("%(state)s. %(problem)s") % words)
    words |= _by(event, zone)
    sentence = _("%(state)s, as was found at %(at)s. %(problem)s") % words
    return _told("broken", sentence, event)


def _by(event: AuditEvent, zone: tzinfo) -> dict[str, str]:
    return {
        "who": event.actor,
        "via": str(event.get_via_display()),
        "at": when(event.at, zone),
    }


def _told(
    code: str, sentence: str, event: AuditEvent, *, until: datetime | None = None
) -> Statement:
    return Statement(
        code,  # type: ignore[arg-type]  # one of Code, as every caller says
        sentence,
        at=event.at,
        until=until,
        who=event.actor,
        event_id=event.pk,
    )
