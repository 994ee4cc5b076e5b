"""Rules of alerts: made, changed and removed, each with its audit event."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from jobs.control.alert import TooMany, clean_flag, clean_name, save, tell_leader, unknown_fields
from jobs.control.audit import Actor, differing, record
from jobs.control.input import is_storable
from jobs.errors import Invalid, NotFound
from jobs.executions.database import database_now
from jobs.models import AlertChannel, AlertIncident, AlertRule, Kind
from jobs.models.alert import MAX_DURATION_S, MAX_THRESHOLD, MIN_DURATION_S, TIMED

MAX_RULES = 200
PATTERN = r"[A-Za-z0-9_.*?\[\]!-]{1,100}"

FIELDS = (
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


class RuleNotFound(NotFound):
    code = "rule_not_found"


def create(data: Mapping[str, Any], *, actor: Actor) -> AlertRule:
    """Values of FIELDS; `channels` by their names. Raises Invalid, AlertExists or TooMany."""
    cleaned, channels = clean(data)
    with transaction.atomic():
        if AlertRule.objects.count() >= MAX_RULES:
            raise TooMany(MAX_RULES)
        rule = AlertRule(**cleaned, changed_at=database_now())
        save(rule)
        rule.channels.set(channels)
        record(actor, "rule.create", target=rule.name, after=_recorded(rule))
        tell_leader()
    return rule


def change(rule_id: int, changes: Mapping[str, Any], *, actor: Actor) -> AlertRule:
    """What the rule has found so far is over, if the change is of what it looks for.

    Raises RuleNotFound, Invalid or AlertExists.
    """
    with transaction.atomic():
        rule = _locked(rule_id)
        before = _recorded(rule)
        cleaned, channels = clean({**before, **changes})
        for name, value in cleaned.items():
            setattr(rule, name, value)
        after = {**cleaned, "channels": sorted(channel.name for channel in channels)}
        changed = differing(before, after)
        if not changed:
            return rule
        now = database_now()
        rule.changed_at = now
        save(rule)
        rule.channels.set(channels)
        if changed & MEANING:
            _close_incidents(rule, now)
        record(actor, "rule.change", target=rule.name, before=before, after=after)
        tell_leader()
    return rule


def delete(rule_id: int, *, actor: Actor) -> None:
    """What it found stays in the history. Raises RuleNotFound."""
    with transaction.atomic():
        rule = _locked(rule_id)
        before = _recorded(rule)
        _close_incidents(rule, database_now())
        rule.delete()
        record(actor, "rule.delete", target=before["name"], before=before)
        tell_leader()


def clean(data: Mapping[str, Any]) -> tuple[dict[str, Any], list[AlertChannel]]:
    """Values of the model's fields, and the channels. Raises Invalid."""
    errors = unknown_fields(data, FIELDS)
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
        "name": clean_name(data.get("name"), errors),
        "pattern": pattern,
        "kind": kind,
        "threshold": _threshold(data.get("threshold", 1), kind, errors),
        "duration_s": _duration(data.get("duration_s"), kind, errors),
        "tells_recovery": clean_flag(data.get("tells_recovery", True), "tells_recovery", errors),
        "is_enabled": clean_flag(data.get("is_enabled", True), "is_enabled", errors),
    }
    channels = _channels(data.get("channels"), errors)
    if errors:
        raise Invalid(errors)
    return cleaned, channels


def _locked(rule_id: int) -> AlertRule:
    rule = AlertRule.objects.select_for_update().filter(pk=rule_id).first()
    if rule is None:
        raise RuleNotFound(_("There is no alert rule %(id)s.") % {"id": rule_id})
    return rule


def _recorded(rule: AlertRule) -> dict[str, Any]:
    """As an audit event shows it."""
    names = sorted(rule.channels.values_list("name", flat=True))
    fields = {name: getattr(rule, name) for name in FIELDS if name != "channels"}
    return {**fields, "channels": names}


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
