"""Post: what a channel is to be told becomes messages, and they are delivered.

A message is written down before it is sent, and its delivery after it. A scheduler that dies in
between leaves it to the next, so it may come twice, and is never lost.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F, Min, Q, QuerySet
from django.views.decorators.debug import sensitive_variables

from jobs.alerts import messenger
from jobs.alerts.pace import GIVE_UP_AFTER, MINUTE, next_message_at, retry_delay
from jobs.alerts.text import SHOWN, News, Run, Text, happened, message
from jobs.cipher import decrypt
from jobs.conf import conf
from jobs.errors import SchedulerError
from jobs.executions.database import database_now
from jobs.models import AlertChannel, AlertMessage, AlertNotice, JobExecution
from jobs.models.alert import Kind

logger = logging.getLogger(__name__)

RESERVED = timedelta(seconds=messenger.DEADLINE_S + 10)
"""For how long whoever delivers a message has it to himself."""


def due_messages(now: datetime) -> list[tuple[int, int]]:
    """(channel, message) of what is to be delivered now: each channel's unsent message, or a new
    one where enough time has passed since the last. In three statements, whatever waits, and one
    for each new message."""
    unsent = {message.channel_id: message for message in _unsent()}
    due = [
        (channel_id, message.pk)
        for channel_id, message in unsent.items()
        if channel_id is not None
        and (message.next_attempt_at is None or message.next_attempt_at <= now)
    ]
    waiting = [row for row in _waiting() if row["channel"] not in unsent]
    if not waiting:
        return due
    recent: dict[int | None, list[datetime]] = {}
    sent = AlertMessage.objects.filter(
        channel__in=[row["channel"] for row in waiting], created_at__gt=now - MINUTE
    )
    for channel_id, created_at in sent.values_list("channel", "created_at"):
        recent.setdefault(channel_id, []).append(created_at)
    for row in waiting:
        channel_id = row["channel"]
        if now >= next_message_at(row["since"], recent.get(channel_id, ())):
            made = _make(channel_id, row["channel__name"], now)
            due += [(channel_id, made.pk)] if made else []
    return due


def _unsent() -> QuerySet[AlertMessage]:
    """Of channels that are not switched off."""
    return AlertMessage.objects.filter(
        sent_at__isnull=True, gave_up_at__isnull=True, channel__is_enabled=True
    )


def _waiting() -> Iterable[Any]:
    new = AlertNotice.objects.filter(message__isnull=True, channel__is_enabled=True)
    return new.values("channel", "channel__name").annotate(since=Min("at")).order_by("channel")


def _make(channel_id: int, name: str, now: datetime) -> AlertMessage | None:
    """None if another leader was first, or the channel is gone."""
    try:
        with transaction.atomic():
            return AlertMessage.objects.create(
                channel_id=channel_id, channel_name=name, created_at=now
            )
    except IntegrityError:
        return None


@sensitive_variables("url")
def deliver(message_id: int) -> bool:
    """Try to deliver a message, with all that its channel is to be told by now; whether it was.

    Only one caller at a time: False at once for any other.
    """
    now = database_now()
    if not _reserve(message_id, now):
        return False
    found = AlertMessage.objects.select_related("channel").get(pk=message_id)
    if found.channel is None:
        return False
    text = _compose(found)
    try:
        url = decrypt(found.channel.url_encrypted)
    except SchedulerError as problem:
        error = problem.message
    else:
        error = messenger.send(url, text)
    _record(found, error, database_now())
    return not error


def _reserve(message_id: int, now: datetime) -> bool:
    free = AlertMessage.objects.filter(pk=message_id, sent_at__isnull=True, gave_up_at__isnull=True)
    free = free.filter(Q(next_attempt_at__isnull=True) | Q(next_attempt_at__lte=now))
    return free.update(attempts=F("attempts") + 1, next_attempt_at=now + RESERVED) == 1


def _compose(found: AlertMessage) -> Text:
    """The text of all that is to be told by now, which belongs to this message from here on."""
    AlertNotice.objects.filter(channel=found.channel_id, message__isnull=True).update(message=found)
    notices = AlertNotice.objects.filter(message=found)
    counts: Counter[tuple[str, bool]] = Counter()
    columns = ("incident__job_id", "incident__kind", "incident__status", "is_recovery", "pk")
    rows = notices.order_by("is_recovery", "pk").values_list(*columns)
    first: dict[tuple[str, str, bool], int] = {}
    for job_id, kind, status, is_recovery, pk in rows:
        what = "" if is_recovery and kind != Kind.RUNNING_LONG else happened(kind, status)
        first.setdefault((job_id, what, is_recovery), pk)  # several rules may say the same
    for _job_id, what, is_recovery in first:
        counts[what, is_recovery] += 1
    shown = notices.filter(pk__in=list(first.values())[:SHOWN]).select_related("incident__rule")
    text = message(_news(list(shown.order_by("is_recovery", "pk"))), counts, conf().base_url)
    AlertMessage.objects.filter(pk=found.pk).update(
        subject=text.subject, body=text.body, notices=len(first)
    )
    return text


def _news(notices: list[AlertNotice]) -> list[News]:
    def run_id(notice: AlertNotice) -> int | None:
        incident = notice.incident
        return incident.recovery_id if notice.is_recovery else incident.execution_id

    columns = ("pk", "finished_at", "duration_s", "error", "reason", "kwargs")
    ids = [found for notice in notices if (found := run_id(notice)) is not None]
    executions = JobExecution.objects.filter(pk__in=ids)
    runs = {row[0]: Run(*row) for row in executions.values_list(*columns)}
    return [
        News(
            notice.incident,
            notice.is_recovery,
            runs.get(run_id(notice) or 0),
            (notice.incident.rule.duration_s or 0) if notice.incident.rule else 0,
        )
        for notice in notices
    ]


def fail(message_id: int, error: str) -> None:
    """An attempt came to nothing, for a reason that nobody has thought of."""
    if found := AlertMessage.objects.filter(pk=message_id).first():
        _record(found, error, database_now())


def _record(found: AlertMessage, error: str, now: datetime) -> None:
    """How the attempt went; what the log tells of it holds no address."""
    unsent = AlertMessage.objects.filter(pk=found.pk)
    channel = AlertChannel.objects.filter(pk=found.channel_id or 0)
    told = {"channel": found.channel_name, "message_id": found.pk, "attempts": found.attempts}
    if not error:
        unsent.update(sent_at=now, next_attempt_at=None, error="")
        channel.update(last_sent_at=now, last_error="", last_error_at=None)
        logger.info("Alert delivered", extra={"event": "alert.delivered", **told})
        return
    if now - found.created_at > GIVE_UP_AFTER:
        unsent.update(gave_up_at=now, next_attempt_at=None, error=error)
    else:
        unsent.update(next_attempt_at=now + retry_delay(found.attempts), error=error)
    channel.update(last_error=error, last_error_at=now)
    logger.warning(
        "Alert could not be delivered",
        extra={"event": "alert.undelivered", "error": error, **told},
    )
