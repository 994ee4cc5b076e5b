from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from jobs.errors import Invalid, InvalidArguments
from jobs.executions import retention
from jobs.models import ExecutionLog, JobExecution, Status
from jobs.registry import CurrentExecution, StopRun, executing, get_task
from jobs.tasks.cleanup import cleanup_logs
from tests.factories import make_execution, make_log_line


class Watched(CurrentExecution):
    """A run that notes its progress, and is stopped at a step."""

    def __init__(self, stop_at: int | None = None) -> None:
        self.steps: list[tuple[float, float | None]] = []
        self.stop_at = stop_at

    def progress(self, done: float, total: float | None = None, message: str = "") -> None:
        self.steps.append((done, total))
        if len(self.steps) == self.stop_at:
            raise StopRun("Cancelled by ana.")


def make_ended(days_ago: float, **fields: Any) -> JobExecution:
    at = datetime.now(UTC) - timedelta(days=days_ago)
    return make_execution("job", finished_at=at, released_at=at, **fields)


@pytest.mark.django_db
def test_history_is_kept_for_the_days_of_the_settings(settings: Any) -> None:
    settings.SCHEDCORE = replace(settings.SCHEDCORE, retention_days=30)
    make_log_line(make_ended(31))
    kept = make_ended(29)
    make_log_line(kept)
    assert get_task("cleanup_logs").call([], {}) == {"executions": 1, "log_lines": 1, "days": 30}
    assert list(JobExecution.objects.all()) == [kept]


@pytest.mark.django_db
def test_a_job_may_say_how_many_days() -> None:
    make_ended(2)
    assert get_task("cleanup_logs").call([], {"days": 1}) == {
        "executions": 1,
        "log_lines": 0,
        "days": 1,
    }
    assert get_task("cleanup_logs").call([], {"days": None})["executions"] == 0


@pytest.mark.parametrize("days", [0, -1, 36_501, 10**30, True, "7", 1.5])
def test_days_that_make_no_sense_are_refused_when_the_job_is_saved(days: Any) -> None:
    with pytest.raises(InvalidArguments) as refused:
        get_task("cleanup_logs").arguments.bind([], {"days": days})
    assert list(refused.value.errors) == ["kwargs.days"]


@pytest.mark.django_db
def test_days_that_make_no_sense_delete_nothing(settings: Any) -> None:
    make_ended(1)
    settings.SCHEDCORE = replace(settings.SCHEDCORE, retention_days=0)
    with pytest.raises(Invalid):
        cleanup_logs()
    with pytest.raises(Invalid):
        cleanup_logs(days=-1)
    assert JobExecution.objects.count() == 1


@pytest.mark.django_db
def test_progress_counts_executions_up_to_their_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 4)
    for _ in range(5):
        make_log_line(make_ended(100))
    run = Watched()
    with executing(run):
        cleanup_logs(days=90)
    assert (run.steps[0], run.steps[-1]) == ((0, 5), (5, 5))
    assert run.steps == sorted(run.steps)
    assert len(run.steps) > 3


@pytest.mark.django_db
def test_a_run_that_is_stopped_between_batches_can_go_on_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(retention, "BATCH", 4)
    for _ in range(5):
        make_log_line(make_ended(100))
    with executing(Watched(stop_at=2)), pytest.raises(StopRun):
        cleanup_logs(days=90)
    left = JobExecution.objects.count()
    assert left > 0
    orphans = ExecutionLog.objects.exclude(execution_id__in=JobExecution.objects.values("pk"))
    assert not orphans.exists()
    cleanup_logs(days=90)
    assert not JobExecution.objects.exists()
    assert not ExecutionLog.objects.exists()


@pytest.mark.django_db
def test_its_own_run_is_never_deleted() -> None:
    own = make_execution(
        "cleanup_logs", status=Status.RUNNING, queued_at=datetime(2020, 1, 1, tzinfo=UTC)
    )
    cleanup_logs(days=1)
    assert list(JobExecution.objects.all()) == [own]
