"""A pass: its session, its records, its verdict."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.utils import timezone

from jobs.errors import Invalid
from jobs.estate.adapters.errors import InstanceError
from jobs.estate.models import (
    Database,
    DatabaseInstance,
    RecordStatus,
    SessionStatus,
    SyncRecord,
    SyncSession,
)
from jobs.estate.services.sizes import sync_sizes
from jobs.estate.services.sync import EveryInstanceFailed
from jobs.models import JobExecution
from jobs.registry import StopRun
from tests.estate.conftest import PostgresServer, postgres_instance, sqlite_instance
from tests.estate.fakes import FakeAdapter, NotedExecution, failing, sizes

pytestmark = pytest.mark.django_db


def statuses(session: SyncSession) -> dict[str, str]:
    return dict(session.records.values_list("instance_name", "status"))


def test_when_every_instance_answers_the_session_is_completed(
    fake: FakeAdapter, execution: NotedExecution
) -> None:
    fake.instance("a", sizes(one=1, two=2))
    fake.instance("b", sizes(three=3))
    session = sync_sizes()
    assert session.status == SessionStatus.COMPLETED
    assert session.finished_at is not None
    assert (session.instances_total, session.instances_completed) == (2, 2)
    assert session.totals == {"databases": 3, "total_bytes": 6}
    assert [(done, total) for done, total, _name in execution.steps] == [(1, 2), (2, 2)]
    assert execution.warnings == []
    record = session.records.get(instance_name="a")
    assert (record.items_seen, record.items_created, record.error) == (2, 2, "")
    assert record.seconds is not None
    assert record.details["version"] == "1.0"


def test_one_failing_instance_makes_the_session_partial_and_warns(
    fake: FakeAdapter, execution: NotedExecution
) -> None:
    """Pain 37."""
    fake.instance("bad", failing(InstanceError("The disk is on fire.")))
    fake.instance("good", sizes(one=1))
    session = sync_sizes()
    assert session.status == SessionStatus.PARTIAL
    assert (session.instances_completed, session.instances_failed) == (1, 1)
    assert statuses(session) == {"bad": RecordStatus.FAILED, "good": RecordStatus.COMPLETED}
    assert session.records.get(instance_name="bad").error == "The disk is on fire."
    assert execution.warnings == ["1 of 2 instances failed. bad: The disk is on fire."]


def test_when_every_instance_fails_the_run_fails_and_says_why(
    fake: FakeAdapter, execution: NotedExecution
) -> None:
    fake.instance("a", failing(InstanceError("The disk is on fire.")))
    fake.instance("b", [])
    with pytest.raises(EveryInstanceFailed, match=r"a: The disk is on fire\. b: The server listed"):
        sync_sizes()
    session = SyncSession.objects.get()
    assert session.status == SessionStatus.FAILED
    assert session.finished_at is not None
    assert session.instances_failed == 2


def test_a_failed_or_empty_listing_drops_nothing(
    fake: FakeAdapter, execution: NotedExecution
) -> None:
    for name in ("empty", "failed"):
        fake.instance(name, sizes(one=1))
    sync_sizes()
    fake.listings.update(empty=[], failed=failing(RuntimeError("out of luck")))
    with pytest.raises(EveryInstanceFailed):
        sync_sizes()
    assert Database.objects.present().count() == 2


def test_an_unexpected_error_fails_its_instance_only_and_is_logged_without_the_password(
    fake: FakeAdapter,
    folder: Path,
    execution: NotedExecution,
    caplog: pytest.LogCaptureFixture,
) -> None:
    bad = fake.instance("bad", failing(RuntimeError("wrong password hunter2-hunter2")))
    bad.set_password("hunter2-hunter2")
    bad.save()
    fake.instance("good", sizes(one=1))
    session = sync_sizes()
    assert session.status == SessionStatus.PARTIAL
    record = session.records.get(instance_name="bad")
    assert record.error == "RuntimeError: wrong password ***"
    logged = caplog.records[0]
    assert logged.event == "estate.instance_failed"  # type: ignore[attr-defined]
    assert "in read" in logged.trace  # type: ignore[attr-defined]
    assert "hunter2" not in str(vars(logged))


def test_a_password_whose_key_is_gone_fails_its_instance_only(
    fake: FakeAdapter, scheduler_settings: Callable[..., Any], execution: NotedExecution
) -> None:
    scheduler_settings(credentials_keys=(Fernet.generate_key().decode(),))
    locked = fake.instance("locked", sizes(one=1))
    locked.set_password("hunter2")
    locked.save()
    fake.instance("open", sizes(one=1))
    scheduler_settings(credentials_keys=(Fernet.generate_key().decode(),))
    session = sync_sizes()
    assert statuses(session) == {"locked": RecordStatus.FAILED, "open": RecordStatus.COMPLETED}
    assert "SCHEDCORE_CREDENTIALS_KEY" in session.records.get(instance_name="locked").error


def test_without_an_active_instance_the_session_completes_with_a_warning(
    fake: FakeAdapter, execution: NotedExecution
) -> None:
    fake.instance("asleep", sizes(one=1), is_active=False)
    session = sync_sizes()
    assert session.status == SessionStatus.COMPLETED
    assert session.instances_total == 0
    assert len(execution.warnings) == 1


def test_what_could_not_be_measured_is_a_warning(
    fake: FakeAdapter, execution: NotedExecution
) -> None:
    fake.instance("a", sizes(one=1, secret=None))
    assert sync_sizes().status == SessionStatus.COMPLETED
    assert execution.warnings == ["a: Not measured: secret."]


def test_only_the_chosen_instances_are_visited(
    fake: FakeAdapter, execution: NotedExecution, folder: Path
) -> None:
    fake.instance("a", sizes(one=1), tags=["production"])
    fake.instance("b", sizes(one=1), tags=["test"])
    (folder / "file").touch()
    sqlite_instance(folder / "file")
    assert set(statuses(sync_sizes(instances=["a", "file"]))) == {"a", "file"}
    assert set(statuses(sync_sizes(engines=["sqlite"]))) == {"file"}
    assert set(statuses(sync_sizes(tags=["test", "other"]))) == {"b"}
    assert set(statuses(sync_sizes(instances=[]))) == set()


@pytest.mark.parametrize(
    ("arguments", "field", "says"),
    [
        ({"instances": ["a", "nope", "asleep"]}, "instances", "“asleep”, “nope”"),
        ({"engines": ["oracle"]}, "engine", "oracle"),
        ({"concurrency": 0}, "concurrency", "0"),
        ({"concurrency": 65}, "concurrency", "65"),
    ],
)
def test_a_choice_that_cannot_be_is_refused_before_anything_happens(
    fake: FakeAdapter, arguments: dict[str, Any], field: str, says: str
) -> None:
    fake.instance("a", sizes(one=1))
    fake.instance("asleep", sizes(one=1), is_active=False)
    with pytest.raises(Invalid) as caught:
        sync_sizes(**arguments)
    assert says in caught.value.errors[field][0]
    assert not SyncSession.objects.exists()


def test_instances_are_visited_side_by_side(fake: FakeAdapter, execution: NotedExecution) -> None:
    barrier = threading.Barrier(3, timeout=30)

    def meet() -> Any:
        barrier.wait()
        return sizes(one=1)

    for name in "abcdef":
        fake.instance(name, meet)
    assert sync_sizes(concurrency=3).status == SessionStatus.COMPLETED
    assert fake.most_at_once == 3


def test_visits_run_outside_the_thread_that_holds_the_orms_connection(
    fake: FakeAdapter, execution: NotedExecution
) -> None:
    fake.instance("a", sizes(one=1))
    sync_sizes()
    assert threading.current_thread().name not in fake.threads


def test_an_adapter_that_hangs_for_ever_is_given_up_and_delays_nobody(
    fake: FakeAdapter, execution: NotedExecution, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pain 36."""
    monkeypatch.setattr("jobs.estate.services.sync.NET_S", -1.9)
    release = threading.Event()

    def hang() -> Any:
        release.wait()
        return sizes(late=1)

    fake.instance("hanging", hang, connect_timeout_s=1, statement_timeout_s=1)
    for name in ("x", "y", "z"):
        fake.instance(name, sizes(one=1))
    session = sync_sizes(concurrency=1)
    release.set()
    assert session.status == SessionStatus.PARTIAL
    assert statuses(session)["hanging"] == RecordStatus.FAILED
    assert "did not answer within 2 s" in session.records.get(instance_name="hanging").error
    assert list(statuses(session).values()).count(RecordStatus.COMPLETED) == 3
    assert not Database.objects.filter(name="late").exists()


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port on which connections are accepted and never answered."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_a_server_that_accepts_and_never_answers_does_not_stop_the_others(
    silent_port: int, folder: Path, execution: NotedExecution
) -> None:
    postgres_instance("a silent one", port=silent_port, connect_timeout_s=2)
    (folder / "file").touch()
    sqlite_instance(folder / "file")
    session = sync_sizes(concurrency=1)
    assert statuses(session) == {
        "a silent one": RecordStatus.FAILED,
        "file": RecordStatus.COMPLETED,
    }
    assert "did not answer within 2 s" in session.records.get(instance_name="a silent one").error


def test_a_cancelled_run_ends_its_session_and_keeps_what_was_done(
    fake: FakeAdapter, execution: NotedExecution
) -> None:
    for name in ("a", "b", "c"):
        fake.instance(name, sizes(one=1))
    execution.stop_after = 1
    with pytest.raises(StopRun):
        sync_sizes(concurrency=1)
    session = SyncSession.objects.get()
    assert session.status == SessionStatus.CANCELLED
    assert session.finished_at is not None
    assert statuses(session) == {
        "a": RecordStatus.COMPLETED,
        "b": RecordStatus.SKIPPED,
        "c": RecordStatus.SKIPPED,
    }
    assert Database.objects.count() == 1


def test_a_pass_that_breaks_does_not_leave_its_session_running(
    fake: FakeAdapter, execution: NotedExecution, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.instance("a", sizes(one=1))

    def broken(*args: Any) -> None:
        raise MemoryError

    monkeypatch.setattr(execution, "progress", broken)
    with pytest.raises(MemoryError):
        sync_sizes()
    session = SyncSession.objects.get()
    assert (session.status, session.error) == (
        SessionStatus.FAILED,
        "It was ended by an error: MemoryError.",
    )


def test_an_instance_deleted_while_it_is_visited_is_failed_under_its_name(
    fake: FakeAdapter, execution: NotedExecution, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.instance("a", sizes(one=1))
    fake.instance("b", sizes(one=1))

    def delete_the_other(done: float, total: float | None = None, message: str = "") -> None:
        DatabaseInstance.objects.filter(name="b").delete()

    monkeypatch.setattr(execution, "progress", delete_the_other)
    session = sync_sizes(concurrency=1)
    assert statuses(session) == {"a": RecordStatus.COMPLETED, "b": RecordStatus.FAILED}
    record = session.records.get(instance_name="b")
    assert record.instance is None
    assert record.error == "The instance was deleted meanwhile."


def make_execution(**fields: Any) -> JobExecution:
    now = timezone.now()
    values = {
        "job_name": "Capacity sync",
        "function": "collect_database_sizes",
        "source": "manual",
        "status": "running",
        "scheduled_for": now,
        "queued_at": now,
        **fields,
    }
    return JobExecution.objects.create(**values)


@pytest.mark.parametrize(
    ("source", "expected"),
    [("manual", "manual"), ("schedule", "scheduled"), ("retry", "scheduled")],
)
def test_a_session_knows_its_execution_and_who_asked_for_it(
    fake: FakeAdapter, execution: NotedExecution, source: str, expected: str
) -> None:
    execution.id, execution.source, execution.requested_by = make_execution().pk, source, "maria"
    fake.instance("a", sizes(one=1))
    session = sync_sizes()
    assert session.execution_id == execution.id
    assert (session.source, session.requested_by) == (expected, "maria")


def test_a_session_outlives_its_execution(fake: FakeAdapter, execution: NotedExecution) -> None:
    row = make_execution()
    execution.id = row.pk
    fake.instance("a", sizes(one=1))
    session = sync_sizes()
    row.delete()
    session.refresh_from_db()
    assert session.execution_id == execution.id


def test_the_next_pass_ends_a_session_whose_process_died(
    fake: FakeAdapter, execution: NotedExecution
) -> None:
    now = timezone.now()
    dead = make_execution(status="interrupted", finished_at=now, released_at=now)
    alive = make_execution()
    sessions = [
        SyncSession.objects.create(
            category="capacity", source="manual", started_at=now, execution=row
        )
        for row in (dead, alive)
    ]
    SyncRecord.objects.create(session=sessions[0], instance_name="a", status="running")
    fake.instance("a", sizes(one=1))
    sync_sizes()
    for session in sessions:
        session.refresh_from_db()
    assert [session.status for session in sessions] == ["failed", "running"]
    assert statuses(sessions[0]) == {"a": "skipped"}


@pytest.mark.django_db(transaction=True)
def test_a_real_server_and_a_real_file_are_measured_in_one_pass(
    postgres: PostgresServer, folder: Path, execution: NotedExecution
) -> None:
    name = postgres.make_database()
    postgres_instance("server")
    (folder / "file").touch()
    sqlite_instance(folder / "file")
    session = sync_sizes()
    assert session.status == SessionStatus.COMPLETED
    measured = Database.objects.get(instance__name="server", name=name).snapshots.get()
    assert measured.total_bytes == postgres.size_of(name)
