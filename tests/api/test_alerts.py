"""Alerts over the API; who may what stands in the table of rights."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from jobs.cipher import decrypt
from jobs.models import AlertChannel, AlertRule
from tests.alerts.sinks import webhook
from tests.api.conftest import BASE, Login
from tests.factories import (
    grant,
    make_channel,
    make_incident,
    make_job,
    make_message,
    make_rule,
    make_user,
)

ALERTS = BASE + "alerts/"
URL = "jsons://ann:hunter22@hooks.example.org/hunter33"


def data(response: Any) -> Any:
    assert response.status_code < 300, response.content
    return response.json()["data"]


def test_a_channel_is_made_shown_and_changed_without_its_address(manager: APIClient) -> None:
    made = manager.post(f"{ALERTS}channels", {"name": "team", "url": URL})
    assert made.status_code == 201
    shown = data(made)
    assert shown["address"] == "jsons://…@hooks.example.org"
    place = made.headers["Location"]
    changed = manager.patch(place, {"is_enabled": False})
    assert data(changed) == {**shown, "is_enabled": False}
    assert decrypt(AlertChannel.objects.get().url_encrypted) == URL
    bad = manager.patch(place, {"url": "nope://hunter44"})
    assert bad.status_code == 400
    assert list(bad.json()["errors"]) == ["url"]
    audit = manager.get(f"{BASE}audit")
    lists = manager.get(f"{ALERTS}channels")
    for answer in (made, changed, bad, audit, lists):
        assert b"hunter" not in answer.content


def test_a_test_tells_whether_it_was_sent(manager: APIClient) -> None:
    with webhook() as hook:
        channel = make_channel("team", f"json://127.0.0.1:{hook.port}/hunter22")
        place = f"{ALERTS}channels/{channel.pk}/test"
        assert data(manager.post(place)) == {"is_sent": True, "error": ""}
        hook.status = 500
        failed = data(manager.post(place))
    assert not failed["is_sent"]
    assert "500" in failed["error"]
    assert "hunter" not in failed["error"]


def test_a_channel_that_is_used_or_not_there(manager: APIClient) -> None:
    rule = make_rule(channel := make_channel("team"))
    used = manager.delete(f"{ALERTS}channels/{channel.pk}")
    assert (used.status_code, used.json()["code"]) == (409, "channel_in_use")
    assert manager.delete(f"{ALERTS}rules/{rule.pk}").status_code == 200
    assert manager.delete(f"{ALERTS}channels/{channel.pk}").status_code == 200
    for place, code in (("channels", "channel_not_found"), ("rules", "rule_not_found")):
        for method in (manager.get, manager.patch, manager.delete):
            gone = method(f"{ALERTS}{place}/77")
            assert (gone.status_code, gone.json()["code"]) == (404, code)


def test_a_rule_is_made_shown_and_changed(manager: APIClient) -> None:
    make_channel("team")
    given = {"name": "nightly", "pattern": "etl-*", "kind": "failed", "threshold": 3}
    made = manager.post(f"{ALERTS}rules", {**given, "channels": ["team"]})
    assert made.status_code == 201
    shown = data(made)
    others = {"duration_s": None, "tells_recovery": True, "is_enabled": True}
    assert shown == {"id": shown["id"], **given, "channels": ["team"], **others}
    changed = manager.patch(made.headers["Location"], {"kind": "no_success", "threshold": 1})
    assert changed.json()["errors"].keys() == {"duration_s"}
    changes = {"kind": "no_success", "threshold": 1, "duration_s": 3600}
    assert data(manager.patch(made.headers["Location"], changes)) == {**shown, **changes}
    again = manager.post(f"{ALERTS}rules", {**given, "channels": ["team"]})
    assert (again.status_code, again.json()["code"]) == (409, "alert_exists")
    (listed,) = data(manager.get(f"{ALERTS}rules?kind=no_success"))
    assert listed["name"] == "nightly"
    assert data(manager.get(f"{ALERTS}rules?kind=missed")) == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"channels": ["nope"]}, "channels"),
        ({"channels": []}, "channels"),
        ({"pattern": "a b"}, "pattern"),
        ({"threshold": 0}, "threshold"),
        ({"kind": "nope"}, "kind"),
        ({"duration_s": 60}, "duration_s"),
        ({"colour": "red"}, "colour"),
        ({"name": " "}, "name"),
    ],
)
@pytest.mark.parametrize("path", ["rules", "rules/preview"])
def test_a_rule_that_makes_no_sense_is_refused_at_its_field(
    manager: APIClient, body: dict[str, Any], field: str, path: str
) -> None:
    make_channel("team")
    refused = manager.post(f"{ALERTS}{path}", {"name": "n", "channels": ["team"], **body})
    assert refused.status_code == 400
    assert [name.partition(".")[0] for name in refused.json()["errors"]] == [field]
    assert not AlertRule.objects.exists()


def test_a_preview_saves_nothing(manager: APIClient) -> None:
    make_channel("team")
    make_job("etl-a")
    make_job("other")
    asked = {"name": "n", "channels": ["team"], "pattern": "etl-*", "threshold": 2}
    found = data(manager.post(f"{ALERTS}rules/preview", asked))
    assert (found["matches"], found["job_ids"]) == (1, ["etl-a"])
    assert "(etl-a)" in found["subject"]
    assert not AlertRule.objects.exists()


def test_incidents_are_those_of_the_jobs_that_one_may_see(login: Login, manager: APIClient) -> None:
    grant(user := make_user(), "view_job", make_job("mine"))
    make_incident("mine")
    closed = make_incident("other")
    make_incident("counted", opened_at=None)
    assert [one["job_id"] for one in data(login(user).get(f"{ALERTS}incidents"))] == ["mine"]
    assert [one["job_id"] for one in data(manager.get(f"{ALERTS}incidents"))] == ["other", "mine"]
    closed.closed_at = closed.last_at
    closed.save()
    (one,) = data(manager.get(f"{ALERTS}incidents?is_over=true"))
    assert (one["job_id"], one["count"], one["rule"]) == ("other", 2, "nightly")
    (one,) = data(manager.get(f"{ALERTS}incidents?is_over=false&job=mine&kind=failed"))
    assert one["closed_at"] is None


def test_messages_are_listed_page_by_page(manager: APIClient) -> None:
    for number in range(3):
        make_message(subject=f"number {number}", channel_name="a" if number else "b")
    answer = manager.get(f"{ALERTS}messages?limit=2").json()
    assert [one["subject"] for one in answer["data"]] == ["number 2", "number 1"]
    following = answer["meta"]["next_before"]
    (last,) = data(manager.get(f"{ALERTS}messages?before={following}"))
    assert last["subject"] == "number 0"
    assert len(data(manager.get(f"{ALERTS}messages?channel=b"))) == 1
