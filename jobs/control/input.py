"""What a person or a program may say of a job, checked before anything is written."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from django.utils import timezone as django_timezone
from django.utils.translation import gettext as _

from jobs.control.audit import differing
from jobs.errors import Invalid, SchedulerError
from jobs.executions.claim import EXECUTORS, UnknownExecutor
from jobs.models.job import (
    ID_PATTERN,
    MAX_BACKOFF,
    MAX_INSTANCES_LIMIT,
    MAX_POLICY_SECONDS,
    MAX_RETRIES_LIMIT,
    RESERVED_IDS,
)
from jobs.registry import NAME_PATTERN, get_task
from jobs.triggers import clean_params

POLICIES = (
    "coalesce",
    "max_instances",
    "misfire_grace_time",
    "timeout",
    "max_retries",
    "retry_delay",
    "retry_backoff",
    "rerun_if_interrupted",
)
"""What a job inherits where it says nothing (None)."""

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
    *POLICIES,
    "is_enabled",
)
"""Everything that makes up a job's definition, in the order in which it is shown."""

CALL_FIELDS = frozenset({"function", "args", "kwargs"})
TRIGGER_FIELDS = frozenset({"trigger_type", "trigger_params", "timezone"})
POLICY_FIELDS = frozenset({"executor", *POLICIES})
BUILTIN_FIELDS = TRIGGER_FIELDS | POLICY_FIELDS | {"is_enabled"}
"""What may change of a built-in job."""

MAX_ARGUMENTS_BYTES = 64 * 1024
NUL_IN_JSON = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
"""The escape itself; not the six characters of it in a text, whose backslash is doubled."""

DEFAULTS: dict[str, Any] = {
    "description": "",
    "args": [],
    "kwargs": {},
    "timezone": "",
    "executor": "threads",
    **dict.fromkeys(POLICIES),
    "is_enabled": True,
}


def clean_job(
    data: Mapping[str, Any], *, now: datetime, allow_past: bool = False
) -> dict[str, Any]:
    """A whole definition (every field of FIELDS) from `data`, its absent fields by default.

    With `allow_past` a `run_date` that is over is accepted, as a file may hold one. Raises
    Invalid with every problem by its field.
    """
    checks = _Checks({**DEFAULTS, **data})
    return checks.cleaned(FIELDS, now=now, allow_past=allow_past)


def clean_changes(
    before: Mapping[str, Any], changes: Mapping[str, Any], *, now: datetime
) -> dict[str, Any]:
    """The whole definition that `changes` make of `before`; raises Invalid.

    Only what is touched is judged, so that a broken job can be changed too: one whose task
    has gone can be renamed, and one whose date has passed stays as it is.
    """
    given = {**before, **changes}
    asked = differing(before, given)
    if asked & TRIGGER_FIELDS:
        # Another way to write the same trigger does not touch it.
        same = _Checks(given)
        params = same.trigger(now=now, allow_past=True)
        if not same.errors:
            given |= {"trigger_params": params, "timezone": given["timezone"].strip()}
            asked = differing(before, given)
    return _Checks(given).cleaned(asked, now=now, allow_past=False)


def clean_trigger(fields: Mapping[str, Any], *, now: datetime) -> dict[str, Any]:
    """TRIGGER_FIELDS as they would be stored; raises Invalid as for a job that has them."""
    checks = _Checks({"timezone": "", **fields})
    params = checks.trigger(now=now, allow_past=False)
    if checks.errors:
        raise Invalid(checks.errors)
    return {
        "trigger_type": fields["trigger_type"],
        "trigger_params": params,
        "timezone": checks.given["timezone"].strip(),
    }


def clean_arguments(function: str, args: Any, kwargs: Any) -> tuple[list[Any], dict[str, Any]]:
    """Arguments for one run of `function`; raises Invalid naming the parameter."""
    checks = _Checks({"function": function, "args": args, "kwargs": kwargs})
    cleaned = checks.call()
    if checks.errors:
        raise Invalid(checks.errors)
    return cleaned["args"], cleaned["kwargs"]


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

    def cleaned(self, asked: Collection[str], *, now: datetime, allow_past: bool) -> dict[str, Any]:
        """Every field of FIELDS, of which those `asked` for are judged; raises Invalid."""
        self.unknown_keys()
        if "id" in asked:
            self.identity()
        self.texts(asked)
        self.policies(asked)
        changed: dict[str, Any] = {}
        if not CALL_FIELDS.isdisjoint(asked):
            changed |= self.call()
        if not TRIGGER_FIELDS.isdisjoint(asked):
            changed["trigger_params"] = self.trigger(now=now, allow_past=allow_past)
        if self.errors:
            raise Invalid(self.errors)
        for name in ("name", "description", "timezone"):
            changed[name] = self.given[name].strip()
        return {name: self.given[name] for name in FIELDS} | changed

    def say(self, name: str, sentence: str) -> None:
        self.errors.setdefault(name, []).append(sentence)

    def unknown_keys(self) -> None:
        for key in sorted(str(key) for key in self.given.keys() - set(FIELDS)):
            self.say(
                _printable(key[:100]),
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

    def texts(self, asked: Collection[str]) -> None:
        for name, longest in (("name", 200), ("description", 10_000)):
            value = self.given.get(name)
            if name not in asked:
                continue
            if name == "name" and (value is None or (isinstance(value, str) and not value.strip())):
                self.say(name, _("A job needs a name."))
            elif not isinstance(value, str):
                self.say(name, _("This must be a text, not %(value)s.") % {"value": _quoted(value)})
            elif len(value) > longest:
                self.say(
                    name,
                    _("At most %(most)d characters, not %(given)d.")
                    % {"most": longest, "given": len(value)},
                )
            elif not is_storable(value):
                self.say(name, _("This holds a character that cannot be stored."))

    def policies(self, asked: Collection[str]) -> None:
        for name in ("is_enabled", "coalesce", "rerun_if_interrupted"):
            value = self.given.get(name)
            if name not in asked or (value is None and name != "is_enabled"):
                continue
            if not isinstance(value, bool):
                self.say(name, _("Use true or false, not %(value)s.") % {"value": _quoted(value)})
        for name, least, most in (
            ("max_instances", 1, MAX_INSTANCES_LIMIT),
            ("misfire_grace_time", 0, MAX_POLICY_SECONDS),
            ("timeout", 0, MAX_POLICY_SECONDS),
            ("max_retries", 0, MAX_RETRIES_LIMIT),
            ("retry_delay", 0, MAX_POLICY_SECONDS),
        ):
            value = self.given.get(name)
            if name not in asked or value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
                self.say(
                    name,
                    _("Use a whole number from %(least)d to %(most)d, not %(value)s.")
                    % {"least": least, "most": most, "value": _quoted(value)},
                )
        backoff = self.given.get("retry_backoff")
        if "retry_backoff" in asked and backoff is not None:
            is_number = isinstance(backoff, int | float) and not isinstance(backoff, bool)
            if not is_number or not 1 <= backoff <= MAX_BACKOFF:
                self.say(
                    "retry_backoff",
                    _("Use a number from 1 to %(most)g, not %(value)s.")
                    % {"most": MAX_BACKOFF, "value": _quoted(backoff)},
                )
        executor = self.given.get("executor")
        if "executor" in asked and (not isinstance(executor, str) or executor not in EXECUTORS):
            self.say("executor", UnknownExecutor(_quoted(executor)).message)

    def call(self) -> dict[str, Any]:
        """Function and arguments, which are judged together; the latter as they are stored."""
        function, args, kwargs = (self.given.get(key) for key in ("function", "args", "kwargs"))
        if function is None:
            self.say("function", _("A job needs a function: name a registered task."))
        elif not isinstance(function, str) or not NAME_PATTERN.fullmatch(function):
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
        elif not all(isinstance(name, str) for name in kwargs):
            self.say("kwargs", _("The names of arguments must be texts."))
        if self.errors.keys() & CALL_FIELDS:
            return {}
        texts = {"args": self.text("args", args), "kwargs": self.text("kwargs", kwargs)}
        sizes = {name: len(text.encode()) for name, text in texts.items() if text is not None}
        if sum(sizes.values()) > MAX_ARGUMENTS_BYTES:
            self.say(
                max(sizes, key=sizes.__getitem__),
                _("Arguments take at most %(most)d bytes.") % {"most": MAX_ARGUMENTS_BYTES},
            )
        if self.errors.keys() & CALL_FIELDS:
            return {}
        args, kwargs = (json.loads(text or "") for text in texts.values())
        self.collect(lambda: get_task(str(function)).arguments.bind(args, kwargs))
        return {"args": args, "kwargs": kwargs}

    def text(self, name: str, value: Any) -> str | None:
        try:
            text = json.dumps(value, allow_nan=False, ensure_ascii=False)
        except (TypeError, ValueError, RecursionError) as error:
            self.say(name, _("Arguments must be JSON: %(error)s.") % {"error": error})
            return None
        if not is_storable(text) or NUL_IN_JSON.search(text):
            self.say(name, _("This holds a character that cannot be stored."))
            return None
        return text

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
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # Python writes no integer of some thousand digits
        return _("a value of type %(type)s that is too large") % {"type": type(value).__name__}
    return text if len(text) <= 100 else f"{text[:100]}…"


def _printable(text: str) -> str:
    return text if text.isprintable() else ascii(text)[1:-1]


def is_storable(text: str) -> bool:
    """PostgreSQL stores no NUL, and nothing stores half a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\x00" not in text
