"""docs/tasks.md: its task is one, and its tests of it pass."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from jobs.registry import get_task, isolated_registry
from tests.docs.pages import page

TESTS = ("test_the_report_counts_its_rows", "test_a_job_may_name_a_month")


@pytest.fixture
def module() -> Iterator[dict[str, Any]]:
    """The page's code, as one module."""
    found: dict[str, Any] = {"__name__": "docs_tasks"}
    with isolated_registry():
        exec(compile(page("tasks.md").script("task"), "docs/tasks.md", "exec"), found)
        yield found


@pytest.mark.parametrize("name", TESTS)
def test_the_pages_own_tests_pass(module: dict[str, Any], name: str) -> None:
    module[name]()


def test_it_has_no_other_tests(module: dict[str, Any]) -> None:
    assert {name for name in module if name.startswith("test_")} == set(TESTS)


def test_the_task_takes_what_the_page_says(module: dict[str, Any]) -> None:
    task = get_task("monthly_report")
    assert task.arguments.schema["required"] == ["recipient"]
    assert task.arguments.schema["properties"]["most"]["maximum"] == 500
    assert task.policies == {"timeout": 600, "max_retries": 2}
