"""What the admin's pages of the estate have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self

from django import forms
from django.contrib import admin
from django.db.models.options import Options
from django.http import HttpRequest
from django.utils.safestring import SafeString

from jobs.admin.display import moment

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin as ModelAdmin
    from django.contrib.admin import TabularInline as TabularInline
    from django.forms import ModelForm as ModelForm
    from django.utils.functional import _StrPromise
else:
    # What only the type checker takes as generic takes its parameters here too.
    class Subscriptable:
        def __class_getitem__(cls, parameters: Any) -> type[Self]:
            return cls

    class ModelAdmin(Subscriptable, admin.ModelAdmin): ...

    class TabularInline(Subscriptable, admin.TabularInline): ...

    class ModelForm(Subscriptable, forms.ModelForm): ...


def shown_moment(name: str, label: _StrPromise) -> Callable[[Any, Any], SafeString | None]:
    """A method of a ModelAdmin that shows the field `name`, a moment, with its zone."""

    @admin.display(description=label, ordering=name)
    def show(page: Any, row: Any) -> SafeString | None:
        return moment(getattr(row, name))

    return show


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
