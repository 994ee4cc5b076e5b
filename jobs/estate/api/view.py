"""What every view of the estate shares: its rights, and that most rows belong to an instance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework import serializers
from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.request import Request

from jobs.api.filters import Filters, Text
from jobs.api.permissions import beyond_scope, is_beyond_scope
from jobs.api.row import RowView

Need = Literal["view", "manage"]


class OnTheEstate(BasePermission):
    """The right to view or manage rows of the view's model; to manage contains to view."""

    def has_permission(self, request: Request, view: Any) -> bool:
        method = "GET" if request.method == "HEAD" else request.method
        need: Need | None = view.needs.get(method)
        if need is None:  # a method that the view does not have
            return True
        if is_beyond_scope(request, "manage_job" if need == "manage" else "view_job"):
            self.message = beyond_scope()
            return False
        name = view.model._meta.model_name
        needed = {f"estate.{need}_{name}", f"estate.manage_{name}"}
        plural = view.model._meta.verbose_name_plural
        self.message = (
            _("You need the right to manage %(what)s for this.")
            if need == "manage"
            else _("You need the right to view %(what)s for this.")
        ) % {"what": plural}
        return any(request.user.has_perm(right) for right in needed)


class EstateView(RowView):
    permission_classes = [IsAuthenticated, OnTheEstate]
    needs: ClassVar[Mapping[str, Need]] = {"GET": "view"}

    def locked(self, pk: str) -> Any:
        """The row of the path, and nobody else's until the transaction's end; raises
        RowNotFound."""
        return self.found(self.model._default_manager.select_for_update(), pk)


class OfInstanceFilters(Filters):
    instance = Text("instance__name", max_length=100, help_text=gettext_lazy("Its name."))


class OfInstance(serializers.Serializer[Any]):
    """A row that belongs to an instance."""

    id = serializers.IntegerField()
    instance_id = serializers.IntegerField()
    instance = serializers.CharField(source="instance.name")
