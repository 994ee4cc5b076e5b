"""Two tabs edit one job: the second is told what the first has changed, and can go on."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from jobs.control import job as control
from jobs.control.audit import Actor
from jobs.models import AuditEvent, Job
from jobs.models.audit import Via
from tests.admin.pages import controls, errors_of, job_url, typed
from tests.factories import make_builtin, make_job

ANN = Actor(name="ann", via=Via.API)


def changes_of(response: Any) -> dict[str, tuple[str, str, str | None]]:
    conflict = response.context["adminform"].form.conflict
    return {change.name: (change.was, change.now, change.yours) for change in conflict}


def test_what_only_the_other_changed_is_taken_over_and_told(manager: Client) -> None:
    job = make_job(name="Nightly")
    sent = {**typed(manager, job_url(job)), "timeout": "60"}
    control.change(job.pk, {"name": "Theirs", "description": "new"}, actor=ANN)

    response = manager.post(job_url(job), sent)

    assert changes_of(response) == {
        "name": ("Nightly", "Theirs", None),
        "description": ("empty", "new", None),
    }
    page = response.content.decode()
    assert "ann (API)" in page
    assert "Somebody else has changed this job" in errors_of(response)["__all__"][0]
    assert set(errors_of(response)) == {"__all__"}
    assert Job.objects.get().timeout is None

    again = controls(response)
    assert (again["name"], again["timeout"], again["version"]) == ("Theirs", "60", "2")
    assert manager.post(job_url(job), again).status_code == 302
    job.refresh_from_db()
    assert (job.name, job.description, job.timeout, job.version) == ("Theirs", "new", 60, 3)
    event = AuditEvent.objects.first()
    assert event is not None
    assert event.after == {"timeout": 60}


def test_what_both_changed_stays_as_typed_and_is_marked_at_its_field(manager: Client) -> None:
    job = make_job(name="Nightly")
    sent = {**typed(manager, job_url(job)), "name": "Mine"}
    control.change(job.pk, {"name": "Theirs"}, actor=ANN)

    response = manager.post(job_url(job), sent)

    assert changes_of(response) == {"name": ("Nightly", "Theirs", "Mine")}
    assert errors_of(response)["name"] == ["ann (API) has changed this meanwhile to: Theirs"]
    again = controls(response)
    assert again["name"] == "Mine"
    assert manager.post(job_url(job), again).status_code == 302
    job.refresh_from_db()
    assert job.name == "Mine"


def test_a_third_change_between_is_told_as_well(manager: Client) -> None:
    job = make_job(name="Nightly")
    sent = {**typed(manager, job_url(job)), "name": "Mine"}
    control.change(job.pk, {"name": "Theirs"}, actor=ANN)
    again = controls(manager.post(job_url(job), sent))
    control.change(job.pk, {"name": "Third", "timeout": 5}, actor=ANN)

    response = manager.post(job_url(job), again)

    assert changes_of(response) == {
        "name": ("Theirs", "Third", "Mine"),
        "timeout": ("inherited", "5", None),
    }


def test_both_made_the_same_change_so_that_nothing_is_left_to_save(manager: Client) -> None:
    """Also a form that is sent again because its answer was lost."""
    job = make_job(name="Nightly")
    sent = {**typed(manager, job_url(job)), "name": "Same", "arg-days": "3"}

    for _attempt in range(2):
        assert manager.post(job_url(job), sent).status_code == 302

    job.refresh_from_db()
    assert (job.name, job.version) == ("Same", 2)
    assert AuditEvent.objects.filter(action="job.change").count() == 1


def test_a_trigger_is_not_mixed_of_two(manager: Client) -> None:
    job = make_job(trigger_params={"hour": "3", "minute": "0"}, timezone="Asia/Tokyo")
    sent = {**typed(manager, job_url(job)), "cron_hour": "4"}
    control.change(job.pk, {"timezone": "Asia/Shanghai"}, actor=ANN)

    response = manager.post(job_url(job), sent)

    assert changes_of(response)["timezone"] == ("Asia/Tokyo", "Asia/Shanghai", "Asia/Tokyo")
    assert manager.post(job_url(job), controls(response)).status_code == 302
    job.refresh_from_db()
    assert (job.trigger_params["hour"], job.timezone) == ("4", "Asia/Tokyo")


def test_a_trigger_that_the_other_changed_comes_with_its_own_fields(manager: Client) -> None:
    job = make_job(trigger_params={"hour": "3", "minute": "0"})
    sent = {**typed(manager, job_url(job)), "name": "Mine"}
    interval = {"trigger_type": "interval", "trigger_params": {"minutes": 15}}
    control.change(job.pk, interval, actor=ANN)

    response = manager.post(job_url(job), sent)

    assert changes_of(response)["trigger_params"][1] == "Every 15 minutes"
    again = controls(response)
    assert (again["trigger_type"], again["interval_minutes"]) == ("interval", "15")
    assert manager.post(job_url(job), again).status_code == 302
    job.refresh_from_db()
    assert (job.name, job.trigger_params) == ("Mine", {"minutes": 15})


def test_a_function_that_the_other_changed_comes_with_its_arguments(manager: Client) -> None:
    job = make_job(kwargs={"days": 3})
    sent = {**typed(manager, job_url(job)), "name": "Mine"}
    control.change(job.pk, {"function": "other_report", "kwargs": {}}, actor=ANN)

    again = controls(manager.post(job_url(job), sent))

    assert (again["function"], "arg-days" in again) == ("other_report", False)
    assert manager.post(job_url(job), again).status_code == 302
    job.refresh_from_db()
    assert (job.name, job.function, job.kwargs) == ("Mine", "other_report", {})


def test_arguments_that_were_not_touched_are_not_taken_for_a_change(manager: Client) -> None:
    """Dates, numbers and texts are shown in another form than they are stored in."""
    job = make_job(
        trigger_type="date",
        trigger_params={"run_date": "2050-10-30T02:30:00+01:00"},
        timezone="Europe/Berlin",
        kwargs={"recipient": ""},
    )
    sent = {**typed(manager, job_url(job)), "name": "Mine"}
    control.change(job.pk, {"timeout": 5, "kwargs": {"recipient": "x"}}, actor=ANN)

    response = manager.post(job_url(job), sent)

    assert set(changes_of(response)) == {"timeout", "kwargs"}
    assert manager.post(job_url(job), controls(response)).status_code == 302
    job.refresh_from_db()
    assert job.kwargs == {"recipient": "x"}
    assert job.trigger_params == {"run_date": "2050-10-30T02:30:00+01:00"}


def test_a_pause_meanwhile_is_told_and_stays(manager: Client) -> None:
    job = make_job()
    sent = {**typed(manager, job_url(job)), "name": "Mine"}
    control.pause(job.pk, actor=ANN, until=datetime(2050, 1, 1, tzinfo=UTC))

    response = manager.post(job_url(job), sent)

    assert changes_of(response)["is_paused"] == ("no", "yes", None)
    assert manager.post(job_url(job), controls(response)).status_code == 302
    job.refresh_from_db()
    assert (job.name, job.is_paused) == ("Mine", True)


def test_a_built_in_job_is_merged_too(manager: Client) -> None:
    job = make_builtin()
    sent = {**typed(manager, job_url(job)), "timeout": "9"}
    control.change(job.pk, {"max_instances": 3}, actor=ANN)

    response = manager.post(job_url(job), sent)

    assert changes_of(response) == {"max_instances": ("inherited", "3", None)}
    assert manager.post(job_url(job), controls(response)).status_code == 302
    job.refresh_from_db()
    assert (job.timeout, job.max_instances) == (9, 3)


def test_what_is_wrong_is_said_before_anything_is_merged(manager: Client) -> None:
    job = make_job()
    sent = {**typed(manager, job_url(job)), "arg-days": "x" * 3, "name": "Mine"}
    control.change(job.pk, {"name": "Theirs"}, actor=ANN)

    response = manager.post(job_url(job), sent)
    assert set(errors_of(response)) == {"arg-days"}

    again = {**controls(response), "arg-days": "[3]", "trigger_type": "cron"}
    assert "whole number" in errors_of(manager.post(job_url(job), again))["arg-days"][0]
    assert changes_of(manager.post(job_url(job), {**again, "arg-days": "3"})) == {
        "name": (job.name, "Theirs", "Mine")
    }


@pytest.mark.parametrize("seen", ["", "forged", None])
def test_without_what_the_page_has_shown_the_second_save_is_refused(
    manager: Client, seen: str | None
) -> None:
    job = make_job()
    sent = {**typed(manager, job_url(job)), "name": "Mine"}
    control.change(job.pk, {"name": "Theirs"}, actor=ANN)
    if seen is None:
        del sent["seen"]
    else:
        sent["seen"] = seen

    response = manager.post(job_url(job), sent)

    assert "changed by somebody else" in errors_of(response)["__all__"][0]
    assert controls(response)["version"] == "1", "a second try must not pass either"
    assert Job.objects.get().name == "Theirs"


def test_a_job_that_was_deleted_meanwhile_is_not_there(manager: Client) -> None:
    job = make_job()
    sent = typed(manager, job_url(job))
    control.delete(job.pk, actor=ANN)

    assert manager.post(job_url(job), sent).status_code == 302  # to the list, with a message


def test_long_and_strange_values_are_shortened_not_lost(manager: Client) -> None:
    job = make_job(kwargs={"recipient": "a" * 5000})
    sent = {**typed(manager, job_url(job)), "arg-recipient": "界" * 5000}
    control.change(job.pk, {"kwargs": {"recipient": "<b>" * 1000}}, actor=ANN)

    response = manager.post(job_url(job), sent)

    assert all(len(text or "") <= 301 for text in changes_of(response)["kwargs"])
    assert "<b><b>" not in response.content.decode()
    assert controls(response)["arg-recipient"] == "界" * 5000
