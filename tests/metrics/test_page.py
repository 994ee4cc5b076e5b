"""What `/metrics` tells, read as Prometheus reads it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django_apscheduler.models import DjangoJob
from prometheus_client.parser import text_string_to_metric_families

from jobs.metrics.names import METRICS
from jobs.metrics.page import metrics
from jobs.models import Job, Status, Tally
from tests.admin.conftest import _tasks as _tasks  # the tasks of these jobs
from tests.factories import make_execution, make_job, make_jobs, make_leader, make_scheduler

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def told() -> Samples:
    found: Samples = {}
    for family in text_string_to_metric_families(metrics()):
        for sample in family.samples:
            key = (sample.name, frozenset(sample.labels.items()))
            assert key not in found, key
            found[key] = sample.value
    return found


def of(found: Samples, name: str, **labels: str) -> float | None:
    return found.get((name, frozenset(labels.items())))


def names(found: Samples) -> set[str]:
    return {name for name, _labels in found}


def tally(metric: str, subject: str, label: str, count: int, **fields: Any) -> None:
    Tally.objects.create(metric=metric, subject=subject, label=label, count=count, **fields)


def test_every_sample_belongs_to_a_metric_that_is_declared() -> None:
    make_leader()
    make_job("nightly")
    tally("verdict", "nightly", "succeeded", 3, last_at=NOON)
    tally("duration", "send_report", "0.5", 1, total=0.3)
    tally("lateness", "", "0.05", 1, total=0.02)
    declared = {}
    for family in text_string_to_metric_families(metrics()):
        total = "_total" if family.type == "counter" else ""
        metric = METRICS[family.name + total]
        assert (family.type, family.documentation) == (metric.kind, metric.help)
        for sample in family.samples:
            assert set(sample.labels) - {"le"} == set(metric.labels)
        declared[metric.name] = metric
    of_requests = {name for name in METRICS if "_http_" in name}
    assert set(METRICS) - set(declared) - of_requests <= {
        "schedcore_health_finding",  # there is none
        "schedcore_revision_behind_seconds",  # what this leader has not told
        "schedcore_leader_clock_ahead_seconds",
        "schedcore_database_write_max_seconds",
    }


def test_state_is_what_health_measures() -> None:
    now = datetime.now(UTC).isoformat()
    figures = {"last_tick_at": now, "workers": 7, "busy_workers": 2, "clock_ahead_s": -0.25}
    make_leader(figures=figures)
    make_scheduler("two")
    make_job("nightly")
    make_execution("nightly", status=Status.RUNNING)
    make_execution("nightly", status=Status.QUEUED, queued_at=datetime.now(UTC))
    found = told()
    assert of(found, "schedcore_health_score") == 100
    assert of(found, "schedcore_leader") == 1
    assert of(found, "schedcore_standbys") == 1
    assert of(found, "schedcore_lease_epoch") == 3
    assert 3600 <= (of(found, "schedcore_lease_age_seconds") or 0) < 3700
    assert of(found, "schedcore_leader_clock_ahead_seconds") == -0.25
    assert of(found, "schedcore_workers") == 7
    assert of(found, "schedcore_workers_busy") == 2
    assert of(found, "schedcore_executions_running") == 1
    assert of(found, "schedcore_executions_queued") == 1
    assert of(found, "schedcore_jobs", state="scheduled") == 1
    assert of(found, "schedcore_jobs", state="broken") == 0


def test_without_a_leader_that_is_what_it_says() -> None:
    found = told()
    assert of(found, "schedcore_leader") == 0
    assert of(found, "schedcore_health_finding", code="no_leader", level="error") == 1
    assert "schedcore_leader_heartbeat_age_seconds" not in names(found)


def test_a_leader_that_has_fallen_silent_does_not_count_as_one() -> None:
    make_leader(beat_at=datetime.now(UTC) - timedelta(seconds=40))
    found = told()
    assert of(found, "schedcore_leader") == 0
    assert (of(found, "schedcore_leader_heartbeat_age_seconds") or 0) >= 40


def test_verdicts_are_told_for_each_job_and_for_all() -> None:
    make_job("nightly")
    tally("verdict", "nightly", "succeeded", 3, last_at=NOON)
    tally("verdict", "nightly", "failed", 2, last_at=NOON + timedelta(hours=1))
    tally("verdict", "gone", "succeeded", 5, last_at=NOON)
    found = told()
    total, of_job = "schedcore_executions_total", "schedcore_job_executions_total"
    assert of(found, total, verdict="succeeded") == 8
    assert of(found, total, verdict="failed") == 2
    assert of(found, total, verdict="missed") == 0
    assert of(found, of_job, job_id="nightly", verdict="succeeded") == 3
    assert of(found, of_job, job_id="nightly", verdict="failed") == 2
    assert of(found, of_job, job_id="gone", verdict="succeeded") is None
    last = of(found, "schedcore_job_last_success_timestamp_seconds", job_id="nightly")
    assert last == NOON.timestamp()


def test_the_next_run_is_a_timestamp_and_absent_where_there_is_none() -> None:
    make_job("nightly")
    make_job("off", is_enabled=False)
    moment = NOON + timedelta(microseconds=250_000)
    DjangoJob.objects.filter(pk="nightly").update(next_run_time=moment)
    found = told()
    name = "schedcore_job_next_run_timestamp_seconds"
    assert of(found, name, job_id="nightly") == pytest.approx(moment.timestamp(), abs=0.002)
    assert of(found, name, job_id="off") is None


def test_histograms_add_up() -> None:
    for bucket, count, total in (("0.1", 2, 0.1), ("5", 3, 9.0), ("+Inf", 1, 20_000.0)):
        tally("duration", "send_report", bucket, count, total=total)
    tally("duration", "other", "1", 4, total=3.0)
    found = told()
    name = "schedcore_execution_duration_seconds"
    assert of(found, f"{name}_bucket", function="send_report", le="0.1") == 2
    assert of(found, f"{name}_bucket", function="send_report", le="5") == 5
    assert of(found, f"{name}_bucket", function="send_report", le="+Inf") == 6
    assert of(found, f"{name}_count", function="send_report") == 6
    assert of(found, f"{name}_sum", function="send_report") == pytest.approx(20_009.1)
    assert of(found, f"{name}_bucket", function="other", le="+Inf") == 4
    # All buckets from the first day, since one that comes later has no rate at first.
    assert of(found, f"{name}_bucket", function="other", le="0.5") == 0
    assert of(found, f"{name}_bucket", function="other", le="14400") == 4
    assert of(found, "schedcore_execution_lateness_seconds_bucket", le="300") == 0


def test_faults_are_told_by_their_kind_from_the_first_day() -> None:
    tally("fault", "", "database", 4)
    found = told()
    assert of(found, "schedcore_scheduler_faults_total", kind="database") == 4
    assert of(found, "schedcore_scheduler_faults_total", kind="other") == 0


ODD = 'a"b\\c\nd{e}, ü 容量 \\n'


def test_odd_ids_and_names_are_escaped() -> None:
    """No form takes such an id, but SQL does."""
    job = make_job("nightly")
    job.id = job.name = job.function = ODD
    Job.objects.bulk_create([job])
    tally("verdict", ODD, "failed", 1, last_at=NOON)
    tally("duration", ODD, "1", 1, total=0.7)
    found = told()
    assert of(found, "schedcore_job_executions_total", job_id=ODD, verdict="failed") == 1
    assert of(found, "schedcore_execution_duration_seconds_count", function=ODD) == 1


def test_what_sql_has_made_unreadable_is_left_out() -> None:
    make_job("nightly")
    nonsense = "infinity" if connection.vendor == "postgresql" else "soon"
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE django_apscheduler_djangojob SET next_run_time = %s WHERE id = 'nightly'",
            [nonsense],
        )
    assert "schedcore_job_next_run_timestamp_seconds" not in names(told())


@pytest.fixture
def per_job_off(settings: Any) -> None:
    settings.SCHEDCORE = replace(settings.SCHEDCORE, metrics_per_job=False)


def test_series_of_each_job_can_be_switched_off(per_job_off: None) -> None:
    make_job("nightly")
    tally("verdict", "nightly", "succeeded", 3, last_at=NOON)
    tally("verdict", "other", "succeeded", 4, last_at=NOON)
    found = told()
    assert of(found, "schedcore_executions_total", verdict="succeeded") == 7
    assert not [name for name in names(found) if name.startswith("schedcore_job_")]


def cost() -> int:
    with CaptureQueriesContext(connection) as queries:
        metrics()
    return len(queries)


def cost_of_more(make_more: Callable[[], None]) -> tuple[int, int]:
    make_leader()
    make_jobs(1)
    few = cost()
    make_more()
    return few, cost()


def many() -> None:
    for job in make_jobs(200):
        tally("verdict", job.pk, "succeeded", 1, last_at=NOON)
        tally("verdict", job.pk, "failed", 1, last_at=NOON)
    for number in range(50):
        tally("duration", f"function_{number}", "1", 1, total=0.7)
        make_execution("bulk", status=Status.QUEUED)


def test_the_number_of_statements_is_fixed() -> None:
    few, more = cost_of_more(many)
    clock = connection.vendor == "postgresql"  # which is asked there
    assert few == more == 7 + clock


def test_and_without_series_of_jobs_it_is_one_less(per_job_off: None) -> None:
    few, more = cost_of_more(many)
    assert few == more == 6 + (connection.vendor == "postgresql")
