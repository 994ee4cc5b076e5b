from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from jobs.admin import paging
from jobs.admin.execution import MOST_LOG_LINES
from jobs.models import JobExecution, JobState, LogLevel, Source, Status
from tests.admin.conftest import logged_in, staff
from tests.admin.pages import EXECUTIONS, act, execution_url, messages_of, press
from tests.factories import grant, make_execution, make_job, make_log_line


def shown(client: Client, **query: str) -> set[JobExecution]:
    return set(client.get(EXECUTIONS, query).context["cl"].result_list)


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
        "&quot;deleted&quot;: 12",
        "&quot;ä&quot;",
        "ValueError: no such table",
        "<details><summary>Traceback</summary>",
        "Traceback &lt;here&gt;",
        "3 of 10",
        "third",
        "&quot;days&quot;: 3",
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


def test_the_newest_lines_of_a_long_log_are_shown(viewer: Client) -> None:
    execution = make_execution("nightly")
    for number in range(MOST_LOG_LINES + 1):
        make_log_line(execution, f"line {number};")

    page = viewer.get(execution_url(execution))

    shown = [line.message for line, _at in page.context["log_lines"]]
    assert (shown[0], shown[-1], len(shown)) == ("line 1;", f"line {MOST_LOG_LINES};", 200)
    assert "there are earlier ones" in page.content.decode()


def test_history_cannot_be_added_changed_or_deleted(db: None) -> None:
    execution = make_execution("nightly")
    root = logged_in(staff(name="root", is_superuser=True))

    assert root.get(f"{EXECUTIONS}add/").status_code == 403
    assert root.post(execution_url(execution), {"status": "failed"}).status_code == 403
    assert root.post(execution_url(execution, "delete"), {"post": "yes"}).status_code == 403
    act(root, EXECUTIONS, "delete_selected", execution.pk, post="yes")
    assert JobExecution.objects.get().status == Status.SUCCEEDED


def test_executions_are_filtered_and_searched(viewer: Client) -> None:
    old = datetime.now(UTC) - timedelta(days=3)
    make_job("nightly")
    ended = make_execution("nightly", finished_at=old)
    failed = make_execution("nightly", status=Status.FAILED, source=Source.MANUAL)
    going = make_execution("gone", job_name="Vanished", status=Status.RUNNING)

    assert shown(viewer, status__exact="failed") == {failed}
    assert shown(viewer, source__exact="manual") == {failed}
    assert shown(viewer, within="24h") == {failed, going}
    assert shown(viewer, within="7d") == {ended, failed, going}
    assert shown(viewer, within="nonsense") == {ended, failed, going}
    assert shown(viewer, q="NIGHT") == {ended, failed}
    assert shown(viewer, q="vanish") == {going}
    assert shown(viewer, q="gon") == {going}
    assert shown(viewer, job__id__exact="nightly") == {ended, failed}


def test_only_executions_of_visible_jobs_are_shown(db: None) -> None:
    user = staff()
    grant(user, "view_job", make_job("mine"))
    mine, other = make_execution("mine"), make_execution("other")
    client = logged_in(user)

    assert shown(client) == {mine}
    assert client.get(execution_url(mine)).status_code == 200
    assert client.get(execution_url(other)).status_code == 302
    assert press(client, other, "retry").status_code == 404
    assert press(client, mine, "retry").status_code == 403


def test_a_running_execution_can_be_cancelled_once(operator: Client) -> None:
    execution = make_execution("nightly", status=Status.RUNNING)
    buttons = operator.get(execution_url(execution)).context["buttons"]
    assert [str(button.label) for button in buttons] == ["Cancel"]

    response = press(operator, execution, "cancel")

    execution.refresh_from_db()
    assert execution.cancel_requested_by == "operator"
    assert messages_of(response)[0].startswith("Cancel asked for")
    page = operator.get(execution_url(execution))
    assert page.context["buttons"] == []
    assert "stops at its next check" in page.content.decode()


def test_cancelling_what_has_ended_is_refused_in_a_sentence(operator: Client) -> None:
    response = press(operator, make_execution("nightly"), "cancel")
    assert "has ended already" in messages_of(response)[0]


def test_an_execution_that_has_ended_can_be_run_again(operator: Client) -> None:
    make_job("nightly", kwargs={"days": 3})
    execution = make_execution("nightly", kwargs={"days": 3})
    buttons = operator.get(execution_url(execution)).context["buttons"]
    assert [str(button.label) for button in buttons] == ["Run again"]

    response = press(operator, execution, "retry")

    again = JobExecution.objects.get(retry_of=execution)
    assert (again.status, again.kwargs) == (Status.QUEUED, {"days": 3})
    assert execution_url(again) in messages_of(response)[0]


def test_reading_a_command_s_url_is_refused(operator: Client) -> None:
    execution = make_execution("nightly", status=Status.RUNNING)
    assert operator.get(execution_url(execution, "command", name="cancel")).status_code == 405


def test_executions_are_cancelled_in_bulk(operator: Client) -> None:
    queued = make_execution("a", status=Status.QUEUED)
    running = make_execution("b", status=Status.RUNNING)
    ended = make_execution("c")

    response = act(operator, EXECUTIONS, "cancel", queued.pk, running.pk, ended.pk)

    queued.refresh_from_db()
    assert queued.status == Status.CANCELLED
    assert messages_of(response)[0] == "Cancel asked for: 2 executions."
    assert "has ended already" in messages_of(response)[1]


def test_a_viewer_is_offered_no_action(viewer: Client) -> None:
    execution = make_execution("nightly", status=Status.RUNNING)
    assert viewer.get(EXECUTIONS).context["action_form"] is None
    assert press(viewer, execution, "cancel").status_code == 403


def test_a_large_table_is_not_counted(viewer: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pain 21."""
    monkeypatch.setattr(paging, "MOST_ROWS", 3)
    for _ in range(5):
        make_execution("nightly")

    with CaptureQueriesContext(connection) as captured:
        page = viewer.get(EXECUTIONS)

    assert "The first 3 executions" in page.content.decode()
    counts = [query["sql"] for query in captured if "COUNT(" in query["sql"].upper()]
    counts = [sql for sql in counts if "jobs_jobexecution" in sql and "status" not in sql]
    assert counts
    assert all("LIMIT 4" in sql for sql in counts)


def test_the_list_costs_the_same_for_1_and_for_100_executions(viewer: Client) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            viewer.get(EXECUTIONS)
        return len(captured)

    make_job("nightly")
    make_execution("nightly")
    queries()
    one = queries()
    for number in range(99):
        make_execution("nightly" if number % 2 else f"gone{number}")

    assert queries() == one


def test_the_list_does_not_read_large_columns(viewer: Client) -> None:
    make_execution("nightly", traceback="x")
    with CaptureQueriesContext(connection) as captured:
        viewer.get(EXECUTIONS)
    assert not any("traceback" in query["sql"] for query in captured)


def test_an_operator_cannot_repeat_what_only_a_manager_could_ask_for(
    operator: Client, manager: Client
) -> None:
    job = make_job("report")
    execution = make_execution(job.pk, kwargs={"recipient": "somebody else"})
    response = press(operator, execution, "retry")
    assert not JobExecution.objects.filter(retry_of=execution).exists()
    page = operator.get(response.url)
    assert "other arguments than its own" in page.text
    press(manager, execution, "retry")
    assert JobExecution.objects.filter(retry_of=execution).exists()
