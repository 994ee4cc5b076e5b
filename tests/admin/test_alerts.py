"""The pages of alerts: who sees them, what they change, and what they never show."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.views.debug import ExceptionReporter

from jobs.alerts import messenger
from jobs.cipher import decrypt
from jobs.models import (
    AlertChannel,
    AlertRule,
    AuditEvent,
)
from schedcore.logs import JsonLines
from tests.admin.conftest import logged_in, staff
from tests.alerts.sinks import Sink, webhook
from tests.factories import grant, make_channel, make_incident, make_job, make_message, make_rule

CHANNELS, RULES = "/admin/jobs/alertchannel/", "/admin/jobs/alertrule/"
INCIDENTS, MESSAGES = "/admin/jobs/alertincident/", "/admin/jobs/alertmessage/"
URL = "jsons://ann:hunter22@hooks.example.org/hunter33"


@pytest.fixture
def hook() -> Iterator[Sink]:
    with webhook() as sink:
        yield sink


def errors_of(answer: Any) -> list[str]:
    return sorted(answer.context["adminform"].form.errors)


def last_event() -> AuditEvent:
    event = AuditEvent.objects.first()
    assert event is not None
    return event


# -- Channels --------------------------------------------------------------------------------


def test_a_channel_is_added_and_its_address_never_shown_again(manager: Client) -> None:
    answer = manager.post(f"{CHANNELS}add/", {"name": "chat", "url": URL, "is_enabled": "on"})
    assert answer.status_code == 302
    channel = AlertChannel.objects.get()
    assert decrypt(channel.url_encrypted) == URL
    assert (last_event().action, last_event().actor) == ("channel.create", "manager")
    change = f"{CHANNELS}{channel.pk}/change/"
    for page in (CHANNELS, change, f"{CHANNELS}{channel.pk}/history/", "/admin/", AUDIT):
        text = manager.get(page).content.decode()
        assert "hunter" not in text
        assert channel.url_encrypted not in text
    assert "jsons://…@hooks.example.org" in manager.get(change).content.decode()


AUDIT = "/admin/jobs/auditevent/"


def test_a_form_that_is_refused_does_not_send_the_address_back(manager: Client) -> None:
    answer = manager.post(f"{CHANNELS}add/", {"name": "", "url": URL})
    assert errors_of(answer) == ["name"]
    assert "hunter" not in answer.content.decode()
    answer = manager.post(f"{CHANNELS}add/", {"name": "chat", "url": "nope://hunter22"})
    assert errors_of(answer) == ["url"]
    assert "hunter" not in answer.content.decode()
    assert not AlertChannel.objects.exists()


def test_a_fault_while_a_channel_is_saved_shows_no_address(
    manager: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither in the answer nor in the traceback that is logged."""

    def failing(*args: Any, **options: Any) -> None:
        raise OSError("no process can be started")

    monkeypatch.setattr(messenger.subprocess, "Popen", failing)
    manager.raise_request_exception = False
    caplog.set_level("DEBUG")
    answer = manager.post(f"{CHANNELS}add/", {"name": "chat", "url": URL})
    assert answer.status_code == 500
    formatter = JsonLines()
    logged = "".join(formatter.format(record) for record in caplog.records)
    assert "no process can be started" in logged
    assert "hunter" not in logged + caplog.text + answer.content.decode()
    request = RequestFactory().post(CHANNELS, {"url": URL})
    request.sensitive_post_parameters = ("url",)
    (fault,) = {record.exc_info for record in caplog.records if record.exc_info}
    assert "hunter" not in ExceptionReporter(request, *fault).get_traceback_html()


def test_a_channel_is_changed_without_its_address(manager: Client) -> None:
    channel = make_channel("chat", URL)
    answer = manager.post(f"{CHANNELS}{channel.pk}/change/", {"name": "team", "url": ""})
    assert answer.status_code == 302
    channel.refresh_from_db()
    assert (channel.name, channel.is_enabled) == ("team", False)
    assert decrypt(channel.url_encrypted) == URL
    answer = manager.post(f"{CHANNELS}add/", {"name": "other", "url": ""})
    assert errors_of(answer) == ["url"]


def test_a_test_is_sent_by_a_button(manager: Client, hook: Sink) -> None:
    channel = make_channel("chat", f"json://127.0.0.1:{hook.port}/hunter33")
    page = manager.get(f"{CHANNELS}{channel.pk}/change/").content.decode()
    url = f"{CHANNELS}{channel.pk}/test/"
    assert f'action="{url}"' in page
    answer = manager.post(url, follow=True)
    assert "The test was sent to “chat”" in answer.content.decode()
    assert len(hook.got) == 1
    hook.status = 500
    answer = manager.post(url, follow=True)
    assert "did not reach “chat”" in answer.content.decode()
    assert "hunter" not in answer.content.decode()
    assert manager.get(url).status_code == 405
    assert manager.post(f"{CHANNELS}77/test/").status_code == 404
    assert manager.post(f"{CHANNELS}x/test/").status_code == 404


def test_a_channel_that_a_rule_uses_is_not_deleted(manager: Client) -> None:
    rule = make_rule(channel := make_channel("chat"), name="nightly")
    url = f"{CHANNELS}{channel.pk}/delete/"
    assert "Rule “nightly”" in manager.get(url).content.decode()
    manager.post(url, {"post": "yes"})
    assert AlertChannel.objects.exists()
    rule.delete()
    manager.post(url, {"post": "yes"})
    assert not AlertChannel.objects.exists()
    assert last_event().action == "channel.delete"


# -- Rules -----------------------------------------------------------------------------------


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
    assert errors_of(answer) == [field]
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


# -- What happened ---------------------------------------------------------------------------


def test_incidents_are_listed_once_they_are_worth_telling(manager: Client) -> None:
    make_job("report")
    make_incident("report", job_name="Weekly")
    make_incident("counted", opened_at=None)
    make_incident("job-that-is-well", closed_at=datetime.now(UTC))
    page = manager.get(INCIDENTS).content.decode()
    assert "Weekly" in page
    assert "counted" not in page
    assert "job-that-is-well" in page
    only_open = manager.get(f"{INCIDENTS}?state=open").content.decode()
    assert 'href="/admin/jobs/job/report/change/"' in only_open
    assert "job-that-is-well" not in only_open


def test_the_list_of_incidents_costs_a_constant_number_of_statements(manager: Client) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            manager.get(INCIDENTS)
        return len(queries)

    make_incident()
    few = cost()
    for number in range(30):
        make_incident(f"job-{number}")
    assert cost() == few


def test_messages_are_listed_with_what_became_of_them(manager: Client) -> None:
    now = datetime.now(UTC)
    message = make_message(sent_at=now)
    make_message(error="refused", attempts=2)
    make_message(gave_up_at=now, error="no route", channel_name="old")
    page = manager.get(MESSAGES).content.decode()
    for words in ("it failed", "2 attempts", "refused", "given up", "no route"):
        assert words in page
    assert "boom" in manager.get(f"{MESSAGES}{message.pk}/change/").content.decode()


# -- Rights ----------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["viewer", "operator", "owner", "nobody"])
def test_channels_rules_and_messages_are_for_who_manages_all_jobs(db: None, who: str) -> None:
    rights = {"viewer": ["view_job"], "operator": ["run_job"]}.get(who, [])
    user = staff(*rights)
    if who == "owner":
        grant(user, "manage_job", make_job("report"))
    client = logged_in(user)
    rule = make_rule(channel := make_channel())
    message = make_message()
    pages = [CHANNELS, RULES, MESSAGES, f"{CHANNELS}add/", f"{RULES}add/"]
    pages += [f"{CHANNELS}{channel.pk}/change/", f"{RULES}{rule.pk}/change/"]
    pages += [f"{MESSAGES}{message.pk}/change/", f"{CHANNELS}{channel.pk}/delete/"]
    for page in pages:
        assert client.get(page).status_code == 403, page
        assert client.post(page, {}).status_code == 403, page
    assert client.post(f"{CHANNELS}{channel.pk}/test/").status_code == 403
    assert "alertchannel" not in client.get("/admin/").content.decode()


def test_an_incident_is_seen_by_who_sees_its_job(db: None) -> None:
    user = staff()
    grant(user, "view_job", make_job("mine"))
    mine, other = make_incident("mine"), make_incident("other")
    client = logged_in(user)
    page = client.get(INCIDENTS).content.decode()
    assert "mine" in page
    assert "other" not in page
    assert client.get(f"{INCIDENTS}{mine.pk}/change/").status_code == 200
    assert client.get(f"{INCIDENTS}{other.pk}/change/").status_code == 302
    assert client.post(f"{INCIDENTS}{mine.pk}/change/", {}).status_code == 403
    assert logged_in(staff()).get(INCIDENTS).status_code == 403


def test_nobody_changes_what_happened(manager: Client) -> None:
    pages = {INCIDENTS: make_incident(), MESSAGES: make_message()}
    for page, row in pages.items():
        assert manager.get(f"{page}add/").status_code == 403
        assert manager.post(f"{page}{row.pk}/change/", {}).status_code == 403
        assert manager.post(f"{page}{row.pk}/delete/", {"post": "yes"}).status_code == 403
