"""Who lives is judged by heartbeats and the own monotonic clock; no clocks are compared."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, transaction

from jobs.executions.fencing import Lease
from jobs.executions.liveness import Peer, look
from jobs.models import LeaderTerm, SchedulerLease, SchedulerProcess
from jobs.runtime.identity import Identity, host_id, is_known_dead
from jobs.runtime.lease import Membership, Watch

NOW = datetime(2026, 3, 4, tzinfo=UTC)


def look_around(membership: Membership) -> list[Peer]:
    """What the scheduler's look does with what it has seen: the dead are buried."""
    with transaction.atomic(), connection.cursor() as cursor:
        dead = membership.judge(look(cursor, 1.0))
        membership.bury(dead, NOW)
    return dead


def lead(membership: Membership) -> Lease:
    membership.lease = membership.try_to_lead(NOW)
    assert membership.lease is not None
    return membership.lease


def test_a_process_is_silent_for_as_long_as_its_beat_stands_still() -> None:
    watch = Watch()
    watch.look({"a": 1}, 100.0, max_gap_s=5)
    watch.look({"a": 2}, 104.0, max_gap_s=5)
    watch.look({"a": 2}, 108.0, max_gap_s=5)
    assert watch.silent_s("a", 110.0) == 6.0


def test_time_in_which_the_observer_was_cut_off_does_not_count() -> None:
    """An outage longer than the TTL interrupts nobody."""
    watch = Watch()
    watch.look({"a": 1}, 100.0, max_gap_s=5)
    watch.look({"a": 1}, 200.0, max_gap_s=5)
    assert watch.silent_s("a", 200.0) == 0.0


def test_a_process_that_was_never_seen_is_not_silent() -> None:
    assert Watch().silent_s("nobody", 1e9) == 0.0


@pytest.mark.django_db
def test_a_holder_whose_clock_is_an_hour_off_keeps_the_lease_while_it_beats() -> None:
    holder = Membership(Identity(host="a", host_id=""))
    holder.register(NOW - timedelta(hours=1))
    assert holder.try_to_lead(NOW - timedelta(hours=1))
    standby = Membership(Identity(host="b", host_id=""))
    standby.register(NOW)
    look_around(standby)
    assert standby.try_to_lead(NOW) is None
    assert standby.holder is not None
    assert standby.holder.host == "a"


@pytest.mark.django_db
def test_the_epoch_grows_with_every_leader() -> None:
    first = Membership(Identity(host_id=""))
    first.register(NOW)
    lease = lead(first)
    first.release()
    assert SchedulerLease.objects.get().holder == ""
    second = Membership(Identity(host_id=""))
    second.register(NOW)
    successor = second.try_to_lead(NOW)
    assert successor is not None
    assert successor.epoch == lease.epoch + 1


@pytest.mark.django_db
def test_a_lease_that_a_newcomer_took_meanwhile_is_not_stolen() -> None:
    """Between a look at the others and the attempt, somebody else registers and leads."""
    slow = Membership(Identity(host_id=""))
    slow.register(NOW)
    look_around(slow)
    quick = Membership(Identity(host_id=""))
    quick.register(NOW)
    assert quick.try_to_lead(NOW)
    assert slow.try_to_lead(NOW) is None


@pytest.mark.django_db
def test_a_process_of_this_host_whose_pid_is_free_is_dead_at_once() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    assert is_known_dead(host_id(), child.pid)
    dead = SchedulerProcess.objects.create(
        id="dead", host="x", host_id=host_id(), pid=child.pid, started_at=NOW, beat_at=NOW, ttl_s=15
    )
    membership = Membership(Identity())
    membership.register(NOW)
    look_around(membership)
    dead.refresh_from_db()
    assert dead.stopped_at is not None


def test_a_pid_says_nothing_about_another_host() -> None:
    assert not is_known_dead("another boot/pid:[1]", 999_999_999)
    assert not is_known_dead("", 999_999_999)
    assert not is_known_dead(host_id(), os.getppid())


@pytest.mark.django_db
def test_a_process_that_was_taken_for_dead_notices_it_at_its_next_look() -> None:
    frozen = Membership(Identity(host_id=""))
    frozen.register(NOW)
    with transaction.atomic(), connection.cursor() as cursor:
        assert look(cursor, 1.0).peer(frozen.identity.id) is not None
    SchedulerProcess.objects.update(stopped_at=NOW)
    with transaction.atomic(), connection.cursor() as cursor:
        assert look(cursor, 1.0).peer(frozen.identity.id) is None


@pytest.mark.django_db
def test_who_led_from_when_to_when_is_written_down() -> None:
    first, second, third = (Membership(Identity(host_id="")) for _ in range(3))
    for number, membership in enumerate((first, second, third)):
        membership.register(NOW + timedelta(minutes=number))
    lead(first)
    first.release()  # at once, by the database's clock
    lead(second)
    heard = NOW + timedelta(hours=1)
    dead = SchedulerProcess.objects.filter(pk=second.identity.id)
    dead.update(beat_at=heard, stopped_at=heard + timedelta(minutes=9))
    lead(third)
    terms = list(LeaderTerm.objects.order_by("pk"))
    assert [term.process for term in terms] == [m.identity.id for m in (first, second, third)]
    assert [term.epoch for term in terms] == [1, 2, 3]
    released, died, leads = (term.ended_at for term in terms)
    assert released is not None
    assert (died, leads) == (heard, None), "a dead one led until it was last heard of"


@pytest.mark.django_db
def test_a_lease_whose_row_was_lost_is_taken_all_the_same() -> None:
    membership = Membership(Identity(host_id=""))
    membership.register(NOW)
    lead(membership)
    SchedulerLease.objects.all().delete()
    SchedulerProcess.objects.all().delete()
    other = Membership(Identity(host_id=""))
    assert lead(other).epoch == 1
    assert LeaderTerm.objects.filter(ended_at__isnull=True).count() == 1
