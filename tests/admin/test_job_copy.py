"""Save as new: a job's page as the page of another one."""

from __future__ import annotations

from django.test import Client

from jobs.models import AuditEvent, Job
from tests.admin.conftest import logged_in, staff
from tests.admin.pages import ADD, controls, errors_of, job_url, typed
from tests.factories import grant, make_builtin, make_job

SAVE_AS_NEW = {"_saveasnew": "Save as new"}


def test_a_copy_is_first_shown_and_then_saved(manager: Client) -> None:
    job = make_job(
        "nightly", name="Nightly", kwargs={"recipient": "", "days": 3}, timeout=60, coalesce=False
    )
    sent = {**typed(manager, job_url(job)), "description": "typed"}

    response = manager.post(job_url(job), {**sent, **SAVE_AS_NEW})

    assert errors_of(response) == {}
    page = response.content.decode()
    assert "A copy of “Nightly”. Nothing is saved yet" in page
    assert f'action="{ADD}"' in page
    assert Job.objects.count() == 1
    shown = controls(response)
    assert (shown["id"], shown["name"], shown["description"]) == (
        "nightly-2",
        "Nightly (copy)",
        "typed",
    )

    assert manager.post(ADD, shown).status_code == 302
    copy = Job.objects.get(pk="nightly-2")
    assert (copy.kwargs, copy.timeout, copy.coalesce, copy.version) == (
        {"recipient": "", "days": 3},
        60,
        False,
        1,
    )
    assert copy.trigger_params == job.trigger_params
    job.refresh_from_db()
    assert (job.version, job.description) == (1, "")
    assert [event.action for event in AuditEvent.objects.all()] == ["job.create", "job.create"]


def test_a_copy_of_a_built_in_job_is_a_custom_one_under_another_id(manager: Client) -> None:
    job = make_builtin("cleanup_logs", kwargs={"days": 3})

    shown = controls(manager.post(job_url(job), {**typed(manager, job_url(job)), **SAVE_AS_NEW}))

    assert (shown["id"], shown["function"], shown["kwargs"]) == (
        "cleanup_logs-2",
        "send_report",
        '{"days": 3}',
    )
    assert "already" in errors_of(manager.post(ADD, {**shown, "id": "cleanup_logs"}))["id"][0]
    taken = errors_of(manager.post(ADD, {**shown, "id": "sync_accounts"}))
    assert "built-in" in taken["id"][0]
    assert manager.post(ADD, shown).status_code == 302
    assert not Job.objects.get(pk="cleanup_logs-2").is_builtin


def test_the_button_is_there_for_who_may_add_jobs(manager: Client) -> None:
    job = make_job()
    assert "_saveasnew" in manager.get(job_url(job)).content.decode()

    user = staff(name="of-one")
    grant(user, "manage_job", job)
    client = logged_in(user)

    assert "_saveasnew" not in client.get(job_url(job)).content.decode()
    sent = {**typed(client, job_url(job)), **SAVE_AS_NEW}
    assert client.post(job_url(job), sent).status_code == 403


def test_a_job_that_nobody_may_see_cannot_be_copied(manager: Client) -> None:
    assert manager.post(job_url("nobody"), SAVE_AS_NEW).status_code == 404
