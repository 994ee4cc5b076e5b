"""What every view of the API shares: its request id, and reading its input."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from types import SimpleNamespace
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from rest_framework.negotiation import BaseContentNegotiation, DefaultContentNegotiation
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from jobs.api.authentication import SessionLogin, TokenLogin
from jobs.api.endpoint import Endpoint, Refusal, endpoint_of
from jobs.api.envelope import EnvelopeRenderer, exception_handler
from jobs.api.filters import Filters
from jobs.api.openapi.schema import EndpointSchema
from jobs.api.paging import KeysetQuery
from jobs.api.parser import LengthRequired, StrictJSONParser
from jobs.api.permissions import OnAllJobs
from jobs.api.strict import Strict, refuse_unknown
from jobs.api.throttling import PerCaller
from jobs.control.address import client_address
from jobs.control.audit import Actor, record_refusal
from jobs.errors import Invalid
from jobs.models import ApiToken
from jobs.models.audit import Via
from jobs.models.rights import Right
from jobs.trace import Trace, current_trace

REFUSALS = {
    HTTPStatus.FORBIDDEN,
    HTTPStatus.NOT_FOUND,
    HTTPStatus.CONFLICT,
    HTTPStatus.PRECONDITION_FAILED,
}
"""What the audit knows of. That a request made no sense, or came too often, is in the log."""


class ByAccept(DefaultContentNegotiation):
    """By the Accept header alone; `format` in the query is an unknown parameter like others."""

    settings = SimpleNamespace(URL_FORMAT_OVERRIDE=None)  # type: ignore[assignment]  # all it reads


class ApiView(APIView):
    """A view names the right that each of its methods needs; one without is for everybody
    who is logged in."""

    http_method_names = ["get", "head", "post", "put", "patch", "delete"]
    authentication_classes = [TokenLogin, SessionLogin]
    parser_classes = [StrictJSONParser]
    renderer_classes = [EnvelopeRenderer]
    content_negotiation_class: type[BaseContentNegotiation] = ByAccept
    throttle_classes = [PerCaller]
    permission_classes = [IsAuthenticated, OnAllJobs]
    rights: ClassVar[Mapping[str, Right]] = {}
    schema = EndpointSchema()
    not_found: Refusal
    """What a view refuses whose path names something that is not there."""

    trace: Trace
    user_name = ""
    token_name = ""

    @property
    def actor(self) -> Actor:
        """Who is asking, for the audit."""
        address = client_address(self.request)
        return Actor(name=self.user_name, via=Via.API, address=address, token=self.token_name)

    @property
    def endpoint(self) -> Endpoint:
        """What the method that was asked for reads and shows."""
        return endpoint_of(self, str(self.request.method))

    def query(self) -> dict[str, Any]:
        """The query's parameters; raises for unknown, repeated and bad ones."""
        found: dict[str, Any] = self.endpoint.query.read(self.given_once())
        return found

    def given_once(self) -> dict[str, str]:
        """The query as it is; raises for what is repeated."""
        twice = [name for name, values in self.request.query_params.lists() if len(values) > 1]
        if twice:
            raise Invalid({name: [_("Given more than once.")] for name in twice})
        return self.request.query_params.dict()

    def body(self, **context: Any) -> dict[str, Any]:
        """The body's fields; raises for unknown and bad ones."""
        found: dict[str, Any] = self.endpoint.body.read(self.json_object(), **context)
        return found

    def json_object(self) -> dict[str, Any]:
        """The body as it is; an absent one is empty. The query is read, too."""
        self.query()
        if "chunked" in self.request.META.get("HTTP_TRANSFER_ENCODING", "").lower():
            raise LengthRequired
        return dict(self.request.data)

    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Request:
        self.trace = current_trace() or Trace()
        return super().initialize_request(request, *args, **kwargs)

    def perform_authentication(self, request: Request) -> None:
        # Kept, because asking again would ask the database that may just have failed.
        self.user_name = request.user.get_username()
        self.token_name = request.auth.name if isinstance(request.auth, ApiToken) else ""
        self.trace.user, self.trace.token_name = self.user_name, self.token_name

    def check_permissions(self, request: Request) -> None:
        # Whoever asks too often is turned away first, also if the answer would be a refusal.
        super().check_throttles(request)
        super().check_permissions(request)

    def check_throttles(self, request: Request) -> None:
        """Nothing: `check_permissions` has done it."""

    def handle_exception(self, exc: Exception) -> Response:
        answer = super().handle_exception(exc)
        method = str(self.request.method).lower()
        handler: Any = getattr(self, method, None) if method in self.http_method_names else None
        action = handler.endpoint.action if hasattr(handler, "endpoint") else ""
        if action and self.user_name and answer.status_code in REFUSALS:
            job_id, target = self.asked_about()
            reason = answer.data["message"]
            record_refusal(self.actor, action, reason, job_id=job_id, target=target)
        return answer

    def asked_about(self) -> tuple[str, str]:
        """The id of the job, and the name of the row, that the audit is to name in a refusal."""
        return self.kwargs.get("job_id", ""), ""

    def get_exception_handler(self) -> Any:
        return exception_handler

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        answer = super().finalize_response(request, response, *args, **kwargs)
        answer.headers["X-Request-ID"] = self.trace.request_id
        answer.headers["Cache-Control"] = "no-store"
        # Else Django would log refusals once more.
        answer._has_been_logged = True  # type: ignore[attr-defined]  # read by its log_response
        return answer


class Listing(ApiView):
    """A view whose GET lists rows that the query filters and pages."""

    filterset: ClassVar[type[Filters]]
    paging: ClassVar[type[Strict]] = KeysetQuery

    def filtered(self, rows: QuerySet[Any]) -> tuple[QuerySet[Any], dict[str, Any]]:
        """Those of `rows` that the query asks for, and what it says of their page; raises for
        unknown, repeated and bad parameters."""
        given = self.given_once()
        filters = self.filterset.names()
        refuse_unknown(given, [*filters, *self.paging.names()])
        asked = {name: given.pop(name) for name in filters if name in given}
        return self.filterset.of(rows, asked), self.paging.read(given)
