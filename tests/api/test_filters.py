"""Whatever stands in the query of whichever list: it is understood, or refused by name."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.urls import get_resolver
from rest_framework.test import APIClient

from jobs.api.filters import Day, Id, Moment, Words, YesNo
from jobs.api.view import Listing
from tests.api.answers import refused
from tests.api.conftest import BASE
from tests.factories import make_user


def lists() -> Iterator[tuple[str, type[Listing]]]:
    """Every list of the site: its path, and its view."""
    for space in get_resolver().url_patterns:
        for pattern in getattr(space, "url_patterns", []):
            view = getattr(pattern.callback, "cls", None)
            if isinstance(view, type) and issubclass(view, Listing) and hasattr(view, "get"):
                path = str(pattern.pattern)
                if "by-func" not in path:  # creates, and lists nothing
                    yield path.removeprefix("^api/").removesuffix("/?$"), view


LISTS = dict(lists())

ANYTHING = [
    "",
    " ",
    "\x00",
    "a\x00b",
    "\x7f\x01",
    "x" * 10_000,
    "0",
    "-1",
    "1.0",
    "1e3",
    str(2**63),
    "9" * 5_000,
    "nan",
    "Infinity",
    "null",
    "true",
    "[]",
    "a,b",
    ",",
    "\u202e",
    "夜 😀",
    "%",
    "'; --",
    "0000-01-01",
    "0001-01-01T00:00:00+14:00",
    "99999-01-01",
    "9999-12-31T23:59:59-12:00",
    "2026-02-30",
    "2026-01-01T00:00:00 00:00",
]


@pytest.fixture
def reader(db: None) -> APIClient:
    client = APIClient()
    client.force_login(make_user(name="root", is_superuser=True))
    return client


def test_the_lists_are_found() -> None:
    assert {"jobs", "executions", "estate/instances", "estate/snapshots"} <= LISTS.keys()


@pytest.mark.parametrize("path", LISTS)
def test_a_list_answers_or_names_the_parameter_whatever_is_sent(
    reader: APIClient, path: str
) -> None:
    view = LISTS[path]
    for name in [*view.filterset.names(), *view.paging().fields]:
        for value in ANYTHING:
            response = reader.get(BASE + path, {name: value})
            if response.status_code not in (200, 404):  # 404 is a page that is not there
                refused(response, 400, "validation_error", field=name)


@pytest.mark.parametrize("path", LISTS)
def test_what_a_filter_does_not_know_is_refused(reader: APIClient, path: str) -> None:
    for name, asked in LISTS[path].filterset.base_filters.items():
        if isinstance(asked, Words | YesNo | Id | Day | Moment):
            body = refused(reader.get(BASE + path, {name: "nonsense"}), 400, field=name)
            if isinstance(asked, Words):
                words = list(asked.extra["words"])
                assert all(word in body["errors"][name][0] for word in words)
                twice = {name: f"{words[0]},{words[0]}"}
                refused(reader.get(BASE + path, twice), 400, "validation_error", field=name)
        assert reader.get(f"{BASE}{path}?{name}=1&{name}=1").status_code == 400


@pytest.mark.parametrize("path", LISTS)
def test_every_word_of_a_filter_is_understood(reader: APIClient, path: str) -> None:
    for name, asked in LISTS[path].filterset.base_filters.items():
        words = ["true", "false"] if isinstance(asked, YesNo) else asked.extra.get("words", [])
        if isinstance(asked, Words):
            words = [*words, ",".join(words)]
        for word in words:
            assert reader.get(BASE + path, {name: word}).status_code == 200, (name, word)


@pytest.mark.parametrize("path", LISTS)
def test_the_error_of_an_unknown_parameter_names_the_known_ones(
    reader: APIClient, path: str
) -> None:
    view = LISTS[path]
    body = refused(reader.get(BASE + path, {"colour": "red"}), 400, field="colour")
    for name in [*view.filterset.names(), *view.paging().fields]:
        assert name in body["errors"]["colour"][0]
