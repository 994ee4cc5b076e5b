"""Changes of a size, and sizes that people type."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.utils.formats import number_format, sanitize_separators
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from jobs.estate.units import UNITS, format_bytes

LARGEST = 2**63 - 1
"""What a size is stored in."""


def signed_bytes(count: int) -> str:
    """“+12.4 MiB”, “−8 B” and “0 B”."""
    return _sign(count) + format_bytes(abs(count))


def signed_percent(percent: float) -> str:
    """One digit after the point; “+0.0 %” is a growth that is smaller than that."""
    rounded = number_format(round(abs(percent), 1), 1, force_grouping=True)
    return f"{_sign(percent)}{rounded} %"


def bytes_a_day(per_day: float) -> str:
    return _("%(bytes)s a day") % {"bytes": signed_bytes(round(per_day))}


def _sign(value: float) -> str:
    return "+" if value > 0 else "−" if value < 0 else ""


def exact_bytes(count: int) -> str:
    """“1800 GiB”: as BytesField reads it, in the greatest unit that takes no fraction."""
    unit = 0
    while count and count % 1024 == 0 and unit < len(UNITS) - 1:
        count, unit = count // 1024, unit + 1
    return f"{count} {UNITS[unit]}"


MOST_TYPED = 40
TYPED = re.compile(r"(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>[KMGTP]?)(?:i?B)?", re.ASCII | re.I)


class BytesField(forms.Field):
    """“1.5 TiB”, “500 GB”, “2t” or a plain number of bytes, in steps of 1024; None if empty."""

    def to_python(self, value: Any) -> int | None:
        text = str(sanitize_separators(str(value or ""))).strip()
        if not text:
            return None
        found = TYPED.fullmatch(text) if len(text) <= MOST_TYPED else None
        count = _bytes_of(found) if found else 0
        if not 0 < count <= LARGEST:
            raise forms.ValidationError(_("Enter a size, as in 500 GiB or 1.5 TiB."))
        return count

    def prepare_value(self, value: Any) -> Any:
        return exact_bytes(value) if isinstance(value, int) else value


class SizeLimitField(BytesField):
    """Of an instance or a database."""

    def __init__(self) -> None:
        super().__init__(
            label=gettext_lazy("Size limit"),
            required=False,
            help_text=gettext_lazy(
                "As in 500 GiB, for the forecast of the day on which it is reached."
            ),
        )


def _bytes_of(found: re.Match[str]) -> int:
    step = next(
        place for place, unit in enumerate(UNITS) if unit[0] == (found["unit"] or "B").upper()
    )
    factor: int = 1024**step
    return round(float(found["number"]) * factor)
