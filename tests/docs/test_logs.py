"""docs/logs.md lists every event that the source logs, and no other."""

from __future__ import annotations

import re

import pytest

from schedcore.logs import LIBRARY, RUN_LOG
from tests.docs.log_events import Event, Source, logged, sources
from tests.project.processes import ROOT

PAGE = (ROOT / "docs" / "logs.md").read_text(encoding="utf-8")
ROWS = {
    row[0]: (row[1], row[2])
    for row in re.findall(r"^\| `([a-z_.]+)` \| (.+?) \| .+? \| (.*?) ?\|$", PAGE, re.MULTILINE)
}
LOGGED = logged()
ALWAYS = {"execution_id", "job_id", "request_id"}
"""Keys that the page speaks of once."""


def test_every_call_of_a_logger_names_its_event() -> None:
    silent = [
        f"{source.path}:{call.lineno}"
        for source in sources()
        for call in source.calls
        if source.says_no_event(call)
    ]
    assert silent == []


def test_the_page_lists_what_the_source_logs_and_nothing_else() -> None:
    assert len(LOGGED) > 40
    assert sorted(ROWS) == sorted(LOGGED | {RUN_LOG: Event(), LIBRARY: Event()})


@pytest.mark.parametrize("name", sorted(LOGGED))
def test_the_page_tells_an_events_level_and_keys(name: str) -> None:
    levels, keys = ROWS[name]
    for level in LOGGED[name].levels - {"?"}:
        assert f"`{level}`" in levels
    if "…" not in keys:
        assert LOGGED[name].keys - ALWAYS <= set(re.findall(r"`(\w+)`", keys))


@pytest.mark.parametrize(
    ("code", "is_silent"),
    [
        ('logger.info("x", extra={"event": "a.b"})', False),
        ('logger.info("x", extra={"event": "a.b"} | more)', False),
        ('logger.info("x", extra=keys)', True),
        ('logger.info("x")', True),
        ('logger.exception("x", extra={"job_id": 1})', True),
    ],
)
def test_a_call_without_an_event_is_noticed(code: str, is_silent: bool) -> None:
    import ast

    source = Source(ROOT, ast.parse(f"def function(keys):\n    {code}\n"))
    [call] = source.calls
    assert source.says_no_event(call) == is_silent
