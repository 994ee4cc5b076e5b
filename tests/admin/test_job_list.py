from __future__ import annotations

import zlib
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django_apscheduler.models import DjangoJob

from jobs.control import job as control
from jobs.demo.many import make_many_executions, make_many_jobs
from jobs.models import Job, JobExecution, JobState, Status
from tests.admin.conftest import logged_in, staff
from tests.admin.pages import JOBS, act, messages_of
from tests.factories import (
    ACTOR,
    grant,
    make_builtin,
    make_execution,
    make_job,
    make_jobs,
    make_leader,
)


def shown(client: Client, **query: str) -> list[str]:
    return [job.pk for job in client.get(JOBS, query).context["cl"].result_list]


def queries(client: Client) -> int:
    with CaptureQueriesContext(
        connection,
    ) as captured:
        assert client.get(JOBS).status_code == 200
    return len(captured)


@pytest.mark.parametrize("rights", [("view_job",), ("manage_job",), ()])
def test_the_list_costs_the_same_for_1_and_for_1000_jobs(db: None, rights: tuple[str, ...]) -> None:
    user = staff(*rights)
    (first,) = make_jobs(1)
    grant(user, "view_job", first)
    client = logged_in(user)
    queries(client)  # caches of content types and the like
    one = queries(client)
    Job.objects.all().delete()
    for job in make_jobs(1000)[:50]:
        grant(user, "view_job", job)

    assert queries(client) == one
    assert one <= 15


def test_the_list_costs_fifteen_queries_when_all_goes_wrong_too(db: None) -> None:
    late = datetime.now(UTC) - timedelta(hours=1)
    make_leader()
    for job in make_jobs(150)[:3]:
        DjangoJob.objects.filter(pk=job.pk).update(next_run_time=late)
    Job.objects.filter(pk=make_job("broken").pk).update(problem="Its task has gone.")
    make_execution("broken", released_at=None)
    client = logged_in(staff("manage_job"))
    client.get(JOBS)
    with CaptureQueriesContext(connection) as captured:
        page = client.get(JOBS, {"q": "b", "p": "2"})
    html = page.content.decode()
    assert "should have run" in html
    assert "cannot run" in html
    assert "goes on and holds a worker" in html
    assert len(captured) <= 15


def test_a_page_weighs_less_than_250_kb_and_brings_no_jquery(manager: Client) -> None:
    now = datetime.now(UTC)
    make_many_executions(make_many_jobs(120, now, Random(1)), 2400, now, Random(1))
    page = manager.get(JOBS, headers={"accept_encoding": "gzip"})
    html = zlib.decompress(page.content, wbits=31).decode()
    assert html.count('<tr class="sc-job"') == 100
    assert len(html.encode()) < 250_000
    assert len(page.content) < 40_000
    assert "jquery" not in html


def test_the_list_says_when_how_and_what_became_of_it(viewer: Client) -> None:
    """Pain 27."""
    job = make_job("nightly", timezone="Asia/Tokyo")
    make_execution(job.pk, status=Status.FAILED)
    latest = make_execution(job.pk, duration_s=41.2)
    make_execution("other", status=Status.RUNNING)

    page = viewer.get(JOBS)

    html = page.content.decode()
    assert "Every day at 03:00" in html
    assert "0 3 * * *" in html
    assert "Asia/Tokyo" in html
    assert "03:00 JST" in html
    assert 'class="sc-icon sc-scheduled" role="img" title="scheduled"' in html
    assert f"../jobexecution/{latest.pk}/change/" in html
    assert "41 s" in html
    assert 'aria-label="The last 2 runs: 1 succeeded, 1 failed."' in html
    (row,) = page.context["cl"].result_list
    assert row.runs[0].id == latest.pk


def test_the_list_counts_what_runs_and_how_far_it_is(viewer: Client) -> None:
    make_job("nightly", max_instances=3)
    make_execution("nightly", status=Status.RUNNING, progress_done=3, progress_total=10)
    make_execution("nightly", status=Status.QUEUED)
    page = viewer.get(JOBS).content.decode()
    assert "running, 2 of them" in page
    assert '<progress max="10" value="3"' in page


def test_jobs_are_found_by_text_and_filters(viewer: Client) -> None:
    """Pain 28."""
    make_job("nightly", name="Export", description="warehouse")
    make_job(
        "hourly", function="other_report", trigger_type="interval", trigger_params={"hours": 1}
    )

    assert shown(viewer, q="WAREHOUSE") == ["nightly"]
    assert shown(viewer, q="other_rep") == ["hourly"]
    assert shown(viewer, function="send_report") == ["nightly"]
    assert shown(viewer, trigger_type="interval") == ["hourly"]


def test_jobs_are_filtered_by_state(viewer: Client) -> None:
    make_job("scheduled")
    make_job("disabled", is_enabled=False)
    for job_id in ("paused", "broken", "finished"):
        make_job(job_id)
    control.pause("paused", actor=ACTOR)
    Job.objects.filter(pk="broken").update(problem="Its task has gone.")
    DjangoJob.objects.filter(pk="finished").update(next_run_time=None)

    for state in JobState:
        assert shown(viewer, state=state.value) == [state.value]
    assert "Its task has gone." in viewer.get(JOBS).content.decode()


def test_jobs_are_sorted_by_their_next_run_with_those_that_have_none_last(manager: Client) -> None:
    make_job("off", is_enabled=False)
    make_job("later", trigger_type="interval", trigger_params={"hours": 5})
    make_job("sooner", trigger_type="interval", trigger_params={"hours": 1})
    assert shown(manager, o="3") == ["sooner", "later", "off"]


def test_without_a_scheduler_the_list_says_so_and_what_to_type(viewer: Client) -> None:
    page = viewer.get(JOBS).content.decode()
    assert "sc-strip-error" in page
    assert "runscheduler" in page


def test_the_list_names_the_scheduler_that_leads(viewer: Client) -> None:
    make_leader(host="db-ops-1", pid=4121)
    page = viewer.get(JOBS).content.decode()
    assert "Running on db-ops-1, pid 4121" in page
    assert "sc-strip-error" not in page


def test_a_leader_that_is_silent_is_an_error(viewer: Client) -> None:
    make_leader(beat_at=datetime.now(UTC) - timedelta(minutes=5))
    assert "sc-strip-error" in viewer.get(JOBS).content.decode()


def test_the_strip_does_not_name_jobs_that_the_user_may_not_see(db: None) -> None:
    make_leader()
    user = staff()
    grant(user, "view_job", make_job("mine"))
    make_job("secret-job")
    Job.objects.filter(pk="secret-job").update(problem="Broken.")

    assert "secret-job" not in logged_in(user).get(JOBS).content.decode()
    assert "secret-job" in logged_in(staff("view_job")).get(JOBS).content.decode()


def test_bulk_run_reports_what_was_queued_and_each_refusal(operator: Client) -> None:
    make_job("free")
    make_job("busy")
    make_execution("busy", status=Status.RUNNING)

    response = act(operator, JOBS, "run", "free", "busy")

    done, refused = messages_of(response)
    assert done == "Queued: 1 job."
    assert "“busy” is running already" in refused
    assert JobExecution.objects.filter(status=Status.QUEUED).get().job_id == "free"


@pytest.mark.parametrize(
    ("action", "field", "expected"),
    [
        ("pause", "is_paused", True),
        ("resume", "is_paused", False),
        ("enable", "is_enabled", True),
        ("disable", "is_enabled", False),
    ],
)
def test_bulk_actions_change_each_job(
    manager: Client, action: str, field: str, expected: bool
) -> None:
    for job_id in ("a", "b"):
        make_job(job_id, is_enabled=action != "enable")
    if action == "resume":
        control.pause("a", actor=ACTOR)

    response = act(manager, JOBS, action, "a", "b")

    assert [getattr(job, field) for job in Job.objects.all()] == [expected, expected]
    assert messages_of(response)[0].endswith(": 2 jobs.")


def test_many_refusals_are_shown_in_part(operator: Client) -> None:
    for index in range(12):
        make_job(f"job{index:02}")
        make_execution(f"job{index:02}", status=Status.RUNNING)

    response = act(operator, JOBS, "run", *Job.objects.values_list("pk", flat=True))

    assert len(messages_of(response)) == 11
    assert messages_of(response)[-1] == "2 more were refused."


def test_bulk_delete_asks_first_keeps_history_and_refuses_built_in_jobs(manager: Client) -> None:
    make_job("custom")
    make_builtin("cleanup_logs")
    execution = make_execution("custom")

    asked = act(manager, JOBS, "delete_selected", "custom", "cleanup_logs")
    assert asked.status_code == 200
    assert Job.objects.count() == 2
    response = act(manager, JOBS, "delete_selected", "custom", "cleanup_logs", post="yes")

    assert [job.pk for job in Job.objects.all()] == ["cleanup_logs"]
    assert messages_of(response)[0] == "Deleted: 1 job."
    assert "built in" in messages_of(response)[1]
    assert JobExecution.objects.get() == execution


def test_actions_are_offered_by_right(viewer: Client, operator: Client, manager: Client) -> None:
    make_job("nightly")

    def offered(client: Client) -> set[str]:
        form = client.get(JOBS).context["action_form"]
        return {name for name, _label in form.fields["action"].choices if name} if form else set()

    switches = {"pause", "resume", "enable", "disable", "delete_selected"}
    assert offered(viewer) == {"export_selected"}
    assert offered(operator) == {"export_selected", "run"}
    assert offered(manager) == {"export_selected", "run", *switches}
    act(operator, JOBS, "pause", "nightly")
    assert not Job.objects.get().is_paused


def test_bulk_actions_need_the_right_on_each_job(db: None) -> None:
    user = staff("view_job")
    mine = make_job("mine")
    make_job("other")
    grant(user, "manage_job", mine)

    response = act(logged_in(user), JOBS, "pause", "mine", "other")

    assert set(Job.objects.filter(is_paused=True)) == {mine}
    assert "no right" in messages_of(response)[1]


def test_bulk_actions_do_not_reach_jobs_that_are_not_visible(db: None) -> None:
    user = staff()
    grant(user, "manage_job", make_job("mine"))
    make_job("other")

    act(logged_in(user), JOBS, "delete_selected", "mine", "other", post="yes")

    assert [job.pk for job in Job.objects.all()] == ["other"]
