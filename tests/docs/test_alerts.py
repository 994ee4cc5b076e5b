"""docs/alerts.md says of channels, pace and guarantees what is true."""

from __future__ import annotations

import re

import pytest

from jobs.alerts import messenger, pace
from jobs.models.alert import Kind
from tests.project.processes import ROOT

PAGE = (ROOT / "docs" / "alerts.md").read_text(encoding="utf-8")
ADDRESSES = re.findall(r"^\|[^|]+\| `([a-z]+://[^`]+)`", PAGE, re.MULTILINE)
ADDRESSES += re.findall(r" `(dingtalk://[^`]+)` \|$", PAGE, re.MULTILINE)
LENGTHS = {"TokenA": "T1JJ3T3L2", "TokenB": "A1BRTD4JD", "TokenC": "TIiajkdnlazkcOXrIdevi7FQ"}
"""Slack's tokens are recognized by how long they are."""


@pytest.mark.parametrize("address", ADDRESSES)
def test_every_address_is_of_a_form_that_can_be_used(address: str) -> None:
    for name, token in LENGTHS.items():
        address = address.replace(name, token)
    assert messenger.shown_address(address).startswith(address.partition("://")[0])


def test_there_is_an_address_for_each_service_that_is_promised() -> None:
    schemes = {address.partition("://")[0] for address in ADDRESSES}
    assert schemes == {
        *("mailto", "mailtos", "jsons", "slack", "workflows", "dingtalk", "feishu", "wecombot")
    }


def test_every_kind_of_rule_is_told_of() -> None:
    for kind in Kind:
        if kind != Kind.TROUBLE:
            assert re.search(rf"^\| .*{kind.label}", PAGE, re.MULTILINE), kind


def test_its_figures_are_those_of_the_code() -> None:
    assert pace.GAPS[1].total_seconds() == 5
    assert [delay.total_seconds() for delay in pace.RETRY_DELAYS] == [10, 30, 60, 120, 300]
    assert "10 seconds, 30 seconds, 1, 2, and then every 5 minutes, for a day" in PAGE
    assert pace.GIVE_UP_AFTER.days == 1
    assert f"killed after {messenger.DEADLINE_S:.0f} seconds" in PAGE
