from __future__ import annotations

from datetime import UTC, datetime
from io import StringIO
from random import Random
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import modify_settings

from jobs.demo.catalogue import custom_jobs
from jobs.demo.history import _History
from jobs.demo.many import make_many_executions, make_many_jobs
from jobs.demo.seed import Wanted, seed
from jobs.estate.models import AccountChange, DatabaseSizeSnapshot, PartitionFinding, SizeAggregate
from jobs.models import AuditEvent, ExecutionLog, Job, JobExecution, JobState, Source, Status
from tests.factories import make_execution, make_job

NOW = datetime.now(UTC)


@pytest.mark.django_db
def test_the_demonstration_shows_every_state_and_every_verdict() -> None:
    seed(Wanted(days=12), now=NOW)
    jobs = Job.objects.with_schedule(NOW)
    assert jobs.count() == 40
    assert set(jobs.values_list("state", flat=True)) == set(JobState.values)
    assert set(JobExecution.objects.values_list("status", flat=True)) == set(Status.values)
    assert JobExecution.objects.filter(source=Source.RETRY, attempt=2).exists()
    assert JobExecution.objects.exclude(warning="").exists()
    assert JobExecution.objects.exclude(traceback="").exists()
    assert ExecutionLog.objects.count() > 1000
    assert AuditEvent.objects.count() > 35
    assert DatabaseSizeSnapshot.objects.count() > 2 * 365
    for model in (AccountChange, PartitionFinding, SizeAggregate):
        assert model.objects.exists()
    # The keys that were given by hand do not stand in the way of the next ones.
    made = JobExecution.objects.count()
    assert make_execution().pk > made


def test_the_same_seed_makes_the_same_history() -> None:
    assert _told(seed=7) == _told(seed=7)
    assert _told(seed=7) != _told(seed=8)


@pytest.mark.django_db
def test_many_jobs_and_executions_are_made_as_asked_for() -> None:
    ids = make_many_jobs(20, NOW, Random(1))
    make_many_executions(ids, 100, NOW, Random(1))
    assert JobExecution.objects.filter(job_id=ids[0]).count() == 5
    assert Job.objects.with_schedule(NOW).in_state(JobState.SCHEDULED).count() == 19


@pytest.mark.django_db
def test_a_database_in_use_is_left_alone() -> None:
    make_job("somebodys", function="demo_count")
    with pytest.raises(CommandError, match="in use"):
        _command()
    assert Job.objects.count() == 1


@pytest.mark.django_db
def test_it_is_not_made_twice() -> None:
    make_job("replica-lag", function="demo_count")
    with pytest.raises(CommandError, match="already"):
        _command("--force")


@pytest.mark.django_db
@modify_settings(INSTALLED_APPS={"remove": ["jobs.demo"]})
def test_production_has_no_demonstration() -> None:
    with pytest.raises(CommandError, match="production"):
        _command("--force")


@pytest.mark.django_db
@pytest.mark.parametrize("option", ["--days=0", "--jobs=-1", "--executions=-1"])
def test_senseless_numbers_are_refused(option: str) -> None:
    with pytest.raises(CommandError, match="negative"):
        _command(option)


def _command(*options: str) -> None:
    call_command("seeddemo", *options, stdout=StringIO())


def _told(*, seed: int) -> list[Any]:
    demo = next(demo for demo in custom_jobs() if demo.id == "export-invoices")
    job = Job(**demo.definition(), anchor=NOW)
    rows = _History(job, demo, NOW, 3, Random(seed)).rows()
    return [(row.queued_at, row.status, row.duration_s, row.error) for row in rows]
