"""Desk: takes what was noted, and what time has done, to the incidents and to what is told.

Two leaders that work at once, as after one was frozen, do no harm: whoever deletes an event is
the one that judged it, and of an incident there is one at a time.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime
from operator import attrgetter
from typing import Any

from django.db.backends.utils import CursorWrapper
from django.db.models import Exists, OuterRef, Subquery

from jobs.alerts.judge import Fact, Judgement, Key, Sign, judge, judge_times
from jobs.among import Among
from jobs.executions.database import to_database, update_rows
from jobs.executions.fencing import bounded
from jobs.models import (
    AlertEvent,
    AlertIncident,
    AlertNotice,
    AlertRule,
    Job,
    JobExecution,
    Kind,
    Status,
)
from jobs.models.alert import MAX_DURATION_S, TIMED

logger = logging.getLogger(__name__)

MAX_FACTS = 2000
"""Verdicts that one transaction judges; the rest follow in the next."""

LIMIT_S = 5.0

CHANGED: dict[str, str] = {
    "job_name": "varchar",
    "began_at": "timestamptz",
    "last_at": "timestamptz",
    "opened_at": "timestamptz",
    "closed_at": "timestamptz",
    "count": "integer",
    "status": "varchar",
    "execution_id": "bigint",
    "recovery_id": "bigint",
}


class TakenByAnother(Exception):
    """Another leader has judged some of these events."""


def judge_events() -> int:
    """Judge what was noted, at most MAX_FACTS of it; how many that were."""
    events = AlertEvent.objects.order_by("at", "id")
    rows = list(events.values_list("id", "execution_id", "job_id", "status", "at")[:MAX_FACTS])
    if not rows:
        return 0
    rules = readable(AlertRule.objects.filter(is_enabled=True).exclude(kind=Kind.RUNNING_LONG))
    facts = [Fact(*row[1:]) for row in rows]
    job_ids = {fact.job_id for fact in facts}
    judgement = judge(rules, facts, _unresolved(rules, job_ids))
    _name_jobs(judgement)
    with bounded(LIMIT_S) as cursor:
        taken, _by_model = AlertEvent.objects.filter(Among("pk", [row[0] for row in rows])).delete()
        if taken != len(rows):
            raise TakenByAnother
        _save(cursor, judgement, rules)
    return len(rows)


def look_at_times(now: datetime) -> None:
    """Judge how long runs take, and how long ago jobs succeeded, where a rule asks for that."""
    timed = AlertRule.objects.filter(is_enabled=True, kind__in=TIMED)
    rules = {rule.pk: rule for rule in readable(timed)}
    if not rules:
        return
    unresolved = _unresolved(rules.values())
    signs = [*_running_long(rules.values(), now), *_without_success(rules, unresolved, now)]
    judgement = judge_times(rules, signs, unresolved, now)
    if judgement.changed:
        with bounded(LIMIT_S) as cursor:
            _save(cursor, judgement, rules.values())


def close_of_gone_jobs(now: datetime) -> None:
    """A job that is deleted succeeds no more; nobody needs to be told."""
    there = Job.objects.filter(pk=OuterRef("job_id"))
    AlertIncident.objects.unresolved().filter(~Exists(there)).update(closed_at=now)


def readable(rules: Iterable[AlertRule]) -> list[AlertRule]:
    """Without those that SQL made unreadable: SQLite takes any value for any column."""
    found = []
    for rule in rules:
        numbers = [rule.threshold, rule.duration_s or 0]
        if all(isinstance(n, int) and 0 <= n <= MAX_DURATION_S for n in numbers):
            found.append(rule)
        else:
            logger.error(
                "An alert rule cannot be read, and is passed over",
                extra={"event": "alert.rule_unreadable", "rule_id": rule.pk},
            )
    return found


def _unresolved(
    rules: Iterable[AlertRule], job_ids: Iterable[str] | None = None
) -> dict[Key, AlertIncident]:
    incidents = AlertIncident.objects.unresolved().filter(rule__in=[rule.pk for rule in rules])
    if job_ids is not None:
        incidents = incidents.filter(job_id__in=list(job_ids))
    return {(incident.rule_id or 0, incident.job_id): incident for incident in incidents}


def _running_long(rules: Iterable[AlertRule], now: datetime) -> Iterable[Sign]:
    """The first of each job's runs that take too long, for each rule."""
    rules = [rule for rule in rules if rule.kind == Kind.RUNNING_LONG]
    if not rules:
        return
    since = now - min(rule.duration for rule in rules)
    going = JobExecution.objects.unreleased().filter(status=Status.RUNNING, started_at__lt=since)
    rows = going.order_by("started_at").values_list("pk", "job_id", "job_name", "started_at")
    for execution_id, job_id, name, started_at in rows:
        for rule in rules:
            if job_id and started_at and rule.matches(job_id) and now - started_at > rule.duration:
                yield Sign(rule.pk, job_id, name, started_at, execution_id)


def _without_success(
    rules: dict[int, AlertRule], unresolved: dict[Key, AlertIncident], now: datetime
) -> Iterable[Sign]:
    """Jobs that run by themselves and have had no success for too long, since they were last
    changed or the rule was. Those that are told of already are left out, as finding out how long
    ago a job succeeded reads all its failures since."""
    asked = [rule for rule in rules.values() if rule.kind == Kind.NO_SUCCESS]
    if not asked:
        return
    since = now - min(rule.duration for rule in asked)
    names = dict(
        Job.objects.filter(is_enabled=True, updated_at__lt=since)
        .exclude(Job.paused_condition(now))
        .values_list("pk", "name")
    )
    wanted = [
        (rule, job_id)
        for rule in asked
        if rule.changed_at < now - rule.duration
        for job_id in names
        if rule.matches(job_id) and (rule.pk, job_id) not in unresolved
    ]
    if not wanted:
        return
    ids = {job_id for _rule, job_id in wanted}
    latest = JobExecution.objects.filter(
        # A range, so that the order is that of an index; see `executions.last_runs`.
        job_id__gte=OuterRef("pk"),
        job_id__lte=OuterRef("pk"),
        status=Status.SUCCEEDED,
    )
    success = Subquery(latest.order_by("job_id", "-pk").values("finished_at")[:1])
    jobs: Any = Job.objects.annotate(last_success=success)
    jobs = jobs if len(ids) == len(names) else jobs.filter(pk__in=ids)
    columns = ("updated_at", "last_success")
    moments = {pk: rest for pk, *rest in jobs.values_list("pk", *columns) if pk in ids}
    for rule, job_id in wanted:
        if job_id not in moments:  # deleted meanwhile
            continue
        updated_at, succeeded_at = moments[job_id]
        last = max(filter(None, (succeeded_at, updated_at, rule.changed_at)))
        if now - last > rule.duration:
            yield Sign(rule.pk, job_id, names[job_id], succeeded_at or last, None)


def _name_jobs(judgement: Judgement) -> None:
    """Incidents are named after their job as their last execution knew it."""
    nameless = [i for i in judgement.changed.values() if not i.job_name and i.execution_id]
    if nameless:
        keys = [incident.execution_id or 0 for incident in nameless]
        rows = JobExecution.objects.filter(Among("pk", keys)).values_list("pk", "job_name")
        names: dict[int | None, str] = dict(rows)
        for incident in nameless:
            incident.job_name = names.get(incident.execution_id, "")


def _save(cursor: CursorWrapper, judgement: Judgement, rules: Iterable[AlertRule]) -> None:
    """In the caller's transaction."""
    new = [incident for incident in judgement.changed.values() if incident.pk is None]
    old = [incident for incident in judgement.changed.values() if incident.pk is not None]
    AlertIncident.objects.bulk_create(new)
    update_rows(
        cursor,
        "jobs_alertincident",
        ("id", "bigint"),
        CHANGED,
        [(incident.pk, *map(_value, attrgetter(*CHANGED)(incident))) for incident in old],
    )
    channels = _channels(rules)
    AlertNotice.objects.bulk_create(
        AlertNotice(
            channel_id=channel_id,
            incident=incident,
            is_recovery=is_recovery,
            at=(incident.closed_at if is_recovery else incident.opened_at) or incident.last_at,
        )
        for incident, is_recovery in judgement.told
        for channel_id in channels.get(incident.rule_id or 0, ())
    )


def _value(value: Any) -> Any:
    return to_database(value) if isinstance(value, datetime) else value


def _channels(rules: Iterable[AlertRule]) -> dict[int, list[int]]:
    """Enabled channels, by rule."""
    links = AlertRule.channels.through.objects.filter(
        alertrule__in=[rule.pk for rule in rules], alertchannel__is_enabled=True
    )
    found: dict[int, list[int]] = {}
    for rule_id, channel_id in links.values_list("alertrule_id", "alertchannel_id"):
        found.setdefault(rule_id, []).append(channel_id)
    return found
