from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from jobs.control import job as control
from jobs.models import AuditEvent, Job, JobExecution, Status
from jobs.registry import scheduled_task
from tests.admin.conftest import logged_in, staff
from tests.admin.pages import JOBS, job_url, messages_of
from tests.factories import ACTOR, grant, make_execution, make_job

JSON = {"accept": "application/json"}


def offered(client: Client) -> set[str]:
    """Names of the buttons and addresses of the links in the rows, less what all have."""
    html = client.get(JOBS).content.decode()
    return {found.split("/", 1)[1] for found in re.findall(r'formaction="([^"]+)"', html)} | {
        found.split("/", 1)[1] for found in re.findall(r'<a href="([^"]+)" data-dialog', html)
    }


def press(client: Client, name: str, job_id: str = "nightly", **headers: str) -> Any:
    url = job_url(job_id, "command", name=name)
    return client.post(url, {"_list": "state=paused&q=a%26b"}, headers=headers)


def test_buttons_are_shown_by_right_and_by_state(
    viewer: Client, operator: Client, manager: Client
) -> None:
    make_job("nightly")
    assert offered(viewer) == set()
    assert offered(operator) == {"do/run/"}
    rest = {"do/run/", "run/", "pause/"}
    assert offered(manager) == {"do/pause/", "do/disable/", *rest}
    control.pause("nightly", actor=ACTOR)
    control.disable("nightly", actor=ACTOR)
    assert offered(manager) == {"do/resume/", "do/enable/", *rest}


def test_buttons_are_shown_on_those_rows_on_which_one_has_the_right(db: None) -> None:
    user = staff("view_job")
    grant(user, "manage_job", make_job("mine"))
    make_job("other")
    html = logged_in(user).get(JOBS).content.decode()
    assert 'formaction="mine/do/pause/"' in html
    assert 'formaction="other/do' not in html


def test_an_operator_may_choose_arguments_where_the_function_allows_it(operator: Client) -> None:
    @scheduled_task(allow_kwargs_override=True)
    def open_report(*, days: int = 7) -> None: ...

    make_job("nightly", function="open_report")
    assert offered(operator) == {"do/run/", "run/"}


def test_a_button_names_its_job_and_is_safe_from_its_name(manager: Client) -> None:
    make_job("nightly", name='<b>"Nächtlich" & 夜间</b>')
    html = manager.get(JOBS).content.decode()
    assert 'title="Run now: &lt;b&gt;&quot;Nächtlich&quot; &amp; 夜间&lt;/b&gt;"' in html
    assert "<b>" not in html


def test_without_a_script_a_button_leads_back_to_the_list_as_it_was(manager: Client) -> None:
    make_job("nightly")
    answer = press(manager, "pause")
    assert answer.status_code == 302
    assert answer.url == f"{JOBS}?state=paused&q=a%26b"
    assert messages_of(answer) == ["Paused: Job 1."] or messages_of(answer)[0].startswith("Paused")
    assert Job.objects.get().is_paused


@pytest.mark.parametrize("query", ["//elsewhere.example", "a\r\nLocation: x", "\x00", "?&&="])
def test_what_leads_back_leads_nowhere_else(manager: Client, query: str) -> None:
    make_job("nightly")
    answer = manager.post(job_url("nightly", "command", name="pause"), {"_list": query})
    assert answer.status_code == 302
    assert answer.url.startswith(f"{JOBS}?")
    assert "\n" not in answer.url


def test_to_a_script_it_answers_with_the_row_as_it_is_then(manager: Client) -> None:
    make_job("nightly")
    answer = press(manager, "pause", **JSON)
    assert answer.status_code == 200
    told = answer.json()
    assert told["message"].startswith("Paused: ")
    assert told["rows"]["nightly"]["state"] == "paused"
    assert messages_of(answer) == []
    (event,) = AuditEvent.objects.filter(action="job.pause")
    assert event.actor == "manager"


def test_a_run_is_answered_with_a_link_to_it(operator: Client) -> None:
    make_job("nightly")
    told = press(operator, "run", **JSON).json()
    execution = JobExecution.objects.get()
    assert f'<a href="/admin/jobs/jobexecution/{execution.pk}/change/">' in told["message"]
    assert "queued" in told["rows"]["nightly"]["cells"]["next_run"]


def test_a_refusal_says_why_and_brings_the_row_too(operator: Client) -> None:
    make_job("nightly")
    make_execution("nightly", status=Status.RUNNING)
    answer = press(operator, "run", **JSON)
    assert answer.status_code == 409
    assert "is running already" in answer.json()["message"]
    assert "nightly" in answer.json()["rows"]


def test_a_message_to_a_script_is_escaped(operator: Client) -> None:
    make_job("nightly", name="<script>alert(1)</script>")
    make_execution("nightly", status=Status.RUNNING)
    Job.objects.update(function="<img>", problem="<img>")
    told = press(operator, "run", **JSON).json()
    assert "<img>" not in str(told)
    assert "<script>" not in str(told)


def test_what_one_may_not_do_is_refused_by_the_server_all_the_same(
    viewer: Client, operator: Client
) -> None:
    make_job("nightly")
    assert press(viewer, "run", **JSON).status_code == 403
    assert press(operator, "pause", **JSON).status_code == 403
    assert press(operator, "delete_selected", **JSON).status_code == 404
    assert press(Client(), "run", **JSON).status_code == 302
    assert not Job.objects.get().is_paused
    assert not JobExecution.objects.exists()


def test_a_job_that_is_gone_is_not_found(manager: Client) -> None:
    assert press(manager, "run", **JSON).status_code == 404
