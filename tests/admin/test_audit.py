from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client

from jobs.control import job as control
from jobs.control.audit import record, record_refusal
from jobs.models import AuditEvent, Scope
from jobs.models.audit import Via
from tests.admin.conftest import logged_in, staff
from tests.admin.pages import AUDIT, job_url
from tests.api.answers import succeeded
from tests.api.conftest import BASE, JsonClient
from tests.factories import ACTOR, grant, make_job, make_token


def test_managers_see_who_changed_what(manager: Client) -> None:
    job = make_job("nightly")
    control.change(job.pk, {"name": "Renamed"}, actor=ACTOR)
    event = AuditEvent.objects.first()
    assert event is not None

    page = manager.get(f"{AUDIT}{event.pk}/change/").content.decode()
    listed = manager.get(AUDIT).content.decode()

    assert "&quot;name&quot;: &quot;Renamed&quot;" in page
    assert job_url(job) in page
    assert "tester" in listed
    assert "job.change" in listed
    assert "&quot;Renamed&quot;" in listed


def test_an_event_of_a_job_that_has_gone_has_no_link(manager: Client) -> None:
    control.delete(make_job("nightly").pk, actor=ACTOR)
    event = AuditEvent.objects.first()
    assert event is not None

    page = manager.get(f"{AUDIT}{event.pk}/change/").content.decode()

    assert "nightly" in page
    assert job_url("nightly") not in page


def make_event(**fields: Any) -> AuditEvent:
    given = {"actor": "ann", "via": Via.ADMIN, "action": "job.pause", "target": "Nightly"}
    return AuditEvent.objects.create(**{**given, **fields})


def shown(client: Client, **query: str) -> list[str]:
    page = client.get(AUDIT, query)
    assert page.status_code == 200
    return [event.target for event in page.context["cl"].result_list]


def test_a_change_by_the_api_is_shown_with_the_name_of_its_token(manager: Client) -> None:
    make_job("nightly")
    user = User.objects.get(username="manager")
    _token, text = make_token(user, name="deploy-pipeline", scope=Scope.MANAGE)
    program = JsonClient()
    program.credentials(HTTP_AUTHORIZATION=f"Token {text}")
    succeeded(program.post(BASE + "jobs/nightly/pause"))
    event = AuditEvent.objects.get(action="job.pause")
    for url in (AUDIT, f"{AUDIT}{event.pk}/change/"):
        page = manager.get(url).content.decode()
        assert "deploy-pipeline" in page
        assert "API" in page


def test_a_refusal_is_told_by_a_sign_and_a_word(manager: Client) -> None:
    make_event()
    record_refusal(ACTOR, "job.delete", "You may not.", job_id="nightly")
    event = AuditEvent.objects.get(is_refused=True)
    told = '<span class="sc-badge sc-refused">refused</span>'
    for url in (AUDIT, f"{AUDIT}{event.pk}/change/"):
        page = manager.get(url).content.decode()
        assert page.count(told) == 1
        assert "You may not." in page


NARROWED = [
    ({"action": "job.run"}, ["run"]),
    ({"action": "nonsense"}, []),
    ({"via__exact": "api"}, ["api"]),
    ({"is_refused__exact": "1"}, ["refused"]),
    ({"is_refused__exact": "0"}, ["job", "run", "api", "old"]),
    ({"is_refused__exact": "maybe"}, ["job", "run", "refused", "api", "old"]),
    ({"job_id": "nightly"}, ["job"]),
    ({"job_id": "night"}, []),
    ({"within": "24h"}, ["job", "run", "refused", "api"]),
    ({"within": "30d"}, ["job", "run", "refused", "api", "old"]),
    ({"within": "30d", "via__exact": "api", "q": "bob"}, ["api"]),
    ({"q": "bob"}, ["api"]),
    ({"q": "ightl"}, ["job"]),
    ({"q": "secret plan"}, ["refused"]),
    ({"q": "ci-tok"}, ["api"]),
    ({"q": "%"}, []),
    ({"q": "🐘"}, []),
    ({"q": "x" * 5000}, []),
    ({"action": "", "via__exact": "", "job_id": "", "within": "", "q": ""}, None),
]


@pytest.mark.parametrize(("query", "expected"), NARROWED)
def test_events_are_filtered_and_searched(
    manager: Client, query: dict[str, str], expected: list[str] | None
) -> None:
    everything = ["job", "run", "refused", "api", "old"]
    make_event(target="old", at=datetime.now(UTC) - timedelta(days=20))
    make_event(target="api", via=Via.API, actor="bob", token="ci-token")
    make_event(target="refused", is_refused=True, message="A secret plan.")
    make_event(target="run", action="job.run")
    make_event(target="job", job_id="nightly")
    assert shown(manager, **query) == (everything if expected is None else expected)


def test_the_events_of_jobs_are_found_by_the_jobs_name_however_old(
    manager: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_job("nightly", name="Weekly report")
    make_event(target="other")
    monkeypatch.setattr("jobs.admin.audit_list.RECENT_ROWS", 0)
    assert shown(manager, q="kly rep") == ["Weekly report"]
    assert shown(manager, q="nightly") == ["Weekly report"]
    assert shown(manager, q="ann") == ["other"]
    assert shown(manager, q="othe") == []


@pytest.mark.parametrize("lookup", ["message__icontains", "before__isnull", "actor__startswith"])
def test_other_look_ups_which_would_read_all_events_are_refused(
    manager: Client, lookup: str
) -> None:
    assert manager.get(AUDIT, {lookup: "x"}).status_code == 400


def test_the_actions_to_choose_from_are_those_that_there_are(manager: Client) -> None:
    assert AuditEvent.objects.actions() == []
    for action in ("job.run", "job.pause", "job.run", "login"):
        make_event(action=action)
    assert AuditEvent.objects.actions() == ["job.pause", "job.run", "login"]
    assert manager.get(AUDIT).content.decode().count('<option value="job.run">') == 1


def test_the_page_of_a_job_leads_to_its_events(manager: Client) -> None:
    make_job("night")
    make_job("night-2")
    page = manager.get(job_url("night"))
    url = f"{AUDIT}?job_id=night"
    assert f'href="{url}"' in page.content.decode()
    events = manager.get(url).context["cl"].result_list
    assert [event.job_id for event in events] == ["night"]


def test_long_values_are_cut_in_the_list_alone(manager: Client) -> None:
    make_job("nightly")
    control.change("nightly", {"description": "x" * 9000}, actor=ACTOR)
    event = AuditEvent.objects.get(action="job.change")
    assert "x" * 300 not in manager.get(AUDIT).content.decode()
    assert "x" * 9000 in manager.get(f"{AUDIT}{event.pk}/change/").content.decode()


@pytest.mark.parametrize("number", [1, 120])
def test_the_number_of_queries_is_fixed(
    manager: Client, number: int, django_assert_num_queries: Any
) -> None:
    for at in range(number):
        make_event(job_id=f"job-{at}", action=f"job.{at % 7}")
    with django_assert_num_queries(11):
        manager.get(AUDIT, {"q": "job", "action": "job.0"})


@pytest.mark.parametrize(
    "query",
    [
        {"action": "job.7"},
        {"via__exact": "command"},
        {"is_refused__exact": "1"},
        {"job_id": "job-7"},
    ],
)
def test_no_filter_reads_the_whole_audit(manager: Client, query: dict[str, str]) -> None:
    AuditEvent.objects.bulk_create(
        AuditEvent(actor=f"user-{at}", via="api", action=f"job.{at}", job_id=f"job-{at}")
        for at in range(2000)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    rows = manager.get(AUDIT, query).context["cl"].queryset[:50]
    plan = rows.explain()
    assert "Seq Scan" not in plan
    assert "SCAN jobs_auditevent\n" not in plan + "\n"
    assert "TEMP B-TREE" not in plan


def test_others_see_no_events(viewer: Client, operator: Client) -> None:
    make_job()
    for client in (viewer, operator):
        assert client.get(AUDIT).status_code == 403
        assert "auditevent" not in client.get("/admin/").content.decode()


def test_a_manager_of_one_job_sees_the_events_of_that_one(db: None) -> None:
    user = staff()
    grant(user, "manage_job", make_job("mine"))
    make_job("other")

    events = logged_in(user).get(AUDIT).context["cl"].result_list

    assert {event.job_id for event in events} == {"mine"}


def test_events_cannot_be_added_changed_or_deleted(db: None) -> None:
    make_job()
    event = AuditEvent.objects.get()
    root = logged_in(staff(is_superuser=True))

    assert root.get(f"{AUDIT}add/").status_code == 403
    assert root.post(f"{AUDIT}{event.pk}/change/", {"actor": "x"}).status_code == 403
    assert root.post(f"{AUDIT}{event.pk}/delete/", {"post": "yes"}).status_code == 403
    assert AuditEvent.objects.get(is_refused=False) == event


def test_what_an_event_lacks_is_no_dash(manager: Client) -> None:
    """In a narrow window it stood in a line of its own."""
    record(ACTOR, "login", target="")
    page = manager.get(AUDIT).text
    assert '<td class="field-about"></td>' in page
    assert '<td class="field-changes"></td>' in page
