"""Channels and rules of alerts: what is refused, what is recorded, and what nobody sees again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core import serializers

from jobs.cipher import decrypt
from jobs.control import alert as control
from jobs.errors import Invalid
from jobs.models import (
    AlertChannel,
    AlertIncident,
    AlertMessage,
    AlertNotice,
    AlertRule,
    AuditEvent,
    Revision,
)
from tests.alerts.sinks import webhook
from tests.factories import ACTOR, make_channel, make_rule

pytestmark = pytest.mark.django_db

URL = "jsons://ann:hunter22@hooks.example.org/hunter33"


def create(**fields: Any) -> AlertChannel:
    return control.create_channel({"name": "chat", "url": URL, **fields}, actor=ACTOR)


def last_event() -> AuditEvent:
    event = AuditEvent.objects.first()
    assert event is not None
    return event


def everything_stored() -> str:
    models = (AlertChannel, AlertRule, AlertMessage, AlertNotice, AlertIncident, AuditEvent)
    return "".join(serializers.serialize("json", model._base_manager.all()) for model in models)


def test_a_channel_keeps_its_address_to_itself() -> None:
    channel = create()
    assert channel.shown == "jsons://…@hooks.example.org"
    assert decrypt(channel.url_encrypted) == URL
    event = last_event()
    assert (event.action, event.target) == ("channel.create", "chat")
    assert event.after == {"name": "chat", "address": channel.shown, "is_enabled": True}
    assert "hunter" not in everything_stored()


def test_another_address_is_recorded_as_replaced_and_an_empty_one_keeps_it() -> None:
    channel = create()
    AlertChannel.objects.update(last_error="refused", last_error_at=datetime.now(UTC))
    kept = control.change_channel(channel.pk, {"name": "new", "url": ""}, actor=ACTOR)
    assert (kept.name, decrypt(kept.url_encrypted)) == ("new", URL)
    other = f"{URL}-other"
    changed = control.change_channel(channel.pk, {"url": other}, actor=ACTOR)
    assert decrypt(changed.url_encrypted) == other
    assert changed.last_error == ""
    assert last_event().after == {"address_replaced": True}
    assert "hunter" not in everything_stored()


def test_a_change_without_a_difference_is_none() -> None:
    channel = create()
    before = AuditEvent.objects.count()
    control.change_channel(channel.pk, {"name": "chat", "is_enabled": True}, actor=ACTOR)
    assert AuditEvent.objects.count() == before


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"url": ""}, "url"),
        ({"url": None}, "url"),
        ({"url": 7}, "url"),
        ({"url": "nope://hunter22"}, "url"),
        ({"url": "json://" + "x" * 3000}, "url"),
        ({"url": "json://h/\x00"}, "url"),
        ({"url": "json://h/\ud800"}, "url"),
        ({"name": ""}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"name": "a\x00"}, "name"),
        ({"name": ["a"]}, "name"),
        ({"is_enabled": "yes"}, "is_enabled"),
        ({"shown": "x"}, "shown"),
        ({"url_encrypted": "x"}, "url_encrypted"),
    ],
)
def test_a_channel_that_makes_no_sense_is_refused_at_its_field(
    fields: dict[str, Any], field: str
) -> None:
    with pytest.raises(Invalid) as caught:
        create(**fields)
    assert list(caught.value.errors) == [field]
    assert "hunter" not in str(caught.value.errors)
    assert not AlertChannel.objects.exists()
    assert not AuditEvent.objects.exists()


def test_without_a_key_a_channel_is_refused_with_the_fix(
    scheduler_settings: Callable[..., Any],
) -> None:
    scheduler_settings(credentials_keys=())
    with pytest.raises(Invalid) as caught:
        create()
    assert "SCHEDCORE_CREDENTIALS_KEY" in caught.value.errors["url"][0]


def test_a_name_is_taken_once() -> None:
    create()
    with pytest.raises(control.AlertExists):
        create()
    make_rule(name="r")
    with pytest.raises(control.AlertExists):
        make_rule(name="r")


def test_there_is_an_end_to_channels_and_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "MAX_CHANNELS", 1)
    monkeypatch.setattr(control, "MAX_RULES", 1)
    make_rule(create())
    with pytest.raises(control.TooMany):
        create(name="other")
    with pytest.raises(control.TooMany):
        make_rule(AlertChannel.objects.get())


def test_what_is_not_there_is_not_found() -> None:
    for change in (control.change_channel, control.change_rule):
        with pytest.raises((control.ChannelNotFound, control.RuleNotFound)):
            change(7, {}, actor=ACTOR)
    for act in (control.delete_channel, control.delete_rule, control.test_channel):
        with pytest.raises((control.ChannelNotFound, control.RuleNotFound)):
            act(7, actor=ACTOR)


def test_a_channel_that_rules_use_is_not_deleted() -> None:
    rule = make_rule(channel := make_channel("mail"), name="nightly")
    with pytest.raises(control.ChannelInUse, match="nightly"):
        control.delete_channel(channel.pk, actor=ACTOR)
    control.delete_rule(rule.pk, actor=ACTOR)
    control.delete_channel(channel.pk, actor=ACTOR)
    assert last_event().action == "channel.delete"


def waiting(channel: AlertChannel) -> AlertMessage:
    now = datetime.now(UTC)
    rule = make_rule(channel)
    incident = AlertIncident.objects.create(
        rule=rule, rule_name="r", kind="failed", job_id="a", began_at=now, last_at=now
    )
    AlertNotice.objects.create(channel=channel, incident=incident, at=now)
    return AlertMessage.objects.create(
        channel=channel, channel_name=channel.name, created_at=now, next_attempt_at=now
    )


def test_a_channel_that_is_switched_off_forgets_what_it_was_yet_to_tell() -> None:
    message = waiting(channel := make_channel())
    control.change_channel(channel.pk, {"is_enabled": False}, actor=ACTOR)
    message.refresh_from_db()
    assert message.gave_up_at is not None
    assert message.error == "The channel was switched off."
    assert not AlertNotice.objects.exists()


def test_a_test_reaches_the_channel_and_is_recorded() -> None:
    with webhook() as hook:
        channel = make_channel("chat", f"json://ann:hunter22@127.0.0.1:{hook.port}/hunter33")
        assert control.test_channel(channel.pk, actor=ACTOR) == ""
        assert "test of the channel “chat”" in hook.got[0]["title"]
        channel.refresh_from_db()
        assert channel.last_sent_at is not None
        hook.status = 500
        assert "500" in control.test_channel(channel.pk, actor=ACTOR)
    channel.refresh_from_db()
    assert channel.is_failing
    assert last_event().action == "channel.test"
    assert "hunter" not in everything_stored()


def test_a_rule_is_recorded_with_its_channels_and_tells_the_leader() -> None:
    number = Revision.objects.first()
    rule = make_rule(make_channel("b"), make_channel("a"), name="r", threshold=3)
    assert last_event().action == "rule.create"
    assert last_event().after is not None
    assert last_event().after["channels"] == ["a", "b"]  # type: ignore[index]
    revision = Revision.objects.get()
    assert revision.has_alert_rules
    assert number is None or revision.number > number.number
    control.change_rule(rule.pk, {"is_enabled": False}, actor=ACTOR)
    assert not Revision.objects.get().has_alert_rules
    assert (last_event().before, last_event().after) == (
        {"is_enabled": True},
        {"is_enabled": False},
    )
    control.change_rule(rule.pk, {"is_enabled": True}, actor=ACTOR)
    control.delete_rule(rule.pk, actor=ACTOR)
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
    waiting(channel := make_channel())
    rule = AlertRule.objects.get(channels=channel)
    control.change_rule(rule.pk, changes, actor=ACTOR)
    assert AlertIncident.objects.unresolved().exists() != closes
