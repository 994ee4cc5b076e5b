"""The base of all pages: who sees what, who is acting, and the one stylesheet."""

from __future__ import annotations

from typing import Any, ClassVar, cast

from django.contrib import admin
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse

from jobs.control.address import client_address
from jobs.control.audit import Actor
from jobs.models.audit import Via
from jobs.models.rights import Right, has_right, has_right_anywhere


def user_of(request: HttpRequest) -> User:
    """The staff user; the admin site lets nobody else in."""
    return cast(User, request.user)


def actor_of(request: HttpRequest) -> Actor:
    name = user_of(request).get_username()
    return Actor(name=name, via=Via.ADMIN, address=client_address(request))


class OfferedActions(admin.ModelAdmin):  # type: ignore[type-arg]  # no subscript at run time
    """Refuses bulk actions that it does not offer to the user; Django overlooks them."""

    audited_as: ClassVar[str]
    """The noun of its actions in the audit, as in "job.change"."""

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        asked = {name for name in request.POST.getlist("action") if name}
        if not asked <= self.get_actions(request).keys():
            raise PermissionDenied
        return super().changelist_view(request, extra_context)


class RightsAdmin(OfferedActions):
    """Read-only unless a page says otherwise; rows are those the user may see.

    The model's queryset has `visible_to(user)`, and `job_id_of` says whose right opens a row.
    """

    view_right: Right = "view_job"

    class Media:
        css = {"all": ["jobs/admin.css", "jobs/charts.css"]}

    def job_id_of(self, obj: Any) -> str | None:
        job_id: str | None = obj.job_id
        return job_id

    def may(self, request: HttpRequest, right: Right, obj: Model | None = None) -> bool:
        """Whether the user holds `right` on the object's job; without one, on any job."""
        if obj is not None:
            return has_right(user_of(request), right, self.job_id_of(obj))
        return has_right_anywhere(user_of(request), right)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: Any = super().get_queryset(request)
        visible: QuerySet[Any] = rows.visible_to(user_of(request))
        return visible

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        """Of what the page works out itself, that which there is."""
        return [
            name
            for name in self.fields or ()
            if not hasattr(self, str(name)) or getattr(self, str(name))(obj) is not None
        ]

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.may(request, self.view_right)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.may(request, self.view_right, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    # Actions name their right as their permission.

    def has_run_job_permission(self, request: HttpRequest) -> bool:
        return self.may(request, "run_job")

    def has_manage_job_permission(self, request: HttpRequest) -> bool:
        return self.may(request, "manage_job")
