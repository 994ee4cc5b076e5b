"""Channels of alerts: what is refused, what is recorded, and what nobody sees again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core import serializers

from jobs.cipher import decrypt
from jobs.control import alert_channel as control
from jobs.control import alert_rule
from jobs.control.alert import AlertExists, TooMany
from jobs.errors import Invalid
from jobs.models import (
    AlertChannel,
    AlertIncident,
    AlertMessage,
    AlertNotice,
    AlertRule,
    AuditEvent,
)
from tests.alerts.sinks import webhook
from tests.control.conftest import last_event
from tests.factories import ACTOR, make_channel, make_rule

pytestmark = pytest.mark.django_db

URL = "jsons://ann:hunter22@hooks.example.org/hunter33"


def create(**fields: Any) -> AlertChannel:
    return control.create({"name": "chat", "url": URL, **fields}, actor=ACTOR)


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
    kept = control.change(channel.pk, {"name": "new", "url": ""}, actor=ACTOR)
    assert (kept.name, decrypt(kept.url_encrypted)) == ("new", URL)
    other = f"{URL}-other"
    changed = control.change(channel.pk, {"url": other}, actor=ACTOR)
    assert decrypt(changed.url_encrypted) == other
    assert changed.last_error == ""
    assert last_event().after == {"address_replaced": True}
    assert "hunter" not in everything_stored()


def test_a_change_without_a_difference_is_none() -> None:
    channel = create()
    before = AuditEvent.objects.count()
    control.change(channel.pk, {"name": "chat", "is_enabled": True}, actor=ACTOR)
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
    with pytest.raises(AlertExists):
        create()


def test_there_is_an_end_to_channels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "MAX_CHANNELS", 1)
    create()
    with pytest.raises(TooMany):
        create(name="other")


def test_a_channel_that_is_not_there_is_not_found() -> None:
    with pytest.raises(control.ChannelNotFound):
        control.change(7, {}, actor=ACTOR)
    for act in (control.delete, control.send_test):
        with pytest.raises(control.ChannelNotFound):
            act(7, actor=ACTOR)


def test_a_channel_that_rules_use_is_not_deleted() -> None:
    rule = make_rule(channel := make_channel("mail"), name="nightly")
    with pytest.raises(control.ChannelInUse, match="nightly"):
        control.delete(channel.pk, actor=ACTOR)
    alert_rule.delete(rule.pk, actor=ACTOR)
    control.delete(channel.pk, actor=ACTOR)
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
    control.change(channel.pk, {"is_enabled": False}, actor=ACTOR)
    message.refresh_from_db()
    assert message.gave_up_at is not None
    assert message.error == "The channel was switched off."
    assert not AlertNotice.objects.exists()


def test_a_test_reaches_the_channel_and_is_recorded() -> None:
    with webhook() as hook:
        channel = make_channel("chat", f"json://ann:hunter22@127.0.0.1:{hook.port}/hunter33")
        assert control.send_test(channel.pk, actor=ACTOR) == ""
        assert "test of the channel “chat”" in hook.got[0]["title"]
        channel.refresh_from_db()
        assert channel.last_sent_at is not None
        hook.status = 500
        assert "500" in control.send_test(channel.pk, actor=ACTOR)
    channel.refresh_from_db()
    assert channel.is_failing
    assert last_event().action == "channel.test"
    assert "hunter" not in everything_stored()
