"""A task that takes whatever JSON there is, since no schema says what a task takes."""

from __future__ import annotations

from typing import Any

from jobs.registry import scheduled_task


@scheduled_task(allow_kwargs_override=True)
def anything(*args: Any, **kwargs: Any) -> None: ...
