"""Serializers of rows, which have all attributes that the fields name.

The framework looks each value up and converts it by several calls; half of the time of a page
was spent there. Here it is worked out once for all rows of a list how each value is read.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from operator import attrgetter
from typing import Any

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
        return {name: read(instance) for name, read in _readers(type(self))}


@cache
def _readers(serializer: type[Shown]) -> list[tuple[str, Callable[[Any], Any]]]:
    return [(str(field.field_name), _reader(field)) for field in serializer()._readable_fields]


def _reader(field: Any) -> Callable[[Any], Any]:
    if isinstance(field, serializers.SerializerMethodField):
        method: Callable[[Any], Any] = getattr(field.parent, field.method_name)
        return method
    get = attrgetter(".".join(field.source_attrs))
    if type(field) in AS_THEY_ARE:
        return get
    convert = field.to_representation

    def read(instance: Any) -> Any:
        value = get(instance)
        return None if value is None else convert(value)

    return read
