from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from jobs.models import JobExecution, JobState, LogLevel, Source, Status
from tests.admin.conftest import logged_in, staff
from tests.admin.pages import EXECUTIONS, execution_url
from tests.factories import grant, make_execution, make_job, make_log_line, make_scheduler


def live(client: Client, execution: JobExecution) -> Any:
    return client.get(execution_url(execution, "live"))


def test_the_page_tells_everything_about_an_execution(viewer: Client) -> None:
    make_job("nightly")
    earlier = make_execution("nightly")
    execution = make_execution(
        "nightly",
        status=Status.FAILED,
        source=Source.RETRY,
        retry_of=earlier,
        attempt=2,
        requested_by="ann",
        reason="The task raised ValueError.",
        warning="One instance did not answer.",
        result={"deleted": 12, "name": "ä"},
        error="ValueError: no such table",
        traceback="Traceback <here>",
        progress_done=3,
        progress_total=10,
        progress_message="third",
        kwargs={"days": 3},
        occurrence_count=4,
        first_scheduled_for=datetime.now(UTC),
    )
    make_log_line(execution, "said <something>", level=LogLevel.WARNING)

    page = viewer.get(execution_url(execution)).content.decode()

    for part in (
        "The task raised ValueError.",
        "One instance did not answer.",
        '<b>deleted</b> <code class="sc-value">12</code>',
        "ä",
        "ValueError: no such table",
        "<summary>Traceback</summary>",
        "Traceback &lt;here&gt;",
        "3 of 10",
        "third",
        "<b>days</b>",
        "4 occurrences",
        execution_url(earlier),
        "said &lt;something&gt;",
        "ann",
        "2.00 s",
        "UTC",
    ):
        assert part in page


@pytest.mark.parametrize("status", list(Status))
def test_every_verdict_has_its_page_and_its_row(viewer: Client, status: Status) -> None:
    execution = make_execution("nightly", status=status)
    badge = f'class="sc-badge sc-{status}">{status.label}<'
    assert badge in viewer.get(execution_url(execution)).content.decode()
    assert badge in viewer.get(EXECUTIONS).content.decode()


def test_every_verdict_and_state_has_its_sign_in_the_stylesheet() -> None:
    css = (Path(__file__).parents[2] / "static/jobs/admin.css").read_text()
    for value in (*Status.values, *JobState.values):
        if value != "disabled":  # the sign of all that have no other
            assert f".sc-{value}::before" in css


@pytest.mark.parametrize("job_id", ["gone", None])
def test_an_execution_outlives_its_job_on_the_pages_too(viewer: Client, job_id: str | None) -> None:
    execution = make_execution(job_id, job_name="Vanished")

    page = viewer.get(execution_url(execution))

    assert page.status_code == 200
    assert "Vanished" in page.content.decode()
    assert page.context["buttons"] == []
    listed = viewer.get(EXECUTIONS).content.decode()
    assert "Vanished" in listed
    assert "/admin/jobs/job/gone/" not in listed


def test_the_live_part_is_what_the_page_shows(viewer: Client) -> None:
    execution = make_execution(
        "nightly", status=Status.RUNNING, progress_done=3, progress_total=10, timeout_s=60
    )
    part = live(viewer, execution).content.decode()
    whole = viewer.get(execution_url(execution)).content.decode()
    for text in ("of at most 1 min 0 s", "30 %", "3 of 10", 'data-part="verdict"'):
        assert text in part
        assert text in whole
    assert "data-finished" not in part
    assert "<html" not in part


def test_the_live_part_says_that_it_is_the_last(viewer: Client) -> None:
    assert "data-finished" in live(viewer, make_execution("nightly")).content.decode()


def test_the_live_part_offers_what_the_user_may_do(viewer: Client, operator: Client) -> None:
    execution = make_execution("nightly", status=Status.RUNNING)
    url = execution_url(execution, "command", name="cancel")
    assert url in live(operator, execution).content.decode()
    assert url not in live(viewer, execution).content.decode()


def test_who_is_not_logged_in_is_sent_to_the_login(client: Client, db: None) -> None:
    execution = make_execution("nightly", status=Status.RUNNING)
    for page in ("live", "log"):
        response = client.get(execution_url(execution, page))
        assert response.status_code == 302
        assert response.url.startswith(reverse("admin:login"))


@pytest.mark.parametrize("page", ["live", "log"])
def test_who_may_not_see_it_learns_nothing(db: None, page: str) -> None:
    user = staff()
    grant(user, "view_job", make_job("mine"))
    mine, other = make_execution("mine"), make_execution("other")
    client = logged_in(user)
    assert client.get(execution_url(mine, page)).status_code == 200
    assert client.get(execution_url(other, page)).status_code == 404


@pytest.mark.parametrize("key", ["0", "x", "²", "9" * 25, "1_5F", "-1"])
def test_a_number_that_is_none_is_not_found(viewer: Client, key: str) -> None:
    assert viewer.get(f"{EXECUTIONS}{key}/live/").status_code == 404
    assert viewer.get(f"{EXECUTIONS}{key}/change/").status_code == 302


def test_attempts_are_shown_as_a_chain(viewer: Client) -> None:
    first = make_execution("nightly", status=Status.FAILED)
    second = make_execution(
        "nightly", status=Status.FAILED, source=Source.RETRY, retry_of=first, attempt=2
    )
    third = make_execution("nightly", source=Source.RETRY, retry_of=second, attempt=3)
    for execution in (first, second, third):
        chain = viewer.get(execution_url(execution)).context["chain"]
        assert [attempt["row"] for attempt in chain] == [first, second, third]


def test_a_run_that_was_never_tried_again_has_no_chain(viewer: Client) -> None:
    assert viewer.get(execution_url(make_execution("nightly"))).context["chain"] == []


def test_the_scheduler_that_ran_it_is_named(viewer: Client) -> None:
    make_scheduler("one", host="db-ops-1", pid=4121)
    execution = make_execution("nightly", owner="one")
    assert "db-ops-1, pid 4121" in viewer.get(execution_url(execution)).content.decode()


def test_a_retry_has_waited_from_when_it_could_begin(viewer: Client) -> None:
    began = datetime(2026, 7, 1, 3, 9, 30, tzinfo=UTC)
    execution = make_execution(
        "nightly",
        source=Source.RETRY,
        scheduled_for=began - timedelta(minutes=9, seconds=30),
        start_after=began - timedelta(seconds=30),
        started_at=began,
    )
    assert "waited 30 s" in viewer.get(execution_url(execution)).content.decode()


def test_an_occurrence_is_told_in_the_zone_of_its_job_as_well(viewer: Client) -> None:
    make_job("nightly", timezone="Asia/Shanghai")
    execution = make_execution("nightly", scheduled_for=datetime(2026, 7, 1, 3, tzinfo=UTC))
    page = viewer.get(execution_url(execution)).content.decode()
    assert "03:00:00 UTC" in page
    assert "11:00:00 CST" in page


@pytest.mark.parametrize(
    ("done", "total", "shown"),
    [
        (3, 10, 30),
        (11, 10, 100),
        (-1, 10, 0),
        (3, 0, None),
        (3, None, None),
        (None, None, None),
        (float("inf"), 10, None),
        (1, float("inf"), 0),
    ],
)
def test_progress_is_never_more_than_all_of_it(
    viewer: Client, done: float | None, total: float | None, shown: int | None
) -> None:
    execution = make_execution(
        "nightly", status=Status.RUNNING, progress_done=done, progress_total=total
    )
    assert live(viewer, execution).context["percentage"] == shown


def test_the_page_and_its_live_part_take_few_queries(viewer: Client) -> None:
    make_job("nightly")
    execution = make_execution("nightly", status=Status.FAILED)
    make_execution("nightly", source=Source.RETRY, retry_of=execution, attempt=2)
    make_log_line(execution)
    for url, most in ((execution_url(execution), 15), (execution_url(execution, "live"), 10)):
        with CaptureQueriesContext(connection) as captured:
            viewer.get(url)
        assert len(captured) <= most
