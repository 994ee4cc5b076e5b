"""How times and spans of time are written, wherever people read them. Every time names its zone."""

from __future__ import annotations

from datetime import datetime, tzinfo

from django.utils import timezone as django_timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext


def when(value: datetime, zone: tzinfo | None = None) -> str:
    """ "2026-03-01 03:00:00 CET", in `zone` or the server's."""
    local = value.astimezone(zone or django_timezone.get_default_timezone())
    return f"{local:%Y-%m-%d %H:%M:%S} {abbreviation(local)}"


def abbreviation(local: datetime) -> str:
    """`CET`; zones without a name of their own have a bare offset, which becomes `UTC+03`."""
    name = local.tzname() or ""
    return f"UTC{name}" if name[:1] in "+-" else name


def relative(value: datetime, now: datetime) -> str:
    """ "in 4 h", "2 min ago"."""
    seconds = (value - now).total_seconds()
    if abs(seconds) < 1:
        return _("now")
    words = _("in %(span)s") if seconds > 0 else _("%(span)s ago")
    return words % {"span": span(abs(seconds))}


def span(seconds: float) -> str:
    """ "4 h": the greatest unit that fits, rounded down."""
    if seconds < 60:
        return _("%(n)d s") % {"n": seconds}
    if seconds < 3600:
        return _("%(n)d min") % {"n": seconds // 60}
    if seconds < 48 * 3600:
        return _("%(n)d h") % {"n": seconds // 3600}
    days = int(seconds // 86400)
    return ngettext("%(n)d day", "%(n)d days", days) % {"n": days}


def duration(seconds: float | None) -> str | None:
    """ "0.21 s", "41 s", "5 min 3 s", "2 h 3 min"."""
    if seconds is None:
        return None
    whole = round(seconds)
    if seconds < 10:
        return _("%(n)s s") % {"n": f"{seconds:.2f}"}
    if whole < 60:
        return _("%(n)d s") % {"n": whole}
    if whole < 3600:
        return _("%(minutes)d min %(seconds)d s") % {
            "minutes": whole // 60,
            "seconds": whole % 60,
        }
    return _("%(hours)d h %(minutes)d min") % {
        "hours": whole // 3600,
        "minutes": whole % 3600 // 60,
    }
