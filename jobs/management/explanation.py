"""An explanation on a terminal."""

from __future__ import annotations

from django.utils.translation import gettext as _
from rich.text import Text

from jobs.escaping import harmless, one_line
from jobs.explain.answer import Explanation, Statement
from jobs.management.terminal import STYLES, Terminal, styled
from jobs.wording import when


def write_explanation(terminal: Terminal, found: Explanation) -> None:
    """The answer first, then what supports it."""
    words = {"id": found.job_id, "name": found.job_name}
    head = _("%(id)s (%(name)s)") % words if found.job_name else found.job_id
    asked = _("now") if found.asked_at is None else when(found.asked_at)
    terminal.say(styled(one_line(f"{head}, {asked}"), "bold"))
    terminal.say(Text(_line(found.answer), style=STYLES.get(found.answer.code, "")))
    for statement in found.statements[1:]:
        terminal.say(f"  · {_line(statement)}")


def _line(statement: Statement) -> str:
    return harmless(" ".join(statement.sentence.split()))
