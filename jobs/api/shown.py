"""Serializers of rows, which have all attributes that the fields name.

The framework looks each value up and converts it by several calls; half of the time of a page
was spent there. Here it is worked out once for each serializer how its values are read.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from operator import attrgetter
from typing import Any, NamedTuple

from rest_framework import serializers

AS_THEY_ARE = (
    serializers.CharField,
    serializers.IntegerField,
    serializers.FloatField,
    serializers.BooleanField,
    serializers.ChoiceField,
    serializers.JSONField,
)
"""Fields whose values come from the database as JSON has them."""


class Moment(serializers.DateTimeField):
    """A moment in UTC."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(default_timezone=UTC, **kwargs)

    def to_representation(self, value: datetime) -> Any:  # which the renderer writes
        return value.astimezone(UTC)


class Shown(serializers.Serializer[Any]):
    # Without a docstring, which would stand in the API's description of each.
    # Its methods that fields name read nothing but the row: one instance serves all requests.

    def to_representation(self, instance: Any) -> dict[str, Any]:
        plan = _plan(type(self))
        shown = dict.fromkeys(plan.names)
        shown.update(zip(plan.columns, plan.values_of(instance), strict=True))
        for name, convert in plan.conversions:
            if (value := shown[name]) is not None:
                shown[name] = convert(value)
        for name, method in plan.methods:
            shown[name] = method(instance)
        return shown


class Plan(NamedTuple):
    """How a row becomes what is shown of it."""

    names: list[str]
    columns: list[str]
    """Those of the names whose values are attributes of the row; at least two."""
    values_of: Callable[[Any], tuple[Any, ...]]
    conversions: list[tuple[str, Callable[[Any], Any]]]
    methods: list[tuple[str, Callable[[Any], Any]]]


@cache
def _plan(serializer: type[Shown]) -> Plan:
    fields: dict[str, Any] = {str(f.field_name): f for f in serializer()._readable_fields}
    methods = [
        (name, getattr(field.parent, field.method_name))
        for name, field in fields.items()
        if isinstance(field, serializers.SerializerMethodField)
    ]
    columns = {name: field for name, field in fields.items() if name not in dict(methods)}
    return Plan(
        list(fields),
        list(columns),
        attrgetter(*(".".join(field.source_attrs) for field in columns.values())),
        [
            (name, field.to_representation)
            for name, field in columns.items()
            if type(field) not in AS_THEY_ARE
        ],
        methods,
    )
