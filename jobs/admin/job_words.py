"""The words that the scripts of the list of jobs need.

`static/jobs/js/time-words.js` puts times together by the same rules as `jobs.admin.display`;
both are tested with `tests/js/times.json`.
"""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from jobs.admin.bars import CODES, WARNED
from jobs.admin.page_words import page_words
from jobs.models import Status

DAYS = 2
"""The fewest of which a span is told in days."""


def job_words() -> dict[str, str]:
    return {**page_words(), **_of_times(), **_of_looks(), **_of_commands()}


def _of_times() -> dict[str, str]:
    return {
        "now": _("now"),
        "in": _("in %(span)s"),
        "ago": _("%(span)s ago"),
        "seconds": _("%(n)d s"),
        "minutes": _("%(n)d min"),
        "hours": _("%(n)d h"),
        "days": ngettext("%(n)d day", "%(n)d days", DAYS),
        "exact_seconds": _("%(n)s s"),
        "minutes_seconds": _("%(minutes)d min %(seconds)d s"),
        "hours_minutes": _("%(hours)d h %(minutes)d min"),
        "yours": _("your time"),
    }


def _of_looks() -> dict[str, str]:
    labels = {value: str(label) for value, label in Status.choices}
    labels[WARNED] = _("succeeded with a warning")
    return {f"look_{code}": labels[look] for look, code in CODES.items()}


def _of_commands() -> dict[str, str]:
    """Of those that did not come to an answer; `command_` and its kind, see answer.js."""
    return {
        "command_lost": _(
            "The server did not answer, or failed. See whether it was done before you try again."
        ),
        "command_refused": _(
            "Refused: you have no right to do this, or you have logged in anew since."
        ),
        "command_expired": _("Your session has ended: log in again. Nothing was done."),
        "close": _("Close"),
    }
