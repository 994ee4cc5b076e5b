"""What the admin's pages of the estate have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Self

from django import forms
from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db import IntegrityError
from django.db.models import Model
from django.db.models.options import Options
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy

from jobs.admin.display import moment

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin as ModelAdmin
    from django.forms import ModelForm as ModelForm
    from django.utils.functional import _StrPromise
else:
    # What only the type checker takes as generic takes its parameters here too.
    class Subscriptable:
        def __class_getitem__(cls, parameters: Any) -> type[Self]:
            return cls

    class ModelAdmin(Subscriptable, admin.ModelAdmin): ...

    class ModelForm(Subscriptable, forms.ModelForm): ...


EMPTY = "–"
"""What stands where nothing is known, or there is nothing."""


def shown_moment(name: str, label: _StrPromise) -> Callable[[Any, Any], SafeString | str]:
    """A method of a ModelAdmin that shows the field `name`, a moment, with its zone."""

    @admin.display(description=label, ordering=name)
    def show(page: Any, row: Any) -> SafeString | str:
        return moment(getattr(row, name)) or EMPTY

    return show


def may_see(request: HttpRequest, model: type[Model]) -> bool:
    """Whether the user may look at rows of the model, as its own page decides."""
    return admin.site.get_model_admin(model).has_view_permission(request)


class EstatePage:
    """What templates/admin/jobs/card_list.html asks for, and the stylesheets."""

    empty_sentence: _StrPromise = gettext_lazy("There is none yet.")
    """In place of a list of nothing."""

    class Media:
        css = {
            "all": [
                "jobs/admin.css",
                "jobs/charts.css",
                "jobs/execution.css",
                "jobs/overview.css",
                "jobs/estate.css",
            ]
        }


class AgainAfterConflict(ModelAdmin[Any]):
    """Of two who save one name at the same moment, the second finds it taken, at the field."""

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        asked = (request, object_id, form_url, extra_context)
        try:
            return super().changeform_view(*asked)
        except IntegrityError:
            # The first has saved by now, which the form notices when it is checked again.
            return super().changeform_view(*asked)


class InstanceFilter(admin.RelatedFieldListFilter):
    """A field to choose from instead of a link for each of hundreds."""

    template = "admin/estate/instance_filter.html"

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        self.chosen = (self.lookup_val or [""])[-1]
        self.kept = kept_filters(changelist, self.expected_parameters())
        return super().choices(changelist)


def kept_filters(changelist: ChangeList, own: Sequence[str | None]) -> list[tuple[str, str]]:
    """What else a list is filtered, searched and ordered by: names and values."""
    given = changelist.filter_params.items()
    return [(name, value) for name, values in given if name not in own for value in values]


class Managed:
    """To add, change and delete takes the one right to manage; it contains the right to see."""

    opts: Options[Any]

    def may_manage(self, request: HttpRequest) -> bool:
        return request.user.has_perm(f"estate.manage_{self.opts.model_name}")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        seen = request.user.has_perm(f"estate.view_{self.opts.model_name}")
        return seen or self.may_manage(request)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may_manage(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may_manage(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may_manage(request)


class ReadOnly:
    """History is looked at, never changed by hand."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
