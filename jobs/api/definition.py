"""The YAML file: reload the jobs from it, or show it as it would be written now."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.utils.translation import gettext as _
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.request import Request

from jobs import definitions
from jobs.api.endpoint import Endpoint
from jobs.api.envelope import Answer
from jobs.api.strict import Flag, Strict
from jobs.api.view import ApiView
from jobs.definitions import DefinitionsInvalid, ReloadData


class ReloadBody(Strict):
    dry_run = Flag(default=False)
    keep_custom = Flag(default=False)


class JobReload(ApiView):
    rights = {"POST": "manage_job"}

    @Endpoint(
        action="definitions.reload",
        body=ReloadBody,
        shows=ReloadData,
        raises=(DefinitionsInvalid,),
    )
    def post(self, request: Request) -> Answer:
        """Put all jobs back to what the YAML file says, or tell what that would change.

        Jobs that are not in the file are deleted, unless `keep_custom`. All rows are saved
        first, so that `manage.py loadtasks --undo` can take it back.
        """
        body = self.body()
        done = definitions.reload(actor=self.actor, **body)
        message = (
            _("Nothing is changed; this is what a reload would do.")
            if body["dry_run"]
            else _("The jobs are reloaded. To undo it: manage.py loadtasks --undo.")
        )
        return Answer(done.as_dict(), message)


EXPORTED = {
    "type": "object",
    "properties": {"default_tasks": {"type": "array", "items": {"type": "object"}}},
    "required": ["default_tasks"],
}


class Anything(BaseContentNegotiation):
    """The one form there is, whatever is asked for: the file is YAML, its errors are JSON."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        return parsers[0]

    def select_renderer(self, request: Request, renderers: Any, format_suffix: Any = None) -> Any:
        return renderers[0], renderers[0].media_type


class JobExport(ApiView):
    content_negotiation_class = Anything
    rights = {"GET": "view_job"}

    @Endpoint(content={"application/yaml": EXPORTED})
    def get(self, request: Request) -> HttpResponse:
        """Export all jobs as they stand, as a YAML file that can be loaded."""
        self.query()
        return HttpResponse(
            definitions.export(),
            content_type="application/yaml; charset=utf-8",
            headers={"Content-Disposition": 'attachment; filename="scheduler_tasks.yaml"'},
        )
