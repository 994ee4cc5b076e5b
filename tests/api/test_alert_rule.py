"""Alert rules over the API; who may what stands in the table of rights."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from jobs.models import AlertRule
from tests.api.answers import refused, succeeded
from tests.api.conftest import BASE
from tests.factories import make_channel, make_job, make_rule

RULES = BASE + "alerts/rules"


def test_a_rule_is_made_shown_and_changed(manager: APIClient) -> None:
    make_channel("team")
    given = {"name": "nightly", "pattern": "etl-*", "kind": "failed", "threshold": 3}
    made = manager.post(RULES, {**given, "channels": ["team"]})
    shown = succeeded(made, 201)
    others = {"duration_s": None, "tells_recovery": True, "is_enabled": True}
    assert shown == {"id": shown["id"], **given, "channels": ["team"], **others}
    changed = manager.patch(made.headers["Location"], {"kind": "no_success", "threshold": 1})
    assert changed.json()["errors"].keys() == {"duration_s"}
    changes = {"kind": "no_success", "threshold": 1, "duration_s": 3600}
    assert succeeded(manager.patch(made.headers["Location"], changes)) == {**shown, **changes}
    again = manager.post(RULES, {**given, "channels": ["team"]})
    assert (again.status_code, again.json()["code"]) == (409, "alert_exists")
    (listed,) = succeeded(manager.get(f"{RULES}?kind=no_success"))
    assert listed["name"] == "nightly"
    assert succeeded(manager.get(f"{RULES}?kind=missed")) == []


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
@pytest.mark.parametrize("path", ["", "/preview"])
def test_a_rule_that_makes_no_sense_is_refused_at_its_field(
    manager: APIClient, body: dict[str, Any], field: str, path: str
) -> None:
    make_channel("team")
    refused = manager.post(f"{RULES}{path}", {"name": "n", "channels": ["team"], **body})
    assert refused.status_code == 400
    assert [name.partition(".")[0] for name in refused.json()["errors"]] == [field]
    assert not AlertRule.objects.exists()


def test_a_preview_saves_nothing(manager: APIClient) -> None:
    make_channel("team")
    make_job("etl-a")
    make_job("other")
    asked = {"name": "n", "channels": ["team"], "pattern": "etl-*", "threshold": 2}
    found = succeeded(manager.post(f"{RULES}/preview", asked))
    assert (found["matches"], found["job_ids"]) == (1, ["etl-a"])
    assert "(etl-a)" in found["subject"]
    assert not AlertRule.objects.exists()


def test_the_answer_to_a_change_has_the_channels_that_it_names(manager: APIClient) -> None:
    make_channel("pager")
    rule = make_rule(make_channel("team"))
    changed = succeeded(manager.patch(f"{RULES}/{rule.pk}", {"channels": ["pager"]}))
    assert changed["channels"] == ["pager"]
    assert changed == succeeded(manager.get(f"{RULES}/{rule.pk}"))


def test_a_rule_is_deleted(manager: APIClient) -> None:
    succeeded(manager.delete(f"{RULES}/{make_rule().pk}"))
    assert not AlertRule.objects.exists()


@pytest.mark.parametrize("method", ["get", "patch", "delete"])
def test_a_rule_that_is_not_there_is_not_found(manager: APIClient, method: str) -> None:
    refused(getattr(manager, method)(f"{RULES}/77"), 404, "rule_not_found")
