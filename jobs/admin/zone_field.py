"""The list of time zones, with the offset of each at present."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.forms.utils import flatatt
from django.utils import timezone as django_timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from jobs.triggers.zones import known_zones


class ZoneSelect(forms.Select):
    """The server's default first, as what an empty text inherits, then all zones by region.

    Put together here, as the templates of widgets take as long for 600 options as for all the
    rest of a page.
    """

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        present = str(value or "")
        default = django_timezone.get_default_timezone_name()
        first = [("", _("inherited: %(zone)s, the server’s") % {"zone": default})]
        if present and present not in known_zones():
            first.append((present, _("%(name)s (not known here)") % {"name": present}))
        hour = django_timezone.now().replace(minute=0, second=0, microsecond=0)
        options = format_html_join("", '<option value="{}">{}</option>', first) + _regions(
            hour, _("Other")
        )
        chosen = format_html('<option value="{}"', present)
        return format_html(
            "<select{}>{}</select>",
            flatatt(self.build_attrs(self.attrs, {"name": name, **(attrs or {})})),
            mark_safe(options.replace(chosen, f"{chosen} selected", 1)),  # noqa: S308  # both are escaped
        )


@lru_cache(maxsize=1)
def _regions(hour: datetime, elsewhere: str) -> SafeString:
    regions: dict[str, list[tuple[str, str, str]]] = {}
    for name in sorted(known_zones()):
        region = name.partition("/")[0] if "/" in name else elsewhere
        regions.setdefault(region, []).append((name, name, _offset(name, hour)))
    option = '<option value="{}">{} ({})</option>'
    groups = (
        (region, format_html_join("", option, zones)) for region, zones in sorted(regions.items())
    )
    return format_html_join("", '<optgroup label="{}">{}</optgroup>', groups)


def _offset(name: str, moment: datetime) -> str:
    text = f"{moment.astimezone(ZoneInfo(name)):%z}"
    return f"UTC{text[:3]}:{text[3:5]}"
