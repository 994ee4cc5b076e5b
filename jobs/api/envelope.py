"""One form for every answer of the API, and the one place where errors become HTTP statuses.

Success: `{"success": true, "message", "data", "meta"?, "timestamp"}`.
Error: `{"success": false, "message", "code", "errors"?, "request_id", "timestamp"}`.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

import orjson
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404, UnreadablePostError
from django.utils.translation import gettext as _
from rest_framework import exceptions
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response

from jobs.control.job import VersionConflict
from jobs.errors import Conflict, Forbidden, Invalid, NotFound, SchedulerError, Unavailable
from jobs.trace import Trace, current_trace

logger = logging.getLogger(__name__)

ENCODER = JSONRenderer.encoder_class()

STATUSES: dict[type[SchedulerError], HTTPStatus] = {
    VersionConflict: HTTPStatus.PRECONDITION_FAILED,
    Invalid: HTTPStatus.BAD_REQUEST,
    Forbidden: HTTPStatus.FORBIDDEN,
    NotFound: HTTPStatus.NOT_FOUND,
    Conflict: HTTPStatus.CONFLICT,
    Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}
"""Kinds of error to statuses; the first that fits counts."""


class Answer(Response):
    """A success: data, a sentence for people, and, of lists, the counts."""

    def __init__(
        self,
        data: Any,
        message: str | None = None,
        *,
        meta: Mapping[str, Any] | None = None,
        status: HTTPStatus = HTTPStatus.OK,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.message = _("OK") if message is None else message
        self.meta = meta
        super().__init__(data, status=status, headers=dict(headers or {}))


class EnvelopeRenderer(JSONRenderer):
    """JSON that says what it is: the data of a success in its envelope, an error as it comes.

    By orjson, which is several times as fast as Python's own; that is there for what it refuses.
    """

    ensure_ascii = False

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        context = dict(renderer_context or {})
        response = context.get("response")
        if not getattr(response, "exception", False):
            data = _success(data, response)
        try:
            return orjson.dumps(data, default=ENCODER.default, option=orjson.OPT_UTC_Z)
        except TypeError:  # arguments and results may hold numbers of any size
            pass
        try:
            return self._encoded(data, accepted_media_type, context)
        except ValueError:  # besides, a task reported NaN or infinity, which JSON does not know
            return self._encoded(_without_nan(data), accepted_media_type, context)

    def _encoded(self, data: Any, media_type: str | None, context: dict[str, Any]) -> bytes:
        encoded: bytes = super().render(data, media_type, context)
        return encoded


def exception_handler(exc: Exception, context: Mapping[str, Any]) -> Response:
    """Every exception of a view as an answer; one that nobody foresaw is logged, and is a 500."""
    trace = current_trace() or getattr(context.get("view"), "trace", None) or Trace()
    request_id = trace.request_id
    problem = problem_of(exc)
    if problem.is_ours:
        logger.error(
            "Request failed",
            exc_info=exc,
            extra={"event": "api.error", "request_id": request_id, "code": problem.code},
        )
    body = error_body(problem.message, problem.code, problem.errors, request_id=request_id)
    response = Response(body, status=problem.status, headers=problem.headers)
    response.exception = True
    return response


def error_body(
    message: str, code: str, errors: Mapping[str, Any] | None = None, *, request_id: str
) -> dict[str, Any]:
    body = {"success": False, "message": message, "code": code}
    if errors:
        body["errors"] = dict(errors)
    return body | {"request_id": request_id, "timestamp": datetime.now(UTC)}


@dataclass(frozen=True, slots=True)
class Problem:
    """An error as it is answered."""

    status: int
    code: str
    message: str
    errors: Mapping[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    is_ours: bool = False
    """The sender did nothing wrong."""


def problem_of(exc: Exception) -> Problem:
    match exc:
        case SchedulerError():
            for kind, status in STATUSES.items():
                if isinstance(exc, kind):
                    return Problem(status, exc.code, exc.message, exc.errors)
        case exceptions.ValidationError():
            return problem_of(Invalid(_flat(exc.detail)))
        case exceptions.APIException():
            return _of_framework(exc)
        case Http404():
            return Problem(HTTPStatus.NOT_FOUND, "not_found", _("There is nothing here."))
        case PermissionDenied():
            return _of_framework(exceptions.PermissionDenied())
        case RequestDataTooBig():
            sentence = _("The body is too large.")
            return Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "body_too_large", sentence)
        case SuspiciousOperation() | UnreadablePostError():
            sentence = _("The request cannot be read.")
            return Problem(HTTPStatus.BAD_REQUEST, "bad_request", sentence)
        case OperationalError() | InterfaceError():
            sentence = _("The database does not answer. Try again soon.")
            status = HTTPStatus.SERVICE_UNAVAILABLE
            return Problem(status, "database_unavailable", sentence, is_ours=True)
    sentence = _("Something went wrong here. The log tells more under the request id.")
    return Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "internal_error", sentence, is_ours=True)


def _of_framework(exc: exceptions.APIException) -> Problem:
    headers = {}
    if auth_header := getattr(exc, "auth_header", None):
        headers["WWW-Authenticate"] = auth_header
    if wait := getattr(exc, "wait", None):
        headers["Retry-After"] = str(math.ceil(wait))
    code = exc.get_codes()
    is_plain = isinstance(code, str) and isinstance(exc.detail, str)
    return Problem(
        exc.status_code,
        str(code) if is_plain else exc.default_code,
        str(exc.detail) if is_plain else str(exc.default_detail),
        headers=headers,
    )


def _flat(detail: Any, prefix: str = "") -> dict[str, list[str]]:
    """A serializer's nested errors by dotted field name."""
    if isinstance(detail, Mapping):
        found: dict[str, list[str]] = {}
        for key, value in detail.items():
            found |= _flat(value, f"{prefix}.{key}" if prefix else str(key))
        return found
    sentences = detail if isinstance(detail, list) else [detail]
    return {prefix or "body": [str(sentence) for sentence in sentences]}


def _success(data: Any, response: Any) -> dict[str, Any]:
    body = {"success": True, "message": getattr(response, "message", _("OK")), "data": data}
    if (meta := getattr(response, "meta", None)) is not None:
        body["meta"] = meta
    return body | {"timestamp": datetime.now(UTC)}


def _without_nan(value: Any) -> Any:
    plain = json.loads(json.dumps(value, cls=JSONRenderer.encoder_class))
    return _replaced(plain)


def _replaced(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _replaced(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_replaced(item) for item in value]
    return value
