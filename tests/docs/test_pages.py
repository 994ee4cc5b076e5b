"""What the documentation names is there: files, headings, settings, commands, targets, events."""

from __future__ import annotations

import re

import pytest
from django.core.management import get_commands

from schedcore.environment import VARIABLES
from schedcore.logs import LIBRARY, RUN_LOG
from tests.docs.log_events import logged
from tests.docs.pages import Page, pages
from tests.project.processes import ROOT

pytestmark = pytest.mark.once

PAGES = pages()
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
OUTSIDE_OF_COMMANDS = {"version", "help"}
"""That `manage.py` knows, though Django does not list them."""

HAS_A_TEST_OF_ITS_OWN = {"README.md", "api.md", "monitoring.md", "commands.md", "alerts.md"}
"""Pages whose commands other tests look after."""

FILE = re.compile(r"(?<![\w./])((?:tests|jobs|schedcore|docs)/[\w./@-]+\.\w+)(?:::(\w+))?")

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.path.name)


@each_page
def test_every_link_leads_somewhere(page: Page) -> None:
    for path, anchor in page.links:
        assert path.exists(), path
        if anchor:
            assert anchor in Page(path).anchors, f"{path.name}#{anchor}"


@each_page
def test_every_setting_that_is_named_is_one(page: Page) -> None:
    known = {variable.name for variable in VARIABLES}
    for text in page.code:
        for name in re.findall(r"\bSCHEDCORE_[A-Z][A-Z_]*[A-Z]\b", text):
            assert name in known, name


@each_page
def test_every_command_that_is_named_is_one(page: Page) -> None:
    commands = get_commands().keys() | OUTSIDE_OF_COMMANDS
    for text in page.code:
        for name in re.findall(r"manage\.py ([a-z_]+)", text):
            assert name in commands, name


@each_page
def test_every_target_that_is_named_is_one(page: Page) -> None:
    targets = set(re.findall(r"^([a-z]+):", MAKEFILE, re.MULTILINE))
    for text in page.code:
        for name in re.findall(r"^make ([a-z]+)", text):
            assert name in targets, name


@each_page
def test_every_file_that_is_named_is_there(page: Page) -> None:
    for text in page.code:
        for path, name in re.findall(FILE, text):
            assert (ROOT / path).exists(), path
            if name:
                assert f"def {name}(" in (ROOT / path).read_text(encoding="utf-8"), text


@each_page
def test_every_event_that_is_named_is_logged(page: Page) -> None:
    events = logged().keys() | {RUN_LOG, LIBRARY}
    first_words = {event.partition(".")[0] for event in events if "." in event}
    for text in page.code:
        is_module = (ROOT / text.replace(".", "/")).exists()
        looks_so = re.fullmatch(r"[a-z_]+\.[a-z_]+", text) and text.partition(".")[0] in first_words
        assert not looks_so or is_module or text in events, text


@each_page
def test_every_block_of_commands_is_run_or_says_why_not(page: Page) -> None:
    if page.path.name in HAS_A_TEST_OF_ITS_OWN:
        return
    for block in page.blocks:
        assert block.language, f"line {block.line}: no language"
        if block.language in ("sh", "python"):
            assert re.fullmatch(r"run: [a-z ]+|by hand: .{10,}", block.note), f"line {block.line}"


def test_every_page_is_in_the_index() -> None:
    index = Page(ROOT / "docs" / "README.md")
    linked = {path.resolve() for path, _anchor in index.links}
    missing = [page.path.name for page in PAGES if page.path.resolve() not in linked]
    assert missing == ["README.md"] or missing == ["README.md", "README.md"], missing


def test_each_invariant_is_held_by_tests() -> None:
    text = Page(ROOT / "docs" / "concepts.md").text
    invariants = re.split(r"^### \d\. ", text, flags=re.MULTILINE)[1:]
    assert len(invariants) == 5
    for invariant in invariants:
        assert len(re.findall(r"`tests/[\w/]+\.py::test_\w+`", invariant)) >= 5, invariant[:40]
