"""Every request has one id, on its answer and on each line that is logged during it, and one
line that tells of it, whoever answers: a view, a middleware or a handler of errors."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse

from jobs.conf import conf
from jobs.control.address import client_address
from jobs.trace import Trace, tracing

logger = logging.getLogger(__name__)

HEADER = "X-Request-ID"

READS = {"GET", "HEAD", "OPTIONS"}

_PROXYS_ID = re.compile(r"[A-Za-z0-9_.-]{8,64}")


class TraceMiddleware:
    """The outermost, so that its line and its id are those of all others."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        started = time.monotonic()
        trace = _trace_of(request)
        with tracing(trace):
            response = self.get_response(request)
            response.headers[HEADER] = trace.request_id
            _tell(request, response.status_code, trace, time.monotonic() - started)
        return response


def _trace_of(request: HttpRequest) -> Trace:
    """A proxy that is trusted may have given it an id already."""
    given = request.headers.get(HEADER, "")
    if conf().trust_proxy and _PROXYS_ID.fullmatch(given):
        return Trace(given)
    return Trace()


def _tell(request: HttpRequest, status: int, trace: Trace, duration_s: float) -> None:
    """Pages, monitors and load balancers ask again and again how things are: what only reads and
    succeeds is a line for DEBUG, unless a program asked for it by its token."""
    match = request.resolver_match
    is_poll = not trace.token_name or (match is not None and match.url_name == "health")
    level = logging.INFO
    if request.method in READS and status < 400 and is_poll:
        level = logging.DEBUG
    if not logger.isEnabledFor(level):
        return
    keys: dict[str, Any] = {
        "method": request.method,
        "route": match.route if match else "",
        "status": status,
        "duration_s": round(duration_s, 6),
        "user": trace.user or _name_of(request),
        "address": client_address(request),
        "request_id": trace.request_id,
    }
    if request.path.startswith(reverse("scheduler:api_root")):
        keys |= {"event": "api.request", "token_name": trace.token_name}
        logger.log(level, "API request", extra=keys)
    else:
        logger.log(level, "Page request", extra=keys | {"event": "page.request"})


def _name_of(request: HttpRequest) -> str:
    """Who is logged in, if a view has asked; nothing is looked up for the log."""
    user = getattr(request, "_cached_user", None)
    return user.get_username() if user is not None else ""
