"""What a command writes: tables for a person at a terminal, plain text for a pipe, JSON.

Whatever comes from a job, its task or its log is made harmless first: see `jobs.escaping`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TextIO

from rest_framework.utils.encoders import JSONEncoder
from rich.cells import cell_len
from rich.console import Console
from rich.padding import Padding
from rich.status import Status
from rich.table import Table
from rich.text import Text

from jobs.escaping import harmless, harmless_json, one_line

STYLES = {
    "succeeded": "green",
    "scheduled": "green",
    "running": "cyan",
    "queued": "cyan",
    "paused": "yellow",
    "skipped": "yellow",
    "missed": "yellow",
    "cancelled": "yellow",
    "warning": "yellow",
    "disabled": "dim",
    "finished": "dim",
    "debug": "dim",
    "failed": "bold red",
    "timed_out": "bold red",
    "interrupted": "bold red",
    "broken": "bold red",
    "error": "bold red",
    "critical": "bold red",
}
"""By the word of a state, a verdict or a level; the word stands there too."""

GAP = 2
LEAST_WRAPPED = 16
"""Columns that may wrap get at least that many cells; with fewer, rows become blocks."""


def as_json(value: Any) -> str:
    """One document; what a terminal would obey is escaped in it."""
    return harmless_json(json.dumps(value, cls=JSONEncoder, ensure_ascii=False, indent=2))


@dataclass(frozen=True, slots=True)
class Column:
    """Where there is little room, cells that may `wrap` are broken into lines, and then columns
    that `may_go` are left out, the last of them first."""

    label: str
    wraps: bool = False
    may_go: bool = False
    is_number: bool = False


Cell = str | Text


class Terminal:
    """One command's standard output."""

    def __init__(self, out: TextIO, *, has_colors: bool = True) -> None:
        self._out = out
        self.is_interactive = out.isatty()
        self.console = Console(
            file=out,
            markup=False,
            highlight=False,
            emoji=False,
            no_color=None if has_colors else True,
            # A pipe has no width: nothing is wrapped or cut.
            width=None if self.is_interactive else 10_000,
        )

    def say(self, text: Cell = "") -> None:
        """A line, or several, as it is."""
        shown = _text(text)
        if self.is_interactive:
            self.console.print(shown)
        else:
            self.write(f"{shown.plain}\n")

    def write(self, text: str) -> None:
        """Text that is harmless already."""
        self._out.write(text)
        self._out.flush()

    def document(self, value: Any) -> None:
        """JSON, and nothing else."""
        self.write(f"{as_json(value)}\n")

    def table(self, columns: Sequence[Column], rows: Sequence[Sequence[Cell]]) -> None:
        """A row a line; on a terminal that is much too narrow for that a block a row."""
        cells = [[_single(cell) for cell in row] for row in rows]
        if not self.is_interactive:
            self._plain_table(columns, cells)
            return
        kept = self._kept(columns, cells)
        if kept is None:
            self._blocks(columns, cells)
        else:
            shown = [[row[n] for n in kept] for row in cells]
            self.console.print(_rich_table([columns[n] for n in kept], shown))

    def pairs(self, values: Mapping[str, Cell | None], *, indent: int = 0) -> None:
        """What belongs to one thing: a name and its value a line, without those that are None."""
        there = {label: _text(value) for label, value in values.items() if value is not None}
        width = max((cell_len(label) for label in there), default=0) + GAP
        if not self.is_interactive:
            for label, value in there.items():
                pad = " " * (indent + width)
                first = " " * indent + _padded(label, width)
                self.write(first + value.plain.replace("\n", f"\n{pad}") + "\n")
            return
        grid = Table.grid(padding=(0, GAP, 0, 0))
        grid.add_column(style="bold", no_wrap=True)
        grid.add_column(overflow="fold")
        for label, value in there.items():
            grid.add_row(label, value)
        self.console.print(Padding(grid, (0, 0, 0, indent)))

    def heading(self, text: str) -> None:
        self.say()
        self.say(styled(text, "bold"))

    @contextmanager
    def status(self) -> Iterator[Status | None]:
        """A line at the bottom that can be changed; None where there is no terminal."""
        if not self.is_interactive:
            yield None
            return
        with self.console.status("", spinner="line") as status:
            yield status

    def _plain_table(self, columns: Sequence[Column], rows: Sequence[Sequence[Text]]) -> None:
        lines = [[column.label for column in columns], *([c.plain for c in row] for row in rows)]
        widths = [max(cell_len(line[n]) for line in lines) for n in range(len(columns))]
        for line in lines:
            padded = (_padded(cell, width) for cell, width in zip(line, widths, strict=True))
            self.write((" " * GAP).join(padded).rstrip() + "\n")

    def _blocks(self, columns: Sequence[Column], rows: Sequence[Sequence[Text]]) -> None:
        for row in rows:
            first, *rest = zip(columns, row, strict=True)
            self.say(Text.assemble((first[1].plain, "bold")))
            self.pairs({column.label: cell for column, cell in rest if cell.plain}, indent=2)

    def _kept(self, columns: Sequence[Column], rows: Sequence[Sequence[Text]]) -> list[int] | None:
        """Numbers of the columns that there is room for; None if it is too little."""
        widths = []
        for n, column in enumerate(columns):
            widest = max([cell_len(column.label), *(row[n].cell_len for row in rows)])
            widths.append(min(widest, LEAST_WRAPPED) if column.wraps else widest)
        kept = list(range(len(columns)))
        while sum(widths[n] + GAP for n in kept) > self.console.width:
            may_go = [n for n in kept if columns[n].may_go]
            if not may_go:
                return None
            kept.remove(may_go[-1])
        return kept


def styled(text: str, style: str) -> Text:
    return Text(harmless(text), style=style)


def word(value: str, label: str) -> Text:
    """A state, verdict or level, in its colour."""
    return styled(label, STYLES.get(value, ""))


def standard_output(options: Mapping[str, Any]) -> Terminal:
    """The terminal of a command with these options."""
    return Terminal(options.get("stdout") or sys.stdout, has_colors=not options.get("no_color"))


def _text(value: Cell) -> Text:
    return value if isinstance(value, Text) else Text(harmless(value))


def _single(value: Cell) -> Text:
    return value if isinstance(value, Text) else Text(one_line(value))


def _padded(text: str, width: int) -> str:
    return text + " " * (width - cell_len(text))


def _rich_table(columns: Sequence[Column], rows: Sequence[Sequence[Text]]) -> Table:
    table = Table(box=None, padding=(0, GAP, 0, 0), pad_edge=False, header_style="bold underline")
    for column in columns:
        table.add_column(
            column.label,
            no_wrap=not column.wraps,
            overflow="fold",
            justify="right" if column.is_number else "left",
        )
    for row in rows:
        table.add_row(*row)
    return table
