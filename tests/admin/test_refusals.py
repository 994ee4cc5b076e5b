"""What somebody tried on a page of the admin and was refused stands in the audit; what made no
sense does not."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client

from jobs.control import job as control
from jobs.models import AuditEvent, Job, Status
from tests.admin.conftest import logged_in, staff
from tests.admin.pages import (
    ADD,
    AUDIT,
    EXECUTIONS,
    JOBS,
    act,
    job_url,
    new_job,
    press,
    typed,
)
from tests.factories import (
    ACTOR,
    grant,
    make_builtin,
    make_execution,
    make_job,
    make_token,
    make_user,
)

TOKENS = "/admin/jobs/apitoken/"
INSTANCES = "/admin/estate/databaseinstance/"


def refusals() -> list[tuple[str, str, str]]:
    events = AuditEvent.objects.filter(is_refused=True).order_by("pk")
    assert {event.via for event in events} <= {"admin"}
    return [(event.action, event.job_id, event.target) for event in events]


@pytest.fixture
def owner(db: None) -> Client:
    """Manages one job, and knows of no other but what they may see of "seen"."""
    user = staff(name="owner")
    grant(user, "manage_job", make_job("mine"))
    grant(user, "view_job", make_job("seen"))
    make_job("other")
    return logged_in(user)


# By a page


@pytest.mark.parametrize(
    ("url", "sent", "expected"),
    [
        (ADD, new_job(), ("job.create", "", "job")),
        (job_url("report"), {"name": "x"}, ("job.change", "report", "")),
        (job_url("report", "delete"), {"post": "yes"}, ("job.delete", "report", "")),
        (job_url("report", "command", name="pause"), {}, ("job.pause", "report", "")),
        (
            job_url("report", "rights"),
            {"user": "eve", "right": "manage_job"},
            ("rights.change", "report", ""),
        ),
        (f"{AUDIT}7/delete/", {"post": "yes"}, ("audit.delete", "", "audit 7")),
        (f"{AUDIT}7/change/", {}, ("audit.change", "", "audit 7")),
        (f"{INSTANCES}add/", {}, ("instance.create", "", "instance")),
        (f"{INSTANCES}7/delete/", {"post": "yes"}, ("instance.delete", "", "instance 7")),
        ("/admin/auth/user/7/password/", {"password1": "x"}, ("user.change", "", "user 7")),
        ("/admin/auth/user/add/", {}, ("user.create", "", "user")),
        ("/admin/auth/group/7/change/", {}, ("group.change", "", "group 7")),
    ],
)
def test_who_lacks_the_right_is_written_down(
    viewer: Client, url: str, sent: dict[str, str], expected: tuple[str, str, str]
) -> None:
    make_job("report")
    assert viewer.post(url, sent).status_code == 403
    assert refusals() == [expected]
    event = AuditEvent.objects.get(is_refused=True)
    assert (event.actor, event.address, event.token) == ("viewer", "127.0.0.1", "")
    assert (event.before, event.after) == (None, None)
    assert "right" in event.message


def test_so_is_who_asks_for_what_they_may_not_see(owner: Client) -> None:
    execution = make_execution("other", status=Status.QUEUED)
    press(owner, Job.objects.get(pk="other"), "run")
    press(owner, execution, "cancel")
    owner.post(job_url("other", "rights"), {"user": "owner", "right": "run_job"})
    for page in ("change", "delete"):
        assert owner.post(job_url("other", page), {"post": "yes"}).status_code != 200
    assert refusals() == [
        ("job.run", "other", ""),
        ("execution.cancel", "other", f"#{execution.pk}"),
        ("rights.change", "other", ""),
        ("job.change", "other", ""),
        ("job.delete", "other", ""),
    ]
    assert Job.objects.filter(pk="other").exists()


def test_a_bulk_action_that_was_not_offered_is_refused_for_each_row(viewer: Client) -> None:
    for job_id in ("a", "b"):
        make_job(job_id)
    assert act(viewer, JOBS, "pause", "a", "b", index="0").status_code == 403
    assert act(viewer, JOBS, "delete_selected", "a", post="yes").status_code == 403
    assert refusals() == [("job.pause", "a", ""), ("job.pause", "b", ""), ("job.delete", "a", "")]
    assert not Job.objects.get(pk="a").is_paused


def test_forged_keys_of_a_bulk_action_are_refused_and_said(owner: Client) -> None:
    answer = act(owner, JOBS, "pause", "mine", "seen", "other", "gone", index="0")
    assert Job.objects.get(pk="mine").is_paused
    assert not Job.objects.filter(pk__in=["seen", "other"], is_paused=True).exists()
    assert refusals() == [
        ("job.pause", "seen", str(Job.objects.get(pk="seen"))),
        ("job.pause", "gone", ""),
        ("job.pause", "other", ""),
    ]
    page = owner.get(answer.url).content.decode()
    assert page.count("or none that you may see") == 2
    assert "/admin/jobs/job/other/" not in page
    assert 'value="other"' not in page


def test_of_many_forged_keys_the_first_are_recorded(owner: Client) -> None:
    act(owner, EXECUTIONS, "cancel", *(str(10**9 + n) for n in range(300)), index="0")
    assert len(refusals()) == 100


@pytest.mark.parametrize(
    ("url", "sent"),
    [
        (JOBS, {"action": "explode", "index": "0", "_selected_action": "a"}),
        (JOBS, {"action": "x" * 5000, "index": "0", "_selected_action": "a"}),
        (job_url("report", "command", name="explode"), {}),
        ("/admin/nope/", {}),
    ],
)
def test_what_does_not_exist_is_refused_and_not_written_down(
    viewer: Client, url: str, sent: dict[str, str]
) -> None:
    make_job("report")
    assert viewer.post(url, sent).status_code in (403, 404)
    assert refusals() == []


def test_to_look_is_no_attempt(owner: Client) -> None:
    for url in (ADD, job_url("other"), job_url("other", "rights"), job_url("seen", "rights")):
        owner.get(url)
    assert refusals() == []


def test_nobody_is_not_written_down(db: None) -> None:
    make_job("report")
    assert Client().post(job_url("report", "command", name="run")).status_code == 302
    assert refusals() == []


# By control


def test_a_command_that_conflicts_is_written_down(manager: Client) -> None:
    execution = make_execution("gone", status=Status.FAILED)
    press(manager, execution, "cancel")
    assert refusals() == [("execution.cancel", "gone", str(execution))]
    assert "ended" in AuditEvent.objects.get(is_refused=True).message


def test_so_is_a_bulk_action_for_each_row_that_it_was_refused_for(manager: Client) -> None:
    make_job("mine")
    builtin = make_builtin()
    act(manager, JOBS, "delete_selected", "mine", builtin.pk, post="yes")
    assert not Job.objects.filter(pk="mine").exists()
    assert refusals() == [("job.delete", builtin.pk, str(builtin))]


def test_a_save_over_somebody_elses_change_is_written_down(manager: Client) -> None:
    make_job("report")
    sent = typed(manager, job_url("report"))
    control.change("report", {"name": "Theirs"}, actor=ACTOR)
    manager.post(job_url("report"), {**sent, "name": "Mine"})
    assert refusals() == [("job.change", "report", "")]
    assert "meanwhile" in AuditEvent.objects.get(is_refused=True).message


def test_an_id_that_is_taken_is_written_down(manager: Client) -> None:
    make_job("report")
    manager.post(ADD, new_job(id="report"))
    assert refusals() == [("job.create", "report", "")]


def test_a_token_of_a_name_that_is_taken_is_written_down(manager: Client) -> None:
    make_token(User.objects.get(username="manager"), name="ci")
    manager.post(f"{TOKENS}add/", {"name": "ci", "scope": "view", "days": "7"})
    assert refusals() == [("token.create", "", "")]


@pytest.mark.parametrize("sent", [{"name": ""}, {"trigger_params": "{"}, {"id": "a b"}])
def test_what_makes_no_sense_is_not(manager: Client, sent: dict[str, str]) -> None:
    manager.post(ADD, new_job(**sent))
    assert refusals() == []


def test_a_refusal_that_cannot_be_recorded_is_answered_all_the_same(
    viewer: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.db import DatabaseError

    def fail(**fields: Any) -> None:
        raise DatabaseError("disk full")

    make_job("report")
    monkeypatch.setattr(AuditEvent.objects, "create", fail)
    assert press(viewer, Job.objects.get(pk="report"), "run").status_code == 403


# At a terminal


def test_commands_are_watched_too(db: None) -> None:
    make_token(make_user(name="ann"), name="ci")
    with pytest.raises(CommandError):
        call_command("createtoken", "ann", name="ci", stdout=io.StringIO())
    with pytest.raises(CommandError):
        call_command("loadtasks", undo=True, stdout=io.StringIO())
    events = AuditEvent.objects.filter(is_refused=True).order_by("pk")
    assert [(event.action, event.via) for event in events] == [
        ("token.create", "command"),
        ("definitions.undo", "command"),
    ]
