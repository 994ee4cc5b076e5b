"""A request for a run, or for a new job, that is sent again is carried out once."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from jobs.control import job as control
from jobs.control.once import Once
from jobs.models import AuditEvent, Job, JobExecution, JobUserPermission, Scope, Status
from tests.api.answers import refused, succeeded
from tests.api.conftest import BASE, JsonClient, Login
from tests.control.test_races import at_once
from tests.factories import ACTOR, grant, make_execution, make_job, make_token, make_user

RUN = BASE + "jobs/report/run"
OTHER = BASE + "jobs/other/run"
JOBS = BASE + "jobs"
BY_FUNCTION = BASE + "jobs/by-func"
REPORT = {"name": "Report", "function": "send_report", "trigger_type": "interval", "seconds": 5}


def ask(client: APIClient, path: str = RUN, key: str = "k-1", **body: Any) -> Any:
    return client.post(path, body or None, headers={"Idempotency-Key": key})


def replayed(response: Any) -> bool:
    return bool(response.headers.get("Idempotency-Replayed") == "true")


def test_the_same_request_gets_the_same_answer_and_one_run(operator: APIClient) -> None:
    make_job("report")
    first, second = ask(operator), ask(operator)
    assert succeeded(first, 202) == succeeded(second, 202)
    assert first.json()["message"] == second.json()["message"]
    assert first.headers["Location"] == second.headers["Location"]
    assert [replayed(first), replayed(second)] == [False, True]
    assert JobExecution.objects.count() == 1
    assert AuditEvent.objects.filter(action="job.run").count() == 1


def test_it_is_replayed_when_the_job_is_busy_done_or_gone(login: Login) -> None:
    user = make_user()
    grant(user, "run_job", make_job("report"))
    client = login(user)
    first = succeeded(ask(client), 202)
    refused(ask(client, key="k-2"), 409, "job_busy")
    assert succeeded(ask(client), 202) == first
    now = JobExecution.objects.get().queued_at
    JobExecution.objects.update(status=Status.SUCCEEDED, finished_at=now, released_at=now)
    assert succeeded(ask(client), 202) == first
    control.delete("report", actor=ACTOR)
    assert succeeded(ask(client), 202) == first
    refused(ask(client, key="k-2"), 404, "job_not_found")
    assert JobExecution.objects.count() == 1


def test_a_key_with_another_body_or_job_is_a_conflict(manager: APIClient) -> None:
    make_job("report", max_instances=5)
    make_job("other")
    succeeded(ask(manager, kwargs={"days": 1}), 202)
    for response in (
        ask(manager),
        ask(manager, kwargs={"days": 2}),
        ask(manager, kwargs={"days": 1}, force=True),
        ask(manager, kwargs={"days": True}),
        ask(manager, OTHER, kwargs={"days": 1}),
        ask(manager, f"{BASE}executions/{JobExecution.objects.get().pk}/retry"),
    ):
        refused(response, 409, "idempotency_key_reused")
    assert JobExecution.objects.count() == 1


def test_the_order_of_a_bodys_fields_makes_no_other_body(manager: APIClient) -> None:
    make_job("report")
    succeeded(ask(manager, force=False, kwargs={"days": 1, "recipient": "x"}), 202)
    assert replayed(ask(manager, kwargs={"recipient": "x", "days": 1}, force=False))


def test_keys_of_users_are_their_own(operator: APIClient, manager: APIClient) -> None:
    make_job("report", max_instances=2)
    succeeded(ask(operator), 202)
    assert not replayed(ask(manager))
    assert JobExecution.objects.count() == 2


def test_what_was_refused_may_be_sent_again(operator: APIClient) -> None:
    make_job("report")
    busy = make_execution("report", status=Status.RUNNING)
    refused(ask(operator), 409, "job_busy")
    busy.delete()
    assert not replayed(ask(operator))
    assert JobExecution.objects.count() == 1


def test_a_key_is_forgotten_with_its_execution(operator: APIClient) -> None:
    make_job("report")
    succeeded(ask(operator), 202)
    JobExecution.objects.all().delete()
    response = ask(operator)
    succeeded(response, 202)
    assert not replayed(response)


def test_without_a_key_every_request_is_one_of_its_own(operator: APIClient) -> None:
    make_job("report", max_instances=2)
    for _time in range(2):
        succeeded(operator.post(RUN), 202)
    assert JobExecution.objects.count() == 2


def test_a_retry_is_queued_once(operator: APIClient) -> None:
    make_job("report", max_instances=5)
    failed = make_execution("report", status=Status.FAILED)
    path = f"{BASE}executions/{failed.pk}/retry"
    first = succeeded(ask(operator, path), 202)
    assert succeeded(ask(operator, path), 202) == first
    assert JobExecution.objects.count() == 2


def test_a_token_that_may_not_run_gets_no_earlier_answer(db: None) -> None:
    make_job("report")
    user = make_user("run_job")
    answers = []
    for scope in (Scope.RUN, Scope.VIEW):
        client = JsonClient()
        _token, text = make_token(user, name=scope, scope=scope)
        client.credentials(HTTP_AUTHORIZATION=f"Token {text}")
        answers.append(ask(client))
    succeeded(answers[0], 202)
    refused(answers[1], 403)


@pytest.mark.parametrize(
    "key", ["", " ", "a b", "a\tb", "x" * 256, "ключ", "a\x00b", "a\x7fb", "é", "“k”"]
)
def test_a_bad_key_is_refused_by_name(operator: APIClient, key: str) -> None:
    make_job("report")
    refused(ask(operator, key=key), 400, "validation_error", field="Idempotency-Key")
    assert not JobExecution.objects.exists()


@pytest.mark.parametrize("key", ["!", "~", "x" * 255, '"quoted,key"'])
def test_any_visible_ascii_is_a_key(operator: APIClient, key: str) -> None:
    make_job("report")
    succeeded(ask(operator, key=key), 202)
    assert replayed(ask(operator, key=key))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("paths", [[RUN, RUN, RUN], [RUN, OTHER]])
def test_of_requests_at_one_moment_one_makes_the_run(paths: list[str]) -> None:
    make_job("report", max_instances=5)
    make_job("other")
    user = make_user("run_job")

    def client() -> APIClient:
        found = JsonClient()
        found.force_login(user)
        return found

    clients = [client() for _path in paths]
    answers = at_once(
        *[
            lambda client=client, path=path: ask(client, path)
            for client, path in zip(clients, paths, strict=True)
        ]
    )
    assert JobExecution.objects.count() == 1
    statuses = sorted(answer.status_code for answer in answers)
    if len(set(paths)) == 1:
        assert statuses == [202] * len(paths)
        assert [replayed(answer) for answer in answers].count(False) == 1
    else:
        assert statuses == [202, 409]


def test_who_loses_the_race_for_a_key_is_told_so(
    operator: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_job("report")
    make_job("other")
    succeeded(ask(operator), 202)
    # As if the other had committed after this one looked.
    monkeypatch.setattr(Once, "earlier", lambda self, model: None)
    refused(ask(operator, OTHER), 409, "idempotency_key_reused")
    assert JobExecution.objects.count() == 1
    assert Job.objects.count() == 2


def test_it_is_not_replayed_to_whoever_lost_the_right(login: Login) -> None:
    job = make_job("report")
    user = make_user()
    grant(user, "run_job", job)
    client = login(user)
    succeeded(client.post(BASE + "jobs/report/run", headers={"Idempotency-Key": "k"}), 202)
    JobUserPermission.objects.all().delete()
    again = login(User.objects.get(pk=user.pk))
    answer = again.post(BASE + "jobs/report/run", headers={"Idempotency-Key": "k"})
    refused(answer, 404, "job_not_found")


@pytest.mark.parametrize(
    ("path", "body"), [(JOBS, {**REPORT, "id": "mine"}), (BY_FUNCTION, REPORT)]
)
def test_a_job_is_created_once(manager: APIClient, path: str, body: dict[str, Any]) -> None:
    first, second = ask(manager, path, **body), ask(manager, path, **body)
    assert succeeded(first, 201) == succeeded(second, 201)
    assert first.headers["Location"] == second.headers["Location"]
    assert [replayed(first), replayed(second)] == [False, True]
    assert Job.objects.count() == AuditEvent.objects.filter(action="job.create").count() == 1


def test_a_creation_is_replayed_when_its_date_is_over(
    manager: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_date = "2090-01-01T00:00:00Z"
    body = {**REPORT, "trigger_type": "date", "run_date": run_date}
    del body["seconds"]
    succeeded(ask(manager, BY_FUNCTION, **body), 201)
    later = datetime(2091, 1, 1, tzinfo=UTC)
    monkeypatch.setattr(control, "database_now", lambda: later)
    refused(ask(manager, BY_FUNCTION, key="k-2", **body), 400)
    assert replayed(ask(manager, BY_FUNCTION, **body))


def test_a_repeated_creation_shows_the_job_as_it_stands(manager: APIClient) -> None:
    succeeded(ask(manager, BY_FUNCTION, **REPORT), 201)
    control.change("send_report", {"name": "Other"}, actor=ACTOR)
    again = ask(manager, BY_FUNCTION, **REPORT)
    assert succeeded(again, 201)["name"] == "Other"
    assert again.headers["ETag"] == '"2"'


def test_a_key_of_one_creation_makes_no_other(manager: APIClient) -> None:
    succeeded(ask(manager, BY_FUNCTION, **REPORT), 201)
    for response in (
        ask(manager, BY_FUNCTION, **REPORT, description="x"),
        ask(manager, JOBS, **REPORT, id="mine"),
    ):
        refused(response, 409, "idempotency_key_reused")
    assert Job.objects.count() == 1


def test_a_creation_is_forgotten_with_its_job(manager: APIClient) -> None:
    succeeded(ask(manager, BY_FUNCTION, **REPORT), 201)
    control.delete("send_report", actor=ACTOR)
    again = ask(manager, BY_FUNCTION, **REPORT)
    succeeded(again, 201)
    assert not replayed(again)


def test_a_creation_is_not_replayed_to_whoever_lost_the_right(login: Login) -> None:
    user = make_user("manage_job")
    succeeded(ask(login(user), BY_FUNCTION, **REPORT), 201)
    user.user_permissions.clear()
    again = login(User.objects.get(pk=user.pk))
    refused(ask(again, BY_FUNCTION, **REPORT), 403)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("path", "body"), [(JOBS, {**REPORT, "id": "mine"}), (BY_FUNCTION, REPORT)]
)
def test_of_creations_at_one_moment_one_makes_the_job(path: str, body: dict[str, Any]) -> None:
    user = make_user("manage_job")

    def client() -> APIClient:
        found = JsonClient()
        found.force_login(user)
        return found

    clients = [client() for _number in range(3)]
    answers = at_once(*[lambda client=client: ask(client, path, **body) for client in clients])
    assert [answer.status_code for answer in answers] == [201] * 3
    assert [replayed(answer) for answer in answers].count(False) == 1
    assert Job.objects.count() == 1


def test_who_loses_the_race_for_a_creation_gets_the_first_ones_job(
    manager: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = {**REPORT, "id": "mine"}
    succeeded(ask(manager, JOBS, **body), 201)
    earlier, looks = Once.earlier, []

    def late(self: Once, model: Any) -> Any:
        # As if the other had committed after this one looked.
        looks.append(model)
        return earlier(self, model) if len(looks) > 1 else None

    monkeypatch.setattr(Once, "earlier", late)
    assert replayed(ask(manager, JOBS, **body))
    assert Job.objects.count() == 1
