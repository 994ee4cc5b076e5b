"""Which occurrence is meant by a moment, and its neighbours."""

from __future__ import annotations

from datetime import datetime, timedelta

from jobs.explain.answer import Nearest
from jobs.explain.past import Standing
from jobs.triggers import Trigger, last_fire, next_fire
from jobs.triggers.zones import TICK


def nearest_to(standing: Standing | None, moment: datetime, precision: timedelta) -> Nearest:
    """About `moment`, by the trigger as it stood then.

    Meant is the first occurrence that is not before it and within `precision`; where jitter
    delays occurrences, also the one that was planned for that time.
    """
    trigger = standing.trigger() if standing else None
    if standing is None or trigger is None:
        return Nearest(trigger_text=standing.trigger_text if standing else "")
    following = next_fire(trigger, moment - TICK)
    is_meant = following is not None and _is_within(trigger, following, moment, precision)
    occurrence = following if is_meant else None
    return Nearest(
        occurrence=occurrence,
        before=last_fire(trigger, moment - TICK),
        after=next_fire(trigger, occurrence) if occurrence else following,
        trigger_text=standing.trigger_text,
    )


def _is_within(trigger: Trigger, found: datetime, moment: datetime, precision: timedelta) -> bool:
    return found < moment + precision or moment <= trigger.planned(found) < moment + precision
