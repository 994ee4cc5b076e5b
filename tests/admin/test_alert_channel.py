"""The pages of alert channels: what they change, and what they never show."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client, RequestFactory
from django.views.debug import ExceptionReporter

from jobs.alerts import messenger
from jobs.cipher import decrypt
from jobs.models import AlertChannel
from schedcore.logs import JsonLines
from tests.admin.conftest import last_event
from tests.admin.pages import AUDIT, errors_of
from tests.alerts.sinks import Sink, webhook
from tests.factories import make_channel, make_rule

CHANNELS = "/admin/jobs/alertchannel/"
URL = "jsons://ann:hunter22@hooks.example.org/hunter33"


@pytest.fixture
def hook() -> Iterator[Sink]:
    with webhook() as sink:
        yield sink


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


def test_a_form_that_is_refused_does_not_send_the_address_back(manager: Client) -> None:
    answer = manager.post(f"{CHANNELS}add/", {"name": "", "url": URL})
    assert list(errors_of(answer)) == ["name"]
    assert "hunter" not in answer.content.decode()
    answer = manager.post(f"{CHANNELS}add/", {"name": "chat", "url": "nope://hunter22"})
    assert list(errors_of(answer)) == ["url"]
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
    assert list(errors_of(answer)) == ["url"]


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


def test_the_list_says_which_rules_tell_a_channel(manager: Client) -> None:
    make_rule(make_channel("chat", last_error="no route"), name="nightly")
    make_channel("idle")
    page = manager.get(CHANNELS).text
    for words in ("1 rule", "nightly", "no route", "never sent", "no rule"):
        assert words in page


def test_an_address_is_asked_for_once_and_may_stay_afterwards(manager: Client) -> None:
    keeps = "Leave it empty to keep the stored one."
    assert keeps not in manager.get(f"{CHANNELS}add/").text
    assert list(errors_of(manager.post(f"{CHANNELS}add/", {"name": "chat"}))) == ["url"]
    change = f"{CHANNELS}{make_channel('chat').pk}/change/"
    assert keeps in manager.get(change).text
    assert manager.post(change, {"name": "talk", "url": ""}).status_code == 302


def test_a_channel_leads_to_its_history(manager: Client) -> None:
    channel = make_channel("chat")
    history = f"{CHANNELS}{channel.pk}/history/"
    assert f'href="{history}"' in manager.get(f"{CHANNELS}{channel.pk}/change/").text
    assert manager.get(history).status_code == 200
