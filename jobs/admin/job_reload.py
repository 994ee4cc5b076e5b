"""Reload from the file, and its undo: each shows what it would do before it does it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from jobs import definitions
from jobs.admin.commands import CommandsAdmin
from jobs.admin.display import differences, moment
from jobs.admin.rights import actor_of, user_of
from jobs.conf import conf
from jobs.control.audit import refusals_recorded
from jobs.definition_plan import Change, Plan
from jobs.definitions import DefinitionsInvalid, ReloadResult
from jobs.errors import SchedulerError
from jobs.models.rights import has_right

MOST_NAMED = 100
"""Jobs of one kind that are shown one by one."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A plan, or why there is none."""

    plan: Plan | None = None
    warnings: Sequence[str] = ()
    heading: str = ""
    problems: Sequence[str] = field(default_factory=list)

    @property
    def fingerprint(self) -> str:
        """Differs when the plan does, so that nobody agrees to another one than they saw."""
        told = json.dumps(self.plan.as_dict() if self.plan else None, sort_keys=True, default=str)
        return sha256(told.encode("utf-8", "backslashreplace")).hexdigest()[:32]


class JobReloadAdmin(CommandsAdmin):
    def get_urls(self) -> list[URLPattern]:
        guarded = self.admin_site.admin_view
        return [
            path("reload/", guarded(self.reload_view), name="jobs_job_reload"),
            path("undo/", guarded(self.undo_view), name="jobs_job_undo"),
            *super().get_urls(),
        ]

    def reload_view(self, request: HttpRequest) -> HttpResponse:
        self._require_manager(request)
        keep = "keep_custom" in (request.POST or request.GET)
        actor = actor_of(request)
        shown = _shown(lambda: definitions.reload(actor, keep_custom=keep, dry_run=True))
        if _is_agreed(request, shown):
            return self._carry_out(
                request, "reload", lambda: definitions.reload(actor, keep_custom=keep)
            )
        self._explain_change(request)
        undoable = definitions.undoable()
        return self._page(
            request,
            "reload",
            shown,
            title=_("Reload jobs from the file"),
            file=str(conf().tasks_file),
            keep_custom=keep,
            undoable=undoable,
            undoable_at=moment(undoable.taken_at) if undoable else None,
        )

    def undo_view(self, request: HttpRequest) -> HttpResponse:
        self._require_manager(request)
        actor = actor_of(request)
        shown = _shown(lambda: definitions.undo(actor, dry_run=True))
        if shown.plan is None:
            self.message_user(request, shown.heading, messages.WARNING)
            return HttpResponseRedirect(self._url("reload"))
        if _is_agreed(request, shown):
            return self._carry_out(request, "undo", lambda: definitions.undo(actor))
        self._explain_change(request)
        return self._page(request, "undo", shown, title=_("Undo the last reload"))

    def _require_manager(self, request: HttpRequest) -> None:
        if not has_right(user_of(request), "manage_job"):
            raise PermissionDenied

    def _carry_out(
        self, request: HttpRequest, verb: str, call: Callable[[], ReloadResult]
    ) -> HttpResponse:
        try:
            with refusals_recorded(actor_of(request), f"definitions.{verb}"):
                result = call()
        except SchedulerError as error:
            self.message_user(request, error.message, messages.ERROR)
        else:
            for warning in result.warnings:
                self.message_user(request, warning, messages.WARNING)
            self.message_user(request, _done(result.plan), messages.SUCCESS)
        return HttpResponseRedirect(self._url("reload"))

    def _explain_change(self, request: HttpRequest) -> None:
        if request.method == "POST":
            sentence = _("The jobs or the file have changed since you looked; look again.")
            self.message_user(request, sentence, messages.WARNING)

    def _page(self, request: HttpRequest, name: str, shown: Shown, **more: Any) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "media": self.media,
            "shown": shown,
            "sections": _sections(shown.plan) if shown.plan else [],
            "by_hand": _by_hand(shown.plan) if shown.plan else [],
            **more,
        }
        return TemplateResponse(request, f"admin/jobs/job/{name}.html", context)


def _shown(plan: Callable[[], ReloadResult]) -> Shown:
    try:
        result = plan()
    except DefinitionsInvalid as error:
        return Shown(heading=error.heading, problems=error.problems)
    except SchedulerError as error:
        return Shown(heading=error.message)
    return Shown(result.plan, result.warnings)


def _is_agreed(request: HttpRequest, shown: Shown) -> bool:
    return (
        request.method == "POST"
        and shown.plan is not None
        and request.POST.get("fingerprint") == shown.fingerprint
    )


def _sections(plan: Plan) -> list[dict[str, Any]]:
    kinds = (
        ("deleted", _("Deleted"), plan.deleted),
        ("changed", _("Changed"), plan.changed),
        ("added", _("Added"), plan.added),
    )
    return [
        {
            "kind": kind,
            "heading": heading,
            "count": len(changes),
            "changes": [_row(kind, change) for change in changes[:MOST_NAMED]],
            "more": max(len(changes) - MOST_NAMED, 0),
        }
        for kind, heading, changes in kinds
        if changes
    ]


def _row(kind: str, change: Change) -> dict[str, Any]:
    return {
        "id": change.job_id,
        "name": change.name,
        "is_by_hand": change.is_by_hand,
        "fields": differences(change.before, change.after) if kind == "changed" else None,
    }


def _by_hand(plan: Plan) -> list[str]:
    """What people have done and would lose, in sentences."""
    edited = sum(change.is_by_hand for change in plan.changed)
    made = sum(change.is_by_hand for change in plan.deleted)
    sentences = []
    if made:
        text = ngettext(
            "%(n)d job that somebody made by hand is deleted.",
            "%(n)d jobs that somebody made by hand are deleted.",
            made,
        )
        sentences.append(text % {"n": made})
    if edited:
        text = ngettext(
            "What somebody changed by hand on %(n)d job is lost.",
            "What somebody changed by hand on %(n)d jobs is lost.",
            edited,
        )
        sentences.append(text % {"n": edited})
    return sentences


def _done(plan: Plan) -> str:
    if not plan.changes_jobs:
        return _("There was nothing to change.")
    return _("Done: %(added)d added, %(changed)d changed, %(deleted)d deleted.") % {
        "added": len(plan.added),
        "changed": len(plan.changed),
        "deleted": len(plan.deleted),
    }
