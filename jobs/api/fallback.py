"""Answers below the API's prefix that are no view's: an unknown path, and what fails before
or after a view. The project plugs `bad_request` and `server_error` in as its handlers."""

from __future__ import annotations

import logging
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views import defaults
from rest_framework.exceptions import NotFound
from rest_framework.request import Request

from jobs.api.envelope import error_body
from jobs.api.view import ApiView
from jobs.trace import Trace, current_trace

logger = logging.getLogger(__name__)


class UnknownPath(ApiView):
    def initial(self, request: Request, *args: object, **kwargs: object) -> None:
        """Whoever is logged in learns that there is nothing, whatever the method."""
        super().initial(request, *args, **kwargs)
        sentence = _("There is nothing at %(path)s.")
        raise NotFound(sentence % {"path": request.path[:200]}, code="path_not_found")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """`handler400`: such as a Host header that is not allowed."""
    logger.warning(
        "A request made no sense",
        extra={"event": "request.refused", "reason": str(exception)},
    )
    if not _is_api(request):
        return defaults.bad_request(request, exception)
    sentence = _("The request cannot be read.")
    return _answer(HTTPStatus.BAD_REQUEST, "bad_request", sentence)


def server_error(request: HttpRequest) -> HttpResponseBase:
    """`handler500`; Django has logged the traceback."""
    if not _is_api(request):
        return defaults.server_error(request)
    sentence = _("Something went wrong here. The log tells more.")
    return _answer(HTTPStatus.INTERNAL_SERVER_ERROR, "internal_error", sentence)


def _is_api(request: HttpRequest) -> bool:
    return request.path.startswith(reverse("scheduler:api_root"))


def _answer(status: HTTPStatus, code: str, sentence: str) -> HttpResponse:
    request_id = (current_trace() or Trace()).request_id
    return JsonResponse(
        error_body(sentence, code, request_id=request_id),
        status=status,
        json_dumps_params={"ensure_ascii": False},
        headers={"X-Request-ID": request_id},
    )
