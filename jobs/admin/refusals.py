"""Who was refused what on a page of the admin, written into the audit.

Pages refuse by exceptions, which all pass one middleware. What a command or a form is refused
with becomes a sentence on a page, and is recorded where it is caught (`refusals_recorded`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from django.contrib import admin
from django.contrib.admin import ModelAdmin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from jobs.admin.rights import actor_of
from jobs.control.audit import record_refusal
from jobs.models import Job, JobExecution
from jobs.models.job import ID_PATTERN

VERBS = {"add": "create", "password_change": "change", "delete_selected": "delete"}
"""What the audit calls pages and bulk actions that have other names."""

ACTIONS = {
    "jobs_job_rights": "rights.change",
    "jobs_job_reload": "definitions.reload",
    "jobs_job_undo": "definitions.undo",
}
"""Pages by their URL's name that do something to other things than their model."""

MOST_ROWS = 100
"""Of one bulk action that are recorded one by one."""


class RefusalMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> None:
        """Django calls it with what a view raises, once its transaction is rolled back."""
        if request.method != "POST":
            return
        if isinstance(exception, PermissionDenied):
            record_refusals(request, _("This takes a right that you do not have."))
        elif isinstance(exception, Http404):
            record_refusals(request, not_there())


def not_there() -> str:
    return _("There is no such row, or none that you may see.")


def record_refusals(request: HttpRequest, reason: str, keys: Iterable[str] | None = None) -> None:
    """Write down that what the POST asks for was refused: for the rows of these keys, by default
    for all that it names. Nothing for a request that is none of the admin's, or that asks for
    what does not exist."""
    match = request.resolver_match
    if match is None or match.app_names != ["admin"]:
        return
    page, name = _page(match.url_name or "")
    verb = _verb(page, name, request)
    if page is None or verb is None:
        return
    action = ACTIONS.get(match.url_name or "", action_of(page, verb))
    if keys is None:
        keys = _keys(request)
    for key in list(keys)[:MOST_ROWS]:
        job_id, target = _about(page, key)
        record_refusal(actor_of(request), action, reason, job_id=job_id, target=target)


def action_of(page: ModelAdmin[Any], verb: str) -> str:
    """What the audit calls it, as in "job.change"."""
    return f"{_noun(page)}.{VERBS.get(verb, verb)}"


def _page(url_name: str) -> tuple[ModelAdmin[Any] | None, str]:
    """Whose page it is, and what its URL's name says besides."""
    for model, page in admin.site._registry.items():
        beginning = f"{model._meta.app_label}_{model._meta.model_name}_"
        if url_name.startswith(beginning):
            return page, url_name.removeprefix(beginning)
    return None, ""


def _verb(page: Any, name: str, request: HttpRequest) -> str | None:
    """What was asked for; None for a command or a bulk action that the page does not know."""
    match: Any = request.resolver_match
    if name == "command":
        asked, known = match.kwargs["name"], {command.name for command in page.commands}
    elif name == "changelist":
        asked = request.POST.get("action", "")
        actions = [*(page.actions or ()), "delete_selected"]
        known = {getattr(action, "__name__", action) for action in actions}
    else:
        return name
    return asked if asked in known else None


def _keys(request: HttpRequest) -> list[str]:
    """Of the row of the page's address, or of those that were selected in a list."""
    match: Any = request.resolver_match
    named = match.kwargs.get("object_id", match.kwargs.get("id"))
    if named is not None:
        return [unquote(named)]
    return request.POST.getlist(ACTION_CHECKBOX_NAME) or [""]


def _about(page: ModelAdmin[Any], key: str) -> tuple[str, str]:
    """The job's id and what else is said of the row that the key names."""
    if page.model is Job and re.fullmatch(ID_PATTERN, key, re.ASCII):
        return key, ""
    if page.model is JobExecution and re.fullmatch("[0-9]{1,18}", key, re.ASCII):
        rows = JobExecution.objects.filter(pk=key)
        return rows.values_list("job_id", flat=True).first() or "", f"#{key}"
    shown = key if key.isprintable() else ascii(key)
    return "", f"{_noun(page)} {shown}".strip()


def _noun(page: ModelAdmin[Any]) -> str:
    return str(getattr(page, "audited_as", page.opts.model_name))
