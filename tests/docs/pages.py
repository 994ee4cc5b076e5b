"""The pages of the documentation: their headings, links, names and commands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tests.project.processes import ROOT

BLOCK = re.compile(r"^(?:<!-- (.+?) -->\n)?```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    line: int
    note: str
    """The comment before it: `run: GROUP`, or `by hand: why`."""
    language: str
    text: str


@dataclass(frozen=True)
class Page:
    path: Path

    @cached_property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @property
    def prose(self) -> str:
        return BLOCK.sub("", self.text)

    @property
    def blocks(self) -> list[Block]:
        return [
            Block(self.text[: found.start()].count("\n") + 1, found[1] or "", found[2], found[3])
            for found in BLOCK.finditer(self.text)
        ]

    @property
    def anchors(self) -> set[str]:
        """As GitHub makes them of headings."""
        headings = re.findall(r"^#+ (.+)$", self.prose, re.MULTILINE)
        return {_slug(heading) for heading in headings}

    @property
    def links(self) -> Iterator[tuple[Path, str]]:
        """(file, anchor) of the links that stay within the repository."""
        for target in re.findall(r"\]\(([^)\s]+)\)", self.prose):
            if not re.match(r"[a-z]+:", target):
                path, _hash, anchor = target.partition("#")
                yield (self.path.parent / path if path else self.path), anchor

    @property
    def code(self) -> list[str]:
        """What stands in backticks in sentences, and the lines of blocks of commands."""
        lines = [
            line
            for block in self.blocks
            if block.language == "sh"
            for line in block.text.splitlines()
        ]
        return re.findall(r"`([^`\n]+)`", self.prose) + lines

    def script(self, group: str) -> str:
        """All commands of a group."""
        found = [block.text for block in self.blocks if block.note == f"run: {group}"]
        assert found, f"{self.path.name} has no commands of {group}"
        return "\n".join(found)


def pages() -> list[Page]:
    return [Page(ROOT / "README.md"), *map(Page, sorted((ROOT / "docs").glob("*.md")))]


def page(name: str) -> Page:
    return Page(ROOT / "docs" / name)


def _slug(heading: str) -> str:
    text = re.sub(r"`|\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
    return re.sub(r"[^\w\- ]", "", text).replace(" ", "-")
