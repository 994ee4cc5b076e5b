"""An example of every body and of every answer, put together from one table of values."""

from __future__ import annotations

from typing import Any

from jobs.api.openapi.values import MESSAGES, MOMENT, OPTIONAL, VALUES

Schema = dict[str, Any]

JSON = "application/json"
TYPES = {
    "array": list,
    "boolean": bool,
    "integer": int,
    "number": float,
    "object": dict,
    "string": str,
}


def added(document: Schema) -> Schema:
    """The same document, with an example of each body and of each success."""
    sampler = _Sampler(document["components"]["schemas"])
    for path in document["paths"].values():
        for operation in path.values():
            if media := operation.get("requestBody", {}).get("content", {}).get(JSON):
                media.update(sampler.forms_of(media["schema"]))
            for answer in operation["responses"].values():
                media = answer.get("content", {}).get(JSON, {"schema": {}})
                if "data" in media["schema"].get("properties", {}):
                    example = sampler.of(media["schema"])
                    example["message"] = MESSAGES.get(operation["operationId"], "OK")
                    media["example"] = example
    return document


class _Sampler:
    def __init__(self, schemas: Schema) -> None:
        self.schemas = schemas

    def forms_of(self, schema: Schema) -> Schema:
        """An example of the body, or one for each of the forms that it may have."""
        name = schema["$ref"].rpartition("/")[2]
        body = self.schemas[name]
        forms = body.get("oneOf", body.get("anyOf", ()))
        if not all("$ref" in form for form in forms) or not forms:
            return {"example": self.of(schema)}
        refs = [form["$ref"] for form in forms]
        return {
            "examples": {ref.rpartition(name)[2]: {"value": self.of({"$ref": ref})} for ref in refs}
        }

    def of(self, schema: Schema, component: str = "", name: str = "") -> Any:
        """A value of the schema, which stands as `name` in the component."""
        if "$ref" in schema:
            component = schema["$ref"].rpartition("/")[2]
            return self.of(self.schemas[component], component)
        for key in (*self.keys(component, name), name):
            if key in VALUES and _fits(VALUES[key], schema):
                return VALUES[key]
        if parts := schema.get("allOf"):
            return self.of(parts[0])
        if "properties" in schema:
            return self.object(schema, component)
        if forms := schema.get("oneOf", schema.get("anyOf")):
            return self.of(forms[0], component, name)
        if schema.get("nullable"):
            return None
        if "enum" in schema:
            return schema["enum"][0]
        return self.plain(schema, component, name)

    def keys(self, component: str, name: str) -> list[str]:
        """Those of the component, then those of components whose names are its beginning."""
        beginnings = [component[:length] for length in range(len(component), 0, -1)]
        return [f"{beginning}.{name}" for beginning in beginnings]

    def object(self, schema: Schema, component: str) -> Schema:
        flat = component.rpartition("Flat")[2]
        names = {*schema.get("required", ()), *OPTIONAL.get(component, OPTIONAL.get(flat, ()))}
        return {
            name: self.of(each, component, name)
            for name, each in schema["properties"].items()
            if name in names
        }

    def plain(self, schema: Schema, component: str, name: str) -> Any:
        match schema.get("type"), schema.get("format"):
            case "array", _:
                return [self.of(schema["items"], component, name)]
            case "string", "date-time":
                return MOMENT
            case "string", "date":
                return MOMENT[:10]
            case "integer" | "number" | "boolean" | "object" as kind, _:
                return TYPES[kind]()
        raise KeyError(f"{component}.{name} has no value in jobs.api.openapi.values.")


def _fits(value: Any, schema: Schema) -> bool:
    if value is None:
        return bool(schema.get("nullable"))
    if "enum" in schema:
        return value in schema["enum"]
    return schema.keys() <= {"nullable", "description"} or type(value) is TYPES.get(
        schema.get("type", "")
    )
