"""Pace: when a channel may have its next message. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

GATHER = timedelta(seconds=1)
"""What comes so soon after the first is told with it."""

MINUTE = timedelta(seconds=60)
GAPS = tuple(timedelta(seconds=s) for s in (0, 5, 10, 20, 30))
"""From a channel's last message to its next, by how many it got within the last minute. So a
storm is a handful of messages, of which the later ones tell of more."""

RETRY_DELAYS = tuple(timedelta(seconds=s) for s in (10, 30, 60, 120, 300))
"""From a failed attempt to the next; from then on the last of them."""

GIVE_UP_AFTER = timedelta(hours=24)


def next_message_at(waiting_since: datetime, recent: Sequence[datetime]) -> datetime:
    """When a channel may be told what waits; `recent` are the moments of its last messages."""
    gathered = waiting_since + GATHER
    if not recent:
        return gathered
    within = sum(moment > gathered - MINUTE for moment in recent)
    return max(gathered, max(recent) + GAPS[min(within, len(GAPS) - 1)])


def retry_delay(attempts: int) -> timedelta:
    """After so many attempts (at least one)."""
    return RETRY_DELAYS[min(attempts, len(RETRY_DELAYS)) - 1]
