from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from jobs.admin.job_charts import MOST_RUNS, runs_chart
from jobs.models import JobExecution, Status
from tests.admin.charts.pictures import having, parsed, tips
from tests.admin.pages import execution_url, job_url
from tests.factories import make_execution, make_job


def drawn(job_id: str = "nightly") -> str:
    return runs_chart(JobExecution.objects.filter(job_id=job_id))


@pytest.mark.parametrize("status", list(Status))
def test_a_run_of_every_verdict_has_its_mark(db: None, status: Status) -> None:
    execution = make_execution("nightly", status=status, reason="Because.")
    (mark,) = having(drawn(), "sc-mark")
    assert mark.get("href") == execution_url(execution)
    (tip,) = tips(drawn())
    assert tip.startswith(f"#{execution.pk} ")
    assert f"UTC · {status.label}" in tip
    assert tip.endswith("Because.")


def test_the_oldest_of_the_last_runs_is_at_the_left(db: None) -> None:
    first, second = make_execution("nightly"), make_execution("nightly")
    links = [mark.get("href") for mark in having(drawn(), "sc-mark")]
    assert links == [execution_url(first), execution_url(second)]


def test_only_so_many_are_read_and_nothing_large(db: None) -> None:
    now = datetime.now(UTC)
    JobExecution.objects.bulk_create(
        JobExecution(
            job_id="nightly",
            job_name="Nightly",
            status=Status.SUCCEEDED,
            source="schedule",
            scheduled_for=now - timedelta(minutes=number),
            queued_at=now,
            started_at=now,
            finished_at=now,
            duration_s=number,
        )
        for number in range(MOST_RUNS + 5)
    )
    with CaptureQueriesContext(connection) as captured:
        picture = drawn()
    assert len(having(picture, "sc-mark")) == MOST_RUNS
    assert len(captured) == 1
    assert "traceback" not in captured[0]["sql"]
    assert len(picture) < 150_000


def test_the_picture_stands_below_the_form(viewer: Client) -> None:
    make_job("nightly")
    assert "It has not run yet." in viewer.get(job_url("nightly")).content.decode()
    make_execution("nightly", reason="<b>")
    page = viewer.get(job_url("nightly"))
    assert len(having(page.context["runs_chart"], "sc-mark")) == 1
    assert parsed(page.context["runs_chart"]).find(".//b") is None
