from __future__ import annotations

from datetime import UTC, datetime

from jobs.triggers.calendar import EPOCH
from jobs.triggers.trigger import Trigger
from jobs.triggers.zones import SECOND, TICK

PREVIEW_LIMIT = 100


def next_fire(trigger: Trigger, after: datetime) -> datetime | None:
    """The first occurrence strictly after `after`, in UTC; None when none is left."""
    return trigger.after(after.astimezone(UTC))


def last_fire(trigger: Trigger, until: datetime) -> datetime | None:
    """The last occurrence at or before `until`, in UTC; None when there was none.

    By steps back that grow, then by bisection: occurrences are at least a second apart.
    """
    until = until.astimezone(UTC)
    first = EPOCH - TICK
    step = SECOND
    while True:
        start = max(until - step, first) if until - first > step else first
        found = trigger.after(start)
        if found is not None and found <= until:
            break
        if start == first:
            return None
        step *= 4
    low, high = found, until
    while high - low > SECOND:
        middle = low + (high - low) / 2
        later = trigger.after(middle)
        if later is not None and later <= until:
            low = later
        else:
            high = middle
    following = trigger.after(low)
    return following if following is not None and following <= until else low


def occurrences(trigger: Trigger, first: datetime, until: datetime, limit: int) -> list[datetime]:
    """`first` and the occurrences that follow it up to and including `until`, in UTC.

    At most `limit` of them: a list of that length may have been cut.
    """
    found: list[datetime] = []
    moment: datetime | None = first.astimezone(UTC)
    while moment is not None and moment <= until and len(found) < limit:
        found.append(moment)
        moment = trigger.after(moment)
    return found


def preview(trigger: Trigger, n: int, *, now: datetime) -> list[datetime]:
    """The next `n` occurrences after `now`, in UTC; never more than 100."""
    found: list[datetime] = []
    moment = trigger.after(now.astimezone(UTC))
    while moment is not None and len(found) < min(n, PREVIEW_LIMIT):
        found.append(moment)
        moment = trigger.after(moment)
    return found
