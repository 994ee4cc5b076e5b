"""What is said of a chaos run's takeovers; on made-up ones."""

from __future__ import annotations

import pytest

from tests.chaos.outcome import TAKEOVER_LIMITS_S, Blow, Outcome
from tests.chaos.watch import Reign

OLD, NEW = 11, 12

KILL_LIMIT_S = TAKEOVER_LIMITS_S["kill -9"]


def judged(blows: list[Blow], *reigns: Reign) -> list[str]:
    outcome = Outcome(seed=1, blows=blows, reigns=[Reign(0.0, OLD), *reigns])
    outcome.judge_takeovers()
    return outcome.offences


@pytest.mark.parametrize("name", list(TAKEOVER_LIMITS_S))
def test_a_takeover_in_time_is_no_offence(name: str) -> None:
    limit_s = TAKEOVER_LIMITS_S[name]
    assert judged([Blow(name, OLD, 10.0, 10.1)], Reign(10.0 + limit_s - 0.1, NEW)) == []


@pytest.mark.parametrize("name", list(TAKEOVER_LIMITS_S))
def test_a_takeover_that_takes_too_long_is_an_offence(name: str) -> None:
    limit_s = TAKEOVER_LIMITS_S[name]
    (found,) = judged([Blow(name, OLD, 10.0, 10.1)], Reign(10.0 + limit_s + 0.1, NEW))
    assert f"nobody else led for {limit_s + 0.1:.1f} s" in found


def test_a_takeover_that_never_came_is_an_offence() -> None:
    blows = [Blow("kill -9", OLD, 10.0, 10.1), Blow("", OLD, 10.2 + KILL_LIMIT_S, 40.0)]
    assert judged(blows) == ["after kill -9 of the leader nobody else led"]
    assert judged(blows, Reign(30.0, NEW)) == ["after kill -9 of the leader nobody else led"]


@pytest.mark.parametrize("name", ["", "SIGSTOP", "server crashed"])
def test_of_other_faults_and_of_two_at_once_no_takeover_is_demanded(name: str) -> None:
    assert judged([Blow(name, OLD, 10.0, 40.0)]) == []
    assert judged([Blow(name, OLD, 10.0, 40.0)], Reign(39.0, NEW)) == []
