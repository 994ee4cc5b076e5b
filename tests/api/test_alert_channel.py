"""Alert channels over the API; who may what stands in the table of rights."""

from __future__ import annotations

import pytest
from rest_framework.test import APIClient

from jobs.cipher import decrypt
from jobs.models import AlertChannel
from tests.alerts.sinks import webhook
from tests.api.answers import refused, succeeded
from tests.api.conftest import BASE
from tests.factories import make_channel, make_rule

CHANNELS = BASE + "alerts/channels"
URL = "jsons://ann:hunter22@hooks.example.org/hunter33"


def test_a_channel_is_made_shown_and_changed_without_its_address(manager: APIClient) -> None:
    made = manager.post(CHANNELS, {"name": "team", "url": URL})
    shown = succeeded(made, 201)
    assert shown["address"] == "jsons://…@hooks.example.org"
    place = made.headers["Location"]
    changed = manager.patch(place, {"is_enabled": False})
    assert succeeded(changed) == {**shown, "is_enabled": False}
    assert decrypt(AlertChannel.objects.get().url_encrypted) == URL
    bad = manager.patch(place, {"url": "nope://hunter44"})
    assert bad.status_code == 400
    assert list(bad.json()["errors"]) == ["url"]
    audit = manager.get(f"{BASE}audit")
    lists = manager.get(CHANNELS)
    for answer in (made, changed, bad, audit, lists):
        assert b"hunter" not in answer.content


def test_a_test_tells_whether_it_was_sent(manager: APIClient) -> None:
    with webhook() as hook:
        channel = make_channel("team", f"json://127.0.0.1:{hook.port}/hunter22")
        place = f"{CHANNELS}/{channel.pk}/test"
        assert succeeded(manager.post(place)) == {"is_sent": True, "error": ""}
        hook.status = 500
        failed = succeeded(manager.post(place))
    assert not failed["is_sent"]
    assert "500" in failed["error"]
    assert "hunter" not in failed["error"]


def test_a_channel_that_a_rule_uses_is_not_deleted(manager: APIClient) -> None:
    rule = make_rule(channel := make_channel("team"))
    refused(manager.delete(f"{CHANNELS}/{channel.pk}"), 409, "channel_in_use")
    rule.delete()
    succeeded(manager.delete(f"{CHANNELS}/{channel.pk}"))
    assert not AlertChannel.objects.exists()


@pytest.mark.parametrize("method", ["get", "patch", "delete"])
def test_a_channel_that_is_not_there_is_not_found(manager: APIClient, method: str) -> None:
    refused(getattr(manager, method)(f"{CHANNELS}/77"), 404, "channel_not_found")
