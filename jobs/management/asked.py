"""What was typed: arguments of a run, moments, filters of lists."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.utils import timezone as django_timezone
from django.utils.translation import gettext as _

from jobs.errors import Invalid
from jobs.executions.database import database_now
from jobs.models import Job
from jobs.registry import find_task
from jobs.triggers.moments import FUTURE, PAST, Told, read_told


def asked_kwargs(job: Job, given: str | None, single: Iterable[str]) -> dict[str, Any] | None:
    """The arguments of one run: those `given` as JSON, else the job's own, and over them the
    `single` ones ("days=7"). None where nothing was given. Raises Invalid."""
    named = [_named(text, job) for text in single]
    if given is None and not named:
        return None
    base = dict(job.kwargs) if given is None else _object(given)
    return base | dict(named)


def asked_moment(name: str, text: str | None, *, ahead: bool = False) -> datetime | None:
    """A moment as a person types it, in the server's zone where it has none. Raises Invalid."""
    told = asked_told(name, text, now=database_now(), ahead=ahead)
    return told.moment if told is not None else None


def asked_told(name: str, text: str | None, *, now: datetime, ahead: bool = False) -> Told | None:
    """The same with its precision."""
    if text is None:
        return None
    zone = django_timezone.get_default_timezone()
    direction = FUTURE if ahead else PAST
    try:
        return read_told(text, now=now, zone=zone, direction=direction)
    except ValueError as error:
        raise Invalid({name: [str(error)]}, str(error)) from None


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        sentence = _("--kwargs is no JSON: %(error)s.") % {"error": error}
        raise Invalid({"kwargs": [sentence]}, sentence) from None
    if not isinstance(found, dict):
        sentence = _("--kwargs is an object, as in '{\"days\": 7}'.")
        raise Invalid({"kwargs": [sentence]}, sentence)
    return found


def _named(text: str, job: Job) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        sentence = _("“%(text)s” is no argument; write it as --arg days=7.") % {"text": text}
        raise Invalid({"arg": [sentence]}, sentence)
    types = _types(name, job)
    if types == {"string"} or (types == {"string", "null"} and value != "null"):
        return name, value  # so that 007 stays what it is
    try:
        return name, json.loads(value)
    except (ValueError, RecursionError):
        return name, value


def _types(name: str, job: Job) -> set[str]:
    """What the task takes there, by the words of JSON Schema; nothing where that is not simple."""
    task = find_task(job.function)
    if task is None:
        return set()
    described = task.arguments.schema.get("properties", {}).get(name, {})
    return {str(option.get("type")) for option in described.get("anyOf", [described])}
