from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext
from django_apscheduler.models import DjangoJob
from rest_framework.test import APIClient

from jobs import definitions
from jobs.api.health import Liveness
from jobs.models import Job, JobExecution, SchedulerProcess, Status
from tests.api.answers import refused, succeeded
from tests.api.conftest import BASE, Login
from tests.factories import (
    grant,
    make_execution,
    make_job,
    make_jobs,
    make_leader,
    make_scheduler,
    make_user,
)

HEALTH = BASE + "health"


@pytest.fixture(autouse=True)
def _file_is_fine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(definitions, "warnings", list)


def ago(seconds: float) -> datetime:
    return datetime.now(UTC) - timedelta(seconds=seconds)


def found(client: APIClient) -> tuple[dict[str, Any], list[str]]:
    health = succeeded(client.get(HEALTH))
    for warning in health["warnings"]:
        assert warning["message"]
        assert warning["fix"]
    return health, [warning["code"] for warning in health["warnings"]]


def test_a_leader_whose_heart_beats_and_loop_turns_is_healthy(viewer: APIClient) -> None:
    figures = {
        "last_tick_at": ago(1).isoformat(),
        "workers": 5,
        "busy_workers": 2,
        "handed_out": 2,
        "lateness_p50_s": 0.01,
        "lateness_p99_s": 0.2,
    }
    make_leader(figures=figures)
    make_scheduler("two", host="db-2")
    make_scheduler("dead", beat_at=ago(60))
    make_scheduler("stopped", stopped_at=ago(60))
    make_job("report")
    make_execution("report", status=Status.QUEUED, queued_at=ago(30))
    make_execution("report", status=Status.RUNNING)
    health, codes = found(viewer)
    assert (health["status"], health["health_score"], codes) == ("healthy", 100, [])
    leader = health["leader"]
    assert (leader["id"], leader["host"], leader["pid"], leader["epoch"]) == (
        "one",
        "db-1",
        4711,
        3,
    )
    assert leader["since"]
    assert leader["beat_age_s"] < 5
    assert 1 <= leader["last_tick_age_s"] < 6
    assert [standby["id"] for standby in health["standbys"]] == ["two"]
    assert (health["lateness_p50_s"], health["lateness_p99_s"]) == (0.01, 0.2)
    assert (health["workers"], health["busy_workers"], health["handed_out"]) == (5, 2, 2)
    assert (health["queue"]["queued"], health["queue"]["running"]) == (1, 1)
    assert health["queue"]["oldest_queued_s"] >= 30
    assert health["jobs"]["total"] == 1
    assert health["jobs"]["by_state"]["scheduled"] == 1


def test_without_a_leader_nothing_will_fire(viewer: APIClient) -> None:
    health, codes = found(viewer)
    assert (health["status"], health["leader"], codes) == ("error", None, ["no_leader"])
    assert health["health_score"] == 40
    assert "manage.py runscheduler" in health["warnings"][0]["message"]


def test_a_leader_that_stopped_is_none(viewer: APIClient) -> None:
    make_leader(stopped_at=ago(1))
    assert found(viewer)[1] == ["no_leader"]


def test_a_heart_that_stands_still_is_an_error_within_a_ttl(viewer: APIClient) -> None:
    make_leader(beat_at=ago(16))
    health, codes = found(viewer)
    assert (health["status"], codes) == ("error", ["leader_silent"])


def test_a_dead_loop_in_a_living_process_is_an_error_within_a_ttl(viewer: APIClient) -> None:
    """Pain 26."""
    make_leader(figures={"last_tick_at": ago(16).isoformat()})
    health, codes = found(viewer)
    assert (health["status"], codes) == ("error", ["loop_stands_still"])


def test_a_leader_that_has_just_begun_may_not_have_ticked(viewer: APIClient) -> None:
    make_leader(figures={}, started_at=ago(2))
    assert found(viewer)[0]["status"] == "healthy"
    SchedulerProcess.objects.update(started_at=ago(20))
    assert found(viewer)[1] == ["loop_stands_still"]


def test_clocks_that_run_ahead_are_no_negative_ages(viewer: APIClient) -> None:
    make_leader(beat_at=ago(-3), figures={"last_tick_at": ago(-3).isoformat()})
    health, codes = found(viewer)
    assert (health["leader"]["beat_age_s"], codes) == (0, [])


def test_broken_and_overdue_jobs_are_warnings(viewer: APIClient) -> None:
    make_leader()
    make_job("broken")
    Job.objects.filter(pk="broken").update(problem="Its task has gone.")
    for job_id, seconds in [("late", 61), ("in-time", 50)]:
        make_job(job_id)
        DjangoJob.objects.filter(pk=job_id).update(next_run_time=ago(seconds))
    make_job("off", is_enabled=False)
    DjangoJob.objects.filter(pk="off").update(next_run_time=ago(3600))
    health, codes = found(viewer)
    assert codes == ["broken_jobs", "overdue_jobs"]
    assert (health["status"], health["health_score"]) == ("warning", 80)
    assert [job["id"] for job in health["jobs"]["overdue"]] == ["late"]
    assert health["jobs"]["broken"][0]["problem"] == "Its task has gone."


def test_runs_that_wait_for_workers_are_a_warning(viewer: APIClient) -> None:
    figures = {"last_tick_at": ago(0).isoformat(), "full_executors": ["threads"]}
    make_leader(figures=figures)
    make_execution("report", status=Status.QUEUED, queued_at=ago(90))
    assert found(viewer)[1] == ["no_free_worker"]


def test_runs_that_ignore_their_end_are_a_warning_until_they_let_go(viewer: APIClient) -> None:
    """Pain 14: a thread that ignores its timeout keeps its slot, and shows."""
    make_leader()
    held = make_execution("report", status=Status.TIMED_OUT, released_at=None)
    health, codes = found(viewer)
    assert codes == ["lingering_runs"]
    assert f"#{held.pk}" in health["warnings"][0]["message"]
    assert health["queue"]["lingering"] == 1
    JobExecution.objects.update(released_at=ago(0))
    assert found(viewer)[1] == []


@pytest.mark.parametrize(("over_for_s", "shown"), [(None, True), (60, True), (600, False)])
def test_a_fault_of_the_scheduler_is_shown_while_it_lasts_and_for_a_while_after(
    viewer: APIClient, over_for_s: float | None, shown: bool
) -> None:
    until = None if over_for_s is None else ago(over_for_s).isoformat()
    fault = {"error": "OperationalError: gone", "since": ago(630).isoformat(), "until": until}
    make_leader(figures={"last_tick_at": ago(0).isoformat(), "last_fault": fault})
    health, codes = found(viewer)
    assert codes == (["scheduler_faulted"] if shown else [])
    assert health["last_fault"]["error"] == "OperationalError: gone"
    if shown:
        assert "OperationalError: gone" in health["warnings"][0]["message"]


def test_a_retry_that_waits_for_its_time_is_no_run_that_waits_for_a_worker(
    viewer: APIClient,
) -> None:
    make_leader(figures={"last_tick_at": ago(0).isoformat(), "full_executors": ["threads"]})
    make_execution("report", status=Status.QUEUED, queued_at=ago(90), start_after=ago(-3600))
    health, codes = found(viewer)
    assert codes == []
    assert (health["queue"]["queued"], health["queue"]["waiting_retries"]) == (0, 1)


def test_what_is_wrong_with_the_file_is_a_warning(
    viewer: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_leader()
    monkeypatch.setattr(definitions, "warnings", lambda: ["The file is missing."])
    health, codes = found(viewer)
    assert (health["status"], codes) == ("warning", ["definitions"])
    assert health["warnings"][0]["message"] == "The file is missing."


def test_the_score_is_never_negative(viewer: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(definitions, "warnings", lambda: ["x"] * 20)
    assert found(viewer)[0]["health_score"] == 0


def test_the_cost_does_not_grow_with_the_jobs(viewer: APIClient) -> None:
    make_leader()

    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            succeeded(viewer.get(HEALTH))
        return len(queries)

    make_jobs(1)
    few = cost()
    make_jobs(200)
    assert few == cost() <= 14


def test_it_takes_a_right_on_all_jobs(login: Login) -> None:
    user = make_user()
    grant(user, "manage_job", make_job("report"))
    refused(login(user).get(HEALTH), 403)


def test_liveness_asks_nobodys_name_and_no_database(rf: RequestFactory) -> None:
    response = Liveness.as_view()(rf.get("/healthz")).render()
    assert response.status_code == 200
    assert b'"alive"' in response.content
