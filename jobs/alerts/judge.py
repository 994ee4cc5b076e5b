"""What verdicts and time mean to the rules: pure, so that time is an argument.

Nothing here reads or writes; incidents are changed in memory, and the caller saves them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from jobs.models.alert import AlertIncident, AlertRule, Kind
from jobs.models.execution import Status

Key = tuple[int, str]
"""A rule's and a job's."""


class Fact(NamedTuple):
    """A verdict, as the outbox has it."""

    execution_id: int
    job_id: str
    status: str
    at: datetime


class Sign(NamedTuple):
    """A job with which a rule about time is not content; `since` when."""

    rule_id: int
    job_id: str
    job_name: str
    since: datetime
    execution_id: int | None


@dataclass
class Judgement:
    """Incidents that are new or changed, and what is to be told: (incident, is it over)."""

    incidents: dict[Key, AlertIncident] = field(default_factory=dict)
    """The unresolved ones, by rule and job; those that close leave it."""
    changed: dict[int, AlertIncident] = field(default_factory=dict)
    """By the identity of the object, as new ones have no key."""
    told: list[tuple[AlertIncident, bool]] = field(default_factory=list)

    def open(self, incident: AlertIncident, at: datetime) -> None:
        incident.opened_at = at
        self.told.append((incident, False))

    def close(self, key: Key, at: datetime, *, tells: bool) -> AlertIncident:
        incident = self.incidents.pop(key)
        if incident.is_open and tells:
            self.told.append((incident, True))
        incident.closed_at = at
        self.note(incident)
        return incident

    def note(self, incident: AlertIncident) -> None:
        self.changed[id(incident)] = incident


def judge(
    rules: Iterable[AlertRule],
    facts: Iterable[Fact],
    unresolved: Mapping[Key, AlertIncident],
) -> Judgement:
    """What the verdicts, in their order, make of the incidents.

    A success ends every incident of its job but that of a run which takes too long: another run
    may. Only a success does, so the failures of a row need not follow each other at once.
    """
    judgement = Judgement(dict(unresolved))
    rules = list(rules)
    matching: dict[str, list[AlertRule]] = {}
    for fact in facts:
        if fact.job_id not in matching:
            matching[fact.job_id] = [rule for rule in rules if rule.matches(fact.job_id)]
        for rule in matching[fact.job_id]:
            if fact.status == Status.SUCCEEDED:
                _succeed(judgement, rule, fact)
            elif rule.covers(fact.status):
                _count(judgement, rule, fact)
    return judgement


def _succeed(judgement: Judgement, rule: AlertRule, fact: Fact) -> None:
    key = (rule.pk, fact.job_id)
    if key in judgement.incidents and rule.kind != Kind.RUNNING_LONG:
        incident = judgement.close(key, fact.at, tells=rule.tells_recovery)
        incident.recovery_id = fact.execution_id


def _count(judgement: Judgement, rule: AlertRule, fact: Fact) -> None:
    key = (rule.pk, fact.job_id)
    incident = judgement.incidents.get(key)
    if incident is None:
        incident = judgement.incidents[key] = _new(rule, fact.job_id, fact.at)
    elif incident.execution_id == fact.execution_id:
        return  # it was noted twice, as after a commit of unknown outcome
    incident.count += 1
    incident.last_at = fact.at
    incident.status = fact.status
    incident.execution_id = fact.execution_id
    judgement.note(incident)
    if incident.opened_at is None and incident.count >= rule.threshold:
        judgement.open(incident, fact.at)


def judge_times(
    rules: Mapping[int, AlertRule],
    signs: Iterable[Sign],
    unresolved: Mapping[Key, AlertIncident],
    now: datetime,
) -> Judgement:
    """What is wrong by now opens an incident, and what is not any more closes its own.

    `unresolved` are the incidents of these rules alone. That a job succeeds again is told by its
    success, so here only those close that have lost their ground: their run has ended.
    """
    judgement = Judgement(dict(unresolved))
    seen = set()
    for sign in signs:
        key = (sign.rule_id, sign.job_id)
        seen.add(key)
        if key in judgement.incidents:
            continue
        incident = _new(rules[sign.rule_id], sign.job_id, sign.since)
        incident.job_name, incident.execution_id = sign.job_name, sign.execution_id
        incident.count, incident.last_at = 1, now
        judgement.incidents[key] = incident
        judgement.note(incident)
        judgement.open(incident, now)
    for key in unresolved.keys() - seen:
        rule = rules[key[0]]
        if rule.kind == Kind.RUNNING_LONG:
            judgement.close(key, now, tells=rule.tells_recovery)
    return judgement


def _new(rule: AlertRule, job_id: str, at: datetime) -> AlertIncident:
    return AlertIncident(
        rule=rule, rule_name=rule.name, kind=rule.kind, job_id=job_id, began_at=at, last_at=at
    )
