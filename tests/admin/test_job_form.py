from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django_apscheduler.models import DjangoJob

from jobs.models import AuditEvent, Job, Revision
from tests.admin.pages import ADD, errors_of, job_url, new_job, typed
from tests.factories import make_builtin, make_job


def revision() -> int:
    return sum(Revision.objects.values_list("number", flat=True))


def test_a_job_is_added_through_control(manager: Client) -> None:
    """Pain 28."""
    response = manager.post(ADD, new_job(kwargs='{"days": 3}', timeout="60", coalesce="false"))

    assert response.status_code == 302
    job = Job.objects.get(pk="nightly")
    assert (job.kwargs, job.timeout, job.coalesce, job.max_instances) == (
        {"days": 3},
        60,
        False,
        None,
    )
    assert DjangoJob.objects.get(pk="nightly").next_run_time is not None
    event = AuditEvent.objects.get(job_id="nightly")
    assert (event.actor, event.via, event.address) == ("manager", "admin", "127.0.0.1")


def test_the_form_for_a_new_job_names_what_is_inherited(manager: Client) -> None:
    page = manager.get(ADD).content.decode()

    assert "Weekly report (send_report)" in page
    assert "inherited: 300 s" in page
    assert "inherited: no limit" in page
    assert "inherited: yes" in page
    assert "Europe/Berlin" in page


@pytest.mark.parametrize(
    ("fields", "field", "part"),
    [
        ({"id": "a/b"}, "id", "a/b"),
        ({"id": "reload"}, "id", "reserved"),
        ({"name": "  "}, "name", "required"),
        ({"kwargs": '{"recipiant": "x"}'}, "kwargs", "recipiant: "),
        ({"kwargs": '{"days": "x"}'}, "kwargs", "days: "),
        ({"kwargs": "{days: 3}"}, "kwargs", "This is not JSON"),
        ({"kwargs": "[]"}, "kwargs", "must be an object"),
        ({"kwargs": "[" * 100_000}, "kwargs", "This is not JSON"),
        ({"kwargs": "1" * 5000}, "kwargs", "This is not JSON"),
        ({"kwargs": '{"days": NaN}'}, "kwargs", "JSON"),
        ({"kwargs": r'{"recipient": "\ud800"}'}, "kwargs", "cannot be stored"),
        ({"args": "[1]"}, "args", "at most 0"),
        ({"function": "nobody"}, "function", "nobody"),
        ({"trigger_type": "lunar"}, "trigger_type", "lunar"),
        ({"trigger_params": '{"minute": "61"}'}, "trigger_params", "minute: "),
        ({"trigger_params": ""}, "trigger_params", "Say when"),
        ({"trigger_params": '{"hours": 3}'}, "trigger_params", "hours: "),
        (
            {"trigger_params": '{"cron_expression": "0 0 31 2 *"}'},
            "trigger_params",
            "never be due",
        ),
        (
            {"trigger_type": "date", "trigger_params": '{"run_date": "2001-01-01T00:00:00"}'},
            "trigger_params",
            "run_date: ",
        ),
        ({"timezone": "Mars/Olympus"}, "timezone", "Mars/Olympus"),
        ({"max_instances": "0"}, "max_instances", "1"),
        ({"timeout": "-1"}, "timeout", "0"),
    ],
)
def test_a_refused_job_shows_why_at_its_field_and_what_was_typed(
    manager: Client, fields: dict[str, str], field: str, part: str
) -> None:
    before = revision()
    response = manager.post(ADD, new_job(**fields))

    assert part in " ".join(errors_of(response)[field])
    bound = response.context["adminform"].form[field].value()
    assert bound == fields.get(field, bound)
    assert not Job.objects.exists()
    assert not AuditEvent.objects.exists()
    assert revision() == before


def test_an_id_that_is_taken_is_refused_at_its_field(manager: Client) -> None:
    make_job("nightly")

    assert "already" in errors_of(manager.post(ADD, new_job()))["id"][0]


def test_several_mistakes_are_shown_at_once(manager: Client) -> None:
    response = manager.post(
        ADD, new_job(kwargs='{"x": 1}', trigger_params='{"minute": "61"}', timezone="Nowhere")
    )

    assert set(errors_of(response)) == {"kwargs", "trigger_params", "timezone"}


def test_a_job_without_an_id_is_named_after_its_function(manager: Client) -> None:
    for _attempt in range(2):
        assert manager.post(ADD, new_job(id="", name="每周报告")).status_code == 302

    assert set(Job.objects.values_list("pk", "name")) == {
        ("send_report", "每周报告"),
        ("send_report-2", "每周报告"),
    }


def test_a_form_whose_answer_was_lost_can_be_sent_again(manager: Client) -> None:
    assert manager.post(ADD, new_job()).status_code == 302
    assert manager.post(ADD, new_job()).status_code == 302

    assert Job.objects.count() == 1
    assert AuditEvent.objects.count() == 1
    assert "already" in errors_of(manager.post(ADD, new_job(name="Another")))["id"][0]


def test_wrong_fields_do_not_hide_what_is_wrong_with_the_trigger(manager: Client) -> None:
    job = make_job()
    sent = {**typed(manager, job_url(job)), "timeout": "x", "cron_expression": "61 * * * *"}

    assert set(errors_of(manager.post(job_url(job), sent))) == {"timeout", "cron_expression"}


EVERY_KIND: list[dict[str, Any]] = [
    {},
    {"description": "two\nlines"},
    {"trigger_params": {"hour": "*/2", "day_of_week": "mon-fri"}, "timezone": "Europe/Berlin"},
    {"trigger_type": "interval", "trigger_params": {"minutes": 15}},
    {"trigger_type": "date", "trigger_params": {"run_date": "2050-01-01T03:00:00"}},
    {"kwargs": {"recipient": "ä“\\n", "days": 3}},
    {"coalesce": False, "max_instances": 3, "misfire_grace_time": 0, "timeout": 5},
    {"is_enabled": False},
]


@pytest.mark.parametrize("fields", EVERY_KIND, ids=str)
def test_saving_without_a_change_changes_nothing(manager: Client, fields: dict[str, Any]) -> None:
    job = make_job(**fields)
    before = Job.objects.filter(pk=job.pk).values().get()
    schedule = DjangoJob.objects.filter(pk=job.pk).values().get()
    number = revision()

    assert manager.post(job_url(job), typed(manager, job_url(job))).status_code == 302

    assert Job.objects.filter(pk=job.pk).values().get() == before
    assert DjangoJob.objects.filter(pk=job.pk).values().get() == schedule
    assert revision() == number
    assert AuditEvent.objects.filter(job_id=job.pk).count() == 1


def test_a_changed_field_is_changed_and_nothing_else(manager: Client) -> None:
    """Pains 28 and 30."""
    job = make_job(trigger_type="interval", trigger_params={"minutes": 15})
    anchor = job.anchor

    manager.post(job_url(job), {**typed(manager, job_url(job)), "name": "Renamed"})

    job.refresh_from_db()
    assert (job.name, job.version, job.anchor) == ("Renamed", 2, anchor)
    event = AuditEvent.objects.filter(job_id=job.pk).first()
    assert event is not None
    assert (event.action, event.after) == ("job.change", {"name": "Renamed"})


def test_unticking_enabled_disables(manager: Client) -> None:
    job = make_job()
    sent = typed(manager, job_url(job))
    del sent["is_enabled"]

    manager.post(job_url(job), sent)

    job.refresh_from_db()
    assert not job.is_enabled


def test_a_refused_change_changes_nothing(manager: Client) -> None:
    job = make_job()
    before = Job.objects.filter(pk=job.pk).values().get()
    sent = {**typed(manager, job_url(job)), "name": "Renamed", "arg-days": "x"}

    response = manager.post(job_url(job), sent)

    assert "whole number" in errors_of(response)["arg-days"][0]
    assert response.context["adminform"].form["name"].value() == "Renamed"
    assert Job.objects.filter(pk=job.pk).values().get() == before
    assert not LogEntry.objects.exists()


def test_a_built_in_job_has_a_fixed_identity_and_an_editable_schedule(manager: Client) -> None:
    job = make_builtin()
    url = job_url(job)
    sent = typed(manager, url)
    assert not {"id", "name", "description", "function", "args", "kwargs"} & sent.keys()
    assert not [name for name in sent if name.startswith(("arg-", "json-"))]

    response = manager.post(url, {**sent, "name": "Mine", "cron_hour": "5"})

    assert response.status_code == 302
    job.refresh_from_db()
    assert (job.name, job.trigger_params["hour"]) == ("cleanup_logs", "5")


def test_a_job_whose_function_has_gone_keeps_it_as_an_option_and_says_so(manager: Client) -> None:
    job = make_job()
    Job.objects.filter(pk=job.pk).update(function="vanished")

    page = manager.get(job_url(job)).content.decode()

    assert "vanished (not registered any more)" in page
    assert "No task named “vanished” is registered" in page
    sent = typed(manager, job_url(job))
    assert manager.post(job_url(job), sent).status_code == 302
    refused = errors_of(manager.post(job_url(job), {**sent, "kwargs": '{"days": 3}'}))
    assert "vanished" in refused["function"][0]
    fixed = {**sent, "function": "send_report"}
    assert manager.post(job_url(job), fixed).status_code == 302
    assert Job.objects.get(pk=job.pk).problem == ""


def test_the_function_s_own_defaults_are_named(manager: Client) -> None:
    assert "inherited: 77 s" in manager.get(job_url(make_job())).content.decode()


def test_an_unusable_zone_or_trigger_does_not_break_the_page(manager: Client) -> None:
    job = make_job()
    Job.objects.filter(pk=job.pk).update(timezone="Mars/Olympus", trigger_params=[])

    assert manager.get(job_url(job)).status_code == 200
    assert manager.get("/admin/jobs/job/").status_code == 200
