"""NUL, which PostgreSQL stores in no text: a request that asks for it is a bad one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

NUL = "\x00"


class NulMiddleware:
    """Answers 400 where a page of the admin would look for rows by it, and fail.

    What is typed into forms is not looked at: they say at which field it is.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> None:
        if request.resolver_match is None or "admin" not in request.resolver_match.app_names:
            return
        texts = [request.path, *request.POST.getlist(ACTION_CHECKBOX_NAME)]
        for name, values in request.GET.lists():
            texts += [name, *values]
        if any(NUL in text for text in texts):
            raise BadRequest(_("This request asks for a character that no text can hold."))
