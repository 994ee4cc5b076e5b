"""What a command writes does no harm to a terminal, and fits into it."""

from __future__ import annotations

import json
import re
from io import StringIO

import pytest
from rich.cells import cell_len

from jobs.management.terminal import Column, Terminal, as_json, word
from tests.management.conftest import Screen
from tests.test_escaping import HOSTILE


@pytest.mark.parametrize("text", HOSTILE)
def test_json_says_the_same_and_is_as_harmless(text: str) -> None:
    written = as_json({"name": text})
    assert written.replace("\n", "").isprintable()
    assert json.loads(written) == {"name": text}
    assert "容量同步" in as_json("容量同步")


COLUMNS = [Column("Id"), Column("Words", wraps=True), Column("More", wraps=True, may_go=True)]
ROWS = [["a" * 12, "word " * 12, "more " * 10], ["容量同步", "[red]x[/red]", "\x1b[31m"]]


def written(width: int, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    screen = Screen()
    Terminal(screen).table(COLUMNS, ROWS)
    return re.sub(r"\x1b\[[0-9;]*m", "", screen.getvalue()).splitlines()


@pytest.mark.parametrize("width", [24, 40, 60, 200])
def test_a_table_stays_within_its_terminal(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = written(width, monkeypatch)
    assert max(map(cell_len, lines)) <= width
    text = "".join(lines)
    assert "容量同步" in text
    assert "\\x1b[31m" in text or width == 40, "there is no room for the last column"


def test_what_matters_less_goes_first_and_then_rows_become_blocks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert "More" in written(200, monkeypatch)[0]
    assert "More" not in written(40, monkeypatch)[0]
    assert "Words" in written(40, monkeypatch)[0]
    assert written(24, monkeypatch)[0] == "a" * 12


def test_a_pipe_gets_plain_lines_that_are_neither_cut_nor_wrapped() -> None:
    out = StringIO()
    Terminal(out).table(COLUMNS, ROWS)
    head, first, second = out.getvalue().splitlines()
    assert head.split() == ["Id", "Words", "More"]
    assert first.index("word") == head.index("Words")
    assert ("more " * 10).strip() in first
    assert "[red]x[/red]" in second
    assert "\x1b" not in out.getvalue()


def test_no_color_is_heeded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    screen = Screen()
    terminal = Terminal(screen)
    terminal.pairs({"State": "broken"})
    terminal.say(word("broken", "broken"))
    assert "\x1b[31" not in screen.getvalue()
    assert ";31m" not in screen.getvalue()
