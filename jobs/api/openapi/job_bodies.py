"""What may be sent of a job and of its trigger, which no serializer reads (`jobs.api.wire`)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any

from jobs.api.openapi.fields import NO_NUL, NOT_BLANK
from jobs.control.input import DEFAULTS, POLICIES
from jobs.executions.claim import EXECUTORS
from jobs.models import Job
from jobs.models.job import (
    MAX_BACKOFF,
    MAX_INSTANCES_LIMIT,
    MAX_POLICY_SECONDS,
    MAX_RETRIES_LIMIT,
    RESERVED_IDS,
)
from jobs.registry import NAME_PATTERN
from jobs.triggers import TriggerType
from jobs.triggers.fields import NAMES, PREFIX, TERMS, limits
from jobs.triggers.interval import LONGEST_DAYS, UNITS
from jobs.triggers.spec import EXPRESSION
from jobs.triggers.values import JITTER_LIMIT, LENGTH_LIMIT

Schema = dict[str, Any]

ABOVE_ZERO: Schema = {
    "oneOf": [{"type": "integer", "minimum": 1}, {"type": "string", "pattern": "^0*[1-9][0-9]*$"}]
}
PARAMS = {
    "CronExpression": TriggerType.CRON,
    "CronFields": TriggerType.CRON,
    "Interval": TriggerType.INTERVAL,
    "Date": TriggerType.DATE,
}
"""Components that are trigger_params, and the type of trigger that takes them."""


def components(body: str, beside: Schema) -> dict[str, Schema]:
    """The body of that name, and what it is made of; `beside` is what stands beside a trigger."""
    params = dict(_params())
    job = _fields()
    match body:
        case "NewJob":
            job = {"id": _id(), **job}
            found = _for_each_trigger(body, job, ("id", "name", "function"), params)
        case "NewJobByFunction":
            job = {"id": {**_id(), "nullable": True}, **job}
            found = _for_each_trigger(body, job, ("name", "function"), params)
        case "JobChanges":
            found = _changes(job, params)
        case _:
            found = _for_each_trigger(body, {"timezone": job["timezone"], **beside}, (), params)
    return params | found


def _for_each_trigger(
    name: str, fields: Schema, required: Collection[str], params: dict[str, Schema]
) -> dict[str, Schema]:
    """The body for each type of trigger, its parameters in `trigger_params` or flat."""
    found: dict[str, Schema] = {}
    for kind in TriggerType:
        takes = [ref(each) for each, its in PARAMS.items() if its is kind]
        nested = {"trigger_params": takes[0] if len(takes) == 1 else {"oneOf": takes}}
        found[f"{name}{kind.capitalize()}"] = _object(
            {**fields, **_type(kind), **nested}, [*required, "trigger_type", "trigger_params"]
        )
    for each, kind in PARAMS.items():
        flat = params[each]
        more = {"anyOf": flat["anyOf"]} if "anyOf" in flat else {}
        found[f"{name}Flat{each}"] = _object(
            {**fields, **_type(kind), **flat["properties"]},
            [*required, "trigger_type", *flat.get("required", ())],
            **more,
        )
    return {**found, name: {"oneOf": [ref(each) for each in found]}}


def _changes(job: Schema, params: dict[str, Schema]) -> dict[str, Schema]:
    job = {**job, "trigger_type": {"type": "string", "enum": list(TriggerType)}}
    flat: Schema = {}
    for each in params.values():
        flat |= each["properties"]
    nested = {"trigger_params": {"anyOf": [ref(each) for each in params]}}
    return {
        "JobChangesNested": _object({**job, **nested}),
        "JobChangesFlat": _object({**job, **flat}),
        "JobChanges": {"anyOf": [ref("JobChangesNested"), ref("JobChangesFlat")]},
    }


def _params() -> Iterator[tuple[str, Schema]]:
    window = {
        "start_date": _moment("Nothing is due before it."),
        "end_date": _moment("Nothing is due after it."),
        "jitter": _whole(JITTER_LIMIT, "At most so many seconds later, by chance."),
    }
    yield "CronExpression", _object({EXPRESSION: _expression(), **window}, [EXPRESSION])
    fields = {name: _cron_field(name) for name in NAMES}
    yield (
        "CronFields",
        _object(
            {**fields, **window},
            anyOf=_one_of_these(NAMES),
            description="As APScheduler reads them: of the fields that are absent, those below "
            f"the lowest given one are at their least, the others any. `{PREFIX}` may stand "
            "before each name.",
        ),
    )
    most = {unit: LONGEST_DAYS * UNITS["days"] // seconds for unit, seconds in UNITS.items()}
    units = {unit: _whole(most[unit], f"How many {unit}.") for unit in UNITS}
    yield (
        "Interval",
        _object(
            {**units, **window},
            anyOf=[{"required": [unit], "properties": {unit: ABOVE_ZERO}} for unit in UNITS],
            description="The sum of what is given; at least a second, at most 100 years.",
        ),
    )
    yield (
        "Date",
        _object({"run_date": _moment("The one time to run; it must lie ahead.")}, ["run_date"]),
    )


def _id() -> Schema:
    return {
        "type": "string",
        "maxLength": 100,
        "pattern": "^[.]*[A-Za-z0-9_-][A-Za-z0-9_.-]*$",
        "not": {"enum": sorted(RESERVED_IDS)},
        "description": _help("id"),
    }


def _fields() -> Schema:
    """What a job has beside its id and its trigger, in the order in which it is shown."""
    null = {"nullable": True}
    whole = {"type": "integer", **null}
    found: Schema = {
        "name": {"type": "string", "maxLength": 200, "pattern": NOT_BLANK},
        "description": {"type": "string", "maxLength": 10_000, "pattern": NO_NUL},
        "function": {
            "type": "string",
            "format": "function",
            "pattern": f"^{NAME_PATTERN.pattern}$",
            "description": "The name of a registered function; see `functions`.",
        },
        "args": {"type": "array", "items": {}, "description": "As its function takes them."},
        "kwargs": {"type": "object", "description": "As its function takes them."},
        "timezone": {"type": "string", "format": "time-zone"},
        "executor": {"type": "string", "enum": sorted(EXECUTORS)},
        "coalesce": {"type": "boolean", **null},
        "max_instances": {**whole, "minimum": 1, "maximum": MAX_INSTANCES_LIMIT},
        "misfire_grace_time": {**whole, "minimum": 0, "maximum": MAX_POLICY_SECONDS},
        "timeout": {**whole, "minimum": 0, "maximum": MAX_POLICY_SECONDS},
        "max_retries": {**whole, "minimum": 0, "maximum": MAX_RETRIES_LIMIT},
        "retry_delay": {**whole, "minimum": 0, "maximum": MAX_POLICY_SECONDS},
        "retry_backoff": {"type": "number", **null, "minimum": 1, "maximum": MAX_BACKOFF},
        "rerun_if_interrupted": {"type": "boolean", **null},
        "enabled": {"type": "boolean", "default": DEFAULTS["is_enabled"]},
    }
    for name in ("timezone", *POLICIES):
        found[name]["description"] = _help(name)
    for name in POLICIES:
        found[name]["description"] += " Null: as the function or the settings say."
    return found


def _help(name: str) -> str:
    return str(getattr(Job._meta.get_field(name), "help_text", ""))


def _type(kind: TriggerType) -> Schema:
    return {"trigger_type": {"type": "string", "enum": [kind.value]}}


def _expression() -> Schema:
    return {
        "type": "string",
        "format": "cron",
        "maxLength": LENGTH_LIMIT,
        "pattern": r"^\s*(@[A-Za-z]+|[!-~]+(\s+[!-~]+){4,6})\s*$",
        "description": "As crontab(5) has it: 5 fields, 6 with leading seconds, 7 with a "
        "trailing year as well, or `@daily` and its sisters.",
    }


def _cron_field(name: str) -> Schema:
    least, most = limits(name)
    term = TERMS[name].pattern.replace(r"\d", "[0-9]")
    terms = f"({term})( *, *({term}))*"
    if name in ("day", "day_of_week"):
        terms = rf"\?|{terms}"
    return {
        "oneOf": [
            {"type": "integer", "minimum": least, "maximum": most},
            {
                "type": "string",
                "maxLength": LENGTH_LIMIT,
                "pattern": f"^({terms})$",
            },
        ],
        "description": "A number, `*`, a list (1,5), a range (1-5), a step (*/5)."
        + (" By name, such as mon-fri." if name == "day_of_week" else ""),
    }


def _whole(most: int, help: str) -> Schema:
    return {
        "oneOf": [
            {"type": "integer", "minimum": 0, "maximum": most},
            {"type": "string", "pattern": "^[0-9]{1,15}$"},
        ],
        "description": help,
    }


def _moment(help: str) -> Schema:
    return {
        "type": "string",
        "format": "date-time",
        "maxLength": LENGTH_LIMIT,
        "description": f"{help} ISO 8601; without an offset in the zone of the job.",
    }


def _object(properties: Schema, required: Collection[str] = (), **more: Any) -> Schema:
    found: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return found | ({"required": list(required)} if required else {}) | more


def _one_of_these(names: Iterable[str]) -> list[Schema]:
    return [{"required": [name]} for name in names]


def ref(name: str) -> Schema:
    """To a component."""
    return {"$ref": f"#/components/schemas/{name}"}
