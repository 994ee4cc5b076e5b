"""Rules of alerts: what is refused, what is recorded, and what a change ends."""

from __future__ import annotations

from typing import Any

import pytest

from jobs.control import alert_rule as control
from jobs.control.alert import AlertExists, TooMany
from jobs.errors import Invalid
from jobs.models import AlertIncident, AlertRule, Revision
from tests.control.conftest import last_event
from tests.factories import ACTOR, make_channel, make_incident, make_rule

pytestmark = pytest.mark.django_db


def test_a_rule_is_recorded_with_its_channels_and_tells_the_leader() -> None:
    number = Revision.objects.first()
    rule = make_rule(make_channel("b"), make_channel("a"), name="r", threshold=3)
    assert last_event().action == "rule.create"
    assert last_event().after is not None
    assert last_event().after["channels"] == ["a", "b"]  # type: ignore[index]
    revision = Revision.objects.get()
    assert revision.has_alert_rules
    assert number is None or revision.number > number.number
    control.change(rule.pk, {"is_enabled": False}, actor=ACTOR)
    assert not Revision.objects.get().has_alert_rules
    assert (last_event().before, last_event().after) == (
        {"is_enabled": True},
        {"is_enabled": False},
    )
    control.change(rule.pk, {"is_enabled": True}, actor=ACTOR)
    control.delete(rule.pk, actor=ACTOR)
    assert not Revision.objects.get().has_alert_rules


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"kind": "nope"}, "kind"),
        ({"kind": ["failed"]}, "kind"),
        ({"pattern": ""}, "pattern"),
        ({"pattern": "a b"}, "pattern"),
        ({"pattern": "x" * 101}, "pattern"),
        ({"pattern": "a\n"}, "pattern"),
        ({"pattern": 7}, "pattern"),
        ({"threshold": 0}, "threshold"),
        ({"threshold": 101}, "threshold"),
        ({"threshold": True}, "threshold"),
        ({"threshold": 1.5}, "threshold"),
        ({"threshold": "3"}, "threshold"),
        ({"duration_s": 60}, "duration_s"),
        ({"kind": "running_long"}, "duration_s"),
        ({"kind": "no_success", "duration_s": 9}, "duration_s"),
        ({"kind": "no_success", "duration_s": 10**9}, "duration_s"),
        ({"kind": "no_success", "duration_s": "60"}, "duration_s"),
        ({"kind": "no_success", "duration_s": 60, "threshold": 2}, "threshold"),
        ({"channels": []}, "channels"),
        ({"channels": "mail"}, "channels"),
        ({"channels": ["nope"]}, "channels"),
        ({"channels": [{}]}, "channels"),
        ({"channels": ["\x00"]}, "channels"),
        ({"name": ""}, "name"),
        ({"tells_recovery": 1}, "tells_recovery"),
        ({"is_enabled": None}, "is_enabled"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused_at_its_field(
    fields: dict[str, Any], field: str
) -> None:
    with pytest.raises(Invalid) as caught:
        make_rule(**fields)
    assert list(caught.value.errors) == [field]
    assert not AlertRule.objects.exists()


def test_a_name_is_taken_once() -> None:
    make_rule(name="r")
    with pytest.raises(AlertExists):
        make_rule(name="r")


def test_there_is_an_end_to_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "MAX_RULES", 1)
    make_rule(channel := make_channel())
    with pytest.raises(TooMany):
        make_rule(channel)


def test_a_rule_that_is_not_there_is_not_found() -> None:
    with pytest.raises(control.RuleNotFound):
        control.change(7, {}, actor=ACTOR)
    with pytest.raises(control.RuleNotFound):
        control.delete(7, actor=ACTOR)


@pytest.mark.parametrize(
    ("changes", "closes"),
    [
        ({"pattern": "b*"}, True),
        ({"threshold": 2}, True),
        ({"is_enabled": False}, True),
        ({"kind": "missed"}, True),
        ({"name": "other"}, False),
        ({"tells_recovery": False}, False),
        ({}, False),
    ],
)
def test_what_a_rule_found_is_over_when_it_looks_for_something_else(
    changes: dict[str, Any], closes: bool
) -> None:
    make_incident(rule=(rule := make_rule()))
    control.change(rule.pk, changes, actor=ACTOR)
    assert AlertIncident.objects.unresolved().exists() != closes
