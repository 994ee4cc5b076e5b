"""Sentences that name things."""

from __future__ import annotations

from collections.abc import Collection

from django.utils.translation import gettext as _

MOST = 10


def enumeration(names: Collection[str]) -> str:
    """ "a, b, c"; of more than ten the first, and how many more there are."""
    listed = sorted(names)
    shown = ", ".join(listed[:MOST])
    if len(listed) <= MOST:
        return shown
    return _("%(names)s and %(more)s more") % {"names": shown, "more": len(listed) - MOST}
