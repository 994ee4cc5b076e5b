"""How the last visit of an instance by a sync looks: was it reached, when, and why not."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from django.utils.translation import gettext as _

from jobs.admin.display import badge, lines, relative
from jobs.estate.models.record import RecordStatus
from jobs.estate.models.session import Category

MOST_SHOWN = 200
"""Characters of an error; the session has all of it."""


def visit_badge(instance: Any) -> SafeString:
    """Of an instance `with_overview`."""
    if instance.last_status is None:
        return badge("never", _("not visited yet"))
    if instance.last_status == RecordStatus.FAILED:
        return badge("failed", _("failed"))
    return badge("succeeded", _("reached"))


def visit_lines(instance: Any, now: datetime, *, is_linked: bool) -> SafeString:
    """Of an instance `with_overview`; the session is a link for who may see it."""
    if instance.last_status is None:
        return lines(visit_badge(instance))
    visit = format_html(
        "{}, {}", Category(instance.last_category).label, relative(instance.last_at, now)
    )
    if is_linked:
        url = reverse("admin:estate_syncsession_change", args=[instance.last_session])
        visit = format_html('<a href="{}">{}</a>', url, visit)
    error = Truncator(instance.last_error).chars(MOST_SHOWN)
    return lines(visit_badge(instance), visit, error)
