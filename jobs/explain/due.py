"""When a job is due, in sentences; and who changed that."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, tzinfo
from typing import Any

from django.utils import timezone as django_timezone
from django.utils.translation import gettext as _

from jobs.control.job import SCHEDULE_FIELDS
from jobs.explain.answer import Nearest, Statement
from jobs.explain.past import Past, Standing, sets_trigger
from jobs.models import AuditEvent
from jobs.triggers import describe
from jobs.triggers.zones import TICK
from jobs.wording import relative, when


def not_due(nearest: Nearest, moment: datetime, now: datetime, zone: tzinfo) -> Statement:
    words = {
        "at": when(moment, zone),
        "trigger": nearest.trigger_text,
        "before": when(nearest.before, zone) if nearest.before else _("none"),
        "after": when(nearest.after, zone) if nearest.after else _("none"),
    }
    if nearest.after is None and nearest.before is not None:
        return finished(nearest.before, zone)
    sentence = (
        _("It is not due at %(at)s.") if moment > now else _("It was not due at %(at)s.")
    ) % words
    about = _(
        "Its trigger says: %(trigger)s. The nearest before is %(before)s, after it %(after)s."
    )
    return Statement("not_due", f"{sentence} {about % words}", at=moment)


def finished(last: datetime | None, zone: tzinfo) -> Statement:
    if last is None:
        return Statement("finished", _("Its trigger names no occurrence any more."))
    words = {"at": when(last, zone)}
    return Statement(
        "finished", _("Its trigger names no occurrence after %(at)s.") % words, at=last
    )


def due(moment: datetime, trigger_text: str, zone: tzinfo, now: datetime) -> Statement:
    words = {
        "at": when(moment, zone),
        "relative": relative(moment, now),
        "trigger": trigger_text,
    }
    sentence = _("It is due at %(at)s, %(relative)s. Its trigger says: %(trigger)s.")
    return Statement("due", sentence % words, at=moment)


def would_be_due(moment: datetime, zone: tzinfo) -> Statement:
    sentence = _("Otherwise it would be due at %(at)s.") % {"at": when(moment, zone)}
    return Statement("due", sentence, at=moment)


def being_claimed(moment: datetime, zone: tzinfo) -> Statement:
    sentence = _("It has been due since %(at)s, and waits for a scheduler to take it up.")
    return Statement("being_claimed", sentence % {"at": when(moment, zone)}, at=moment)


def rearmed(occurrence: datetime, event: AuditEvent, zone: tzinfo) -> Statement:
    words = {
        "due": when(occurrence, zone),
        "who": event.actor,
        "action": event.action,
        "at": when(event.at, zone),
    }
    sentence = _(
        "It was due at %(due)s, but before a scheduler took it up %(who)s changed its schedule at "
        "%(at)s (%(action)s), and what was due by then is not run."
    )
    return Statement("rearmed", sentence % words, at=event.at, who=event.actor, event_id=event.pk)


def trigger_changed(past: Past, standing: Standing, zone: tzinfo) -> Iterator[Statement]:
    """The first change of the trigger after that moment."""
    event = past.first(standing.at, lambda one: one.before is not None and sets_trigger(one))
    if event is None:
        return
    earlier = past.at(event.at - TICK)
    old = earlier.fields if earlier is not None else standing.fields
    new = {**old, **(event.after or {})}
    words = {
        "who": event.actor,
        "at": when(event.at, zone),
        "old": _text_of(old),
        "new": _text_of(new),
    }
    sentence = _("%(who)s changed its trigger afterwards, at %(at)s: from “%(old)s” to “%(new)s”.")
    yield Statement(
        "trigger_changed", sentence % words, at=event.at, who=event.actor, event_id=event.pk
    )


def _text_of(fields: Mapping[str, Any]) -> str:
    zone = fields.get("timezone") or django_timezone.get_default_timezone_name()
    text = describe(str(fields.get("trigger_type")), fields.get("trigger_params") or {}, zone)
    return f"{text} ({zone})"


def arms(event: AuditEvent) -> bool:
    """Whether a change gives the job its schedule anew."""
    fields = SCHEDULE_FIELDS | {"problem"}
    return event.after is not None and not fields.isdisjoint(event.after)
