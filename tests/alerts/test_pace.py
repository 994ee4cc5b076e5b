"""When a channel may have its next message."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from jobs.alerts.pace import GATHER, MINUTE, next_message_at, retry_delay

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)


def s(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)


def test_a_quiet_channel_is_told_at_once_but_for_what_comes_together() -> None:
    assert next_message_at(NOW, []) == NOW + GATHER
    assert next_message_at(NOW, [NOW - s(55)]) == NOW + GATHER


@pytest.mark.parametrize("step_s", [0.1, 1.0, 3.7])
def test_of_a_storm_that_does_not_end_no_minute_has_more_than_five_messages(step_s: float) -> None:
    sent: list[datetime] = []
    now = NOW
    while now < NOW + s(900):
        recent = [at for at in sent if at > now - MINUTE]
        if now >= next_message_at(now - GATHER, recent):
            sent.append(now)
        now += s(step_s)
    most = max(sum(at - MINUTE < other <= at for other in sent) for at in sent)
    assert 3 <= most <= 5
    assert len(sent) <= 15 * 4 + 1


def test_a_channel_that_fails_is_tried_less_and_less_often() -> None:
    delays = [retry_delay(attempts).total_seconds() for attempts in range(1, 8)]
    assert delays == [10, 30, 60, 120, 300, 300, 300]
