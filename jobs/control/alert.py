"""Channels and rules of alerts: made, changed and removed, each with its audit event.

The address of a channel is encrypted before it is written anywhere, and told to nobody again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.debug import sensitive_variables

from jobs.alerts import messenger
from jobs.alerts.text import trial_message
from jobs.cipher import decrypt, encrypt
from jobs.control.audit import Actor, differing, record
from jobs.control.input import is_storable
from jobs.errors import Conflict, Invalid, NotFound, SchedulerError
from jobs.executions.database import database_now
from jobs.executions.revision import bump_revision
from jobs.models import (
    AlertChannel,
    AlertIncident,
    AlertMessage,
    AlertNotice,
    AlertRule,
    Kind,
    Revision,
)
from jobs.models.alert import (
    MAX_DURATION_S,
    MAX_THRESHOLD,
    MIN_DURATION_S,
    NAME_LENGTH,
    TIMED,
)

MAX_CHANNELS, MAX_RULES = 50, 200
MAX_URL = 2000
PATTERN = r"[A-Za-z0-9_.*?\[\]!-]{1,100}"

CHANNEL_FIELDS = ("name", "url", "is_enabled")
RULE_FIELDS = (
    "name",
    "pattern",
    "kind",
    "threshold",
    "duration_s",
    "channels",
    "tells_recovery",
    "is_enabled",
)
MEANING = frozenset({"pattern", "kind", "threshold", "duration_s", "is_enabled"})
"""Fields whose change ends what the rule has found so far."""


class AlertExists(Conflict):
    """There is a channel or a rule of that name already."""

    code = "alert_exists"

    def __init__(self, name: str) -> None:
        sentence = _("There is one of the name “%(name)s” already; choose another name.")
        sentence %= {"name": name}
        super().__init__(sentence, errors={"name": [sentence]})


class TooMany(Conflict):
    code = "too_many_alerts"

    def __init__(self, most: int) -> None:
        super().__init__(_("There are %(most)d, which is the most; delete one.") % {"most": most})


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


class RuleNotFound(NotFound):
    code = "rule_not_found"


# -- Channels ------------------------------------------------------------------------------


@sensitive_variables()
def create_channel(data: Mapping[str, Any], *, actor: Actor) -> AlertChannel:
    """`name`, `url` and perhaps `is_enabled`. Raises Invalid, AlertExists or TooMany."""
    cleaned = _clean_channel({"name": "", "url": "", "is_enabled": True, **data})
    with transaction.atomic():
        if AlertChannel.objects.count() >= MAX_CHANNELS:
            raise TooMany(MAX_CHANNELS)
        channel = AlertChannel(**cleaned)
        _save(channel)
        record(actor, "channel.create", target=channel.name, after=recorded_channel(channel))
        _tell_leader()
    return channel


@sensitive_variables()
def change_channel(channel_id: int, changes: Mapping[str, Any], *, actor: Actor) -> AlertChannel:
    """Without a `url`, or with an empty one, the address stays. One that is switched off forgets
    what it was yet to tell. Raises ChannelNotFound, Invalid or AlertExists."""
    kept = {name: value for name, value in changes.items() if name != "url" or value}
    cleaned = _clean_channel(kept)
    with transaction.atomic():
        channel = locked_channel(channel_id)
        before = recorded_channel(channel)
        for name, value in cleaned.items():
            setattr(channel, name, value)
        after = recorded_channel(channel)
        if "url_encrypted" in cleaned:
            after["address_replaced"] = True
            channel.last_error, channel.last_error_at = "", None
        if not differing(before, after):
            return channel
        _save(channel)
        if not channel.is_enabled:
            _drop_unsent(channel, _("The channel was switched off."))
        record(actor, "channel.change", target=channel.name, before=before, after=after)
        _tell_leader()
    return channel


def delete_channel(channel_id: int, *, actor: Actor) -> None:
    """What it was sent stays in the history. Raises ChannelNotFound or ChannelInUse."""
    with transaction.atomic():
        channel = locked_channel(channel_id)
        if rules := list(channel.rules.values_list("name", flat=True)):
            raise ChannelInUse(channel, rules)
        _drop_unsent(channel, _("The channel was deleted."))
        before = recorded_channel(channel)
        channel.delete()
        record(actor, "channel.delete", target=before["name"], before=before)
        _tell_leader()


@sensitive_variables("url")
def test_channel(channel_id: int, *, actor: Actor) -> str:
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


def locked_channel(channel_id: int) -> AlertChannel:
    channel = AlertChannel.objects.select_for_update().filter(pk=channel_id).first()
    if channel is None:
        raise _no_channel(channel_id)
    return channel


def recorded_channel(channel: AlertChannel) -> dict[str, Any]:
    """As an audit event shows it."""
    return {"name": channel.name, "address": channel.shown, "is_enabled": channel.is_enabled}


@sensitive_variables()
def _clean_channel(data: Mapping[str, Any]) -> dict[str, Any]:
    """Values of the model's fields. Asks the courier, so not in a transaction."""
    errors = _unknown(data, CHANNEL_FIELDS)
    cleaned: dict[str, Any] = {}
    if "name" in data:
        cleaned["name"] = _name(data["name"], errors)
    if "is_enabled" in data:
        cleaned["is_enabled"] = _boolean(data["is_enabled"], "is_enabled", errors)
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


# -- Rules ---------------------------------------------------------------------------------


def create_rule(data: Mapping[str, Any], *, actor: Actor) -> AlertRule:
    """Fields of RULE_FIELDS; `channels` by their names. Raises Invalid, AlertExists or TooMany."""
    cleaned, channels = clean_rule(data)
    with transaction.atomic():
        if AlertRule.objects.count() >= MAX_RULES:
            raise TooMany(MAX_RULES)
        rule = AlertRule(**cleaned, changed_at=database_now())
        _save(rule)
        rule.channels.set(channels)
        record(actor, "rule.create", target=rule.name, after=recorded_rule(rule))
        _tell_leader()
    return rule


def change_rule(rule_id: int, changes: Mapping[str, Any], *, actor: Actor) -> AlertRule:
    """What the rule has found so far is over, if the change is of what it looks for.

    Raises RuleNotFound, Invalid or AlertExists.
    """
    with transaction.atomic():
        rule = locked_rule(rule_id)
        before = recorded_rule(rule)
        cleaned, channels = clean_rule({**before, **changes})
        for name, value in cleaned.items():
            setattr(rule, name, value)
        after = {**cleaned, "channels": sorted(channel.name for channel in channels)}
        changed = differing(before, after)
        if not changed:
            return rule
        now = database_now()
        rule.changed_at = now
        _save(rule)
        rule.channels.set(channels)
        if changed & MEANING:
            _close_incidents(rule, now)
        record(actor, "rule.change", target=rule.name, before=before, after=after)
        _tell_leader()
    return rule


def delete_rule(rule_id: int, *, actor: Actor) -> None:
    """What it found stays in the history. Raises RuleNotFound."""
    with transaction.atomic():
        rule = locked_rule(rule_id)
        before = recorded_rule(rule)
        _close_incidents(rule, database_now())
        rule.delete()
        record(actor, "rule.delete", target=before["name"], before=before)
        _tell_leader()


def locked_rule(rule_id: int) -> AlertRule:
    rule = AlertRule.objects.select_for_update().filter(pk=rule_id).first()
    if rule is None:
        raise RuleNotFound(_("There is no alert rule %(id)s.") % {"id": rule_id})
    return rule


def recorded_rule(rule: AlertRule) -> dict[str, Any]:
    """As an audit event shows it."""
    names = sorted(rule.channels.values_list("name", flat=True))
    fields = {name: getattr(rule, name) for name in RULE_FIELDS if name != "channels"}
    return {**fields, "channels": names}


def clean_rule(data: Mapping[str, Any]) -> tuple[dict[str, Any], list[AlertChannel]]:
    """Values of the model's fields, and the channels. Raises Invalid."""
    errors = _unknown(data, RULE_FIELDS)
    kind = data.get("kind", Kind.TROUBLE.value)
    if kind not in Kind.values:
        sentence = _("“%(kind)s” is not known; allowed are %(allowed)s.")
        errors["kind"] = [sentence % {"kind": kind, "allowed": ", ".join(Kind.values)}]
        kind = ""
    pattern = data.get("pattern", "*")
    if not isinstance(pattern, str) or not re.fullmatch(PATTERN, pattern):
        errors["pattern"] = [
            _("Use the id of a job, or a pattern of ids with *, ? or [abc]; * stands for all jobs.")
        ]
    cleaned = {
        "name": _name(data.get("name"), errors),
        "pattern": pattern,
        "kind": kind,
        "threshold": _threshold(data.get("threshold", 1), kind, errors),
        "duration_s": _duration(data.get("duration_s"), kind, errors),
        "tells_recovery": _boolean(data.get("tells_recovery", True), "tells_recovery", errors),
        "is_enabled": _boolean(data.get("is_enabled", True), "is_enabled", errors),
    }
    channels = _channels(data.get("channels"), errors)
    if errors:
        raise Invalid(errors)
    return cleaned, channels


def _threshold(value: Any, kind: str, errors: dict[str, list[str]]) -> Any:
    if kind in TIMED:
        if value not in (None, 1):
            errors["threshold"] = [_("Rules about time count nothing; leave it at 1.")]
        return 1
    if type(value) is not int or not 1 <= value <= MAX_THRESHOLD:
        sentence = _("Use a whole number from 1 to %(most)d.")
        errors["threshold"] = [sentence % {"most": MAX_THRESHOLD}]
    return value


def _duration(value: Any, kind: str, errors: dict[str, list[str]]) -> Any:
    if kind not in TIMED:
        if value is not None:
            errors["duration_s"] = [
                _("Only for the kinds %(kinds)s.") % {"kinds": ", ".join(TIMED)}
            ]
        return None
    if type(value) is not int or not MIN_DURATION_S <= value <= MAX_DURATION_S:
        sentence = _("Use a whole number of seconds from %(least)d to %(most)d.")
        errors["duration_s"] = [sentence % {"least": MIN_DURATION_S, "most": MAX_DURATION_S}]
    return value


def _channels(names: Any, errors: dict[str, list[str]]) -> list[AlertChannel]:
    if not isinstance(names, list | tuple) or not names:
        errors["channels"] = [_("Name at least one channel.")]
        return []
    texts = {name for name in names if isinstance(name, str) and is_storable(name)}
    found = list(AlertChannel.objects.filter(name__in=texts))
    known = [channel.name for channel in found]
    if missing := [name for name in names if name not in known]:
        sentence = ngettext(
            "There is no channel %(names)s.", "There are no channels %(names)s.", len(missing)
        )
        errors["channels"] = [sentence % {"names": ", ".join(f"“{name}”" for name in missing)}]
    return found


def _close_incidents(rule: AlertRule, now: datetime) -> None:
    AlertIncident.objects.unresolved().filter(rule=rule).update(closed_at=now)


# -- Both ----------------------------------------------------------------------------------


def _save(row: AlertChannel | AlertRule) -> None:
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError:
        raise AlertExists(row.name) from None


def _tell_leader() -> None:
    """The last writes of a transaction. In this order: whoever changes rules at the same time
    waits for the revision, and then sees these."""
    bump_revision()
    has_any = AlertRule.objects.filter(is_enabled=True).exists()
    Revision.objects.filter(pk=1).update(has_alert_rules=has_any)


def _unknown(data: Mapping[str, Any], fields: tuple[str, ...]) -> dict[str, list[str]]:
    sentence = _("There is no such field; there are %(fields)s.") % {"fields": ", ".join(fields)}
    return {str(name): [sentence] for name in data if name not in fields}


def _name(value: Any, errors: dict[str, list[str]]) -> str:
    name = value.strip() if isinstance(value, str) else ""
    if not name or len(name) > NAME_LENGTH or not name.isprintable():
        sentence = _("A name of at most %(most)d characters is needed.")
        errors["name"] = [sentence % {"most": NAME_LENGTH}]
    return name


def _boolean(value: Any, field: str, errors: dict[str, list[str]]) -> Any:
    if not isinstance(value, bool):
        errors[field] = [_("Use true or false.")]
    return value


def _no_channel(channel_id: int) -> ChannelNotFound:
    return ChannelNotFound(_("There is no alert channel %(id)s.") % {"id": channel_id})
