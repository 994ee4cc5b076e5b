from __future__ import annotations

from django.test import Client

from jobs.control import job as control
from jobs.models import AuditEvent
from tests.admin.conftest import logged_in, staff
from tests.admin.pages import AUDIT, job_url
from tests.factories import ACTOR, grant, make_job


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


def test_events_are_filtered_and_searched(manager: Client) -> None:
    make_job("nightly")
    control.pause("nightly", actor=ACTOR)

    def shown(**query: str) -> list[str]:
        return [event.action for event in manager.get(AUDIT, query).context["cl"].result_list]

    assert shown(action="job.pause") == ["job.pause"]
    assert shown(via__exact="api") == []
    assert shown(q="night") == ["job.pause", "job.create"]


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
