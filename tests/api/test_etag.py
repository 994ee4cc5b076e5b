"""Nobody's change of a job is overwritten unseen, and nobody reads what they have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from jobs.models import AuditEvent, Job, Revision
from tests.api.answers import refused, succeeded
from tests.api.conftest import BASE, JsonClient
from tests.control.test_races import at_once
from tests.factories import make_builtin, make_job, make_user

JOB = BASE + "jobs/report"
BUILTIN = BASE + "jobs/cleanup_logs"

Change = Callable[[APIClient, dict[str, str]], Any]

CHANGES: dict[str, Change] = {
    "patch": lambda client, headers: client.patch(JOB, {"name": "New"}, headers=headers),
    "put": lambda client, headers: client.put(
        BUILTIN, {"trigger_type": "interval", "hours": 9}, headers=headers
    ),
    "delete": lambda client, headers: client.delete(JOB, headers=headers),
    **{
        action: lambda client, headers, action=action: client.post(
            f"{JOB}/{action}", headers=headers
        )
        for action in ("enable", "disable", "pause", "resume")
    },
}

MATCHING = ['"3"', "*", ' "3" ', '"2", "3"', '"3","4"', 'W/"2","3"', '"a", , "3"', "\t*"]
OTHERS = ['"2"', 'W/"3"', '"2", "4"', '"03"', '"3.0"', '"three"', '""', f'"{"9" * 40}"', '"+3"']
GARBAGE = [
    "3",
    "",
    " ",
    ",",
    '"3',
    '3"',
    '"3" "4"',
    '"3"; "4"',
    'w/"3"',
    'W/ "3"',
    '*, "3"',
    '"3", *',
    "'3'",
    '"a b"',
    '"3"x',
    '"\x00"',
    '"\n"',
    '"3"\n"4"',
    ", " * 4000 + "x",
]


@pytest.fixture(autouse=True)
def _jobs(db: None) -> None:
    make_job("report")
    make_builtin("cleanup_logs")
    Job.objects.update(version=3)


def state() -> list[object]:
    return [
        list(Job.objects.values()),
        AuditEvent.objects.filter(is_refused=False).count(),
        list(Revision.objects.values()),
    ]


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_was_not_changed_meanwhile_may_be(manager: APIClient, change: Change) -> None:
    for tag in MATCHING:
        Job.objects.update(version=3)
        succeeded(change(manager, {"If-Match": tag}))
        if not Job.objects.filter(pk="report").exists():
            make_job("report")


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_lost_update_is_412(manager: APIClient, change: Change) -> None:
    before = state()
    for tag in OTHERS:
        refused(change(manager, {"If-Match": tag}), 412, "version_conflict")
    assert state() == before


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_is_no_etag_is_refused_by_name(manager: APIClient, change: Change) -> None:
    before = state()
    for tag in GARBAGE:
        response = change(manager, {"If-Match": tag})
        refused(response, 400, "validation_error", field="If-Match")
    assert state() == before


def test_the_etag_of_an_answer_lets_the_next_change_through(manager: APIClient) -> None:
    tag = manager.get(JOB).headers["ETag"]
    for action in ("disable", "enable", "pause", "resume"):
        response = manager.post(f"{JOB}/{action}", headers={"If-Match": tag})
        succeeded(response)
        assert response.headers["ETag"] != tag
        tag = response.headers["ETag"]
    response = manager.patch(JOB, {"name": "New"}, headers={"If-Match": tag})
    assert response.headers["ETag"] == f'"{Job.objects.get(pk="report").version}"' == '"8"'


def test_what_changes_nothing_leaves_the_etag(manager: APIClient) -> None:
    assert manager.post(JOB + "/enable").headers["ETag"] == '"3"'


def test_a_job_that_is_known_is_304(viewer: APIClient) -> None:
    for tag in ['"3"', 'W/"3"', '"2", "3"', "*"]:
        for response in (
            viewer.get(JOB, headers={"If-None-Match": tag}),
            viewer.head(JOB, headers={"If-None-Match": tag}),
        ):
            assert (response.status_code, response.content) == (304, b"")
            assert response.headers["ETag"] == '"3"'
            assert response.headers["X-Request-ID"]


def test_a_job_that_has_changed_is_sent(viewer: APIClient) -> None:
    for tag in ['"2"', '"x"', f'"{"9" * 40}"']:
        succeeded(viewer.get(JOB, headers={"If-None-Match": tag}))
    for tag in GARBAGE:
        refused(viewer.get(JOB, headers={"If-None-Match": tag}), 400, field="If-None-Match")


def test_a_job_that_one_may_not_see_is_404_whatever_is_known(db: None) -> None:
    client = JsonClient()
    client.force_login(make_user())
    refused(client.get(JOB, headers={"If-None-Match": "*"}), 404, "job_not_found")
    refused(client.patch(JOB, {}, headers={"If-Match": '"1"'}), 404, "job_not_found")


@pytest.mark.django_db(transaction=True)
def test_of_two_changes_at_one_moment_one_is_412() -> None:
    user = make_user("manage_job")
    clients = [JsonClient(), JsonClient()]
    for client in clients:
        client.force_login(user)
    answers = at_once(
        *[
            lambda client=client, name=name: client.patch(
                JOB, {"name": name}, headers={"If-Match": '"3"'}
            )
            for client, name in zip(clients, ("First", "Second"), strict=True)
        ]
    )
    assert sorted(answer.status_code for answer in answers) == [200, 412]
    (winner,) = [answer for answer in answers if answer.status_code == 200]
    job = Job.objects.get(pk="report")
    assert (job.name, job.version) == (winner.json()["data"]["name"], 4)
