"""The filters of a list as parameters of its query."""

from __future__ import annotations

from typing import Any

from jobs.api.filters import Day, Filters, Id, Moment, Words, YesNo
from jobs.api.openapi.fields import NO_NUL
from jobs.api.strict import MAX_ID

Schema = dict[str, Any]


def properties(filterset: type[Filters] | None) -> dict[str, Schema]:
    """The schema of each filter by its name."""
    filters = filterset.base_filters if filterset is not None else {}
    return {name: _schema(each) | _help(each) for name, each in filters.items()}


def _schema(filter: Any) -> Schema:
    match filter:
        case Words():
            words = list(filter.extra["words"])
            items = {"type": "string", "enum": words}
            return {"type": "array", "items": items, "minItems": 1, "uniqueItems": True}
        case YesNo():
            return {"type": "boolean"}
        case Id():
            return {"type": "integer", "format": "int64", "minimum": 1, "maximum": MAX_ID}
        case Day():
            return {"type": "string", "format": "date"}
        case Moment():
            return {"type": "string", "format": "date-time"}
    least = {"minLength": 1} if filter.extra["required"] else {}
    return {"type": "string", **least, "maxLength": filter.extra["max_length"], "pattern": NO_NUL}


def _help(filter: Any) -> Schema:
    text = str(filter.extra.get("help_text", ""))
    if isinstance(filter, Words):
        text = f"{text} Several with commas between them.".strip()
    return {"description": text} if text else {}
