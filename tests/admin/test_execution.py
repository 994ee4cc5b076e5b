from __future__ import annotations

from django.test import Client

from jobs.models import JobExecution, Status
from tests.admin.conftest import logged_in, staff
from tests.admin.pages import EXECUTIONS, act, execution_url, messages_of, press
from tests.factories import make_execution, make_job


def test_history_cannot_be_added_changed_or_deleted(db: None) -> None:
    execution = make_execution("nightly")
    root = logged_in(staff(name="root", is_superuser=True))

    assert root.get(f"{EXECUTIONS}add/").status_code == 403
    assert root.post(execution_url(execution), {"status": "failed"}).status_code == 403
    assert root.post(execution_url(execution, "delete"), {"post": "yes"}).status_code == 403
    act(root, EXECUTIONS, "delete_selected", execution.pk, post="yes")
    assert JobExecution.objects.get().status == Status.SUCCEEDED


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
