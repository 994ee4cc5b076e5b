from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from jobs import pace
from jobs.errors import Invalid, InvalidArguments
from jobs.estate.models import (
    Category,
    Database,
    DatabaseInstance,
    DatabaseSizeSnapshot,
    FindingKind,
    PartitionFinding,
    SessionStatus,
    Severity,
    SyncRecord,
    SyncSession,
)
from jobs.estate.models import Source as SessionSource
from jobs.models import (
    AlertIncident,
    AlertMessage,
    AlertNotice,
    AuditEvent,
    ExecutionLog,
    Job,
    JobExecution,
    LeaderTerm,
    Status,
)
from jobs.registry import CurrentExecution, StopRun, executing, get_task
from jobs.tasks import cleanup
from jobs.tasks.cleanup import cleanup_logs
from tests.factories import (
    make_channel,
    make_execution,
    make_incident,
    make_log_line,
    make_message,
)

OTHER_KINDS = {
    "leader_terms": 0,
    "alert_messages": 0,
    "alert_notices": 0,
    "alert_incidents": 0,
    "sync_sessions": 0,
    "sync_records": 0,
    "size_snapshots": 0,
    "resolved_findings": 0,
}


@pytest.fixture(autouse=True)
def rests(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The rests that were taken, in which no time passes."""
    found: list[float] = []
    monkeypatch.setattr(pace, "sleep", found.append)
    return found


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cleanup, "Pace", lambda: pace.Pace(4))


class Watched(CurrentExecution):
    """A run that notes its progress, and is stopped at a step or once somebody says so."""

    def __init__(self, stop_at: int | None = None) -> None:
        self.steps: list[tuple[float, float | None]] = []
        self.messages: list[str] = []
        self.stop_at = stop_at
        self.is_stopping = False

    def progress(self, done: float, total: float | None = None, message: str = "") -> None:
        self.steps.append((done, total))
        self.messages.append(message)
        self.is_stopping = self.is_stopping or len(self.steps) == self.stop_at
        self.check()

    def check(self) -> None:
        if self.is_stopping:
            raise StopRun("Cancelled by ana.")


def ago(days: float) -> datetime:
    return datetime.now(UTC) - timedelta(days=days)


def make_ended(days_ago: float, job_id: str = "job", **fields: Any) -> JobExecution:
    at = ago(days_ago)
    return make_execution(job_id, finished_at=at, released_at=at, **fields)


def make_one_of_each(days_ago: float) -> None:
    """An execution with a line, a leader's term, an incident and a message of it, an audit event,
    a session with a record, a snapshot, a finding."""
    at = ago(days_ago)
    make_log_line(make_ended(days_ago))
    LeaderTerm.objects.create(epoch=1, process="one", host="h", pid=1, began_at=at, ended_at=at)
    incident = make_incident(began_at=at, last_at=at, opened_at=at, closed_at=at)
    message = make_message(created_at=at, sent_at=at)
    AlertNotice.objects.create(channel=make_channel(), incident=incident, at=at, message=message)
    AuditEvent.objects.create(at=at, actor="ana", via="api")
    session = SyncSession.objects.create(
        category=Category.CAPACITY,
        source=SessionSource.SCHEDULED,
        status=SessionStatus.COMPLETED,
        started_at=at,
        finished_at=at,
    )
    SyncRecord.objects.create(session=session, instance_name="main")
    instance, _ = DatabaseInstance.objects.get_or_create(name="main", engine="sqlite")
    database, _ = Database.objects.get_or_create(
        instance=instance, name="sales", defaults={"first_seen": at, "last_seen": at}
    )
    DatabaseSizeSnapshot.objects.create(
        database=database, day=at.date(), taken_at=at, total_bytes=1
    )
    PartitionFinding.objects.create(
        instance=instance,
        database="sales",
        table="orders",
        kind=FindingKind.GAP,
        severity=Severity.ERROR,
        message="There is a gap.",
        first_seen=at,
        last_seen=at,
        resolved_at=at,
    )


def rows() -> dict[str, int]:
    models = (
        JobExecution,
        ExecutionLog,
        LeaderTerm,
        AlertIncident,
        AlertMessage,
        AlertNotice,
        AuditEvent,
        SyncSession,
        SyncRecord,
        DatabaseSizeSnapshot,
        PartitionFinding,
    )
    return {model.__name__: model._base_manager.count() for model in models}


def clean(**kwargs: Any) -> dict[str, Any]:
    """As a job calls it; the result as it is stored."""
    return json.loads(json.dumps(get_task("cleanup_logs").call([], kwargs)))


@pytest.mark.django_db
def test_history_is_kept_for_the_days_of_the_settings(settings: Any) -> None:
    settings.SCHEDCORE = replace(settings.SCHEDCORE, retention_days=30)
    make_log_line(make_ended(31))
    kept = make_ended(29)
    make_log_line(kept)
    assert clean() == {
        "executions": 1,
        "log_lines": 1,
        **OTHER_KINDS,
        "days": 30,
        "dry_run": False,
    }
    assert list(JobExecution.objects.all()) == [kept]


@pytest.mark.django_db
def test_a_job_may_say_how_many_days() -> None:
    make_ended(2)
    result = clean(days=1)
    assert (result["executions"], result["log_lines"], result["days"]) == (1, 0, 1)
    assert clean(days=None)["executions"] == 0


@pytest.mark.django_db
def test_by_default_audit_events_stay_and_everything_else_goes_when_it_is_old() -> None:
    """Pain 22."""
    make_one_of_each(days_ago=401)
    make_one_of_each(days_ago=89)
    result = clean()
    assert result == {
        "executions": 1,
        "log_lines": 1,
        "leader_terms": 1,
        "alert_messages": 1,
        "alert_notices": 1,
        "alert_incidents": 1,
        "sync_sessions": 1,
        "sync_records": 1,
        "size_snapshots": 1,
        "resolved_findings": 1,
        "days": 90,
        "dry_run": False,
    }
    left = rows()
    assert left.pop("AuditEvent") == 2
    assert set(left.values()) == {1}


@pytest.mark.django_db
def test_snapshots_are_kept_for_longer_than_what_else_there_is() -> None:
    make_one_of_each(days_ago=399)
    clean()
    assert {name for name, count in rows().items() if count} == {
        "AuditEvent",
        "DatabaseSizeSnapshot",
    }


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("argument", "model", "kind"),
    [
        ("days", JobExecution, "executions"),
        ("audit_days", AuditEvent, "audit_events"),
        ("session_days", SyncSession, "sync_sessions"),
        ("snapshot_days", DatabaseSizeSnapshot, "size_snapshots"),
        ("finding_days", PartitionFinding, "resolved_findings"),
    ],
)
def test_each_kind_has_days_of_its_own(argument: str, model: Any, kind: str) -> None:
    make_one_of_each(days_ago=50)
    assert clean(**{argument: 52})[kind] == 0
    assert all(rows().values())
    assert clean(**{argument: 48})[kind] == 1
    assert not model._base_manager.exists()
    gone = {name for name, count in rows().items() if not count}
    along = {"ExecutionLog", "LeaderTerm", "SyncRecord"}
    along |= {"AlertIncident", "AlertMessage", "AlertNotice"}
    assert gone - {model.__name__, *along} == set()


@pytest.mark.django_db
def test_alerts_that_are_not_over_stay() -> None:
    old = ago(400)
    make_message(created_at=old)
    incident = make_incident(began_at=old, last_at=old, opened_at=old)
    AlertNotice.objects.create(channel=make_channel(), incident=incident, at=old)
    result = clean()
    assert (result["alert_messages"], result["alert_notices"], result["alert_incidents"]) == (
        0,
        0,
        0,
    )


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("argument", "kind"),
    [
        ("session_days", "sync_sessions"),
        ("snapshot_days", "size_snapshots"),
        ("finding_days", "resolved_findings"),
    ],
)
def test_null_keeps_all_of_a_kind(argument: str, kind: str) -> None:
    make_one_of_each(days_ago=1000)
    before = rows()
    result = clean(days=2000, **{argument: None})
    assert kind not in result
    spared = {"session_days": 2, "snapshot_days": 1, "finding_days": 1}
    assert sum(before.values()) - sum(rows().values()) == 4 - spared[argument]


@pytest.mark.django_db
def test_the_last_of_each_job_may_be_kept() -> None:
    for job_id in ("daily", "yearly"):
        Job.objects.create(
            id=job_id, name=job_id, function="cleanup_logs", trigger_type="cron", anchor=ago(0)
        )
    old = [make_ended(400 - number, "daily") for number in range(3)]
    yearly = make_ended(365, "yearly")
    run = Watched()
    with executing(run):
        assert clean(keep_last=1)["executions"] == 2
    assert run.steps[-1] == (2, 2)
    assert set(JobExecution.objects.all()) == {old[-1], yearly}


@pytest.mark.django_db
@pytest.mark.usefixtures("small_batches")
def test_a_dry_run_says_what_would_go_and_changes_nothing() -> None:
    for days in (401, 402, 403):
        make_one_of_each(days)
    before = rows()
    promised = clean(dry_run=True, audit_days=10)
    assert rows() == before
    assert promised.pop("dry_run") is True
    done = clean(audit_days=10)
    assert done.pop("dry_run") is False
    assert done == promised
    assert set(done.values()) == {3, 90}


@pytest.mark.parametrize("value", [0, -1, 36_501, 10**30, True, "7", 1.5])
@pytest.mark.parametrize(
    "argument", ["days", "audit_days", "session_days", "snapshot_days", "finding_days"]
)
def test_days_that_make_no_sense_are_refused_when_the_job_is_saved(
    argument: str, value: Any
) -> None:
    with pytest.raises(InvalidArguments) as refused:
        get_task("cleanup_logs").arguments.bind([], {argument: value})
    assert list(refused.value.errors) == [f"kwargs.{argument}"]


@pytest.mark.parametrize(
    "kwargs",
    [
        {"keep_last": -1},
        {"keep_last": 10_001},
        {"keep_last": None},
        {"keep_last": "1"},
        {"dry_run": "no"},
        {"dry_run": 1},
        {"dryrun": True},
    ],
)
def test_what_else_makes_no_sense_is_refused_too(kwargs: dict[str, Any]) -> None:
    with pytest.raises(InvalidArguments) as refused:
        get_task("cleanup_logs").arguments.bind([], kwargs)
    assert list(refused.value.errors) == [f"kwargs.{name}" for name in kwargs]


@pytest.mark.django_db
def test_days_that_make_no_sense_delete_nothing(settings: Any) -> None:
    make_one_of_each(days_ago=1)
    before = rows()
    for kwargs in ({"days": -1}, {"audit_days": 0}, {"snapshot_days": -400}):
        with pytest.raises(Invalid) as refused:
            cleanup_logs(**kwargs)  # type: ignore[arg-type]
        assert refused.value.errors.keys() == kwargs.keys()
    settings.SCHEDCORE = replace(settings.SCHEDCORE, retention_days=0)
    with pytest.raises(Invalid):
        cleanup_logs()
    assert rows() == before


@pytest.mark.django_db
@pytest.mark.usefixtures("small_batches")
def test_progress_counts_up_to_all_that_goes_and_names_the_kind() -> None:
    for _ in range(5):
        make_log_line(make_ended(100))
    make_one_of_each(days_ago=500)
    run = Watched()
    with executing(run):
        cleanup_logs()
    assert (run.steps[0], run.steps[-1]) == ((0, 12), (12, 12))
    assert run.steps == sorted(run.steps)
    assert len(run.steps) > 5
    assert list(dict.fromkeys(run.messages)) == [
        "",
        "executions",
        "leaders' terms",
        "alert incidents",
        "alert messages",
        "sync sessions",
        "size snapshots",
        "partition findings",
    ]


@pytest.mark.django_db
@pytest.mark.usefixtures("small_batches")
def test_others_get_their_turn_after_every_batch(rests: list[float]) -> None:
    for _ in range(8):
        make_ended(100)
    run = Watched()
    with executing(run):
        cleanup_logs()
    assert len(rests) == len(run.steps) - 1 == 2
    assert min(rests) > 0


@pytest.mark.django_db
@pytest.mark.usefixtures("small_batches")
@pytest.mark.parametrize("stop_at", [1, 2, 3])
def test_a_run_that_is_stopped_between_batches_can_go_on_later(stop_at: int) -> None:
    for _ in range(5):
        make_log_line(make_ended(100))
    with executing(Watched(stop_at)), pytest.raises(StopRun):
        cleanup_logs(days=90)
    assert JobExecution.objects.count() == 5 - 2 * (stop_at - 1)
    orphans = ExecutionLog.objects.exclude(execution_id__in=JobExecution.objects.values("pk"))
    assert not orphans.exists()
    cleanup_logs(days=90)
    assert not JobExecution.objects.exists()
    assert not ExecutionLog.objects.exists()


@pytest.mark.django_db
@pytest.mark.usefixtures("small_batches")
def test_a_run_that_is_cancelled_during_a_rest_deletes_no_further_batch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for _ in range(8):
        make_ended(100)
    run = Watched()

    def cancel(seconds: float) -> None:
        run.is_stopping = True

    monkeypatch.setattr(pace, "sleep", cancel)
    with executing(run), pytest.raises(StopRun):
        cleanup_logs()
    assert JobExecution.objects.count() == 4


@pytest.mark.django_db
def test_its_own_run_is_never_deleted() -> None:
    own = make_execution(
        "cleanup_logs", status=Status.RUNNING, queued_at=datetime(2020, 1, 1, tzinfo=UTC)
    )
    cleanup_logs(days=1)
    assert list(JobExecution.objects.all()) == [own]


@pytest.mark.django_db
def test_it_deletes_no_file(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pain 43."""

    def refuse(*args: Any, **kwargs: Any) -> None:
        raise AssertionError(f"would have deleted {args}")

    for module, name in ((os, "unlink"), (os, "remove"), (os, "rmdir"), (shutil, "rmtree")):
        monkeypatch.setattr(module, name, refuse)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    old = tmp_path / "upload.tmp"
    old.write_text("being written")
    os.utime(old, (0, 0))
    make_one_of_each(days_ago=1000)
    clean(audit_days=1)
    assert old.read_text() == "being written"
