from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from jobs.models import AuditEvent, Job, JobExecution, Status
from jobs.registry import scheduled_task
from tests.admin.conftest import logged_in, staff
from tests.admin.pages import job_url, messages_of
from tests.factories import grant, make_execution, make_job

JSON = {"accept": "application/json"}


def send(client: Client, name: str, job_id: str = "nightly", **data: str) -> Any:
    return client.post(job_url(job_id, name), data, headers=JSON)


def test_a_run_with_other_arguments_leaves_those_of_the_job(manager: Client) -> None:
    make_job("nightly", kwargs={"recipient": "ops"})
    html = manager.get(job_url("nightly", "run")).content.decode()
    assert 'name="arg-recipient" value="ops"' in html
    assert 'name="arg-days"' in html

    answer = manager.post(job_url("nightly", "run"), {"arg-recipient": "夜班"})

    assert answer.status_code == 302
    assert messages_of(answer)[0].startswith("Queued")
    assert JobExecution.objects.get().kwargs == {"recipient": "夜班"}
    assert Job.objects.get().kwargs == {"recipient": "ops"}


def test_a_dialog_is_sent_the_form_alone_and_the_row_once_it_is_done(manager: Client) -> None:
    make_job("nightly")
    form = manager.get(job_url("nightly", "run"), headers=JSON).json()["form"]
    assert form.lstrip().startswith("<form")
    assert "csrfmiddlewaretoken" in form
    told = send(manager, "run", kwargs='{"days": 3}').json()
    assert set(told) == {"message", "now", "rows", "gone"}
    assert JobExecution.objects.get().kwargs == {"days": 3}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "not JSON"),
        ("[]", "object"),
        ('{"days": "x"}', "days"),
        ('{"nonsense": 1}', "nonsense"),
        ("[" * 100_000, "not JSON"),
        ('{"recipient": "\\u0000"}', "cannot be stored"),
        ('{"recipient": "\\ud800"}', "cannot be stored"),
    ],
)
def test_arguments_that_do_not_fit_are_refused_at_their_field(
    manager: Client, text: str, sentence: str
) -> None:
    make_job("nightly")
    answer = send(manager, "run", kwargs=text)
    assert answer.status_code == 400
    assert sentence in answer.json()["form"]
    assert not JobExecution.objects.exists()


@pytest.mark.parametrize("days", ["soon", "1.5", "9" * 5000, "\x00"])
def test_a_typed_argument_that_does_not_fit_is_refused_at_its_field(
    manager: Client, days: str
) -> None:
    make_job("nightly")
    answer = send(manager, "run", **{"arg-days": days, "arg-recipient": "ops"})
    assert answer.status_code == 400
    form = answer.json()["form"]
    assert form.index("errorlist") > form.index("arg-recipient")
    assert not JobExecution.objects.exists()


def test_empty_arguments_are_none(manager: Client) -> None:
    make_job("nightly", kwargs={"days": 3})
    assert send(manager, "run", kwargs=" ").status_code == 200
    assert JobExecution.objects.get().kwargs == {}


def test_only_a_manager_may_force_a_run(manager: Client, operator: Client) -> None:
    @scheduled_task(allow_kwargs_override=True)
    def open_report(*, days: int = 7) -> None: ...

    make_job("nightly", function="open_report")
    make_execution("nightly", status=Status.RUNNING)
    assert "is running already" in send(manager, "run", kwargs="{}").json()["form"]
    assert send(operator, "run", kwargs="{}", force="on").status_code == 400
    assert send(manager, "run", kwargs="{}", force="on").status_code == 200


def test_an_operator_may_not_choose_arguments_that_the_function_does_not_leave_open(
    operator: Client,
) -> None:
    make_job("nightly", kwargs={"days": 3})
    assert "Only who manages" in send(operator, "run", kwargs='{"days": 4}').json()["form"]
    assert send(operator, "run", kwargs='{"days": 3}').status_code == 200


def test_a_pause_ends_at_a_moment_in_the_time_zone_of_the_job(manager: Client) -> None:
    make_job("nightly", timezone="Asia/Tokyo")
    assert "Until (Asia/Tokyo)" in manager.get(job_url("nightly", "pause")).content.decode()
    assert send(manager, "pause", until="2031-05-06T07:30").status_code == 200
    assert Job.objects.get().paused_until == datetime(2031, 5, 5, 22, 30, tzinfo=UTC)
    shown = manager.get(job_url("nightly", "pause")).content.decode()
    assert 'value="2031-05-06T07:30"' in shown


def test_a_pause_without_an_end_lasts_until_it_is_resumed(manager: Client) -> None:
    make_job("nightly")
    assert "Paused: " in send(manager, "pause", until="").json()["message"]
    job = Job.objects.get()
    assert (job.is_paused, job.paused_until) == (True, None)


@pytest.mark.parametrize(
    "until",
    [
        (datetime.now(UTC) - timedelta(days=1)).isoformat()[:16],
        "99999-01-01T00:00",
        "0000-01-01T00:00",
        "2031-02-30T00:00",
        "tomorrow",
        "\x00",
        "2031-03-30T02:30",  # does not exist in Berlin
    ],
)
def test_an_end_that_cannot_be_is_refused(manager: Client, until: str) -> None:
    make_job("nightly", timezone="Europe/Berlin")
    answer = send(manager, "pause", until=until)
    assert answer.status_code == 400
    assert "errorlist" in answer.json()["form"]
    assert not Job.objects.get().is_paused


def test_a_refused_form_shows_again_what_was_typed(manager: Client) -> None:
    make_job("nightly")
    page = manager.post(job_url("nightly", "run"), {"kwargs": '{"days": "soon"'})
    assert page.status_code == 200
    assert "{&quot;days&quot;: &quot;soon&quot;" in page.content.decode()


def test_forms_are_for_who_has_the_right(viewer: Client, operator: Client) -> None:
    make_job("nightly")
    assert viewer.get(job_url("nightly", "run")).status_code == 403
    assert operator.get(job_url("nightly", "pause")).status_code == 403
    assert send(operator, "pause").status_code == 403
    user = staff()
    grant(user, "manage_job", make_job("mine"))
    mine = logged_in(user)
    assert mine.get(job_url("mine", "pause")).status_code == 200
    assert mine.get(job_url("nightly", "pause")).status_code == 404
    assert {event.is_refused for event in AuditEvent.objects.filter(action="job.pause")} == {True}
