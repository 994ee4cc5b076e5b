"""Tasks that only pretend: they take a few seconds, say what they do, and can be made to fail."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any, Literal

from django.utils.translation import gettext_lazy as _
from pydantic import Field

from jobs.registry import current_execution, scheduled_task

logger = logging.getLogger(__name__)

Seconds = Annotated[float, Field(ge=0, le=3600)]

LOOK_EVERY_S = 0.2
"""How soon a cancel is noticed."""


@scheduled_task(label=_("Demo: count"), allow_kwargs_override=True)
def demo_count(
    *,
    to: Annotated[int, Field(ge=1, le=100_000)] = 10,
    pause_s: Seconds = 1.0,
    fail_at: int | None = None,
) -> dict[str, int]:
    """Count to a number, with progress and a line in the log for each step; to see a run at
    work, cancel it, or let it fail at a number."""
    for number in range(1, to + 1):
        if number == fail_at:
            raise RuntimeError(f"Asked to fail at {number}.")
        logger.info("Counted to %d of %d", number, to)
        current_execution().progress(number, to, f"{number} of {to}")
        _wait(pause_s)
    return {"counted": to}


@scheduled_task(label=_("Demo: verify backups"), timeout=1800)
def demo_verify_backups(
    *,
    databases: list[str] | None = None,
    keep_days: Annotated[int, Field(ge=1, le=3650)] = 14,
    restore: bool = False,
) -> dict[str, Any]:
    """Look whether every database has a backup that is young enough; restore one if asked to."""
    names = databases or ["orders", "billing", "warehouse"]
    _go_through([f"backup of {name}" for name in names], pause_s=2 if restore else 0.5)
    return {"verified": len(names), "oldest_days": keep_days - 1, "restored": restore}


@scheduled_task(label=_("Demo: export a table"), timeout=3600, max_retries=2)
def demo_export(
    *,
    table: str,
    file_format: Literal["csv", "parquet", "json"] = "parquet",
    since: date | None = None,
    columns: list[str] | None = None,
) -> dict[str, Any]:
    """Write a table to a file, in parts."""
    _go_through([f"part {number} of {table}" for number in range(1, 11)], pause_s=0.5)
    return {"rows": 48_210, "format": file_format, "columns": columns or "all"}


@scheduled_task(label=_("Demo: check replicas"), max_retries=1, retry_delay=30)
def demo_check_replicas(*, max_lag_s: Seconds = 30, only_warn: bool = True) -> dict[str, Any]:
    """Compare how far the replicas are behind with what is allowed."""
    _go_through(["replica-1", "replica-2"], pause_s=0.3)
    current_execution().warn(f"replica-2 is {max_lag_s / 2:g} s behind.")
    return {"replicas": 2, "lag_s": max_lag_s / 2, "only_warn": only_warn}


@scheduled_task(label=_("Demo: tidy tables"), timeout=7200)
def demo_tidy_tables(*, tables: list[str], analyze: bool = True) -> dict[str, Any]:
    """Go through tables and free what is not used."""
    _go_through(tables, pause_s=1)
    return {"tables": len(tables), "analyzed": analyze, "freed_bytes": 318_767_104}


@scheduled_task(label=_("Demo: send a report"), allow_kwargs_override=True, max_retries=3)
def demo_send_report(
    *,
    recipient: str,
    period: Literal["day", "week", "month"] = "day",
    options: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Put a report together and pretend to send it; nothing leaves this machine."""
    _go_through(["figures", "charts", "letter"], pause_s=0.4)
    return {"recipient": recipient, "period": period, "pages": 4, "options": options or {}}


def _go_through(steps: Sequence[str], *, pause_s: float) -> None:
    for done, step in enumerate(steps, start=1):
        logger.info("Working on %s", step)
        _wait(pause_s)
        current_execution().progress(done, len(steps), step)


def _wait(seconds: float) -> None:
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        current_execution().check()
        time.sleep(min(left, LOOK_EVERY_S))
