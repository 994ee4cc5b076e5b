"""What a change of the clock does to an occurrence, in a sentence."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from jobs.triggers.calendar import ONE_DAY, Calendar, ZonedCalendar
from jobs.triggers.interval import Interval
from jobs.triggers.trigger import Trigger
from jobs.triggers.zones import SECOND, TICK, repeat_of, to_wall


def clock_change(trigger: Trigger, due: datetime) -> str | None:
    """Why the occurrence `due` (aware UTC) is not where the wall clock would have it.

    None for nearly all of them: those that no change of the clock moves or repeats.
    """
    planned = trigger.planned(due)
    schedule = trigger.schedule
    if isinstance(schedule, Interval):
        return _shifted(schedule, planned, trigger.zone)
    is_fixed = not isinstance(schedule, ZonedCalendar) or schedule.calendar.fixed
    if isinstance(schedule, ZonedCalendar) and is_fixed:
        missing = _missing(schedule.calendar, planned, trigger.zone)
        if missing is not None:
            return _("%(time)s does not exist on this day: the clock is set forward.") % {
                "time": _clock(missing)
            }
    return _repeated(planned.astimezone(trigger.zone), is_fixed=is_fixed)


def _missing(calendar: Calendar, planned: datetime, zone: ZoneInfo) -> datetime | None:
    """The wall time within a gap that `planned`, the moment after it, stands for."""
    gap_start = to_wall(planned - TICK, zone) + TICK
    wall = to_wall(planned, zone)
    if gap_start == wall:
        return None
    found = calendar.next_wall(gap_start - SECOND)
    return found if found is not None and gap_start <= found < wall else None


def _repeated(local: datetime, *, is_fixed: bool) -> str | None:
    if repeat_of(local) <= timedelta():
        return None
    words = {"time": _clock(local)}
    if local.fold:
        return _("%(time)s comes twice on this day: this is the second.") % words
    if is_fixed:
        return _("%(time)s comes twice on this day: the first is meant.") % words
    return _("%(time)s comes twice on this day: this is the first.") % words


def _shifted(interval: Interval, planned: datetime, zone: ZoneInfo) -> str | None:
    """Days are counted in real time, so that their time of day moves with the clock."""
    before = planned - interval.step
    if interval.step % ONE_DAY or before < interval.origin + interval.first * interval.step:
        return None
    was, now = to_wall(before, zone), to_wall(planned, zone)
    if was.time() == now.time():
        return None
    return _("The clock has changed: from here on at %(now)s, before at %(was)s.") % {
        "now": _clock(now),
        "was": _clock(was),
    }


def _clock(wall: datetime) -> str:
    return f"{wall:%H:%M:%S}" if wall.second else f"{wall:%H:%M}"
