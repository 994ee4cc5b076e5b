"""Bytes for people."""

from __future__ import annotations

from django.utils.formats import number_format

UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


def format_bytes(count: int | None) -> str:
    """“12.4 MiB”, in steps of 1024 and the active locale; “-” for None."""
    if count is None:
        return "-"
    value, unit = float(count), 0
    while abs(value) >= 1023.95 and unit < len(UNITS) - 1:  # 1023.95 would be shown as 1024.0
        value, unit = value / 1024, unit + 1
    digits = 1 if unit else 0
    return f"{number_format(round(value, digits), digits)} {UNITS[unit]}"
