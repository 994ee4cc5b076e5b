"""What pages that keep themselves up to date say; the scripts have no words of their own."""

from __future__ import annotations

from django.utils.translation import gettext as _

from jobs.models import LogLevel


def page_words() -> dict[str, str]:
    """By the names that the modules in `static/jobs/js` know."""
    return {
        "lost": _("No answer from the server; what you see may be out of date. Trying again."),
        "expired": _("Your session has ended. What you see is no longer brought up to date."),
        "login": _("Log in again"),
        "gone": _("It has been removed meanwhile."),
        "refused": _("The server refused to say more: you may have lost the right to see this."),
        "silent": _("It said nothing."),
        "copied": _("Copied"),
        "not_copied": _("Copying failed: select the text and copy it by hand."),
        **{f"level_{level.name.lower()}": str(level.label) for level in LogLevel},
    }
