"""The leader's desk and the heartbeat, with a real loop, real threads and real services."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext

from jobs.alerts import desk, post
from jobs.conf import conf
from jobs.control import alert_rule as control
from jobs.executions.database import database_now
from jobs.health.report import health
from jobs.models import AlertEvent, AlertIncident, AlertMessage, Job, JobExecution, Status
from jobs.runtime import alert_faults, alerts
from jobs.runtime.alerts import AlertDesk
from jobs.runtime.heartbeat import Heartbeat
from jobs.runtime.scheduler import SchedcoreScheduler
from tests.alerts.sinks import Sink, hanging_server, webhook
from tests.factories import ACTOR, make_channel, make_rule
from tests.runtime.runs import finished, make_due, run
from tests.waiting import until

StartScheduler = Callable[..., SchedcoreScheduler]
MakeJob = Callable[..., Job]


@pytest.fixture
def hook() -> Iterator[Sink]:
    with webhook() as sink:
        yield sink


@pytest.fixture
def leader(start_scheduler: StartScheduler) -> SchedcoreScheduler:
    scheduler = start_scheduler()
    until(lambda: scheduler.membership.is_leader)
    return scheduler


@pytest.fixture
def alerting(leader: SchedcoreScheduler) -> Iterator[SchedcoreScheduler]:
    """A leader with its desk."""
    desk_of_it = AlertDesk(leader)
    desk_of_it.start()
    yield leader
    desk_of_it.stop()


def rule_in_force(leader: SchedcoreScheduler, *channels: Any, **fields: Any) -> None:
    make_rule(*channels, **fields)
    until(lambda: leader.recorder.notes_verdicts)


def failing() -> None:
    raise RuntimeError("boom")


def test_three_failures_in_a_row_bring_one_message_and_the_success_another(
    alerting: SchedcoreScheduler, job: MakeJob, hook: Sink
) -> None:
    is_well = False

    def sometimes() -> None:
        if not is_well:
            raise RuntimeError("boom")

    made = job(sometimes)
    rule_in_force(alerting, make_channel(url=f"json://127.0.0.1:{hook.port}/"), threshold=3)
    for _ in range(4):
        assert finished(run(made)).status == Status.FAILED
    until(lambda: hook.got)
    is_well = True
    assert finished(run(made)).status == Status.SUCCEEDED
    finished(run(made))
    until(lambda: len(hook.got) == 2)
    until(lambda: not AlertEvent.objects.exists())
    first, second = (got["title"] for got in hook.got)
    assert first.startswith(f"[schedcore] {made.name} (sometimes): failed")
    assert second == f"[schedcore] {made.name} (sometimes): has recovered"
    assert "RuntimeError: boom" in hook.got[0]["message"]
    assert AlertIncident.objects.get().count == 4
    assert AlertMessage.objects.count() == 2


def test_a_channel_that_hangs_delays_neither_another_channel_nor_runs(
    alerting: SchedcoreScheduler, job: MakeJob, hook: Sink
) -> None:
    made = job(failing)
    with hanging_server() as hanging:
        slow = make_channel(url=f"json://127.0.0.1:{hanging.port}/?rto=600")
        rule_in_force(alerting, slow, make_channel(url=f"json://127.0.0.1:{hook.port}/"))
        finished(run(made))
        until(lambda: hanging.got)
        until(lambda: hook.got)
        assert finished(run(made)).status == Status.FAILED
        assert AlertMessage.objects.filter(channel=slow, sent_at__isnull=True).exists()


def test_a_missed_run_and_an_interrupted_one_are_told_as_well(
    alerting: SchedcoreScheduler, job: MakeJob, hook: Sink
) -> None:
    made = job(failing, misfire_grace_time=5, coalesce=True)
    channel = make_channel(url=f"json://127.0.0.1:{hook.port}/")
    rule_in_force(alerting, channel, kind="trouble")
    make_due(made.pk, ago_s=3600)
    until(lambda: hook.got)
    assert hook.got[0]["title"].endswith("missed")
    orphan = JobExecution.objects.get(status=Status.MISSED)
    orphan.pk = None
    orphan.job_id, orphan.status, orphan.owner = "lost", Status.RUNNING, "gone"
    orphan.finished_at = orphan.released_at = None
    orphan.started_at = orphan.queued_at
    orphan.save(force_insert=True)
    until(lambda: len(hook.got) == 2)
    assert "interrupted" in hook.got[1]["title"]


def test_without_a_rule_the_desk_asks_the_database_nothing(leader: SchedcoreScheduler) -> None:
    desk_of_it = AlertDesk(leader)
    steps: list[Any] = []
    desk_of_it._step = steps.append  # type: ignore[method-assign]
    desk_of_it.start()
    until(lambda: steps)  # once, for what an earlier leader has left
    rule = make_rule()
    until(lambda: len(steps) > 2)
    control.delete(rule.pk, actor=ACTOR)
    until(lambda: not leader.recorder.notes_verdicts)
    desk_of_it.stop()


def test_a_part_that_fails_is_logged_once_and_holds_up_no_other(
    leader: SchedcoreScheduler, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    rule_in_force(leader)
    sent: list[int] = []

    def failing_judge() -> int:
        raise OperationalError("it is away")

    monkeypatch.setattr(desk, "judge_events", failing_judge)
    monkeypatch.setattr(post, "due_messages", lambda now: sent.append(1) or [])
    desk_of_it = AlertDesk(leader)
    desk_of_it.start()
    until(lambda: len(sent) > 2)
    desk_of_it.stop()
    faults = [r for r in caplog.records if getattr(r, "event", "") == "alert.step_failed"]
    assert len(faults) == 1


def test_a_part_that_takes_its_turn_seldom_is_told_to_health_until_it_succeeds(
    leader: SchedcoreScheduler, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    is_well = False

    def look_at_times(now: Any) -> None:
        if not is_well:
            raise OperationalError("permission denied")

    monkeypatch.setattr(alerts, "TIMES_S", 0.6)  # so that it passes over steps
    monkeypatch.setattr(alert_faults, "TOLD_AFTER_S", 0.5)
    monkeypatch.setattr(desk, "look_at_times", look_at_times)
    rule_in_force(leader)
    desk_of_it = AlertDesk(leader)
    desk_of_it.start()

    def codes() -> list[str]:
        return [one["code"] for one in health(database_now())["warnings"]]

    until(lambda: "alerts_fail" in codes())
    is_well = True
    until(lambda: "alerts_fail" not in codes())
    desk_of_it.stop()
    events = [getattr(record, "event", "") for record in caplog.records]
    assert events.count("alert.step_failed") == events.count("alert.recovered") == 1


def test_a_desk_whose_lease_another_has_does_nothing(leader: SchedcoreScheduler) -> None:
    lease = leader.membership.lease
    assert lease is not None
    with CaptureQueriesContext(connection) as queries:
        AlertDesk(leader)._step(replace(lease, epoch=lease.epoch + 1))
    assert len(queries) == 1


def test_a_message_that_cannot_be_put_together_says_so_and_holds_up_no_other(
    alerting: SchedcoreScheduler,
    job: MakeJob,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def failing_message(*given: Any) -> None:
        raise KeyError("x")

    monkeypatch.setattr(post, "message", failing_message)
    made = job(failing)
    rule_in_force(alerting, make_channel("mail"))
    finished(run(made))
    until(lambda: AlertMessage.objects.exclude(error="").exists())
    assert "KeyError" in AlertMessage.objects.get().error


def test_the_heartbeat_url_is_called_by_a_healthy_leader_alone(
    leader: SchedcoreScheduler, hook: Sink, settings: Any
) -> None:
    url = f"http://127.0.0.1:{hook.port}/ping"
    settings.SCHEDCORE = replace(conf(), heartbeat_url=url, heartbeat_interval_s=0)
    heartbeat = Heartbeat(leader)
    heartbeat.start()
    until(lambda: len(hook.got) > 1)
    assert heartbeat.is_healthy
    leader.faults.current = "OperationalError"
    assert not heartbeat.is_healthy
    leader.faults.current = ""
    heartbeat.stop()
    heartbeat._thread.join()
    assert not Heartbeat(SchedcoreScheduler()).is_healthy  # it does not even run


def test_busy_workers_do_not_silence_the_heartbeat(
    leader: SchedcoreScheduler, job: MakeJob, gate: threading.Event
) -> None:
    """As docs/alerts.md says: it tells of the scheduler, and health of the rest."""

    def busy() -> None:
        gate.wait(30)

    made = job(busy, max_instances=20)
    workers = leader.pools["threads"].workers
    for _ in range(workers + 1):
        run(made)
    until(lambda: JobExecution.objects.filter(status=Status.RUNNING).count() == workers)
    assert JobExecution.objects.filter(status=Status.QUEUED).exists()
    assert Heartbeat(leader).is_healthy


def test_a_heartbeat_url_that_fails_is_said_once_and_without_it(
    leader: SchedcoreScheduler, hook: Sink, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    url = f"http://127.0.0.1:{hook.port}/hunter22"
    settings.SCHEDCORE = replace(conf(), heartbeat_url=url, heartbeat_interval_s=0)
    hook.status = 500
    heartbeat = Heartbeat(leader)
    heartbeat.start()
    until(lambda: len(hook.got) > 2)
    hook.status = 200

    def events() -> list[str]:
        return [record.event for record in caplog.records if hasattr(record, "event")]

    until(lambda: "heartbeat.recovered" in events())
    heartbeat.stop()
    heartbeat._thread.join()
    assert events().count("heartbeat.failed") == 1
    assert "hunter22" not in str([record.__dict__ for record in caplog.records])


def test_the_heartbeat_goes_on_when_no_process_could_be_started(
    leader: SchedcoreScheduler, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.SCHEDCORE = replace(conf(), heartbeat_url="http://localhost/", heartbeat_interval_s=0)
    calls: list[str] = []

    def call(url: str) -> str:
        calls.append(url)
        if len(calls) == 1:
            raise BlockingIOError("Resource temporarily unavailable")
        return ""

    monkeypatch.setattr("jobs.alerts.messenger.call", call)
    heartbeat = Heartbeat(leader)
    heartbeat.start()
    until(lambda: len(calls) > 1)
    heartbeat.stop()
    heartbeat._thread.join()


def test_without_a_heartbeat_url_there_is_no_thread(leader: SchedcoreScheduler) -> None:
    heartbeat = Heartbeat(leader)
    heartbeat.start()
    assert not heartbeat._thread.is_alive()
