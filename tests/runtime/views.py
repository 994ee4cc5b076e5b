"""Runs without a scheduler: what their tasks say stays here."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from jobs.executions.hand_out import Handout
from jobs.models import Source
from jobs.runtime.view import View


@dataclass
class Heard:
    """An outlet that keeps what it gets."""

    lines: list[tuple[int, str, str]] = field(default_factory=list)
    moments: list[float] = field(default_factory=list)
    steps: list[tuple[float, float | None, str]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def line(self, at: float, level: int, logger: str, message: str) -> None:
        self.moments.append(at)
        self.lines.append((level, logger, message))

    def progress(self, done: float, total: float | None, message: str) -> None:
        self.steps.append((done, total, message))

    def warning(self, message: str) -> None:
        self.warnings.append(message)

    @property
    def messages(self) -> list[str]:
        return [message for _level, _logger, message in self.lines]


def make_view(execution_id: int = 1, *, stop_reason: str | None = None) -> tuple[View, Heard]:
    handout = Handout(
        execution_id=execution_id,
        job_id="work",
        job_name="Work",
        function="work",
        args=[],
        kwargs={},
        executor="threads",
        timeout_s=0,
        source=Source.SCHEDULE,
        requested_by="",
        attempt=1,
        scheduled_for=datetime(2026, 3, 4, tzinfo=UTC),
        owner="one",
        epoch=3,
    )
    heard = Heard()
    return View(handout, heard, lambda: stop_reason), heard
