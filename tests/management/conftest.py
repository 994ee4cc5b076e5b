"""Commands as a person types them, and the tasks that their tests run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from jobs.registry import isolated_registry, scheduled_task


@pytest.fixture(autouse=True)
def _tasks() -> Iterator[None]:
    with isolated_registry():

        @scheduled_task
        def send_report(*, recipient: str = "ops", days: int = 7, note: str | None = None) -> None:
            """Send the weekly report."""

        yield


class Screen(StringIO):
    """A standard output that is a terminal."""

    def isatty(self) -> bool:
        return True


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str


Manage = Callable[..., Done]


@pytest.fixture
def manage() -> Manage:
    """`manage.py` with these words, its exit code and what it wrote."""

    def run(*words: Any, out: StringIO | None = None) -> Done:
        out, err, code = out or StringIO(), StringIO(), 0
        try:
            call_command(*map(str, words), stdout=out, stderr=err)
        except CommandError as error:
            code = getattr(error, "returncode", 1)
            err.write(f"{error}\n")
        except SystemExit as ended:
            code = int(ended.code or 0)
        return Done(code, out.getvalue(), err.getvalue())

    return run
