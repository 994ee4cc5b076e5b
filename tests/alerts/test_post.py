"""From notices to messages, and how they are delivered."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.db import connection
from django.test.utils import CaptureQueriesContext

from jobs.alerts import desk, messenger, post
from jobs.alerts.text import Text
from jobs.executions.outbox import note_verdicts
from jobs.models import AlertChannel, AlertMessage, AlertNotice, AlertRule, Status
from tests.factories import make_channel, make_execution, make_rule

pytestmark = pytest.mark.django_db

SECOND = timedelta(seconds=1)

Sent = list[tuple[str, Text]]


def failures(*job_ids: str, status: Status = Status.FAILED, ago: timedelta = SECOND * 5) -> None:
    """Verdicts that were judged."""
    at = datetime.now(UTC) - ago
    made = [
        make_execution(job_id, status=status, finished_at=at, error="boom") for job_id in job_ids
    ]
    with connection.cursor() as cursor:
        note_verdicts(cursor, [execution.pk for execution in made])
    desk.judge_events()


def send_due(now: datetime | None = None) -> list[bool]:
    """Deliver what is due; how it went."""
    due = post.due_messages(now or datetime.now(UTC))
    return [post.deliver(message_id) for _channel, message_id in due]


def test_a_failure_is_one_message_for_each_channel_of_its_rule(sent: Sent) -> None:
    make_rule(make_channel("mail", "json://mail/"), make_channel("chat", "json://chat/"))
    failures("a")
    assert send_due() == [True, True]
    assert sorted(url for url, _text in sent) == ["json://chat/", "json://mail/"]
    assert {text.subject for _url, text in sent} == {"[schedcore] Job a (a): failed"}
    assert send_due() == []
    message = AlertMessage.objects.filter(channel_name="mail").get()
    assert message.sent_at is not None
    assert (message.attempts, message.notices, message.error) == (1, 1, "")
    assert message.body == sent[0][1].body


def test_fifty_failures_at_once_are_one_message(sent: Sent) -> None:
    make_rule()
    failures(*(f"job-{n}" for n in range(50)))
    send_due()
    ((_url, text),) = sent
    assert text.subject == "[schedcore] 50 jobs failed"
    assert text.body.count("boom") == 10
    assert "… and 40 more" in text.body


def test_a_thousand_failures_in_a_minute_are_five_messages_at_most(sent: Sent) -> None:
    """Of each channel, though they come evenly and each would be told at once."""
    make_rule(make_channel(url="json://mail/"), make_channel(url="json://chat/"))
    began = datetime.now(UTC) - timedelta(minutes=2)
    for tick in range(120):
        now = began + tick * SECOND / 2
        failures(*(f"job-{tick}-{n}" for n in range(9)), ago=datetime.now(UTC) - now)
        for _channel, message_id in post.due_messages(now):
            post.deliver(message_id)
    for url in ("json://mail/", "json://chat/"):
        assert 2 <= sum(to == url for to, _text in sent) <= 5
    send_due()
    told = sum(message.notices for message in AlertMessage.objects.all())
    assert told == 2 * 1080
    assert not AlertNotice.objects.filter(message__isnull=True).exists()


def test_two_rules_that_say_the_same_to_a_channel_say_it_once(sent: Sent) -> None:
    channel = make_channel()
    make_rule(channel)
    make_rule(channel, kind="trouble")
    failures("a")
    send_due()
    assert [text.subject for _url, text in sent] == ["[schedcore] Job a (a): failed"]


def test_a_failure_and_its_recovery_within_a_moment_are_one_message(sent: Sent) -> None:
    make_rule()
    failures("a")
    failures("a", status=Status.SUCCEEDED)
    send_due()
    ((_url, text),) = sent
    assert text.subject == "[schedcore] 1 job has recovered; 1 job failed"


def test_what_fails_is_tried_again_later_and_tells_what_came_meanwhile(
    sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_rule(make_channel("mail", "json://fails/"))
    failures("a")
    assert send_due() == [False]
    channel = AlertChannel.objects.get()
    assert channel.last_error == "refused"
    failures("b")
    assert send_due() == []  # not yet
    AlertChannel.objects.update(url_encrypted=make_channel(url="json://works/").url_encrypted)
    later = datetime.now(UTC) + SECOND * 11
    AlertMessage.objects.update(next_attempt_at=later - SECOND * 11)
    assert send_due(later) == [True]
    ((_url, text),) = sent
    assert text.subject == "[schedcore] 2 jobs failed"
    message = AlertMessage.objects.get()
    assert (message.attempts, message.notices) == (2, 2)
    channel.refresh_from_db()
    assert channel.last_error == ""
    assert channel.last_sent_at is not None


def test_a_message_is_given_up_after_a_day(sent: Sent) -> None:
    make_rule(make_channel("mail", "json://fails/"))
    failures("a")
    send_due()
    long_ago = datetime.now(UTC) - timedelta(hours=25)
    AlertMessage.objects.update(created_at=long_ago, next_attempt_at=long_ago)
    send_due()
    message = AlertMessage.objects.get()
    assert message.gave_up_at is not None
    assert message.error == "refused"
    failures("b")
    send_due()
    assert AlertMessage.objects.count() == 2


def test_a_channel_that_fails_delays_no_other(sent: Sent) -> None:
    make_rule(make_channel(url="json://fails/"), make_channel(url="json://works/"))
    failures("a")
    assert sorted(send_due()) == [False, True]
    failures("b", ago=timedelta(0))
    assert send_due(datetime.now(UTC) + SECOND * 6) == [True]


def test_an_address_that_no_key_reads_is_told_at_its_channel_and_delays_no_other(
    sent: Sent, scheduler_settings: Callable[..., Any]
) -> None:
    lost = make_channel("lost")
    scheduler_settings(credentials_keys=(Fernet.generate_key().decode(),))
    make_rule(lost, make_channel("good"))
    failures("a")
    assert sorted(send_due()) == [False, True]
    lost.refresh_from_db()
    assert "SCHEDCORE_CREDENTIALS_KEY" in lost.last_error


def test_only_one_of_two_leaders_sends_a_message(sent: Sent) -> None:
    make_rule()
    failures("a")
    ((_channel, message_id),) = post.due_messages(datetime.now(UTC))
    assert post.due_messages(datetime.now(UTC)) == [(_channel, message_id)]
    assert [post.deliver(message_id), post.deliver(message_id)] == [True, False]
    assert len(sent) == 1


def test_a_leader_that_dies_while_it_sends_leaves_the_message_to_the_next(
    sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may come twice then, and is never lost."""
    make_rule()
    failures("a")

    def dying(*given: Any) -> None:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(post, "_record", dying)
        with pytest.raises(SystemExit):
            send_due()
    assert send_due() == []  # it may still be on its way
    later = datetime.now(UTC) + post.RESERVED
    assert post.due_messages(later) != []
    AlertMessage.objects.update(next_attempt_at=datetime.now(UTC))
    assert send_due() == [True]
    assert len(sent) == 2


def test_a_channel_that_was_switched_off_is_sent_nothing(sent: Sent) -> None:
    channel = make_channel()
    make_rule(channel)
    failures("a")
    AlertChannel.objects.update(is_enabled=False)
    assert send_due() == []
    assert sent == []


def test_a_message_outlives_its_rule_incident_job_and_execution(sent: Sent) -> None:
    make_rule()
    failures("a")
    AlertRule.objects.all().delete()
    assert send_due() == [True]


def test_to_look_for_what_is_due_costs_a_constant_number_of_statements(sent: Sent) -> None:
    for _ in range(3):
        make_rule(make_channel())
    with CaptureQueriesContext(connection) as queries:
        post.due_messages(datetime.now(UTC))
    assert len(queries) == 2


def test_no_log_line_holds_an_address(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level("DEBUG")
    make_rule(make_channel("mail", "json://ann:hunter22@127.0.0.1:9/hunter33"))
    failures("a")
    assert send_due() == [False]
    (record,) = [r for r in caplog.records if getattr(r, "event", "") == "alert.undelivered"]
    assert "127.0.0.1" in record.error  # type: ignore[attr-defined]
    everything = " ".join(str(record.__dict__) for record in caplog.records)
    rows = [*AlertChannel.objects.values(), *AlertMessage.objects.values()]
    assert "hunter" not in everything + str(rows)
    assert post.RESERVED.total_seconds() > messenger.DEADLINE_S
