"""Views of the rows of one model, whose ids stand in the path: what lists, shows and makes them."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, ClassVar

from django.db.models import Model, QuerySet
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request

from jobs.api.endpoint import Endpoint, Refusal
from jobs.api.envelope import Answer
from jobs.api.page import KeysetMeta
from jobs.api.paging import page_of
from jobs.api.view import ApiView, Listing
from jobs.errors import NotFound

CREATED = Endpoint(shows="shown", status=HTTPStatus.CREATED, answer_headers=("Location",))


class RowNotFound(NotFound):
    """`noun` is the stable word of the code, as in "instance_not_found"."""

    def __init__(self, model: type[Model], noun: str, pk: str) -> None:
        super().__init__(
            _("There is no %(what)s %(id)s.") % {"what": model._meta.verbose_name, "id": pk}
        )
        self.code = f"{noun}_not_found"


class RowView(ApiView):
    model: ClassVar[type[Model]]
    noun: ClassVar[str] = ""
    """The stable word for one row, in codes and in the audit."""
    shown: ClassVar[type[serializers.Serializer[Any]]]

    @property
    def not_found(self) -> Refusal:  # type: ignore[override]  # of its model and noun
        return RowNotFound(self.model, self.noun, "7")

    def rows(self) -> QuerySet[Any]:
        """What is shown, with all that it takes to show it."""
        return self.model._default_manager.all()

    def row(self, pk: str) -> Any:
        """The row of the path; raises RowNotFound."""
        return self.found(self.rows(), pk)

    def found(self, rows: QuerySet[Any], pk: str) -> Any:
        row = rows.filter(pk=pk).first()
        if row is None:
            raise RowNotFound(self.model, self.noun, pk)
        return row

    def asked_about(self) -> tuple[str, str]:
        return "", " ".join([self.noun, self.kwargs.get("pk", "")]).strip()


class RowList(RowView, Listing):
    @Endpoint(query="paging", filters="filterset", shows=["shown"], meta=KeysetMeta)
    def get(self, request: Request) -> Answer:
        rows, query = self.filtered(self.rows())
        page, meta = page_of(rows, query)
        return Answer(self.shown(page, many=True).data, meta=meta)

    def created(self, row: Any, message: str, url: str) -> Answer:
        """What a method answers that is CREATED."""
        data = self.shown(row).data
        return Answer(data, message, status=HTTPStatus.CREATED, headers={"Location": url})


class RowDetail(RowView):
    @Endpoint(shows="shown")
    def get(self, request: Request, pk: str) -> Answer:
        self.query()
        return Answer(self.shown(self.row(pk)).data)
