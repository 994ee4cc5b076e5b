"""The API's description: it is of now, it leaves nothing out, and its examples are true."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from django.contrib.staticfiles import finders
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import translation
from drf_spectacular.renderers import OpenApiYamlRenderer
from jsonschema import Draft4Validator
from rest_framework.request import Request
from rest_framework.test import APIClient

from jobs.api.description import FILE
from jobs.api.envelope import Answer
from jobs.api.openapi.document import DocumentGenerator
from jobs.api.openapi.values import MESSAGES, OPTIONAL, VALUES
from jobs.api.view import ApiView
from tests.api.answers import refused
from tests.api.conftest import BASE, Login
from tests.factories import grant, make_job, make_user

Schema = dict[str, Any]

NOT_DESCRIBED = {
    "scheduler:home",  # pages
    "scheduler:docs",
    "scheduler:api_root",  # where nothing is
    "scheduler:unknown",
}


@pytest.fixture(scope="module")
def document() -> Schema:
    found: Schema = yaml.load(FILE.read_bytes(), Loader=yaml.CSafeLoader)
    return found


def operations(document: Schema) -> Iterator[tuple[str, Schema]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def test_the_file_is_what_make_schema_writes() -> None:
    with translation.override("en"):
        made = DocumentGenerator().get_schema(public=True)
        written = OpenApiYamlRenderer().render(made, renderer_context={})
    assert written == FILE.read_bytes(), "Run make schema."


def test_every_path_and_method_is_described(document: Schema) -> None:
    for name, path, view in _views(get_resolver(), "", ""):
        if name in NOT_DESCRIBED:
            continue
        methods = {method.lower() for method in view().allowed_methods} - {"head", "options"}
        assert document["paths"][path].keys() == methods, name


def test_a_method_that_declares_nothing_cannot_be_described() -> None:
    class Undeclared(ApiView):
        def get(self, request: Request) -> Answer:
            return Answer(None)

    view = Undeclared()
    with pytest.raises(AttributeError, match="endpoint"):
        view.schema.get_operation("/x", "^x$", "/", "GET", object())


def test_every_operation_has_an_id_of_its_own_and_a_summary(document: Schema) -> None:
    found = [operation for _name, operation in operations(document)]
    ids = [operation["operationId"] for operation in found]
    assert len(set(ids)) == len(ids)
    tags = {tag["name"] for tag in document["tags"]}
    for operation in found:
        assert operation["summary"]
        assert set(operation["tags"]) <= tags
        assert operation["responses"].keys() > {"400", "406", "500", "503"}


def test_every_operation_but_liveness_asks_for_a_login(document: Schema) -> None:
    for name, operation in operations(document):
        if name == "GET /healthz":
            assert operation["security"] == []
            continue
        session = {"session": []} if name.startswith("GET ") else {"session": [], "csrf": []}
        assert operation["security"] == [{"token": []}, session], name
        assert operation["responses"].keys() > {"401", "403"}


def test_every_example_is_what_its_schema_allows(document: Schema) -> None:
    count = 0
    components = _without_nullable(document["components"])
    for name, media in _media(document):
        schema = {**_without_nullable(media["schema"]), "components": components}
        examples = [each["value"] for each in media.get("examples", {}).values()]
        for example in [media["example"]] if "example" in media else examples:
            errors = [error.message for error in Draft4Validator(schema).iter_errors(example)]
            assert errors == [], (name, example)
            count += 1
    assert count > 100


def test_every_value_of_the_examples_is_of_something_that_is_there(document: Schema) -> None:
    ids = {operation["operationId"] for _name, operation in operations(document)}
    assert MESSAGES.keys() <= ids
    schemas = document["components"]["schemas"]
    assert OPTIONAL.keys() <= schemas.keys()
    for component, _, field in (key.rpartition(".") for key in VALUES):
        named = [schemas[name] for name in schemas if name.startswith(component)]
        assert any(field in schema.get("properties", {}) for schema in named), (component, field)


def test_it_is_given_as_yaml_or_as_json(viewer: APIClient, document: Schema) -> None:
    plain = viewer.get(BASE + "schema")
    assert plain.headers["Content-Type"] == "application/yaml; charset=utf-8"
    assert plain.content == FILE.read_bytes()
    as_json = viewer.get(BASE + "schema", HTTP_ACCEPT="application/json, */*")
    assert as_json.headers["Content-Type"] == "application/json; charset=utf-8"
    assert json.loads(as_json.content) == document
    refused(viewer.get(BASE + "schema", HTTP_ACCEPT="image/png"), 406, "not_acceptable")
    refused(viewer.get(BASE + "schema?format=json"), 400, field="format")


@pytest.mark.django_db
def test_the_page_is_for_who_may_view_a_job(login: Login, client: Client) -> None:
    to_login = client.get(BASE + "docs")
    assert to_login.headers["Location"].startswith("/admin/login/?next=")
    user = make_user()
    assert login(user).get(BASE + "docs").status_code == 403
    grant(user, "view_job", make_job())
    assert login(user).get(BASE + "docs").status_code == 200
    assert login(user).post(BASE + "docs").status_code == 405


def test_the_page_has_only_files_of_this_site_and_nothing_inline(viewer: APIClient) -> None:
    page = viewer.get(BASE + "docs").content.decode()
    files = re.findall(r'(?:src|href)="/static/([^"]+)"', page)
    assert len(files) == 4
    for file in files:
        assert finders.find(file), file
    assert not re.search(r"<style|style=|<script(?![^>]*\ssrc=)|\son\w+=|https?://", page)


def _views(resolver: URLResolver, space: str, start: str) -> Iterator[tuple[str, str, Any]]:
    """Name, path as the description writes it, and class of the API's views."""
    for pattern in resolver.url_patterns:
        here = start + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _views(
                pattern, f"{pattern.namespace}:" if pattern.namespace else space, here
            )
        elif isinstance(pattern, URLPattern) and hasattr(pattern.callback, "cls"):
            path = re.sub(r"\(\?P<(\w+)>.*?\)", r"{\1}", here.replace("^", ""))
            path = "/" + path.removesuffix("/?$").replace("{pk}", "{id}")
            yield f"{space}{pattern.name}", path, pattern.callback.cls


def _media(document: Schema) -> Iterator[tuple[str, Schema]]:
    for name, operation in operations(document):
        bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
        for body in bodies:
            for media in body.get("content", {}).values():
                yield name, media
    for name, response in document["components"]["responses"].items():
        yield name, response["content"]["application/json"]


def _without_nullable(schema: Any) -> Any:
    """The same for JSON Schema, which says it otherwise."""
    if isinstance(schema, list):
        return [_without_nullable(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {key: _without_nullable(each) for key, each in schema.items() if key != "nullable"}
    return {"anyOf": [plain, {"enum": [None]}]} if schema.get("nullable") is True else plain
