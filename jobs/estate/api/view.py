"""What every view of the estate shares: its rights, and how its lists are filtered and paged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from django.db.models import Model, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework import serializers
from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.request import Request

from jobs.api.endpoint import Endpoint, Refusal
from jobs.api.envelope import Answer
from jobs.api.filters import Filters, Text
from jobs.api.page import KeysetMeta
from jobs.api.paging import page_of
from jobs.api.permissions import beyond_scope, is_beyond_scope
from jobs.api.view import ApiView, Listing
from jobs.errors import NotFound

Need = Literal["view", "manage"]


class EstateNotFound(NotFound):
    """`noun` is the stable word of the code, as in "instance_not_found"."""

    def __init__(self, model: type[Model], noun: str, pk: str) -> None:
        super().__init__(
            _("There is no %(what)s %(id)s.") % {"what": model._meta.verbose_name, "id": pk}
        )
        self.code = f"{noun}_not_found"


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


class EstateView(ApiView):
    permission_classes = [IsAuthenticated, OnTheEstate]
    model: ClassVar[type[Model]]
    noun: ClassVar[str] = ""
    """The stable word for one row, in codes and in the audit."""
    shown: ClassVar[type[serializers.Serializer[Any]]]
    needs: ClassVar[Mapping[str, Need]] = {"GET": "view"}

    @property
    def not_found(self) -> Refusal:  # type: ignore[override]  # of its model and noun
        return EstateNotFound(self.model, self.noun, "7")

    def rows(self) -> QuerySet[Any]:
        """What is shown, with all that it takes to show it."""
        return self.model._default_manager.all()

    def row(self, pk: str) -> Any:
        """The row of the path; raises EstateNotFound."""
        return self._found(self.rows(), pk)

    def locked(self, pk: str) -> Any:
        """The same, and nobody else's until the transaction's end."""
        return self._found(self.model._default_manager.select_for_update(), pk)

    def asked_about(self) -> tuple[str, str]:
        return "", " ".join([self.noun, self.kwargs.get("pk", "")]).strip()

    def _found(self, rows: QuerySet[Any], pk: str) -> Any:
        found = rows.filter(pk=pk).first()
        if found is None:
            raise EstateNotFound(self.model, self.noun, pk)
        return found


class EstateList(EstateView, Listing):
    @Endpoint(query="paging", filters="filterset", shows=["shown"], meta=KeysetMeta)
    def get(self, request: Request) -> Answer:
        rows, query = self.filtered(self.rows())
        page, meta = page_of(rows, query)
        return Answer(self.shown(page, many=True).data, meta=meta)


class OfInstanceFilters(Filters):
    instance = Text("instance__name", max_length=100, help_text=gettext_lazy("Its name."))


class EstateDetail(EstateView):
    @Endpoint(shows="shown")
    def get(self, request: Request, pk: str) -> Answer:
        self.query()
        return Answer(self.shown(self.row(pk)).data)


class OfInstance(serializers.Serializer[Any]):
    """A row that belongs to an instance."""

    id = serializers.IntegerField()
    instance_id = serializers.IntegerField()
    instance = serializers.CharField(source="instance.name")
