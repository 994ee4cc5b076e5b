"""The pages of alert incidents: what is listed, and for whom."""

from __future__ import annotations

from datetime import UTC, datetime

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.admin.conftest import logged_in, staff
from tests.factories import grant, make_incident, make_job

INCIDENTS = "/admin/jobs/alertincident/"


def test_incidents_are_listed_once_they_are_worth_telling(manager: Client) -> None:
    make_job("report")
    make_incident("report", job_name="Weekly")
    make_incident("counted", opened_at=None)
    make_incident("job-that-is-well", closed_at=datetime.now(UTC))
    page = manager.get(INCIDENTS).content.decode()
    assert "Weekly" in page
    assert "counted" not in page
    assert "job-that-is-well" in page
    only_open = manager.get(f"{INCIDENTS}?state=open").content.decode()
    assert 'href="/admin/jobs/job/report/change/"' in only_open
    assert "job-that-is-well" not in only_open


def test_the_list_of_incidents_costs_a_constant_number_of_statements(manager: Client) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            manager.get(INCIDENTS)
        return len(queries)

    make_incident()
    few = cost()
    for number in range(30):
        make_incident(f"job-{number}")
    assert cost() == few


def test_an_incident_is_seen_by_who_sees_its_job(db: None) -> None:
    user = staff()
    grant(user, "view_job", make_job("mine"))
    mine, other = make_incident("mine"), make_incident("other")
    client = logged_in(user)
    page = client.get(INCIDENTS).content.decode()
    assert "mine" in page
    assert "other" not in page
    assert client.get(f"{INCIDENTS}{mine.pk}/change/").status_code == 200
    assert client.get(f"{INCIDENTS}{other.pk}/change/").status_code == 302
    assert client.post(f"{INCIDENTS}{mine.pk}/change/", {}).status_code == 403
    assert logged_in(staff()).get(INCIDENTS).status_code == 403


def test_the_execution_of_an_incident_is_named_by_its_job(manager: Client) -> None:
    incident = make_incident("report", job_name="Weekly", execution_id=7)
    for page in (INCIDENTS, f"{INCIDENTS}{incident.pk}/change/"):
        assert 'jobexecution/7/change/">Weekly #7</a>' in manager.get(page).text
