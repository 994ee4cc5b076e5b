"""The jobs of the demonstration, as `jobs.yaml` has them, and how they usually fare."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import yaml

Fate = Literal["", "disabled", "paused", "paused_until", "broken", "finished", "running", "queued"]
Habit = Literal["steady", "flaky", "slow", "failing", "overlapping", "warning"]

GONE = "sync_crm_contacts"
"""No task has this name: its job is broken."""

TRIGGERS = ("cron", "interval", "date")


@dataclass(frozen=True, slots=True)
class DemoJob:
    """`seconds` is how long it usually takes; `fate` is how it stands in the end."""

    id: str
    name: str = ""
    function: str = ""
    trigger_type: str = "cron"
    trigger_params: Mapping[str, Any] = field(default_factory=dict)
    timezone: str = ""
    description: str = ""
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    policies: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 4.0
    habit: Habit = "steady"
    fate: Fate = ""

    def definition(self) -> dict[str, Any]:
        """For `control`."""
        return {
            "id": self.id,
            "name": self.name,
            "function": self.function,
            "trigger_type": self.trigger_type,
            "trigger_params": dict(self.trigger_params),
            "timezone": self.timezone,
            "description": self.description,
            "kwargs": dict(self.kwargs),
            **self.policies,
        }


BUILTIN = (
    DemoJob("sync_accounts", seconds=14, habit="warning"),
    DemoJob("cleanup_logs", seconds=21),
    DemoJob("monitor_partition_health", seconds=8),
    DemoJob("collect_database_sizes", seconds=41, habit="flaky"),
    DemoJob("calculate_database_size_aggregations", seconds=6),
)
"""How the built-in jobs fare; what they are is defined elsewhere."""


def custom_jobs() -> list[DemoJob]:
    items = yaml.safe_load((Path(__file__).parent / "jobs.yaml").read_text("utf-8"))
    return [_read(item) for item in items]


def _read(item: dict[str, Any]) -> DemoJob:
    (kind,) = [kind for kind in TRIGGERS if kind in item]
    params = item.pop(kind)
    if kind == "cron":
        params = {"cron_expression": params}
    return DemoJob(**item, trigger_type=kind, trigger_params=params)
