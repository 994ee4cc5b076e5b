"""A scenario: what is measured of whom, and what it must reach."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from tests.benchmarks.contender import PLAIN, SCHEDCORE, STOCK, STOCK_DEFERRED
from tests.benchmarks.database import Kind, SqliteKind
from tests.benchmarks.figures import Figures
from tests.benchmarks.goals import Check, shown

Results = Mapping[str, Figures]
"""By contender."""

ALL = (SCHEDCORE, STOCK, PLAIN)


@dataclass(frozen=True, slots=True)
class Bench:
    """What a measurement is told: the contender, on which kind of database, how thoroughly."""

    contender: str
    kind: Kind
    is_quick: bool
    other: str = ""
    """The folder of the contender OTHER."""

    @property
    def is_sqlite(self) -> bool:
        return isinstance(self.kind, SqliteKind)


@dataclass(frozen=True)
class Scenario:
    name: str
    title: str
    measure: Callable[[Bench], Figures]
    columns: Sequence[tuple[str, str]]
    """(name of a figure, text with {} for it)."""
    judge: Callable[[Results, bool], list[Check]]
    """From the figures, and whether they are SQLite's."""
    contenders: Sequence[str] = ALL
    repeats: int = 1
    """How often it is measured, one contender after the other; the medians count."""
    has_deferred: bool = field(default=False)
    """On SQLite also stock as it is by default."""

    def who(self, *, is_sqlite: bool) -> list[str]:
        deferred = [STOCK_DEFERRED] if self.has_deferred and is_sqlite else []
        return [*self.contenders, *deferred]

    def line(self, figures: Figures) -> str:
        return "   ".join(text.format(shown(figures.get(key))) for key, text in self.columns)
