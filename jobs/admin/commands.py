"""What a user can do to a row besides editing it: as buttons on its page, as bulk actions on
the list, both calling `control`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.utils import model_ngettext, quote, unquote
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import URLPattern, path, reverse
from django.utils.functional import Promise
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from jobs.admin.refusals import action_of, not_there, record_refusals
from jobs.admin.rights import RightsAdmin, actor_of, user_of
from jobs.control.audit import Actor, refusals_recorded
from jobs.errors import Forbidden, SchedulerError
from jobs.models import JobExecution
from jobs.models.rights import Right, visible_job_ids

MOST_REFUSALS = 10
"""Refusals of one bulk action that are shown one by one."""


@dataclass(frozen=True)
class Command:
    """`call` takes (key, actor) and may return the execution that it queued."""

    name: str
    right: Right
    label: str | Promise
    bulk_label: str | Promise
    done: str | Promise
    call: Callable[[Any, Actor], Any]
    check: Callable[[User, Any], None] = lambda user, obj: None
    """Raises Forbidden for what takes more than `right`."""


@dataclass(frozen=True)
class Button:
    label: str | Promise
    url: str


class CommandsAdmin(RightsAdmin):
    commands: Sequence[Command] = ()
    """Those that stand on a page as buttons; each has its URL, which answers to POST alone."""

    def offered(self, obj: Any) -> set[str]:
        """Names of the commands that make sense in the object's present state."""
        raise NotImplementedError

    def buttons(self, request: HttpRequest, obj: Any) -> list[Button]:
        """Of what is offered, what the user may do."""
        offered = self.offered(obj)
        return [
            Button(command.label, self._url("command", quote(obj.pk), command.name))
            for command in self.commands
            if command.name in offered and self.may(request, command.right, obj)
        ]

    def get_urls(self) -> list[URLPattern]:
        view = require_POST(self.admin_site.admin_view(self.command_view))
        name = f"{self.opts.app_label}_{self.opts.model_name}_command"
        return [path("<path:object_id>/do/<slug:name>/", view, name=name), *super().get_urls()]

    def command_view(self, request: HttpRequest, object_id: str, name: str) -> HttpResponse:
        """A button was pressed."""
        found = [command for command in self.commands if command.name == name]
        obj = self.get_object(request, unquote(object_id))
        if not found or obj is None:
            raise Http404
        command = found[0]
        if not self.may(request, command.right, obj):
            raise PermissionDenied
        try:
            with self.recorded(request, command, obj):
                command.check(user_of(request), obj)
                result = command.call(obj.pk, actor_of(request))
        except SchedulerError as error:
            return self.answer(request, obj, messages.ERROR, error.message)
        shown = self.shown_after(obj, result)
        return self.answer(request, shown, messages.SUCCESS, said(command, obj, result))

    def shown_after(self, obj: Any, result: Any) -> Any:
        """Of this page's kind, what to look at once a command is done: the row, or what the
        command made of it."""
        return obj

    def answer(
        self, request: HttpRequest, obj: Any, level: int, sentence: str | SafeString
    ) -> HttpResponse:
        """What became of a command: back to the object's page; to a script as JSON."""
        if is_from_script(request):
            is_done = level == messages.SUCCESS
            told = {"message": conditional_escape(sentence), **self.news(request, obj)}
            return JsonResponse(told, status=200 if is_done else 409)
        self.message_user(request, sentence, level)
        return HttpResponseRedirect(self.after_command(request, obj))

    def news(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        """What a script is told of the object besides, as it stands now."""
        return {}

    def after_command(self, request: HttpRequest, obj: Any) -> str:
        """Where the browser goes."""
        return self._url("change", quote(obj.pk))

    def _get_obj_does_not_exist_redirect(
        self, request: HttpRequest, opts: Any, object_id: str
    ) -> HttpResponse:
        """Of Django, where a page has no row; it tells nobody whether there is one."""
        if request.method == "POST":
            record_refusals(request, not_there())
        answer: HttpResponse = super()._get_obj_does_not_exist_redirect(request, opts, object_id)  # type: ignore[misc]  # not in the stubs
        return answer

    def command_many(self, request: HttpRequest, queryset: QuerySet[Any], command: Command) -> None:
        """Call the command for each, and say how many were done and why others were not."""
        held = visible_job_ids(user_of(request), command.right)
        allowed = None if held is None else set(held)
        actor = actor_of(request)
        done = 0
        refused: list[str] = []
        missing = set(request.POST.getlist(ACTION_CHECKBOX_NAME))
        for obj in queryset.order_by("pk"):
            missing.discard(str(obj.pk))
            try:
                with self.recorded(request, command, obj):
                    if allowed is not None and self.job_id_of(obj) not in allowed:
                        raise Forbidden(
                            _("You have no right to do this to “%(name)s”.") % {"name": obj}
                        )
                    command.check(user_of(request), obj)
                    command.call(obj.pk, actor)
                done += 1
            except SchedulerError as error:
                refused.append(error.message)
        if missing:
            refused += [not_there()] * len(missing)
            record_refusals(request, not_there(), sorted(missing))
        if done:
            counted = {"done": command.done, "n": done, "what": model_ngettext(self.opts, done)}
            self.message_user(request, _("%(done)s: %(n)d %(what)s.") % counted, messages.SUCCESS)
        for sentence in refused[:MOST_REFUSALS]:
            self.message_user(request, sentence, messages.ERROR)
        more = len(refused) - MOST_REFUSALS
        if more > 0:
            sentence = ngettext("%(n)d more was refused.", "%(n)d more were refused.", more)
            self.message_user(request, sentence % {"n": more}, messages.ERROR)

    def recorded(
        self, request: HttpRequest, command: Command, obj: Any
    ) -> AbstractContextManager[None]:
        """What is refused within is written into the audit."""
        return refusals_recorded(
            actor_of(request),
            action_of(self, command.name),
            job_id=self.job_id_of(obj) or "",
            target=str(obj),
        )

    def _url(self, page: str, *args: Any) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_{page}", args=args)


def is_from_script(request: HttpRequest) -> bool:
    return request.headers.get("Accept", "") == "application/json"


def as_action(command: Command) -> Callable[..., None]:
    """The command for Django's list of bulk actions."""

    @admin.action(permissions=[command.right], description=command.bulk_label)  # type: ignore[arg-type]  # lazy text is fine
    def act(page: CommandsAdmin, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        page.command_many(request, queryset, command)

    act.__name__ = command.name
    return act


def said(command: Command, obj: Model, result: Any) -> str | SafeString:
    """That it was done, with a link to what `call` has queued."""
    if not isinstance(result, JobExecution) or result.pk == obj.pk:
        return _("%(done)s: %(name)s.") % {"done": command.done, "name": obj}
    return format_html(
        '{}: <a href="{}">{}</a>.',
        command.done,
        reverse("admin:jobs_jobexecution_change", args=[result.pk]),
        result,
    )
