"""The description of the API itself: as a file, and as a page to read and to try it."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import yaml
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse_lazy
from django.views.decorators.http import require_safe
from rest_framework.exceptions import NotAcceptable
from rest_framework.permissions import IsAuthenticated
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request

from jobs.api.definition import Anything
from jobs.api.endpoint import Endpoint
from jobs.api.permissions import OnAnyJob
from jobs.api.view import ApiView
from jobs.models.rights import has_right_anywhere

FILE = Path(__file__).with_name("openapi.yaml")
"""Written by `make schema`. It is answered as it lies here, so that what was reviewed is what is
shown, and nobody waits for it to be made."""

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The same, written in C where that was built."""
YAML, JSON = "application/yaml", "application/json"
DOCUMENT = {"type": "object", "required": ["openapi", "info", "paths"]}


class Description(ApiView):
    content_negotiation_class = Anything
    permission_classes = [IsAuthenticated, OnAnyJob]
    rights = {"GET": "view_job"}

    @Endpoint(content={YAML: DOCUMENT, JSON: DOCUMENT})
    def get(self, request: Request) -> HttpResponse:
        """Show this description, OpenAPI 3, as YAML or as JSON."""
        self.query()
        wanted = request.get_preferred_type([YAML, JSON])
        if wanted is None:
            raise NotAcceptable
        return HttpResponse(_content(wanted), content_type=f"{wanted}; charset=utf-8")


@require_safe
@login_required(login_url=reverse_lazy("admin:login"))
def docs(request: HttpRequest) -> HttpResponse:
    """A page to read the description and to try it, as who is logged in."""
    if not has_right_anywhere(request.user, "view_job"):
        raise PermissionDenied
    return render(request, "jobs/docs.html")


@cache
def _content(media_type: str) -> bytes:
    text = FILE.read_bytes()
    if media_type == YAML:
        return text
    document = yaml.load(text, Loader=LOADER)  # noqa: S506  either is safe
    json: bytes = JSONRenderer().render(document)
    return json
