"""Triggers before they are saved: what they say in words, and when they will be due."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypedDict
from zoneinfo import ZoneInfo

from django.utils.timezone import get_default_timezone_name
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request

from jobs.api.endpoint import Component, Endpoint
from jobs.api.envelope import Answer
from jobs.api.job import JobScoped
from jobs.api.job_serializers import MomentInZone
from jobs.api.permissions import OnAnyJob
from jobs.api.strict import Strict, Text, Whole, refuse_unknown
from jobs.api.wire import FLAT_FIELDS, read_trigger
from jobs.control.input import TRIGGER_FIELDS, clean_trigger
from jobs.errors import JobNotFound
from jobs.executions.database import database_now
from jobs.models import Job
from jobs.triggers import Trigger, build_trigger, clock_change, describe, preview
from jobs.triggers.calendar import END, EPOCH
from jobs.triggers.preview import PREVIEW_LIMIT
from jobs.triggers.values import Problems, read_zone


class PreviewBody(Strict):
    """What may stand beside the trigger.

    Occurrences are those `after` a moment (by default now; one without an offset is in the
    trigger's zone). `job` names the job that is to have the trigger: an interval that stays
    as it is goes on from where it counts.
    """

    job = Text(required=False, allow_null=True, max_length=100)
    count = Whole(default=5, min_value=1, max_value=PREVIEW_LIMIT)
    after = MomentInZone(required=False, allow_null=True)


class Occurrence(TypedDict):
    """A moment in UTC and in the trigger's zone, and why it is not where the wall clock would
    have it; null for nearly all of them."""

    at: datetime
    local: str
    clock_change: str | None


class PreviewData(TypedDict):
    """The trigger as it would be kept, in words, and when it is due next."""

    trigger_type: str
    trigger_params: dict[str, Any]
    timezone: str
    trigger_text: str
    occurrences: list[Occurrence]


class TriggerPreview(JobScoped):
    permission_classes = [IsAuthenticated, OnAnyJob]
    rights = {"POST": "view_job"}

    @Endpoint(
        body=Component("TriggerPreview", beside=PreviewBody),
        shows=PreviewData,
        raises=(JobNotFound,),
    )
    def post(self, request: Request) -> Answer:
        """Tell what a trigger means and when it is due, or what is wrong with it.

        By the code that schedules jobs; nothing is saved.
        """
        body = self.json_object()
        beside = list(PreviewBody().fields)
        refuse_unknown(body, (*sorted(TRIGGER_FIELDS), *FLAT_FIELDS, *beside))
        others = {name: body.pop(name) for name in beside if name in body}
        asked = PreviewBody.read(others, zone=_zone(body.get("timezone")))
        job = None if asked.get("job") is None else self.job(asked["job"])
        now = database_now()
        sent = read_trigger(body)
        with sent.naming_fields():
            trigger, shown = _as_saved(sent.fields, job, now=now)
        after = min(max(asked.get("after") or now, EPOCH), END)
        due = preview(trigger, asked["count"], now=after)
        return Answer({**shown, "occurrences": [_occurrence(trigger, moment) for moment in due]})


def _zone(name: Any) -> ZoneInfo:
    """The zone of that name; one that is wrong is refused later, with the rest of the trigger."""
    return read_zone(name or get_default_timezone_name(), Problems()) or ZoneInfo("UTC")


def _as_saved(
    fields: Mapping[str, Any], job: Job | None, *, now: datetime
) -> tuple[Trigger, dict[str, Any]]:
    """The trigger that a job with these fields would have, and how they would be kept; raises
    Invalid."""
    kept = clean_trigger(fields, now=now)
    zone_name = kept["timezone"] or get_default_timezone_name()
    is_same = job is not None and all(getattr(job, name) == kept[name] for name in kept)
    trigger = build_trigger(
        kept["trigger_type"],
        kept["trigger_params"],
        zone_name,
        anchor=job.anchor if job is not None and is_same else now,
        seed="" if job is None else job.pk,
    )
    words = describe(kept["trigger_type"], kept["trigger_params"], zone_name)
    return trigger, {**kept, "timezone": zone_name, "trigger_text": words}


def _occurrence(trigger: Trigger, due: datetime) -> Occurrence:
    return {
        "at": due,
        "local": due.astimezone(trigger.zone).isoformat(),
        "clock_change": clock_change(trigger, due),
    }
