"""The YAML file: reload the jobs from it, or show it as it would be written now."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.utils.translation import gettext as _
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.request import Request

from jobs import definitions
from jobs.api.envelope import Answer
from jobs.api.strict import Flag, Nothing, Strict
from jobs.api.view import ApiView


class ReloadBody(Strict):
    dry_run = Flag(default=False)
    keep_custom = Flag(default=False)


class JobReload(ApiView):
    """Put all jobs as the file has them, or say what that would change."""

    rights = {"POST": "manage_job"}

    def post(self, request: Request) -> Answer:
        body = self.body(ReloadBody)
        done = definitions.reload(actor=self.actor, **body)
        message = (
            _("Nothing is changed; this is what a reload would do.")
            if body["dry_run"]
            else _("The jobs are reloaded. To undo it: manage.py loadtasks --undo.")
        )
        return Answer(done.as_dict(), message)


class Anything(BaseContentNegotiation):
    """The one form there is, whatever is asked for: the file is YAML, its errors are JSON."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        return parsers[0]

    def select_renderer(self, request: Request, renderers: Any, format_suffix: Any = None) -> Any:
        return renderers[0], renderers[0].media_type


class JobExport(ApiView):
    content_negotiation_class = Anything
    rights = {"GET": "view_job"}

    def get(self, request: Request) -> HttpResponse:
        self.query(Nothing)
        return HttpResponse(
            definitions.export(),
            content_type="application/yaml; charset=utf-8",
            headers={"Content-Disposition": 'attachment; filename="scheduler_tasks.yaml"'},
        )
