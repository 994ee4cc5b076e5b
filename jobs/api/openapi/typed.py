"""Type hints as schemas: what is shown and no serializer's is a TypedDict."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from types import NoneType, UnionType
from typing import (
    Any,
    Literal,
    NotRequired,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

from drf_spectacular.plumbing import build_basic_type

Schema = dict[str, Any]
Component = Callable[[str, Schema], Schema]


def schema_of(hint: Any, component: Component) -> Schema:
    """The schema of what the hint says; every TypedDict becomes a component, which `component`
    takes with its name and gives a reference to."""
    origin, inner = get_origin(hint), get_args(hint)
    if hint is Any:
        return {}
    if is_typeddict(hint):
        return component(hint.__name__.removesuffix("Data"), _typed_dict(hint, component))
    if origin in (Union, UnionType):
        (some,) = (each for each in inner if each is not NoneType)
        return nullable(schema_of(some, component))
    if origin is list:
        return {"type": "array", "items": schema_of(inner[0], component)}
    if origin in (dict, Mapping):
        return {"type": "object", "additionalProperties": schema_of(inner[1], component)}
    if origin is Literal:
        return {"type": "string", "enum": list(inner)}
    found = build_basic_type(hint)
    if found is None:
        raise TypeError(f"{hint} is not described.")
    return dict(found)


def nullable(schema: Schema) -> Schema:
    """The same, or null; beside a reference nothing may stand."""
    return {"nullable": True, **({"allOf": [schema]} if "$ref" in schema else schema)}


def _typed_dict(hint: Any, component: Component) -> Schema:
    found: Schema = {
        "type": "object",
        "properties": {
            name: schema_of(each, component) for name, each in get_type_hints(hint).items()
        },
        "required": [
            name
            for name, each in get_type_hints(hint, include_extras=True).items()
            if get_origin(each) is not NotRequired
        ],
    }
    if hint.__doc__:
        found["description"] = inspect.cleandoc(hint.__doc__)
    return found
