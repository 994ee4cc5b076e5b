"""What a run said: a window of its log for the page, and all of it as a text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import tzinfo

from django.http import HttpRequest
from django.utils import timezone as django_timezone

from jobs.models import ExecutionLog, LogLevel

MOST_LOG_LINES = 200
"""Of a page; the others are loaded before and after them."""
LINES_A_STEP = 2_000
"""Read at once for the whole text."""
MAX_ID = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Line:
    """`time` is of the clock on the wall, `at` says it exactly."""

    id: int
    time: str
    at: str
    level: int
    level_name: str
    message: str


@dataclass(frozen=True, slots=True)
class Window:
    """Some lines of a log, oldest first."""

    lines: list[Line]
    has_earlier: bool
    has_later: bool

    @property
    def first(self) -> int:
        return self.lines[0].id if self.lines else 0

    @property
    def last(self) -> int:
        return self.lines[-1].id if self.lines else 0


def asked_window(request: HttpRequest, execution_id: int) -> Window:
    """What the query asks for: lines `before` or `after` the one of an id, else the newest."""
    before, after = _number(request, "before"), _number(request, "after")
    if after is not None:
        return _window(execution_id, after=after)
    return _window(execution_id, before=before)


def whole_text(execution_id: int) -> Iterator[str]:
    """Line by line, each with its time and its level, in steps that use little memory."""
    zone, last = django_timezone.get_default_timezone(), 0
    while True:
        rows = list(
            ExecutionLog.objects.filter(execution_id=execution_id, pk__gt=last).order_by("pk")[
                :LINES_A_STEP
            ]
        )
        for row in rows:
            at = row.at.astimezone(zone).isoformat(timespec="milliseconds")
            yield f"{at} {_level_name(row.level).upper()} {row.message}\n"
        if len(rows) < LINES_A_STEP:
            return
        last = rows[-1].pk


def _window(execution_id: int, *, before: int | None = None, after: int | None = None) -> Window:
    rows = ExecutionLog.objects.filter(execution_id=execution_id)
    zone = django_timezone.get_default_timezone()
    if after is not None:
        found = list(rows.filter(pk__gt=after).order_by("pk")[: MOST_LOG_LINES + 1])
        shown = found[:MOST_LOG_LINES]
        return Window([_line(row, zone) for row in shown], after > 0, len(found) > len(shown))
    if before is not None:
        rows = rows.filter(pk__lt=before)
    found = list(rows.order_by("-pk")[: MOST_LOG_LINES + 1])
    shown = found[:MOST_LOG_LINES][::-1]
    return Window([_line(row, zone) for row in shown], len(found) > len(shown), before is not None)


def _line(row: ExecutionLog, zone: tzinfo) -> Line:
    local = row.at.astimezone(zone)
    return Line(
        id=row.pk,
        time=f"{local:%H:%M:%S}.{local.microsecond // 1000:03}",
        at=local.isoformat(sep=" ", timespec="milliseconds"),
        level=row.level,
        level_name=_level_name(row.level),
        message=row.message,
    )


def _level_name(level: int) -> str:
    return str(LogLevel(level).label) if level in LogLevel else str(level)


def _number(request: HttpRequest, name: str) -> int | None:
    text = request.GET.get(name, "")
    is_number = text.isascii() and text.isdigit() and len(text) < 20
    return min(int(text), MAX_ID) if is_number else None
