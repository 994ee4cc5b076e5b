from __future__ import annotations

from datetime import UTC, datetime

from jobs.triggers.trigger import Trigger

PREVIEW_LIMIT = 100


def next_fire(trigger: Trigger, after: datetime) -> datetime | None:
    """The first occurrence strictly after `after`, in UTC; None when none is left."""
    return trigger.after(after.astimezone(UTC))


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
