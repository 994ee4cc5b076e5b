"""What the API refuses, and how: told by the code that answers, so that no status and no code
is written down twice."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.db import OperationalError
from django.utils.translation import gettext as _
from rest_framework import exceptions

from jobs.api.authentication import CsrfFailed
from jobs.api.endpoint import Refusal
from jobs.api.envelope import problem_of
from jobs.api.openapi.values import MOMENT, REQUEST_ID
from jobs.api.parser import LengthRequired
from jobs.errors import Invalid, SchedulerError

Schema = dict[str, Any]

HEADERS: dict[int, dict[str, str]] = {
    HTTPStatus.UNAUTHORIZED: {"WWW-Authenticate": "How to log in."},
    HTTPStatus.TOO_MANY_REQUESTS: {"Retry-After": "Seconds to wait."},
}


@dataclass(frozen=True, slots=True)
class Refused:
    """A code, and a sentence that says when it comes."""

    code: str
    sentence: str


def everywhere() -> list[Refusal]:
    """What every endpoint may refuse."""
    return [
        Invalid,
        SuspiciousOperation(),
        exceptions.NotAcceptable(),
        exceptions.Throttled(),
        Exception(),
        OperationalError(),
    ]


def with_login() -> list[Refusal]:
    """What every endpoint may refuse that asks for a login."""
    return [
        exceptions.NotAuthenticated(),
        exceptions.AuthenticationFailed("There is no such token.", code="token_invalid"),
        exceptions.AuthenticationFailed("The token was revoked.", code="token_revoked"),
        exceptions.AuthenticationFailed("The token has expired.", code="token_expired"),
        exceptions.PermissionDenied(),
    ]


def with_body() -> list[Refusal]:
    """What every method may refuse that changes something."""
    return [
        exceptions.ParseError("The body is not one JSON object."),
        CsrfFailed(),
        LengthRequired(),
        RequestDataTooBig(),
        exceptions.UnsupportedMediaType("", detail="The body is not called application/json."),
    ]


def no_path() -> Refusal:
    """What a path is refused with whose parameters are no ids."""
    return exceptions.NotFound("There is nothing at this path.", code="path_not_found")


def by_status(refusals: Iterable[Refusal]) -> dict[int, list[Refused]]:
    """How the refusals are answered, each code of a status once."""
    found: dict[int, dict[str, Refused]] = {}
    for refusal in refusals:
        problem = problem_of(_instance(refusal))
        sentence = Refused(problem.code, problem.message)
        found.setdefault(int(problem.status), {}).setdefault(problem.code, sentence)
    return {status: list(found[status].values()) for status in sorted(found)}


def name_of(status: int, refused: Iterable[Refused]) -> str:
    """Of the component: the status, and the codes that not every endpoint has."""
    usual = by_status([*everywhere(), *with_login()])
    common = {one.code for each in usual.values() for one in each}
    codes = [one.code for one in refused if one.code not in common]
    return "_".join([HTTPStatus(status).phrase.title().replace(" ", ""), *codes])


def response(status: int, refused: Iterable[Refused]) -> Schema:
    """The component itself."""
    refused = list(refused)
    lines = [f"- `{one.code}`: {one.sentence}" for one in refused]
    codes = {"properties": {"code": {"enum": [one.code for one in refused]}}}
    headers = {"X-Request-ID": "The `request_id` of the body."} | HEADERS.get(status, {})
    return {
        "description": "\n".join([f"{HTTPStatus(status).phrase}:", "", *lines]),
        "headers": {
            name: {"schema": {"type": "string"}, "description": text}
            for name, text in headers.items()
        },
        "content": {
            "application/json": {
                "schema": {"allOf": [{"$ref": ERROR_REF}, codes]},
                "examples": {one.code: {"value": _example(one)} for one in refused},
            },
        },
    }


def _example(refused: Refused) -> Schema:
    found: Schema = {"success": False, "message": refused.sentence, "code": refused.code}
    if refused.code == Invalid.code:
        found["errors"] = {"page": [_("A valid integer is required.")]}
    return found | {"request_id": REQUEST_ID, "timestamp": MOMENT}


def _instance(refusal: Refusal) -> Exception:
    """The error itself; of a class one whose sentence is the first of its docstring."""
    if not isinstance(refusal, type):
        return refusal
    error = refusal.__new__(refusal)
    if isinstance(error, SchedulerError):
        sentence = (inspect.getdoc(refusal) or "").partition("HTTP")[0].partition("\n\n")[0]
        error.message, error.errors = " ".join(sentence.split()), {}
    return error


ERROR_REF = "#/components/schemas/Error"
ERROR: Schema = {
    "type": "object",
    "description": "Every error of the API.",
    "properties": {
        "success": {"type": "boolean", "enum": [False]},
        "message": {"type": "string", "description": "A sentence for people."},
        "code": {"type": "string", "description": "A stable word for programs."},
        "errors": {
            "type": "object",
            "description": "Sentences by the name of the field that they are about; of a field "
            "within a field with dots, as in `trigger_params.hour`.",
            "additionalProperties": {"type": "array", "items": {"type": "string"}},
        },
        "request_id": {"type": "string", "description": "Stands in the log."},
        "timestamp": {"type": "string", "format": "date-time"},
    },
    "required": ["success", "message", "code", "request_id", "timestamp"],
    "additionalProperties": False,
}
