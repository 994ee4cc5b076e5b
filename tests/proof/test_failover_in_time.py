"""When a standby leads, and when not, to the tenth of a second: in a time that the test lets pass.

tests/chaos/test_failover.py has real processes, which tell of real machines.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.db import connection, transaction

from jobs.executions.liveness import Peer, look
from jobs.models import SchedulerProcess
from jobs.runtime.identity import Identity
from jobs.runtime.lease import Membership
from tests.proof.clockwork import Clockwork, clockwork
from tests.proof.sleeper import Sleeper, live_on_for, takes_s

TTLS_S = (15.0, 2.0)
"""The default, and the shortest that there is."""

TICK_S = 0.001

pytestmark = pytest.mark.django_db


@pytest.fixture
def clock() -> Iterator[Clockwork]:
    with clockwork() as clock:
        yield clock


@pytest.fixture(params=TTLS_S)
def ttl_s(request: pytest.FixtureRequest, settings: Any) -> float:
    settings.SCHEDCORE = replace(settings.SCHEDCORE, lease_ttl_s=request.param)
    return float(request.param)


class Other:
    """A leader elsewhere: it beats when the test says so."""

    def __init__(self, clock: Clockwork) -> None:
        self._clock = clock
        self.membership = Membership(Identity(host="elsewhere", host_id="another host"))
        self.membership.register(clock.now)
        self.membership.lease = self.membership.try_to_lead(clock.now)
        assert self.membership.lease

    def beats(self) -> None:
        self.membership.beat(self._clock.now, {})

    def stops(self) -> None:
        self.membership.release()
        self.membership.leave(self._clock.now)

    def beats_for_a_while(self, standby: Sleeper, every_s: float) -> None:
        for _beat in range(10):
            self.beats()
            live_on_for(every_s, standby)
            assert not standby.leads


def look_s(standby: Sleeper) -> float:
    return standby.scheduler.membership.look_interval_s


@pytest.mark.parametrize("phase", [0.0, 0.25, 0.5, 0.75, 0.99])
def test_a_standby_leads_within_one_ttl_of_the_last_beat_and_not_much_earlier(
    clock: Clockwork, ttl_s: float, phase: float
) -> None:
    """At whichever moment between two of its looks that beat came."""
    leader = Other(clock)
    standby = Sleeper(clock)
    leader.beats_for_a_while(standby, every_s=ttl_s / 3)
    between_s = look_s(standby)
    live_on_for(phase * between_s, standby)
    leader.beats()
    took_s = takes_s(lambda: standby.leads, standby)
    assert ttl_s - 2 * between_s <= took_s + TICK_S
    assert took_s <= ttl_s + TICK_S


def test_a_leader_whose_beats_come_late_but_come_keeps_the_lease(
    clock: Clockwork, ttl_s: float
) -> None:
    leader = Other(clock)
    standby = Sleeper(clock)
    leader.beats_for_a_while(standby, every_s=ttl_s - 2 * look_s(standby) - TICK_S)


@pytest.mark.parametrize("ttl_s", [*TTLS_S, 300.0], indirect=True)
def test_after_a_graceful_stop_a_standby_leads_within_a_second_whatever_the_ttl(
    clock: Clockwork, ttl_s: float, settings: Any
) -> None:
    """By its looks alone: without NOTIFY, and with a poll that may be as slow as one likes."""
    settings.SCHEDCORE = replace(settings.SCHEDCORE, poll_interval_s=600.0)
    leader = Other(clock)
    standby = Sleeper(clock)
    leader.beats_for_a_while(standby, every_s=ttl_s / 3)
    live_on_for(0.01, standby)
    leader.stops()
    assert takes_s(lambda: standby.leads, standby) <= 1.0


def test_a_leader_with_a_longer_ttl_is_given_that(clock: Clockwork, ttl_s: float) -> None:
    leader = Other(clock)
    SchedulerProcess.objects.filter(pk=leader.membership.identity.id).update(ttl_s=3 * ttl_s)
    standby = Sleeper(clock)
    between_s = look_s(standby)
    live_on_for(between_s, standby)
    leader.beats()
    took_s = takes_s(lambda: standby.leads, standby)
    assert 3 * ttl_s - 2 * between_s <= took_s + TICK_S
    assert took_s <= 3 * ttl_s + TICK_S


def test_a_standby_that_has_just_started_gives_the_leader_its_whole_time(
    clock: Clockwork, ttl_s: float
) -> None:
    Other(clock)
    clock.advance(100 * ttl_s)
    standby = Sleeper(clock)
    assert not standby.leads
    assert takes_s(lambda: standby.leads, standby) >= ttl_s - 2 * look_s(standby) - TICK_S


def test_a_standby_that_was_frozen_or_cut_off_gives_everybody_their_time_anew(
    clock: Clockwork, ttl_s: float
) -> None:
    leader = Other(clock)
    standby = Sleeper(clock)
    leader.beats_for_a_while(standby, every_s=ttl_s / 3)
    clock.advance(100 * ttl_s)
    assert takes_s(lambda: standby.leads, standby) >= ttl_s - 2 * look_s(standby) - TICK_S


def test_a_standby_whose_look_was_late_by_less_than_half_a_ttl_counts_that_time(
    clock: Clockwork, ttl_s: float
) -> None:
    """Or a slow database would put failover off for ever."""
    leader = Other(clock)
    standby = Sleeper(clock)
    leader.beats_for_a_while(standby, every_s=ttl_s / 3)
    leader.beats()
    live_on_for(look_s(standby), standby)
    late_s = ttl_s / 2 - look_s(standby)
    clock.advance(late_s)
    took_s = look_s(standby) + late_s + takes_s(lambda: standby.leads, standby)
    assert took_s <= ttl_s + TICK_S


# -- The judgement itself, on both sides of its limits -----------------------------------------


class Observer:
    """Looks at the others when the test says so."""

    def __init__(self, clock: Clockwork) -> None:
        self._clock = clock
        self.membership = Membership(Identity(host_id="here"))
        self.membership.register(clock.now)
        self.limit_s = self.membership._ttl_s - 2 * self.membership.look_interval_s

    def sees_dead(self, after_s: float = 0.0) -> list[Peer]:
        self._clock.advance(after_s)
        with transaction.atomic(), connection.cursor() as cursor:
            return self.membership.judge(look(cursor, 1.0))

    def looks_for(self, seconds: float) -> None:
        """So often that it misses nothing."""
        for _look in range(10):
            assert self.sees_dead(seconds / 10) == []


def test_a_process_dies_by_silence_when_its_limit_is_exceeded_and_not_before(
    clock: Clockwork, ttl_s: float
) -> None:
    leader, observer = Other(clock), Observer(clock)
    assert observer.sees_dead() == []
    observer.looks_for(observer.limit_s - TICK_S)
    assert observer.membership.holder is not None
    (dead,) = observer.sees_dead(after_s=2 * TICK_S)
    assert dead.id == leader.membership.identity.id
    assert observer.membership.holder is None


def test_one_beat_gives_a_process_all_of_its_time_again(clock: Clockwork, ttl_s: float) -> None:
    leader, observer = Other(clock), Observer(clock)
    observer.looks_for(observer.limit_s - TICK_S)
    leader.beats()
    assert observer.sees_dead(after_s=2 * TICK_S) == []
    observer.looks_for(observer.limit_s - TICK_S)
    assert len(observer.sees_dead(after_s=2 * TICK_S)) == 1


def test_a_gap_of_the_observers_own_is_judged_by_half_a_ttl(clock: Clockwork, ttl_s: float) -> None:
    Other(clock)
    observer = Observer(clock)
    assert observer.sees_dead() == []
    observer.looks_for(ttl_s / 2)
    assert observer.sees_dead(after_s=ttl_s / 2 + TICK_S) == [], "it was away"
    observer.looks_for(ttl_s / 2)
    assert len(observer.sees_dead(after_s=ttl_s / 2 - TICK_S)) == 1, "it was there"
