"""`/healthz`, for load balancers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.urls import resolve

from jobs.api.health import Liveness

PATH = "/healthz"


class LivenessMiddleware:
    """Answers before anybody looks at the Host header, since load balancers ask by address."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response
        self._view = Liveness.as_view()

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path_info != PATH:
            return self._get_response(request)
        request.resolver_match = resolve(PATH)  # for the metrics and the log
        answer: Any = self._view(request)
        answer.render()  # as Django does between a view and its middlewares
        return answer  # type: ignore[no-any-return]
