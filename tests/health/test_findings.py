"""What health finds in what a scheduler has left behind, and what it lets pass."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from jobs import definitions
from jobs.executions.database import database_now
from jobs.executions.revision import bump_revision
from jobs.health.report import health
from jobs.health.shapes import Code, HealthData
from jobs.models import (
    AlertChannel,
    AlertRule,
    Job,
    JobExecution,
    Revision,
    SchedulerLease,
    SchedulerProcess,
    Status,
)
from schedcore.environment import Unknown
from tests.factories import (
    make_channel,
    make_execution,
    make_jobs,
    make_leader,
    make_rule,
    make_scheduler,
)

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _configuration_is_fine(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    monkeypatch.setattr(definitions, "warnings", list)
    settings.SCHEDCORE_UNKNOWN = []


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def leads(*, beat_ago_s: float = 1, ticked_ago_s: float = 2, **figures: Any) -> SchedulerProcess:
    figures = {"last_tick_at": ago(ticked_ago_s).isoformat(), **figures}
    return make_leader(figures=figures, beat_at=ago(beat_ago_s), started_at=ago(3600))


def found() -> tuple[HealthData, list[str]]:
    told = health(NOW)
    for warning in told["warnings"]:
        assert warning["message"]
        assert warning["fix"]
        assert warning["code"] in get_args(Code)
    return told, [warning["code"] for warning in told["warnings"]]


def changed(number: int, seconds_ago: float) -> None:
    Revision.objects.update_or_create(
        pk=1, defaults={"number": number, "changed_at": ago(seconds_ago)}
    )


def test_a_leader_that_has_seen_all_changes_is_not_behind() -> None:
    leads(revision=7)
    changed(7, seconds_ago=600)
    told, codes = found()
    assert told["revision"] == {"current": 7, "seen": 7, "behind_s": 0.0}
    assert codes == []


def test_a_change_after_the_last_heartbeat_may_have_been_seen() -> None:
    leads(beat_ago_s=4, revision=6)
    changed(7, seconds_ago=3)
    assert found()[0]["revision"] == {"current": 7, "seen": 6, "behind_s": 0.0}


def test_a_change_that_a_heartbeat_has_passed_by_is_what_the_leader_is_behind() -> None:
    leads(beat_ago_s=1, revision=6)
    changed(7, seconds_ago=5)
    told, codes = found()
    assert (told["revision"]["behind_s"], codes) == (4.0, [])


def test_a_leader_that_goes_on_and_never_sees_a_change_is_a_warning() -> None:
    leads(beat_ago_s=1, revision=6)
    changed(9, seconds_ago=20)
    told, codes = found()
    assert codes == ["changes_unseen"]
    assert "19 s" in told["warnings"][0]["message"]
    assert "6 of 9" in told["warnings"][0]["message"]


def test_a_silent_leader_has_seen_nothing_since() -> None:
    leads(beat_ago_s=30, ticked_ago_s=31, revision=6)
    changed(7, seconds_ago=20)
    told, codes = found()
    assert codes == ["leader_silent", "changes_unseen"]
    assert told["revision"]["behind_s"] == 20.0


def test_nobody_is_behind_where_nobody_leads() -> None:
    changed(7, seconds_ago=20)
    assert found()[0]["revision"] == {"current": None, "seen": None, "behind_s": None}


def test_a_bump_says_when_it_was() -> None:
    before = database_now()
    bump_revision()
    bump_revision()
    row = Revision.objects.get()
    assert row.number == 2
    assert before <= row.changed_at <= database_now()


def test_a_loop_whose_steps_fail_stands_still_although_its_heart_beats() -> None:
    leads(beat_ago_s=1, ticked_ago_s=17)
    assert found()[1] == ["loop_stands_still"]


def test_a_loop_that_went_round_a_ttl_before_the_last_heartbeat_does_not() -> None:
    leads(beat_ago_s=4, ticked_ago_s=17)
    assert found()[1] == []


@pytest.mark.parametrize(("worst_s", "codes"), [(0.9, []), (1.1, ["database_slow"])])
def test_a_database_that_writes_slowly_is_a_warning(worst_s: float, codes: list[str]) -> None:
    leads(database_write_p50_s=0.004, database_write_max_s=worst_s)
    told, found_codes = found()
    assert found_codes == codes
    assert (told["database_write_p50_s"], told["database_write_max_s"]) == (0.004, worst_s)


def test_one_executor_without_a_free_worker_is_told_although_another_has_some() -> None:
    leads(workers=7, busy_workers=5, full_executors=["threads"])
    make_execution("waits", status=Status.QUEUED, queued_at=ago(61))
    told, codes = found()
    assert codes == ["no_free_worker"]
    assert "threads" in told["warnings"][0]["message"]


def test_runs_that_wait_although_workers_are_free_are_a_warning() -> None:
    leads(workers=7, busy_workers=5, full_executors=[])
    waits = make_execution("waits", status=Status.QUEUED, queued_at=ago(61))
    assert found()[1] == ["runs_stuck"]
    JobExecution.objects.filter(pk=waits.pk).update(queued_at=ago(59))
    assert found()[1] == []


def test_a_retry_waits_for_a_worker_from_its_time_on() -> None:
    leads(full_executors=[])
    make_execution("again", status=Status.QUEUED, queued_at=ago(3600), start_after=ago(1))
    told, codes = found()
    assert codes == []
    assert told["queue"]["oldest_queued_s"] == 1


def test_a_heartbeat_from_before_the_clock_was_set_back_is_no_sign_of_life() -> None:
    leads(beat_ago_s=-14, ticked_ago_s=-13)
    assert found()[1] == []
    SchedulerProcess.objects.update(beat_at=ago(-3600))
    told, codes = found()
    assert "leader_silent" in codes
    assert told["status"] == "error"


def test_runs_that_nobody_could_hand_out_are_told_by_that() -> None:
    leads(beat_ago_s=90, full_executors=["threads"])
    make_execution("waits", status=Status.QUEUED, queued_at=ago(61))
    assert found()[1] == ["leader_silent"]


def test_clocks_that_differ_are_a_warning_also_of_a_standby() -> None:
    leads(clock_ahead_s=-3.5)
    make_scheduler("two", host="db-2", beat_at=ago(1), figures={"clock_ahead_s": 7.0})
    make_scheduler("three", host="db-3", beat_at=ago(1), figures={"clock_ahead_s": 1.9})
    told, codes = found()
    assert codes == ["clock_differs", "clock_differs"]
    assert "db-1 is 3.5 s behind" in told["warnings"][0]["message"]
    assert "db-2 is 7.0 s ahead" in told["warnings"][1]["message"]
    assert {one["host"]: one["clock_ahead_s"] for one in told["standbys"]} == {
        "db-2": 7.0,
        "db-3": 1.9,
    }


def test_a_variable_that_nobody_reads_is_a_warning(settings: Any) -> None:
    leads()
    settings.SCHEDCORE_UNKNOWN = [
        Unknown("SCHEDCORE_MAX_WORKER", "SCHEDCORE_MAX_WORKERS"),
        Unknown("SCHEDCORE_X", None),
    ]
    told, codes = found()
    assert codes == ["setting_unknown", "setting_unknown"]
    assert "SCHEDCORE_MAX_WORKERS" in told["warnings"][0]["fix"]


def test_a_leader_in_another_time_zone_is_a_warning() -> None:
    leads()
    SchedulerLease.objects.update(time_zone="UTC")
    assert found()[1] == []
    SchedulerLease.objects.update(time_zone="Asia/Tokyo")
    assert found()[1] == ["time_zones_differ"]


def test_it_asks_four_statements_and_one_for_each_list_however_much_there_is() -> None:
    leads(full_executors=["threads"])

    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            health(NOW)
        return len(queries)

    assert cost() == 4
    make_jobs(200)
    for number in range(30):
        make_execution(f"job-{number}", status=Status.QUEUED, queued_at=ago(90))
    assert cost() == 4
    Job.objects.update(problem="Its task has gone.")
    make_execution("held", status=Status.TIMED_OUT, released_at=None)
    assert cost() == 6
    assert found()[1] == ["broken_jobs", "no_free_worker", "lingering_runs"]


def test_a_channel_that_fails_and_a_rule_that_nobody_hears_are_found() -> None:
    leads()
    failing = make_channel("mail", last_error="no route to host")
    make_channel("unused", last_error="x", is_enabled=False)
    make_rule(failing, make_channel("off", is_enabled=False), name="heard")
    assert found()[1] == ["alert_channel_fails"]
    AlertChannel.objects.update(is_enabled=False)
    assert found()[1] == ["alert_rule_mute"]
    AlertRule.objects.update(is_enabled=False)
    assert found()[1] == []


def test_alerts_that_cannot_be_worked_out_are_found_while_that_lasts() -> None:
    leads(alert_fault={"error": "OperationalError: permission denied", "age_s": 61.2})
    told, codes = found()
    assert (told["status"], codes) == ("warning", ["alerts_fail"])
    assert "for 61 s" in told["warnings"][0]["message"]
    assert "permission denied" in told["warnings"][0]["message"]
    SchedulerProcess.objects.update(
        figures={"last_tick_at": ago(2).isoformat(), "alert_fault": {"error": "", "age_s": 130.0}}
    )
    assert "stood still for 130 s" in found()[0]["warnings"][0]["message"]
    SchedulerProcess.objects.update(
        figures={"last_tick_at": ago(2).isoformat(), "alert_fault": None}
    )
    assert found()[1] == []


def test_what_a_silent_leader_said_of_its_alerts_is_not_told() -> None:
    leads(beat_ago_s=90, alert_fault={"error": "x", "age_s": 61.2})
    assert found()[1] == ["leader_silent"]
