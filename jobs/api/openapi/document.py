"""The whole of the API's description: its paths and what stands around them.

`make schema` writes it to `openapi.yaml` beside this package, and `GET schema` answers that.
"""

from __future__ import annotations

from typing import Any

from drf_spectacular.generators import SchemaGenerator

from jobs.api.openapi import examples

Document = dict[str, Any]

ABOUT = """\
Jobs, their executions and the instances that are looked after, for scripts and CI.

**Log in** with a token, `Authorization: Token …`, or with the session of the admin; then
whatever changes something takes the header `X-CSRFToken` as well.

**Every answer** has one form, an envelope of JSON: a success has `data`, and of a list `meta`;
an error has a stable `code` and, where fields are wrong, `errors` by their names. Its
`request_id` is that of the header `X-Request-ID`, and stands in the log. Only files are what
they are.

**Rights** are those of the admin. What you may not see is not there (404); what you may see and
not do is forbidden (403). A method that a path does not have is 405, `method_not_allowed`; a
path that is not there is 404, `path_not_found`.

**Nothing is ignored**: a parameter or a field that is not known is an error, and so is one that
is given twice. Times are in UTC. A slash at the end of a path changes nothing.
"""

TAGS = {
    "jobs": "Which function, when, with which arguments, under which rules.",
    "executions": "What became of each occurrence and of each request to run now.",
    "functions": "What jobs can be made of.",
    "triggers": "When a job is due, before it is saved.",
    "health": "How the scheduler does.",
    "alerts": "Who is told of what goes wrong with jobs, and what was told.",
    "audit": "Who changed what, and who was refused.",
    "estate": "The database instances that are looked after, and what is known of them.",
    "schema": "This description.",
}


class DocumentGenerator(SchemaGenerator):
    """Paths are as README writes them: without the slash that may stand at their end."""

    def coerce_path(self, path: str, method: str, view: Any) -> str:
        return path.rstrip("/").replace("{pk}", "{id}")

    def get_schema(self, request: Any = None, public: bool = False) -> Document:
        document: Document = super().get_schema(request, public)
        document["info"]["description"] = ABOUT
        document["tags"] = [{"name": tag, "description": text} for tag, text in TAGS.items()]
        return examples.added(document)
