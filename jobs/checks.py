"""System checks of the app."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register
from django.utils.translation import gettext as _


@register
def environment_is_usable(**kwargs: Any) -> list[CheckMessage]:
    """One error for each value of the environment that the settings could not use."""
    return [
        Error(str(problem.sentence), hint=str(problem.hint), id="jobs.E001")
        for problem in settings.SCHEDCORE_PROBLEMS
    ]


@register
def environment_is_known(**kwargs: Any) -> list[CheckMessage]:
    """One warning for each variable with our prefix that nothing reads."""
    found: list[CheckMessage] = []
    for unknown in settings.SCHEDCORE_UNKNOWN:
        sentence = _("Nothing reads the variable %s.") % unknown.name
        hint = _("Did you mean %s?") % unknown.nearest if unknown.nearest else None
        found.append(Warning(sentence, hint=hint, id="jobs.W001"))
    return found
