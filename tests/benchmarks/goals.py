"""What a figure must reach, and whether it does."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Check:
    what: str
    reached: bool

    def __str__(self) -> str:
        return f"{'ok' if self.reached else 'NOT REACHED':12}{self.what}"


def at_least(found: float | None, limit: float, what: str) -> Check:
    """`what` takes the figure as {}; what was not measured does not reach it."""
    return Check(
        f"{what.format(shown(found))} (must reach {shown(limit)})",
        found is not None and found >= limit,
    )


def at_most(found: float | None, limit: float, what: str) -> Check:
    return Check(
        f"{what.format(shown(found))} (at most {shown(limit)})",
        found is not None and found <= limit,
    )


def ratio(one: float | None, other: float | None) -> float | None:
    """How many times `other` goes into `one`: endlessly if `other` is zero."""
    if one is None or other is None:
        return None
    return one / other if other else float("inf")


def shown(value: float | None) -> str:
    """A number as people read it: three digits that count, thousands apart."""
    if value is None:
        return "nothing"
    if value == float("inf"):
        return "endlessly"
    if value == int(value) or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"
