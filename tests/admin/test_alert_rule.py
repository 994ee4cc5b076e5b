"""The pages of alert rules: what they change, and what a rule would do."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from jobs.models import AlertChannel, AlertRule
from tests.admin.conftest import last_event
from tests.admin.pages import errors_of
from tests.factories import make_channel, make_job, make_rule

RULES = "/admin/jobs/alertrule/"


def rule_form(*channels: AlertChannel, **fields: str) -> dict[str, Any]:
    return {
        "name": "nightly",
        "pattern": "*",
        "kind": "failed",
        "threshold": "3",
        "duration_s": "",
        "channels": [channel.pk for channel in channels],
        "tells_recovery": "on",
        "is_enabled": "on",
        **fields,
    }


def test_a_rule_is_added_changed_and_deleted(manager: Client) -> None:
    channel = make_channel("chat")
    assert manager.post(f"{RULES}add/", rule_form(channel)).status_code == 302
    rule = AlertRule.objects.get()
    assert (rule.threshold, [c.name for c in rule.channels.all()]) == (3, ["chat"])
    url = f"{RULES}{rule.pk}/change/"
    assert manager.post(url, rule_form(channel, pattern="etl-*")).status_code == 302
    rule.refresh_from_db()
    assert rule.pattern == "etl-*"
    assert last_event().after == {"pattern": "etl-*"}
    assert "etl-*" in manager.get(RULES).content.decode()
    manager.post(RULES, {"action": "delete_selected", "_selected_action": [rule.pk], "post": "yes"})
    assert not AlertRule.objects.exists()
    assert last_event().action == "rule.delete"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"pattern": "a b"}, "pattern"),
        ({"threshold": "0"}, "threshold"),
        ({"kind": "running_long", "threshold": "1"}, "duration_s"),
        ({"duration_s": "60"}, "duration_s"),
        ({"kind": "nope"}, "kind"),
        ({"name": "a\x00b"}, "name"),
    ],
)
@pytest.mark.parametrize("button", ["_save", "_preview"])
def test_what_is_wrong_stands_at_its_field(
    manager: Client, fields: dict[str, str], field: str, button: str
) -> None:
    answer = manager.post(f"{RULES}add/", {**rule_form(make_channel(), **fields), button: "x"})
    assert list(errors_of(answer)) == [field]
    assert not AlertRule.objects.exists()


def test_a_preview_tells_the_jobs_and_the_message_and_saves_nothing(manager: Client) -> None:
    for job_id in ("etl-a", "etl-b", "other"):
        make_job(job_id)
    channel = make_channel()
    asked = {**rule_form(channel, pattern="etl-*"), "_preview": "Preview"}
    answer = manager.post(f"{RULES}add/", asked)
    page = answer.content.decode()
    assert "It is about 2 jobs" in page
    assert "<code>etl-a</code> <code>etl-b</code>" in page
    assert "(etl-a): failed 3 times in a row" in page
    assert "correct the error" not in page
    assert not AlertRule.objects.exists()
    rule = make_rule(channel, name="saved", pattern="other")
    url = f"{RULES}{rule.pk}/change/"
    assert "It is about 1 job " in manager.get(url).content.decode()
    assert "It is about 2 jobs" in manager.post(url, asked).content.decode()
    rule.refresh_from_db()
    assert rule.pattern == "other"


def test_a_preview_of_a_rule_that_matches_nothing_says_so(manager: Client) -> None:
    asked = {**rule_form(make_channel(), pattern="none-*"), "_preview": "Preview"}
    assert "It is about 0 jobs" in manager.post(f"{RULES}add/", asked).content.decode()


def test_the_list_says_in_words_what_a_rule_is_about(manager: Client) -> None:
    assert "nobody is told when a job fails" in manager.get(RULES).text
    make_rule(make_channel("chat"), make_channel("mail"), name="all")
    make_rule(make_channel("pager"), name="some", pattern="etl-*")
    page = manager.get(RULES).text
    assert "sc-by-card" in page
    for words in ("all jobs", "jobs etl-*", "to chat, mail", "to pager"):
        assert words in page


def test_a_rule_without_a_channel_to_choose_says_what_to_do(manager: Client) -> None:
    sentence = "There is none yet: the plus adds one."
    assert sentence in manager.get(f"{RULES}add/").text
    make_channel("chat")
    assert sentence not in manager.get(f"{RULES}add/").text
