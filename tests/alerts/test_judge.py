"""What verdicts and time mean to the rules."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from jobs.alerts.judge import Fact, Judgement, Sign, judge, judge_times
from jobs.models import AlertIncident, AlertRule, Kind
from jobs.models.alert import TROUBLES

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)


def rule(kind: Kind = Kind.FAILED, pk: int = 1, **fields: object) -> AlertRule:
    return AlertRule(pk=pk, name=f"rule {pk}", kind=kind, **{"pattern": "*", **fields})


def facts(*words: str) -> list[Fact]:
    """From words such as "job failed", a minute apart."""
    return [
        Fact(number, *word.split(), at=NOW + timedelta(minutes=number))
        for number, word in enumerate(words, start=1)
    ]


def told(judgement: Judgement) -> list[tuple[str, str]]:
    return [(i.job_id, "recovered" if over else "opened") for i, over in judgement.told]


def test_the_first_failure_opens_an_incident_and_the_next_ones_are_only_counted() -> None:
    judgement = judge([rule()], facts("a failed", "a failed", "a failed"), {})
    assert told(judgement) == [("a", "opened")]
    (incident,) = judgement.incidents.values()
    assert (incident.count, incident.execution_id) == (3, 3)
    assert incident.opened_at == incident.began_at == NOW + timedelta(minutes=1)


def test_a_rule_for_three_in_a_row_is_silent_about_two() -> None:
    three = rule(threshold=3)
    assert told(judge([three], facts("a failed", "a failed"), {})) == []
    judgement = judge([three], facts("a failed", "a failed", "a failed", "a failed"), {})
    assert told(judgement) == [("a", "opened")]
    (incident,) = judgement.incidents.values()
    assert incident.opened_at == NOW + timedelta(minutes=3)


def test_the_row_goes_on_where_the_last_judgement_left_it() -> None:
    three = rule(threshold=3)
    first = judge([three], facts("a failed", "a failed"), {})
    second = judge([three], [Fact(9, "a", "failed", NOW)], first.incidents)
    assert told(second) == [("a", "opened")]


def test_a_success_between_begins_the_row_anew() -> None:
    words = ("a failed", "a failed", "a succeeded", "a failed", "a failed")
    judgement = judge([rule(threshold=3)], facts(*words), {})
    assert told(judgement) == []
    assert [incident.count for incident in judgement.incidents.values()] == [2]


def test_a_success_ends_the_incident_once() -> None:
    words = ("a failed", "a succeeded", "a succeeded")
    judgement = judge([rule()], facts(*words), {})
    assert told(judgement) == [("a", "opened"), ("a", "recovered")]
    assert judgement.incidents == {}
    (incident,) = judgement.changed.values()
    assert (incident.closed_at, incident.recovery_id) == (NOW + timedelta(minutes=2), 2)


def test_a_rule_that_does_not_tell_of_recoveries_closes_in_silence() -> None:
    judgement = judge([rule(tells_recovery=False)], facts("a failed", "a succeeded"), {})
    assert told(judgement) == [("a", "opened")]
    assert judgement.incidents == {}


def test_jobs_are_counted_each_for_itself() -> None:
    judgement = judge([rule(threshold=2)], facts("a failed", "b failed", "b failed"), {})
    assert told(judgement) == [("b", "opened")]


def test_an_event_that_was_noted_twice_counts_once() -> None:
    (fact,) = facts("a failed")
    judgement = judge([rule(threshold=2)], [fact, fact], {})
    assert told(judgement) == []


@pytest.mark.parametrize("kind", [k for k in Kind if k not in (Kind.RUNNING_LONG, Kind.NO_SUCCESS)])
@pytest.mark.parametrize("status", sorted(TROUBLES))
def test_a_rule_waits_for_its_own_verdict_or_for_any_trouble(kind: Kind, status: str) -> None:
    judgement = judge([rule(kind)], facts(f"a {status}"), {})
    assert bool(judgement.told) == (kind in (Kind.TROUBLE, status))


@pytest.mark.parametrize(
    ("pattern", "job_id", "is_matched"),
    [
        ("*", "anything", True),
        ("etl-*", "etl-orders", True),
        ("etl-*", "not-etl-orders", False),
        ("job.1", "job.1", True),
        ("job.1", "job11", False),
        ("job", "job-2", False),
        ("Job", "job", False),
        ("job-[ab]", "job-b", True),
        ("job-?", "job-10", False),
    ],
)
def test_a_pattern_is_a_glob_and_an_id_means_that_job_alone(
    pattern: str, job_id: str, is_matched: bool
) -> None:
    assert bool(judge([rule(pattern=pattern)], facts(f"{job_id} failed"), {}).told) == is_matched


def test_several_rules_each_have_their_incident() -> None:
    both = [rule(pk=1), rule(Kind.TROUBLE, pk=2, threshold=2)]
    judgement = judge(both, facts("a failed", "a missed"), {})
    assert [(i.rule_id, over) for i, over in judgement.told] == [(1, False), (2, False)]


def sign(job_id: str = "a", rule_id: int = 1) -> Sign:
    return Sign(rule_id, job_id, "A", NOW - timedelta(hours=2), 7)


def test_a_run_that_takes_too_long_is_told_once_and_when_it_has_ended() -> None:
    rules = {1: rule(Kind.RUNNING_LONG, duration_s=3600)}
    first = judge_times(rules, [sign()], {}, NOW)
    assert told(first) == [("a", "opened")]
    assert told(judge_times(rules, [sign()], first.incidents, NOW)) == []
    assert told(judge_times(rules, [], first.incidents, NOW)) == [("a", "recovered")]


def test_a_success_does_not_end_the_incident_of_another_run_that_goes_on() -> None:
    long = rule(Kind.RUNNING_LONG, duration_s=3600)
    going = judge_times({1: long}, [sign()], {}, NOW).incidents
    assert told(judge([long], facts("a succeeded"), going)) == []


def test_only_a_success_ends_that_there_was_none() -> None:
    silent = rule(Kind.NO_SUCCESS, duration_s=3600)
    going = judge_times({1: silent}, [sign()], {}, NOW).incidents
    assert told(judge_times({1: silent}, [], going, NOW)) == []
    assert told(judge([silent], facts("a failed", "a succeeded"), going)) == [("a", "recovered")]


def test_nothing_changes_without_a_reason() -> None:
    incident = AlertIncident(rule=rule(), kind=Kind.FAILED, job_id="a", began_at=NOW, last_at=NOW)
    judgement = judge([rule()], facts("a cancelled", "b succeeded"), {(1, "a"): incident})
    assert judgement.changed == {}
