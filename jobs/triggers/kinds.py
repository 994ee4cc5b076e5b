from __future__ import annotations

from enum import StrEnum


class TriggerType(StrEnum):
    """The three kinds of trigger, by the word that is stored."""

    CRON = "cron"
    INTERVAL = "interval"
    DATE = "date"
