from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from django.utils.translation import gettext as _

from jobs.errors import InvalidTrigger
from jobs.triggers.calendar import EPOCH
from jobs.triggers.interval import Interval
from jobs.triggers.kinds import TriggerType
from jobs.triggers.preview import next_fire
from jobs.triggers.spec import EXPRESSION, Spec, read_spec
from jobs.triggers.trigger import Schedule, Trigger
from jobs.triggers.zones import TICK


def build_trigger(
    trigger_type: str,
    params: Mapping[str, object],
    timezone: str,
    *,
    anchor: datetime | None = None,
    seed: str = "",
) -> Trigger:
    """The trigger of these parameters, which APScheduler can use too.

    `anchor` (aware) is where an interval without `start_date` counts from: its first
    occurrence is one interval later. Without it, it counts from 1970-01-01 in UTC.
    `seed`, such as the job's id, tells apart the jitter of jobs with equal parameters.
    Raises InvalidTrigger with every problem, by field. A trigger that is never due is built.
    """
    return trigger_from(read_spec(trigger_type, params, timezone), anchor, seed)


def trigger_from(spec: Spec, anchor: datetime | None, seed: str = "") -> Trigger:
    """The trigger of parameters that were read before: the same for jobs that share them."""
    return Trigger(
        schedule=_schedule(spec, anchor),
        zone=spec.zone,
        text=spec.text,
        start=spec.start,
        end=spec.end,
        jitter=spec.jitter,
        seed=seed,
    )


def clean_params(
    trigger_type: str,
    params: Mapping[str, object],
    timezone: str,
    *,
    now: datetime,
    allow_past: bool = False,
) -> dict[str, object]:
    """The canonical JSON form of valid parameters: what is stored, and equal if they are.

    Fields bear their bare names and are texts, numbers are numbers without zeros, dates are
    ISO 8601 in the job's zone with an offset. Raises InvalidTrigger with every problem, by
    field; also for a trigger that is never due after `now`. With `allow_past` (files), only
    for one that is never due at all.
    """
    spec = read_spec(trigger_type, params, timezone)
    if next_fire(trigger_from(spec, now), now) is None and not (allow_past and _was_due(spec)):
        raise _never_due(spec, now)
    return dict(spec.params)


def _schedule(spec: Spec, anchor: datetime | None) -> Schedule:
    if not isinstance(spec.rule, timedelta):
        return spec.rule
    if spec.start is not None:
        return Interval(spec.rule, spec.start, first=0)
    return Interval(spec.rule, EPOCH if anchor is None else anchor.astimezone(UTC))


def _was_due(spec: Spec) -> bool:
    return next_fire(trigger_from(spec, None), EPOCH - TICK) is not None


def _never_due(spec: Spec, now: datetime) -> InvalidTrigger:
    endless = replace(spec, end=None)
    if spec.kind == TriggerType.DATE:
        field = "trigger_params.run_date"
        sentence = (
            _("“%(value)s” has passed; give a date in the future.")
            if _was_due(spec)
            else _("“%(value)s” is too far ahead; give a date up to the end of 2099.")
        )
    elif spec.end is not None and next_fire(trigger_from(endless, now), now) is not None:
        field = "trigger_params.end_date"
        sentence = _("The job would never be due, as it ends at “%(value)s”; give a later end.")
    else:
        field = "trigger_params"
        if EXPRESSION in spec.params:
            field = f"trigger_params.{EXPRESSION}"
        sentence = _(
            "The job would never be due: no time from now to the end of 2099 matches "
            "“%(value)s”. Check days against months, and years."
        )
    name = field.removeprefix("trigger_params").removeprefix(".")
    value = spec.params[name] if name else spec.text
    return InvalidTrigger({field: [sentence % {"value": value}]})
