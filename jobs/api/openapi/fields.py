"""The fields of serializers as schemas: what readers are strict about, and what models say."""

from __future__ import annotations

from typing import Any, get_type_hints

from django.core.exceptions import FieldDoesNotExist
from drf_spectacular.drainage import has_override
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent
from rest_framework import serializers

from jobs.api.openapi.typed import schema_of
from jobs.api.strict import Strict, Text

Schema = dict[str, Any]

JSON: dict[Any, Schema] = {list: {"type": "array", "items": {}}, dict: {"type": "object"}}
"""What a column of JSON holds, by its default."""
NO_NUL = r"^[^\u0000]*$"
NOT_BLANK = r"^[^\u0000]*[^\s\u0000][^\u0000]*$"


class FieldSchema(AutoSchema):
    """What a shown field of a model may be is read from the model: null, choices, list or
    object, and its help."""

    def _map_serializer_field(
        self, field: Any, direction: Any, bypass_extensions: bool = False
    ) -> Schema | None:
        schema: Schema | None = super()._map_serializer_field(field, direction, bypass_extensions)
        if schema is None or isinstance(field, serializers.BaseSerializer):
            return schema
        if column := _column(field):
            schema |= _of_column(column, schema)
            if isinstance(field, serializers.JSONField):
                schema |= JSON.get(column[0].default, {})
        return schema

    def _insert_field_validators(self, field: Any, schema: Schema) -> None:
        super()._insert_field_validators(field, schema)
        if isinstance(field, serializers.ListField) and not field.allow_empty:
            schema["minItems"] = 1
        if isinstance(field, Text):
            schema["pattern"] = _pattern(field)

    def _map_response_type_hint(self, method: Any) -> Schema:
        if has_override(method, "field"):  # by extend_schema_field
            return dict(super()._map_response_type_hint(method))
        return schema_of(get_type_hints(method)["return"], self._schema_component)

    def _schema_component(self, name: str, schema: Schema) -> Schema:
        return self._component(ResolvedComponent.SCHEMA, name, schema)

    def _component(self, kind: str, name: str, schema: Schema) -> Schema:
        component = ResolvedComponent(name, kind, schema, object=name)
        self.registry.register_on_missing(component)
        if self.registry[component].schema != schema:
            raise AssertionError(f"Two different components are called {name}.")
        return dict(component.ref)

    def _map_basic_serializer(self, serializer: Any, direction: Any) -> Schema:
        schema: Schema = super()._map_basic_serializer(serializer, direction)
        if isinstance(serializer, Strict):
            schema["additionalProperties"] = False
        else:
            schema["required"] = list(schema["properties"])
        return schema


def _pattern(field: Text) -> str:
    if field.allow_blank:
        return NO_NUL
    return NOT_BLANK if field.trim_whitespace else NO_NUL.replace("*", "+")


def _column(field: Any) -> tuple[Any, bool] | None:
    """The model's field that a serializer's field shows, and whether it may be null on the way;
    None for what is no column."""
    model: Any = getattr(field.parent, "model", None)
    may_be_null = False
    column = None
    for name in field.source_attrs if model else ():
        if column is not None:
            model = column.related_model
        try:
            column = model._meta.get_field(name)
        except FieldDoesNotExist:
            return None
        may_be_null = may_be_null or column.null
    return None if column is None else (column, may_be_null)


def _of_column(found: tuple[Any, bool], schema: Schema) -> Schema:
    column, may_be_null = found
    said: Schema = {}
    if may_be_null:
        said["nullable"] = True
    if column.help_text and "description" not in schema:
        said["description"] = str(column.help_text)
    if column.choices and schema.get("type") == "string":
        said["enum"] = [value for value, _label in column.flatchoices]
        said["enum"] += [None] if may_be_null else []
    return said
