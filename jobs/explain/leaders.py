"""From when to when nobody led."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, tzinfo

from django.utils.translation import gettext as _

from jobs.explain.answer import Statement
from jobs.health.findings import leadership
from jobs.health.processes import is_silent, living
from jobs.models import LeaderTerm, SchedulerLease, SchedulerProcess
from jobs.wording import duration, when


@dataclass(frozen=True, slots=True)
class Gap:
    """Nobody led from `since` to `until`; None: since ever, and still."""

    since: datetime | None
    until: datetime | None


def gap_at(moment: datetime, now: datetime) -> Gap | None:
    """The time about `moment` in which nobody led; None if somebody did, or nothing is known.

    At most three statements, each by an index.
    """
    terms = LeaderTerm.objects.order_by("began_at", "pk")
    before = terms.filter(began_at__lte=moment).last()
    after = terms.filter(began_at__gt=moment).first()
    if before is None:
        return _before_the_first(after)
    ended = before.ended_at
    if ended is None and after is None:
        ended = _silent_since(before, now)
    if ended is None or ended > moment:
        return None
    return Gap(ended, after.began_at if after is not None else None)


def is_within(gap: Gap | None, moment: datetime) -> bool:
    return gap is not None and (gap.until is None or moment <= gap.until)


def nobody_leads(now: datetime, zone: tzinfo) -> Iterator[Statement]:
    """Since when nothing fires, if nobody leads now or whoever does stands still."""
    if (gap := gap_at(now, now)) is not None:
        yield nobody_led(gap, zone)
        return
    for found in leadership(living(now).leader, now):
        yield Statement("no_leader", f"{found.message} {found.fix}")


def nobody_led(gap: Gap, zone: tzinfo) -> Statement:
    words = {
        "since": when(gap.since, zone) if gap.since else "",
        "until": when(gap.until, zone) if gap.until else "",
    }
    if gap.since and gap.until:
        words["span"] = duration((gap.until - gap.since).total_seconds()) or ""
        sentence = _("No scheduler led from %(since)s to %(until)s, for %(span)s.")
    elif gap.until:
        sentence = _("No scheduler had ever led before %(until)s.")
    elif gap.since:
        sentence = _(
            "No scheduler has led since %(since)s: nothing runs until `manage.py runscheduler` "
            "does."
        )
    else:
        sentence = _("No scheduler has ever led: nothing runs until `manage.py runscheduler` does.")
    return Statement("no_leader", sentence % words, at=gap.since, until=gap.until)


def _before_the_first(term: LeaderTerm | None) -> Gap | None:
    """Before the very first term nobody led; before the first that is kept nobody knows."""
    if term is not None:
        return Gap(None, term.began_at) if term.epoch == 1 else None
    return None if SchedulerLease.objects.filter(epoch__gt=0).exists() else Gap(None, None)


def _silent_since(term: LeaderTerm, now: datetime) -> datetime | None:
    """When a leader from which nobody has taken over was last heard of; None if it is alive."""
    process = SchedulerProcess.objects.filter(pk=term.process).first()
    if process is None:
        return term.began_at
    has_gone = process.stopped_at is not None or is_silent(process, now)
    return process.beat_at if has_gone else None
