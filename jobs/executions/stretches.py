"""What becomes of a job's due occurrences: pure, so that time is an argument."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from jobs.models.execution import Status
from jobs.registry import Policies
from jobs.triggers import Trigger, next_fire, occurrences

MAX_OCCURRENCES = 500
"""Occurrences of one job that are counted one by one; above it a row says "at least"."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """One or more occurrences of a job that become one row."""

    status: Status
    first: datetime
    last: datetime
    count: int
    is_capped: bool
    reason: str


def stretches_due(
    trigger: Trigger,
    first: datetime,
    now: datetime,
    policies: Policies,
    *,
    free: int,
    leading_since: datetime,
) -> tuple[list[Stretch], datetime | None]:
    """The rows for the occurrences from `first`, which is one, to `now`; and the next after that.

    What is later than the grace is missed, in one row. Of the rest as many run as there are
    slots `free`, and what is beyond them is skipped, in one row.
    """
    following = next_fire(trigger, first)
    grace = timedelta(seconds=policies.misfire_grace_time)
    if (following is None or following > now) and not (grace and now - first > grace) and free:
        return [Stretch(Status.QUEUED, first, first, 1, False, "")], following
    missed, on_time, next_run = _due_occurrences(trigger, first, now, grace, policies.coalesce)
    stretches = []
    if missed:
        stretches.append(_missed(missed, now, grace, leading_since))
    stretches.extend(_runs(on_time, policies, free))
    return stretches, next_run


def _due_occurrences(
    trigger: Trigger, first: datetime, now: datetime, grace: timedelta, coalesce: bool
) -> tuple[list[datetime], list[datetime], datetime | None]:
    """Occurrences that are too late, those that are not, and the next after them."""
    due = occurrences(trigger, first, now, MAX_OCCURRENCES)
    missed = [moment for moment in due if grace and now - moment > grace]
    on_time = due[len(missed) :]
    if len(due) < MAX_OCCURRENCES:
        return missed, on_time, next_fire(trigger, due[-1])
    # Counting has stopped. What is on time is counted by itself, so that it is not cut short.
    if missed:
        start = next_fire(trigger, max(missed[-1], now - grace - timedelta(microseconds=1)))
        if start is None or start > now:
            return missed, [], start
        on_time = occurrences(trigger, start, now, MAX_OCCURRENCES)
    if len(on_time) == MAX_OCCURRENCES and coalesce:
        on_time[-1] = _last_due(trigger, on_time[-1], now)
    return missed, on_time, next_fire(trigger, on_time[-1])


def _last_due(trigger: Trigger, since: datetime, now: datetime) -> datetime:
    """The last occurrence that is due, of any number of them from `since` (which is one) on.

    By bisection: occurrences are at least a second apart.
    """
    last, until = since, now
    while until - last > timedelta(seconds=1):
        middle = last + (until - last) / 2
        found = next_fire(trigger, middle)
        if found is not None and found <= now:
            last = found
        else:
            until = middle
    following = next_fire(trigger, last)
    return following if following is not None and following <= now else last


def _missed(
    missed: Sequence[datetime], now: datetime, grace: timedelta, leading_since: datetime
) -> Stretch:
    capped = len(missed) >= MAX_OCCURRENCES
    why = (
        _("No scheduler was leading when it was due.")
        if missed[-1] < leading_since
        else _("The scheduler could not look in time.")
    )
    found = ngettext(
        "Found %(late)d s late, where %(grace)d s are allowed.",
        "The last of %(count)d was found %(late)d s late, where %(grace)d s are allowed.",
        len(missed),
    ) % {
        "count": len(missed),
        "late": (now - missed[-1]).total_seconds(),
        "grace": grace.total_seconds(),
    }
    return Stretch(Status.MISSED, missed[0], missed[-1], len(missed), capped, f"{found} {why}")


def _runs(on_time: Sequence[datetime], policies: Policies, free: int) -> Iterator[Stretch]:
    if not on_time:
        return
    if policies.coalesce:
        runs = [(on_time[0], on_time[-1], len(on_time))]
    else:
        runs = [(moment, moment, 1) for moment in on_time]
    for first, last, count in runs[:free]:
        capped = count >= MAX_OCCURRENCES
        yield Stretch(Status.QUEUED, first, last, count, capped, "")
    if skipped := runs[free:]:
        count = sum(run[2] for run in skipped)
        reason = ngettext(
            "An earlier run was still going, and at most %(most)d may at a time.",
            "Earlier runs were still going, and at most %(most)d may at a time.",
            policies.max_instances,
        ) % {"most": policies.max_instances}
        capped = len(on_time) >= MAX_OCCURRENCES
        yield Stretch(Status.SKIPPED, skipped[0][0], skipped[-1][1], count, capped, reason)
