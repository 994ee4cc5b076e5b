"""When a trigger will be due: in words, and its next occurrences in two zones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone as django_timezone
from django.utils.formats import date_format
from django.utils.safestring import SafeString

from jobs.admin.display import moment, relative
from jobs.errors import SchedulerError
from jobs.triggers import build_trigger, clock_change, describe, preview

SHOWN = 5


@dataclass(frozen=True)
class Occurrence:
    weekday: str
    until: str
    local: SafeString | None
    """In the job's zone."""
    server: SafeString | None
    """In the server's, if that is another one."""
    mark: str | None
    """What a change of the clock does to it."""


@dataclass(frozen=True)
class SchedulePreview:
    words: str
    zone: str
    occurrences: list[Occurrence]


def schedule_preview(
    trigger_type: str,
    params: Mapping[str, Any],
    zone: str,
    *,
    now: datetime,
    after: datetime,
    anchor: datetime,
    seed: str = "",
) -> SchedulePreview | None:
    """What comes after `after`; None if the trigger cannot be built."""
    try:
        trigger = build_trigger(trigger_type, params, zone, anchor=anchor, seed=seed)
    except SchedulerError:
        return None
    is_elsewhere = zone != django_timezone.get_default_timezone_name()
    return SchedulePreview(
        words=describe(trigger_type, params, zone),
        zone=zone,
        occurrences=[
            Occurrence(
                weekday=date_format(due.astimezone(trigger.zone), "D"),
                until=relative(due, now),
                local=moment(due, trigger.zone),
                server=moment(due) if is_elsewhere else None,
                mark=clock_change(trigger, due),
            )
            for due in preview(trigger, SHOWN, now=after)
        ],
    )
