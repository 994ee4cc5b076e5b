"""The numbers at the top of an instance's page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from jobs.admin.display import relative
from jobs.estate.admin.base import EMPTY
from jobs.estate.admin.bytes import signed_bytes
from jobs.estate.admin.visit import visit_badge
from jobs.estate.models.record import RecordStatus
from jobs.estate.models.session import Category
from jobs.estate.services.charts import TREND_DAYS, Outlook
from jobs.estate.units import format_bytes

SOON_DAYS, NEAR_DAYS = 30, 90
"""Until a limit is reached: when it is alarming, and when it is worth a look."""


@dataclass(frozen=True, slots=True)
class Card:
    """`tone` is a class of the stylesheet: "good", "held" or "bad"."""

    label: str
    value: str | SafeString
    note: str = ""
    tone: str = ""
    url: str = ""


def visit_card(instance: Any, now: datetime, *, is_linked: bool) -> Card:
    """Of an instance `with_overview`."""
    label = _("Last visit")
    if instance.last_status is None:
        return Card(label, EMPTY, _("No sync has visited it yet."))
    note = f"{Category(instance.last_category).label}, {relative(instance.last_at, now)}"
    tone = "bad" if instance.last_status == RecordStatus.FAILED else "good"
    url = reverse("admin:estate_syncsession_change", args=[instance.last_session])
    return Card(label, visit_badge(instance), note, tone, url if is_linked else "")


def size_card(outlook: Outlook, within: str = "") -> Card:
    """`within` says in how many databases."""
    if outlook.latest_on is None:
        return Card(_("Size"), EMPTY, within or _("It has not been measured lately."))
    measured = _("on %(day)s") % {"day": outlook.latest_on}
    note = f"{within}, {measured}" if within else measured
    return Card(_("Size"), format_bytes(outlook.latest_bytes), note)


def growth_card(outlook: Outlook) -> Card:
    if outlook.growth_bytes_per_day is None:
        return Card(_("Growth"), EMPTY, _("Two days measured tell the first."))
    return Card(
        _("Growth"),
        signed_bytes(round(outlook.growth_bytes_per_day)),
        _("a day, over the last %(n)d days") % {"n": TREND_DAYS},
    )


def limit_card(outlook: Outlook, today: date) -> Card:
    label = _("Limit reached")
    if outlook.limit_bytes is None:
        return Card(label, EMPTY, _("No limit is set."))
    limit = format_bytes(outlook.limit_bytes)
    if outlook.latest_bytes is None:
        return Card(label, EMPTY, _("of %(limit)s; nothing is measured") % {"limit": limit})
    if outlook.latest_bytes >= outlook.limit_bytes:
        return Card(label, _("already"), _("%(limit)s is full") % {"limit": limit}, "bad")
    if outlook.reached_on is None:
        return Card(label, EMPTY, _("%(limit)s: not foreseeable") % {"limit": limit})
    left = max((outlook.reached_on - today).days, 0)
    words = ngettext("%(limit)s, in %(n)d day", "%(limit)s, in %(n)d days", left)
    tone = "bad" if left <= SOON_DAYS else "held" if left <= NEAR_DAYS else ""
    return Card(label, f"{outlook.reached_on}", words % {"limit": limit, "n": left}, tone)
