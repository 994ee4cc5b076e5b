"""The page that tells why a job ran, or did not."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from django.test import Client

from jobs.control import job as control
from jobs.models import AuditEvent, Status
from tests.admin.pages import JOBS, job_url
from tests.factories import ACTOR, grant, make_execution, make_job, make_leader, make_user

PAGE = f"{JOBS}report/explain/"
DUE = datetime(2026, 3, 1, 3, 0, 0, 250_000, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _rows(db: None) -> None:
    make_job("report", name="Weekly report")


def answer(client: Client, at: str | None = None, page: str = PAGE) -> tuple[str, str]:
    """The answer's code, and the whole page."""
    response = client.get(page, {} if at is None else {"at": at})
    assert response.status_code == 200
    html = response.content.decode()
    found = re.search(r'data-code="(\w+)"', html)
    return found[1] if found else "", html


def test_the_page_of_a_job_leads_there_for_everybody_who_sees_it(
    manager: Client, viewer: Client
) -> None:
    for client in (manager, viewer):
        assert f'href="{PAGE}"' in client.get(job_url("report")).content.decode()
    assert "/explain/" not in manager.get(f"{JOBS}add/").content.decode()


def test_without_a_moment_it_tells_of_now(viewer: Client) -> None:
    make_leader()
    code, html = answer(viewer)
    assert code == "due"
    assert "Every day at 03:00" in html


def test_it_tells_who_did_it_and_shows_the_change_only_to_who_may_read_it(
    viewer: Client, manager: Client
) -> None:
    control.disable("report", actor=ACTOR)
    event = AuditEvent.objects.get(action="job.disable")
    link = f"/admin/jobs/auditevent/{event.pk}/change/"
    for client, sees in ((viewer, False), (manager, True)):
        code, html = answer(client)
        assert code == "disabled"
        assert "tester" in html
        assert (link in html) == sees


def test_a_skipped_execution_leads_to_its_own_moment(viewer: Client) -> None:
    blocker = make_execution("report", started_at=DUE, released_at=DUE.replace(hour=4))
    skipped = make_execution(
        "report", status=Status.SKIPPED, scheduled_for=DUE, queued_at=DUE, reason="Still going."
    )
    page = viewer.get(f"/admin/jobs/jobexecution/{skipped.pk}/change/").content.decode()
    (url,) = re.findall(rf'href="({re.escape(PAGE)}\?at=[^"]+)"', page)
    code, html = answer(viewer, page=url)
    assert code == "skipped"
    assert f"/admin/jobs/jobexecution/{skipped.pk}/change/" in html
    well = viewer.get(f"/admin/jobs/jobexecution/{blocker.pk}/change/").content.decode()
    assert "/explain/" not in well


@pytest.mark.parametrize("at", ["soon", "2026-13-01", "<script>", "9" * 400])
def test_what_is_no_moment_is_told_beside_the_field(at: str, viewer: Client) -> None:
    code, html = answer(viewer, at)
    assert code == ""
    assert "is not a moment" in html
    assert "<script>" not in html
    assert 'aria-invalid="true"' in html


def test_a_deleted_job_is_explained_to_who_may_view_all(viewer: Client) -> None:
    control.delete("report", actor=ACTOR)
    code, html = answer(viewer)
    assert code == "deleted"
    assert "tester" in html


def test_others_find_nothing() -> None:
    mine = make_job("mine")
    user = make_user(is_staff=True)
    grant(user, "view_job", mine)
    client = Client()
    client.force_login(user)
    assert client.get(f"{JOBS}mine/explain/").status_code == 200
    make_job("gone")
    control.delete("gone", actor=ACTOR)
    for job_id in ("report", "gone", "never"):
        assert client.get(f"{JOBS}{job_id}/explain/").status_code == 404


@pytest.mark.parametrize("job_id", ["never", "a_00b", "%2e%2e", "a" * 300])
def test_what_never_was_is_not_found(job_id: str, viewer: Client) -> None:
    assert viewer.get(f"{JOBS}{job_id}/explain/").status_code == 404


def test_hostile_names_are_escaped(viewer: Client) -> None:
    control.change("report", {"name": "<b>bold</b>"}, actor=ACTOR)
    assert "<b>bold</b>" not in answer(viewer)[1]
