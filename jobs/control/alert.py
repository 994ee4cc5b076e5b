"""What changes of channels and of rules of alerts share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from jobs.errors import Conflict
from jobs.executions.revision import bump_revision
from jobs.models import AlertChannel, AlertRule, Revision
from jobs.models.alert import NAME_LENGTH


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


def save(row: AlertChannel | AlertRule) -> None:
    """Raises AlertExists."""
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError:
        raise AlertExists(row.name) from None


def tell_leader() -> None:
    """The last writes of a transaction. In this order: whoever changes rules at the same time
    waits for the revision, and then sees these."""
    bump_revision()
    has_any = AlertRule.objects.filter(is_enabled=True).exists()
    Revision.objects.filter(pk=1).update(has_alert_rules=has_any)


def unknown_fields(data: Mapping[str, Any], fields: tuple[str, ...]) -> dict[str, list[str]]:
    """The errors of a change that names others than `fields`."""
    sentence = _("There is no such field; there are %(fields)s.") % {"fields": ", ".join(fields)}
    return {str(name): [sentence] for name in data if name not in fields}


def clean_name(value: Any, errors: dict[str, list[str]]) -> str:
    """Adds to `errors` what is wrong with it; so too `clean_flag`."""
    name = value.strip() if isinstance(value, str) else ""
    if not name or len(name) > NAME_LENGTH or not name.isprintable():
        sentence = _("A name of at most %(most)d characters, all of them visible, is needed.")
        errors["name"] = [sentence % {"most": NAME_LENGTH}]
    return name


def clean_flag(value: Any, field: str, errors: dict[str, list[str]]) -> Any:
    if not isinstance(value, bool):
        errors[field] = [_("Use true or false.")]
    return value
