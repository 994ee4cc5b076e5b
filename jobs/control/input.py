"""What a person or a program may say of a job, checked before anything is written."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils import timezone as django_timezone
from django.utils.translation import gettext as _

from jobs.errors import Invalid, SchedulerError
from jobs.executions.claim import EXECUTORS, UnknownExecutor
from jobs.models.job import ID_PATTERN, MAX_INSTANCES_LIMIT, MAX_POLICY_SECONDS, RESERVED_IDS
from jobs.registry import get_task
from jobs.triggers import clean_params

FIELDS = (
    "id",
    "name",
    "description",
    "function",
    "args",
    "kwargs",
    "trigger_type",
    "trigger_params",
    "timezone",
    "executor",
    "coalesce",
    "max_instances",
    "misfire_grace_time",
    "timeout",
    "is_enabled",
)
"""Everything that makes up a job's definition, in the order in which it is shown."""

TRIGGER_FIELDS = frozenset({"trigger_type", "trigger_params", "timezone"})
POLICY_FIELDS = frozenset(
    {"executor", "coalesce", "max_instances", "misfire_grace_time", "timeout"}
)
BUILTIN_FIELDS = TRIGGER_FIELDS | POLICY_FIELDS | {"is_enabled"}
"""What may change of a built-in job."""

MAX_ARGUMENTS_BYTES = 64 * 1024

DEFAULTS: dict[str, Any] = {
    "description": "",
    "args": [],
    "kwargs": {},
    "timezone": "",
    "executor": "threads",
    "coalesce": None,
    "max_instances": None,
    "misfire_grace_time": None,
    "timeout": None,
    "is_enabled": True,
}


def clean_job(
    data: Mapping[str, Any], *, now: datetime, allow_past: bool = False
) -> dict[str, Any]:
    """A whole definition (every field of FIELDS) from `data`, its absent fields by default.

    With `allow_past` a `run_date` that is over is accepted, as a file may hold one. Raises
    Invalid with every problem by its field.
    """
    given = {**DEFAULTS, **data}
    checks = _Checks(given)
    checks.unknown_keys()
    checks.identity()
    checks.texts()
    checks.policies()
    checks.call()
    cleaned_params = checks.trigger(now=now, allow_past=allow_past)
    if checks.errors:
        raise Invalid(checks.errors)
    cleaned = {name: given[name] for name in FIELDS}
    for name in ("name", "description", "timezone"):
        cleaned[name] = cleaned[name].strip()
    cleaned["args"] = list(cleaned["args"])
    cleaned["kwargs"] = dict(cleaned["kwargs"])
    cleaned["trigger_params"] = cleaned_params
    return cleaned


def clean_arguments(function: str, args: Any, kwargs: Any) -> tuple[list[Any], dict[str, Any]]:
    """Arguments for one run of `function`; raises Invalid naming the parameter."""
    checks = _Checks({"function": function, "args": args, "kwargs": kwargs})
    checks.call()
    if checks.errors:
        raise Invalid(checks.errors)
    return list(args), dict(kwargs)


def clean_id(job_id: Any) -> str:
    """The id itself; raises Invalid."""
    checks = _Checks({"id": job_id})
    checks.identity()
    if checks.errors:
        raise Invalid(checks.errors)
    return str(job_id)


class _Checks:
    """Collects what is wrong with `given`, so that all of it is said at once."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self.given = given
        self.errors: dict[str, list[str]] = {}

    def say(self, name: str, sentence: str) -> None:
        self.errors.setdefault(name, []).append(sentence)

    def unknown_keys(self) -> None:
        for key in sorted(str(key) for key in self.given.keys() - set(FIELDS)):
            self.say(
                key[:100],
                _("There is no such field. A job has: %(fields)s.") % {"fields": ", ".join(FIELDS)},
            )

    def identity(self) -> None:
        job_id = self.given.get("id")
        if job_id in (None, ""):
            self.say("id", _("A job needs an id."))
        elif not isinstance(job_id, str) or not re.fullmatch(ID_PATTERN, job_id, re.ASCII):
            self.say(
                "id",
                _("%(value)s is no id: use 1 to 100 letters, digits, dots, dashes, underscores.")
                % {"value": _quoted(job_id)},
            )
        elif job_id in RESERVED_IDS or not job_id.strip("."):
            self.say("id", _("“%(id)s” is reserved; choose another id.") % {"id": job_id})

    def texts(self) -> None:
        for name, longest in (("name", 200), ("description", 10_000)):
            value = self.given.get(name)
            if not isinstance(value, str):
                self.say(name, _("This must be a text, not %(value)s.") % {"value": _quoted(value)})
            elif name == "name" and not value.strip():
                self.say(name, _("A job needs a name."))
            elif len(value) > longest:
                self.say(
                    name,
                    _("At most %(most)d characters, not %(given)d.")
                    % {"most": longest, "given": len(value)},
                )
            elif not _is_storable(value):
                self.say(name, _("This holds a character that cannot be stored."))

    def policies(self) -> None:
        for name in ("is_enabled", "coalesce"):
            value = self.given.get(name)
            if not isinstance(value, bool) and not (name == "coalesce" and value is None):
                self.say(name, _("Use true or false, not %(value)s.") % {"value": _quoted(value)})
        for name, least, most in (
            ("max_instances", 1, MAX_INSTANCES_LIMIT),
            ("misfire_grace_time", 0, MAX_POLICY_SECONDS),
            ("timeout", 0, MAX_POLICY_SECONDS),
        ):
            value = self.given.get(name)
            if value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
                self.say(
                    name,
                    _("Use a whole number from %(least)d to %(most)d, not %(value)s.")
                    % {"least": least, "most": most, "value": _quoted(value)},
                )
        executor = self.given.get("executor")
        if not isinstance(executor, str) or executor not in EXECUTORS:
            self.say("executor", UnknownExecutor(_quoted(executor)).message)

    def call(self) -> None:
        """Function and arguments, which are judged together."""
        function, args, kwargs = (self.given.get(key) for key in ("function", "args", "kwargs"))
        if not isinstance(function, str) or not function:
            self.say(
                "function",
                _("Name a registered task, not %(value)s.") % {"value": _quoted(function)},
            )
        if not isinstance(args, list | tuple):
            self.say("args", _("This must be a list, not %(value)s.") % {"value": _quoted(args)})
        if not isinstance(kwargs, Mapping):
            self.say(
                "kwargs", _("This must be an object, not %(value)s.") % {"value": _quoted(kwargs)}
            )
        if self.errors.keys() & {"function", "args", "kwargs"}:
            return
        try:
            text = json.dumps([args, kwargs], allow_nan=False, ensure_ascii=False)
        except (TypeError, ValueError, RecursionError) as error:
            self.say("kwargs", _("Arguments must be JSON: %(error)s.") % {"error": error})
            return
        if not _is_storable(text) or "\\u0000" in text:
            self.say("kwargs", _("This holds a character that cannot be stored."))
        elif len(text.encode()) > MAX_ARGUMENTS_BYTES:
            self.say(
                "kwargs",
                _("Arguments take at most %(most)d bytes.") % {"most": MAX_ARGUMENTS_BYTES},
            )
        else:
            self.collect(lambda: get_task(str(function)).bind(args, kwargs))  # type: ignore[arg-type]  # checked above

    def trigger(self, *, now: datetime, allow_past: bool) -> dict[str, Any]:
        zone = self.given.get("timezone")
        if not isinstance(zone, str):
            self.say(
                "timezone", _("This must be a text, not %(value)s.") % {"value": _quoted(zone)}
            )
            return {}
        return (
            self.collect(
                lambda: clean_params(
                    self.given.get("trigger_type"),  # type: ignore[arg-type]  # it checks
                    self.given.get("trigger_params"),  # type: ignore[arg-type]  # it checks
                    zone.strip() or django_timezone.get_default_timezone_name(),
                    now=now,
                    allow_past=allow_past,
                )
            )
            or {}
        )

    def collect(self, check: Any) -> Any:
        try:
            return check()
        except SchedulerError as error:
            for name, sentences in error.errors.items():
                for sentence in sentences:
                    self.say(name, sentence)
            return None


def _quoted(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 100 else f"{text[:100]}…"


def _is_storable(text: str) -> bool:
    """PostgreSQL stores no NUL, and nothing stores half a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\x00" not in text
