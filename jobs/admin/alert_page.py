"""What the pages of channels and rules have in common: their forms ask `control`, and only who
manages all jobs sees them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy

from jobs.admin.rights import OfferedActions, actor_of, user_of
from jobs.control.audit import Actor, refusals_recorded
from jobs.errors import SchedulerError
from jobs.models.rights import has_right


class ManagersPage(OfferedActions):
    """Takes the right to manage all jobs."""

    change_list_template = "admin/jobs/card_list.html"
    empty_sentence = gettext_lazy("There is none yet.")

    class Media:
        css = {"all": ["jobs/admin.css"]}

    def has_module_permission(self, request: HttpRequest) -> bool:
        return has_right(user_of(request), "manage_job")

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.has_module_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.has_module_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.has_module_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.has_module_permission(request)


class AlertForm(forms.ModelForm):  # type: ignore[type-arg]  # no subscript at run time
    """Validation asks `control` to save, so that its refusals stand at their fields."""

    noun: ClassVar[str]
    actor: Actor
    """Set by the page."""

    def save_through_control(self) -> Any:
        """The row, saved."""
        raise NotImplementedError

    def _post_clean(self) -> None:
        if self.errors:
            return
        action = f"{self.noun}.{'change' if self.instance.pk else 'create'}"
        try:
            with refusals_recorded(self.actor, action, target=str(self.instance)):
                self.instance = self.save_through_control()
        except SchedulerError as error:
            if not error.errors:
                self.add_error(None, error.message)
            for name, sentences in error.errors.items():
                self.add_error(name if name in self.fields else None, list(sentences))


class AlertPage(ManagersPage):
    """Its form has saved when it is valid."""

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        form: Any = super().get_form(request, obj, change=change, **kwargs)
        form.actor = actor_of(request)
        return form

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Without Django's transaction: `control` has its own, and asks a program whether an
        address can be used before it begins."""
        page: Any = self
        found: HttpResponse = page._changeform_view(request, object_id, form_url, extra_context)
        return found

    def save_form(self, request: HttpRequest, form: Any, change: bool) -> Any:
        return form.instance

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Nothing: the form's validation has saved it."""

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Nothing: that as well."""

    def remove(self, obj: Any, actor: Actor) -> None:
        """Through `control`."""
        raise NotImplementedError

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        self.delete_queryset(request, [obj])

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any] | list[Any]) -> None:
        for obj in queryset:
            actor = actor_of(request)
            try:
                with refusals_recorded(actor, f"{self.audited_as}.delete", target=str(obj)):
                    self.remove(obj, actor)
            except SchedulerError as error:
                self.message_user(request, error.message, messages.ERROR)

    def get_deleted_objects(
        self, objs: Sequence[Any] | QuerySet[Any], request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        """The rows alone: their history stays."""
        names = [str(obj) for obj in objs]
        return names, {str(self.opts.verbose_name_plural): len(names)}, set(), self.needed_by(objs)

    def needed_by(self, objs: Sequence[Any] | QuerySet[Any]) -> list[str]:
        """What keeps them from being deleted."""
        return []


class ChannelFilter(admin.RelatedFieldListFilter):
    """By the channels that there are, without a "-" for none."""

    include_empty_choice = False


ENABLED, DISABLED = gettext_lazy("enabled"), gettext_lazy("disabled")
