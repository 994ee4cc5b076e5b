from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from jobs import definitions
from jobs.control import job as control
from jobs.models import AuditEvent, Job
from tests.admin.conftest import logged_in, staff
from tests.admin.pages import JOBS, act, messages_of
from tests.definitions.conftest import tasks_file as tasks_file
from tests.definitions.conftest import write as write
from tests.factories import ACTOR, grant, make_execution, make_job

RELOAD, UNDO = JOBS + "reload/", JOBS + "undo/"
ITEM = (
    "{id: nightly, name: Nightly, function: send_report, trigger_type: cron, "
    "trigger_params: {hour: 3}, enabled: true, description: ''}"
)

Write = Callable[..., Path]


@pytest.fixture
def loaded(db: None, write: Write) -> None:
    """The file's job stands, edited by hand, beside one that was made by hand."""
    write(ITEM)
    definitions.ensure(ACTOR)
    control.change("nightly", {"timeout": 60}, actor=ACTOR)
    make_job("mine", name="Made by me")


def agree(client: Client, url: str, **more: str) -> Any:
    """Press the button below the plan."""
    html = client.get(url, more).content.decode()
    found = re.search(r'name="fingerprint" value="(\w+)"', html)
    assert found is not None
    return client.post(url, {"fingerprint": found[1], **more})


def custom() -> set[str]:
    return {job.pk for job in Job.objects.all() if not job.is_builtin}


def test_the_plan_is_shown_first_and_names_what_people_would_lose(
    manager: Client, loaded: None
) -> None:
    html = manager.get(RELOAD).content.decode()
    assert "1 job that somebody made by hand is deleted." in html
    assert "What somebody changed by hand on 1 job is lost." in html
    assert "Made by me" in html
    assert "60 → null" in html
    assert custom() == {"nightly", "mine"}


def test_it_is_done_when_one_agrees_and_can_be_undone(manager: Client, loaded: None) -> None:
    done = agree(manager, RELOAD)
    assert "1 deleted" in messages_of(done)[0]
    assert custom() == {"nightly"}
    assert Job.objects.get(pk="nightly").timeout is None
    page = manager.get(RELOAD).content.decode()
    assert "manager reloaded the jobs" in page
    assert "There is nothing to change" in page

    assert "Made by me" in manager.get(UNDO).content.decode()
    undone = agree(manager, UNDO)

    assert "1 added" in messages_of(undone)[0]
    assert custom() == {"nightly", "mine"}
    assert Job.objects.get(pk="nightly").timeout == 60
    actions = {event.action: event.actor for event in AuditEvent.objects.all()}
    assert actions["definitions.reload"] == actions["definitions.undo"] == "manager"
    assert "Undo that" not in manager.get(RELOAD).content.decode()


def test_jobs_that_were_made_by_hand_can_be_kept(manager: Client, loaded: None) -> None:
    assert (
        "made by hand is deleted" not in manager.get(RELOAD, {"keep_custom": "1"}).content.decode()
    )
    agree(manager, RELOAD, keep_custom="1")
    assert custom() == {"nightly", "mine"}
    assert Job.objects.get(pk="nightly").timeout is None


def test_nobody_agrees_to_a_plan_that_they_have_not_seen(
    manager: Client, loaded: None, write: Write
) -> None:
    html = manager.get(RELOAD).content.decode()
    (fingerprint,) = re.findall(r'name="fingerprint" value="(\w+)"', html)
    make_job("newer")
    answer = manager.post(RELOAD, {"fingerprint": fingerprint})
    assert answer.status_code == 200
    assert "look again" in messages_of(answer)[0]
    assert "newer" in answer.content.decode()
    assert custom() == {"nightly", "mine", "newer"}
    for forged in ("", "x", "0" * 32):
        manager.post(RELOAD, {"fingerprint": forged})
    assert custom() == {"nightly", "mine", "newer"}


def test_a_refused_file_shows_every_problem_and_changes_nothing(
    manager: Client, loaded: None, write: Write
) -> None:
    gone = ITEM.replace("send_report", "no_such_task").replace("nightly", "gone")
    write(ITEM.replace("hour: 3", "hour: 99"), gone)
    html = manager.get(RELOAD).content.decode()
    assert "were refused for" in html
    assert "no_such_task" in html
    assert "99" in html
    assert 'name="fingerprint"' not in html
    manager.post(RELOAD, {"fingerprint": "x"})
    assert custom() == {"nightly", "mine"}


def test_there_may_be_nothing_to_undo(manager: Client, loaded: None) -> None:
    answer = manager.get(UNDO)
    assert answer.url == RELOAD
    assert "nothing to undo" in messages_of(answer)[0]


def test_history_stays(manager: Client, loaded: None) -> None:
    execution = make_execution("mine")
    agree(manager, RELOAD)
    execution.refresh_from_db()
    assert execution.job_id == "mine"


@pytest.mark.parametrize("url", [RELOAD, UNDO])
def test_it_takes_the_right_to_manage_all_jobs(operator: Client, loaded: None, url: str) -> None:
    user = staff("view_job")
    grant(user, "manage_job", Job.objects.get(pk="mine"))
    for client in (operator, logged_in(user)):
        assert client.get(url).status_code == 403
        assert client.post(url, {"fingerprint": "x"}).status_code == 403
        assert "reload/" not in client.get(JOBS).content.decode()
    assert Client().get(url).status_code == 302


def test_jobs_are_exported_as_the_file_has_them(
    viewer: Client, manager: Client, loaded: None, write: Write
) -> None:
    answer = act(viewer, JOBS, "export_selected", "mine")
    assert answer["Content-Type"].startswith("application/yaml")
    assert "attachment" in answer["Content-Disposition"]
    assert "mine" in answer.content.decode()
    assert "nightly" not in answer.content.decode()
    whole = act(manager, JOBS, "export_selected", *Job.objects.values_list("pk", flat=True))
    assert whole.content.decode() == definitions.export()


def test_a_right_on_one_job_does_not_export_it(db: None) -> None:
    user = staff()
    grant(user, "manage_job", make_job("mine"))
    answer = act(logged_in(user), JOBS, "export_selected", "mine")
    assert "yaml" not in answer["Content-Type"]
