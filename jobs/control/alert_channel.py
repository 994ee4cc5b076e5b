"""Channels of alerts: made, changed and removed, each with its audit event.

The address of a channel is encrypted before it is written anywhere, and told to nobody again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables

from jobs.alerts import messenger
from jobs.alerts.text import trial_message
from jobs.cipher import decrypt, encrypt
from jobs.control.alert import TooMany, clean_flag, clean_name, save, tell_leader, unknown_fields
from jobs.control.audit import Actor, differing, record
from jobs.control.input import is_storable
from jobs.errors import Conflict, Invalid, NotFound, SchedulerError
from jobs.executions.database import database_now
from jobs.models import AlertChannel, AlertMessage, AlertNotice

MAX_CHANNELS = 50
MAX_URL = 2000

FIELDS = ("name", "url", "is_enabled")


class ChannelInUse(Conflict):
    """Rules would tell nobody without it."""

    code = "channel_in_use"

    def __init__(self, channel: AlertChannel, rules: list[str]) -> None:
        super().__init__(
            _("“%(name)s” is used by the rules %(rules)s; give them another channel first.")
            % {"name": channel.name, "rules": ", ".join(f"“{rule}”" for rule in rules)}
        )


class ChannelNotFound(NotFound):
    code = "channel_not_found"


@sensitive_variables()
def create(data: Mapping[str, Any], *, actor: Actor) -> AlertChannel:
    """`name`, `url` and perhaps `is_enabled`. Raises Invalid, AlertExists or TooMany."""
    cleaned = _clean({"name": "", "url": "", "is_enabled": True, **data})
    with transaction.atomic():
        if AlertChannel.objects.count() >= MAX_CHANNELS:
            raise TooMany(MAX_CHANNELS)
        channel = AlertChannel(**cleaned)
        save(channel)
        record(actor, "channel.create", target=channel.name, after=_recorded(channel))
        tell_leader()
    return channel


@sensitive_variables()
def change(channel_id: int, changes: Mapping[str, Any], *, actor: Actor) -> AlertChannel:
    """Without a `url`, or with an empty one, the address stays. One that is switched off forgets
    what it was yet to tell. Raises ChannelNotFound, Invalid or AlertExists."""
    kept = {name: value for name, value in changes.items() if name != "url" or value}
    cleaned = _clean(kept)
    with transaction.atomic():
        channel = _locked(channel_id)
        before = _recorded(channel)
        for name, value in cleaned.items():
            setattr(channel, name, value)
        after = _recorded(channel)
        if "url_encrypted" in cleaned:
            after["address_replaced"] = True
            channel.last_error, channel.last_error_at = "", None
        if not differing(before, after):
            return channel
        save(channel)
        if not channel.is_enabled:
            _drop_unsent(channel, _("The channel was switched off."))
        record(actor, "channel.change", target=channel.name, before=before, after=after)
        tell_leader()
    return channel


def delete(channel_id: int, *, actor: Actor) -> None:
    """What it was sent stays in the history. Raises ChannelNotFound or ChannelInUse."""
    with transaction.atomic():
        channel = _locked(channel_id)
        if rules := list(channel.rules.values_list("name", flat=True)):
            raise ChannelInUse(channel, rules)
        _drop_unsent(channel, _("The channel was deleted."))
        before = _recorded(channel)
        channel.delete()
        record(actor, "channel.delete", target=before["name"], before=before)
        tell_leader()


@sensitive_variables("url")
def send_test(channel_id: int, *, actor: Actor) -> str:
    """Send a message that says that it is a test; why that failed, or an empty text.

    Takes as long as the channel, up to `messenger.DEADLINE_S`. Raises ChannelNotFound.
    """
    channel = AlertChannel.objects.filter(pk=channel_id).first()
    if channel is None:
        raise _no_channel(channel_id)
    text = trial_message(channel.name)
    try:
        url = decrypt(channel.url_encrypted)
    except SchedulerError as problem:
        error = problem.message
    else:
        error = messenger.send(url, text)
    now = database_now()
    found = AlertChannel.objects.filter(pk=channel_id)
    if error:
        found.update(last_error=error, last_error_at=now)
    else:
        found.update(last_sent_at=now, last_error="", last_error_at=None)
    record(actor, "channel.test", target=channel.name, message=error)
    return error


def _locked(channel_id: int) -> AlertChannel:
    channel = AlertChannel.objects.select_for_update().filter(pk=channel_id).first()
    if channel is None:
        raise _no_channel(channel_id)
    return channel


def _recorded(channel: AlertChannel) -> dict[str, Any]:
    """As an audit event shows it."""
    return {"name": channel.name, "address": channel.shown, "is_enabled": channel.is_enabled}


@sensitive_variables()
def _clean(data: Mapping[str, Any]) -> dict[str, Any]:
    """Values of the model's fields. Asks the courier, so not in a transaction."""
    errors = unknown_fields(data, FIELDS)
    cleaned: dict[str, Any] = {}
    if "name" in data:
        cleaned["name"] = clean_name(data["name"], errors)
    if "is_enabled" in data:
        cleaned["is_enabled"] = clean_flag(data["is_enabled"], "is_enabled", errors)
    if "url" in data:
        url = data["url"].strip() if isinstance(data["url"], str) else ""
        if not url or len(url) > MAX_URL or not is_storable(url):
            sentence = _("An address of at most %(most)d characters is needed.")
            errors["url"] = [sentence % {"most": MAX_URL}]
        elif not errors:
            try:
                cleaned["shown"] = messenger.shown_address(url)
                cleaned["url_encrypted"] = encrypt(url)
            except Invalid:
                raise
            except SchedulerError as problem:  # there is no key
                raise Invalid({"url": [problem.message]}) from None
    if errors:
        raise Invalid(errors)
    return cleaned


def _drop_unsent(channel: AlertChannel, reason: str) -> None:
    AlertNotice.objects.filter(channel=channel, message__isnull=True).delete()
    unsent = AlertMessage.objects.filter(
        channel=channel, sent_at__isnull=True, gave_up_at__isnull=True
    )
    unsent.update(gave_up_at=database_now(), next_attempt_at=None, error=reason)


def _no_channel(channel_id: int) -> ChannelNotFound:
    return ChannelNotFound(_("There is no alert channel %(id)s.") % {"id": channel_id})
