"""One operation of the API's description, from what its method declares (`jobs.api.endpoint`)."""

from __future__ import annotations

import re
from typing import Any

from drf_spectacular.plumbing import ComponentRegistry, ResolvedComponent
from rest_framework.permissions import AllowAny
from rest_framework.serializers import Serializer

from jobs.api.endpoint import Component, Refusal, endpoint_of
from jobs.api.etag import IF_NONE_MATCH
from jobs.api.openapi import filters, job_bodies, refusals
from jobs.api.openapi.fields import FieldSchema
from jobs.api.openapi.typed import schema_of
from jobs.api.permissions import OnAllJobs, OnAnyJob, OnThisJob
from jobs.api.strict import Nothing, Strict

Schema = dict[str, Any]

SAFE = frozenset({"GET", "HEAD"})

PATH_PARAMETERS: dict[str, Schema] = {
    "job_id": {"schema": {"type": "string"}, "description": "The id of the job."},
    "execution_id": {
        "schema": {"type": "integer", "format": "int64", "minimum": 0},
        "description": "The id of the execution.",
    },
    "id": {
        "schema": {"type": "integer", "format": "int64", "minimum": 0},
        "description": "The id of the row.",
    },
}
HEADERS: dict[str, Schema] = {
    "X-Request-ID": {
        "schema": {"type": "string"},
        "description": "Stands in the log with all that is said of this request.",
    },
    "ETag": {
        "schema": {"type": "string"},
        "description": "The version of the job, for If-Match.",
    },
    "Location": {
        "schema": {"type": "string", "format": "uri-reference"},
        "description": "Where what was made is shown.",
    },
    "Idempotency-Replayed": {
        "schema": {"type": "string", "enum": ["true"]},
        "description": "There if this is the answer to an earlier request with the same key.",
    },
}
NOT_MODIFIED: Schema = {
    "description": "You have it as it is.",
    "headers": {"ETag": HEADERS["ETag"]},
}
TOO_LONG: Schema = {
    "description": "The address is too long. The web server says so, not in the API's form.",
    "content": {"text/html": {"schema": {"type": "string"}}},
}
SECURITY: dict[str, Schema] = {
    "token": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "`Token `, with a space, and the text of a token. What the user of the "
        "token may do ends at its scope: view, run or manage.",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "sessionid",
        "description": "The session of who is logged in to the admin.",
    },
    "csrf": {
        "type": "apiKey",
        "in": "header",
        "name": "X-CSRFToken",
        "description": "With a session, and whatever changes something: the value of the cookie "
        "`csrftoken`.",
    },
}
SCOPES = {OnAllJobs: "on all jobs", OnAnyJob: "on at least one job", OnThisJob: "on this job"}
NOTHING: Schema = {"type": "object", "nullable": True, "enum": [None]}


class EndpointSchema(FieldSchema):
    """Tells what the view does, and fails for a method that declares nothing."""

    def get_operation(
        self,
        path: str,
        path_regex: str,
        path_prefix: str,
        method: str,
        registry: ComponentRegistry,
    ) -> Schema:
        self.path, self.path_regex, self.path_prefix = path, path_regex, path_prefix
        self.method, self.registry = method, registry
        self.endpoint = endpoint_of(self.view, method)
        operation = {
            "operationId": _operation_id(self.view, method),
            **self._words(),
            "tags": [_tag(path)],
            "parameters": [*self._path(), *self._query(), *self._headers()],
            "requestBody": self._body(),
            "responses": self._responses(),
        }
        return {key: value for key, value in operation.items() if value} | {
            "security": self._security()
        }

    @property
    def is_open(self) -> bool:
        """Whether it asks for no login."""
        return any(isinstance(each, AllowAny) for each in self.view.get_permissions())

    def _words(self) -> Schema:
        """The docstring of the method, or of the view where several share the method."""
        text = getattr(self.view, self.method.lower()).__doc__ or type(self.view).__doc__ or ""
        summary, _, rest = text.strip().partition("\n\n")
        description = " ".join([*rest.split(), self._rights()])
        return {"summary": _one_line(summary).removesuffix("."), "description": description}

    def _rights(self) -> str:
        """Which rights it takes, by the names that Django has for them."""
        view: Any = self.view
        scopes = [SCOPES[type(each)] for each in view.get_permissions() if type(each) in SCOPES]
        found = []
        if right := view.rights.get(self.method):
            found.append(f"`jobs.{right}` {scopes[0]}")
        if need := getattr(view, "needs", {}).get(self.method):  # of the estate
            found.append(f"`estate.{need}_{view.model._meta.model_name}`")
        return f"Takes the right {' and '.join(found)}." if found else ""

    def _path(self) -> list[Schema]:
        found = []
        for name in re.findall(r"\{(\w+)\}", self.path):
            pattern = _pattern_of("pk" if name == "id" else name, self.path_regex)
            parameter = PATH_PARAMETERS[name]
            schema = dict(parameter["schema"])
            if schema["type"] == "string":
                schema["pattern"] = f"^{pattern}$"
            else:
                digits = int(re.findall(r"\d+", pattern)[-1])
                schema["maximum"] = 10**digits - 1
            found.append({**parameter, "schema": schema, "in": "path", "name": name})
        return [{**parameter, "required": True} for parameter in found]

    def _query(self) -> list[Schema]:
        found = {
            **filters.properties(self.endpoint.filters),
            **self._properties(self.endpoint.query),
        }
        return [
            {"in": "query", "name": name, **_parameter(schema)} for name, schema in found.items()
        ]

    def _properties(self, reader: type[Strict]) -> Schema:
        properties: Schema = self._map_serializer(reader(), "request").get("properties", {})
        return properties

    def _headers(self) -> list[Schema]:
        return [
            {
                "in": "header",
                "name": header.name,
                "schema": dict(header.schema),
                "description": header.help,
            }
            for header in self.endpoint.headers
        ]

    def _body(self) -> Schema | None:
        body = self.endpoint.body
        if body is Nothing:
            return None
        if isinstance(body, Component):
            schema, is_required = self._job_body(body), True
        else:
            component = self.resolve_serializer(body, "request")
            schema, is_required = component.ref, bool(component.schema.get("required"))
        return {"required": is_required, "content": {"application/json": {"schema": schema}}}

    def _job_body(self, body: Component) -> Schema:
        beside = self._properties(body.beside) if body.beside else {}
        for name, schema in job_bodies.components(body.name, beside).items():
            self._schema_component(name, schema)
        return job_bodies.ref(body.name)

    def _responses(self) -> Schema:
        said = self.endpoint
        success = {
            "description": said.status.phrase,
            "headers": {name: HEADERS[name] for name in ("X-Request-ID", *said.answer_headers)},
            "content": {
                media_type: {"schema": schema}
                for media_type, schema in (said.content or self._envelope()).items()
            },
        }
        refused = refusals.by_status(self._refusals())
        known = {"304": NOT_MODIFIED} if IF_NONE_MATCH in said.headers else {}
        known |= {"414": TOO_LONG} if self._query() else {}
        return {str(said.status.value): success, **known} | {
            str(status): self._refused(status, problems) for status, problems in refused.items()
        }

    def _envelope(self) -> Schema:
        """The schema of a success by its media type."""
        properties = {
            "success": {"type": "boolean", "enum": [True]},
            "message": {"type": "string", "description": "A sentence for people."},
            "data": self._shown(self.endpoint.shows),
        }
        if self.endpoint.meta is not None:
            properties["meta"] = self._shown(self.endpoint.meta)
        properties["timestamp"] = {"type": "string", "format": "date-time"}
        schema = {
            "type": "object",
            "properties": properties,
            "required": list(properties),
            "additionalProperties": False,
        }
        return {"application/json": schema}

    def _shown(self, shows: Any) -> Schema:
        if shows is None:
            return dict(NOTHING)
        if isinstance(shows, list):
            return {"type": "array", "items": self._shown(shows[0])}
        if isinstance(shows, type) and issubclass(shows, Serializer):
            return dict(self.resolve_serializer(shows, "response").ref)
        return schema_of(shows, self._schema_component)

    def _refusals(self) -> list[Refusal]:
        found = [*refusals.everywhere(), *self.endpoint.raises]
        if not self.is_open:
            found += refusals.with_login()
        if self.method not in SAFE:
            found += refusals.with_body()
        if "{" in self.path:
            view: Any = self.view
            found += [view.not_found, refusals.no_path()]
        for header in self.endpoint.headers:
            found += header.refusals
        return found

    def _refused(self, status: int, problems: list[refusals.Refused]) -> Schema:
        self._schema_component("Error", refusals.ERROR)
        return self._component(
            ResolvedComponent.RESPONSE,
            refusals.name_of(status, problems),
            refusals.response(status, problems),
        )

    def _security(self) -> list[Schema]:
        if self.is_open:
            return []
        for name, scheme in SECURITY.items():
            self._component(ResolvedComponent.SECURITY_SCHEMA, name, scheme)
        session = ["session"] if self.method in SAFE else ["session", "csrf"]
        return [{"token": []}, {name: [] for name in session}]


def _operation_id(view: Any, method: str) -> str:
    """As in postJobRun; without underscores, which no link within the page could hold."""
    return method.lower() + type(view).__name__


def _parameter(schema: Schema) -> Schema:
    """Its description stands outside of it, and so does how several values are written."""
    schema = dict(schema)
    found = {"description": schema.pop("description", ""), "schema": schema}
    if schema.get("type") == "array":
        found |= {"style": "form", "explode": False}
    return {key: value for key, value in found.items() if value != ""}


def _tag(path: str) -> str:
    """The first part of the path below the API's root."""
    return path.partition("/api/")[2].partition("/")[0] or "health"


def _one_line(paragraph: str) -> str:
    return " ".join(paragraph.split())


def _pattern_of(name: str, path_regex: str) -> str:
    """The pattern of a named group that holds no groups."""
    found = re.search(rf"\(\?P<{name}>(.+?)\)", path_regex)
    if found is None:
        raise AssertionError(f"There is no {name} in {path_regex}.")
    return found[1]
