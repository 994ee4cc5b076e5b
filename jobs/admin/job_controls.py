"""The buttons in a job's row. They belong to the list's one form, so that they work, and are safe
from forgery, without a script and without a form each. The stylesheet draws their signs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib.admin.utils import quote
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from jobs.admin.commands import Command
from jobs.admin.job_commands import DISABLE, ENABLE, PAUSE, RESUME, RUN
from jobs.registry import find_task


def controls(job: Any) -> SafeString:
    """What the user may do with the job as it stands; nothing if they may only look."""
    return format_html(
        '<div class="sc-controls">{}{}{}</div>',
        format_html_join("", "{}", ((_button(job, command),) for command in _commands(job))),
        _edit(job) if job.may_manage else "",
        _more(job) if job.may_run or job.may_manage else "",
    )


def may_choose_arguments(job: Any) -> bool:
    task = find_task(job.function)
    if task is None or not job.may_run:
        return False
    return bool(job.may_manage) or task.allow_kwargs_override


def _commands(job: Any) -> Iterator[Command]:
    if job.may_run:
        yield RUN
    if job.may_manage:
        yield RESUME if job.is_paused else PAUSE
        yield DISABLE if job.is_enabled else ENABLE


def _button(job: Any, command: Command) -> SafeString:
    return format_html(
        '<button formaction="{}/do/{}/" title="{}: {}"></button>',
        *(quote(job.pk), command.name, command.label, job.name),
    )


def _edit(job: Any) -> SafeString:
    return format_html(
        '<a href="{}/change/" title="{}: {}"></a>',
        *(quote(job.pk), _("Edit"), job.name),
    )


def _more(job: Any) -> SafeString:
    return format_html(
        '<details><summary title="{}: {}"></summary><ul class="sc-menu">{}</ul></details>',
        *(_("More"), job.name),
        format_html_join("", '<li><a href="{}"{}>{}</a>', _links(job)),
    )


def _links(job: Any) -> Iterator[tuple[str, str | SafeString, str]]:
    dialog = SafeString(" data-dialog")
    if may_choose_arguments(job):
        yield f"{quote(job.pk)}/run/", dialog, _("Run with other arguments…")
    if job.may_manage:
        yield f"{quote(job.pk)}/pause/", dialog, _("Pause until…")
    yield f"../jobexecution/?job__id__exact={job.pk}", "", _("Executions")
