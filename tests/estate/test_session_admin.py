"""The pages of sessions: what became of each instance, also while one runs."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from jobs.estate.admin import session_page
from jobs.estate.admin.session_display import LOOKS
from jobs.estate.models import SyncRecord, SyncSession
from jobs.estate.models.record import RecordStatus
from jobs.estate.models.session import SessionStatus
from tests.admin.conftest import _tasks as _tasks  # the tasks of these jobs
from tests.estate.snapshots import make_instance
from tests.estate.test_instance_admin import client_with
from tests.factories import make_execution, make_job

pytestmark = pytest.mark.django_db


def make_session(status: str = "running", **fields: Any) -> SyncSession:
    now = timezone.now()
    ended = {} if status == "running" else {"finished_at": now}
    values = {"category": "capacity", "source": "manual", "requested_by": "ana", **ended, **fields}
    started = now - timedelta(seconds=90)
    return SyncSession.objects.create(status=status, started_at=started, **values)


def make_record(session: SyncSession, name: str, status: str, **fields: Any) -> SyncRecord:
    return SyncRecord.objects.create(session=session, instance_name=name, status=status, **fields)


def url_of(session: SyncSession, page: str = "change") -> str:
    return reverse(f"admin:estate_syncsession_{page}", args=[session.pk])


def refreshed(client: Client, session: SyncSession, **known: list[int]) -> Any:
    """What comes for the ids that a page shows as pending and as running."""
    asked = json.dumps({"pending": [], "running": [], **known})
    return client.post(url_of(session, "live"), asked, content_type="application/json")


@pytest.fixture
def running() -> SyncSession:
    session = make_session()
    make_record(session, "done", "completed", items_seen=7, seconds=2.5, instance=make_instance())
    make_record(session, "lost", "failed", error="It <hangs>.")
    make_record(session, "now", "running")
    make_record(session, "next", "pending")
    return session


def test_every_state_has_a_look() -> None:
    assert LOOKS.keys() == {*SessionStatus.values, *RecordStatus.values}


def test_a_running_session_says_how_far_it_is_the_failed_first(
    admin_client: Client, running: SyncSession
) -> None:
    answer = admin_client.get(url_of(running))
    names = [one["name"] for one in answer.context["records"]]
    assert names == ["lost", "now", "next", "done"]
    assert "It &lt;hangs&gt;." in answer.text
    for text in (answer.text, refreshed(admin_client, running).json()["parts"]):
        assert "4 instances: 1 failed, 1 running, 1 pending, 1 completed" in text
        assert '<progress max="4" value="2"' in text
        assert "manual, by ana" in text
        assert "data-finished" not in text


def test_a_refresh_brings_the_cells_of_what_has_changed_and_no_others(
    admin_client: Client, running: SyncSession
) -> None:
    ids = {record.instance_name: record.pk for record in running.records.all()}
    known = {"pending": [ids["next"], ids["lost"]], "running": [ids["now"]]}

    rows = refreshed(admin_client, running, **known).json()["rows"]

    assert list(rows) == [str(ids["lost"])]
    assert rows[str(ids["lost"])]["status"] == "failed"
    cells = rows[str(ids["lost"])]["cells"]
    assert len(cells) == len(session_page.COLUMNS)
    assert "It &lt;hangs&gt;." in cells[0]
    assert cells[0] in admin_client.get(url_of(running)).text, "as the page has it"


def test_a_refresh_says_how_many_have_failed_also_of_those_without_a_row(
    admin_client: Client, running: SyncSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_page, "MOST_RECORDS", 1)
    page = admin_client.get(url_of(running)).text
    assert 'data-failed="1" hidden>More have failed since this page was loaded.' in page
    assert "3 more are not shown; those that failed come first." in page
    running.records.filter(instance_name="next").update(status="failed")
    assert refreshed(admin_client, running).json()["failed"] == 2


def test_a_page_of_five_hundred_records_is_small(admin_client: Client) -> None:
    session = make_session()
    SyncRecord.objects.bulk_create(
        SyncRecord(session=session, instance_name=f"db-{number:03}.example.org", status="pending")
        for number in range(500)
    )
    assert len(admin_client.get(url_of(session)).content) < 200_000


def test_a_refresh_of_a_hundred_rows_is_small(admin_client: Client) -> None:
    session = make_session()
    SyncRecord.objects.bulk_create(
        SyncRecord(
            session=session,
            instance_name=f"db-{number:03}.example.org",
            status="completed",
            items_seen=1234,
            seconds=2.5,
            details={"totals": {"total_bytes": 1 << 40}},
        )
        for number in range(100)
    )
    ids = list(session.records.values_list("pk", flat=True))
    answer = refreshed(admin_client, session, running=ids)
    assert len(answer.json()["rows"]) == 100
    assert len(answer.content) < 30_000
    assert len(refreshed(admin_client, session).content) < 2_000, "where nothing has changed"


def test_a_refresh_tells_nothing_of_another_session(
    admin_client: Client, running: SyncSession
) -> None:
    ids = list(running.records.values_list("pk", flat=True))
    assert refreshed(admin_client, make_session(), running=ids).json()["rows"] == {}


@pytest.mark.parametrize(
    "asked",
    [
        *("", "[]", "{", "7", '{"pending": []}', '{"pending": 7, "running": []}', "[" * 100_000),
        '{"pending": ["x"], "running": []}',
        '{"pending": [1e999], "running": []}',
        '{"pending": [99999999999999999999], "running": []}',
        json.dumps({"pending": [1] * 1001, "running": []}),
    ],
)
def test_what_no_page_would_ask_is_refused(
    admin_client: Client, running: SyncSession, asked: str
) -> None:
    url = url_of(running, "live")
    assert admin_client.post(url, asked, content_type="application/json").status_code == 400


def test_a_refresh_is_asked_by_post_alone(admin_client: Client, running: SyncSession) -> None:
    assert admin_client.get(url_of(running, "live")).status_code == 405


def test_the_live_part_ends_with_its_session(admin_client: Client, running: SyncSession) -> None:
    assert "sync-session.js" in admin_client.get(url_of(running)).text
    running.status, running.finished_at = "partial", timezone.now()
    running.save()
    page = admin_client.get(url_of(running))
    assert "sync-session.js" not in page.text
    assert "data-finished" in refreshed(admin_client, running).json()["parts"]


@pytest.mark.parametrize("records", [1, 40])
def test_a_session_costs_the_same_statements_for_few_and_for_many(
    admin_client: Client, django_assert_num_queries: Any, records: int
) -> None:
    session = make_session()
    for number in range(records):
        make_record(session, f"i{number}", "pending")
    ids = list(session.records.values_list("pk", flat=True))
    with django_assert_num_queries(5):
        admin_client.get(url_of(session))
    with django_assert_num_queries(5):
        refreshed(admin_client, session, running=ids)


def test_who_may_not_see_sessions_is_told_nothing(running: SyncSession) -> None:
    stranger = client_with("view_databaseinstance")
    assert stranger.get(url_of(running)).status_code == 403
    assert refreshed(stranger, running).status_code == 403
    viewer = client_with("view_syncsession")
    page = viewer.get(url_of(running))
    assert page.status_code == 200
    assert "/admin/estate/databaseinstance/" not in page.text, "whose page they may not see"


@pytest.mark.parametrize("key", ["999999", "x", "9" * 30])
def test_a_session_that_is_not_there_is_not_found(admin_client: Client, key: str) -> None:
    url = reverse("admin:estate_syncsession_live", args=[key])
    assert admin_client.post(url, "{}", content_type="application/json").status_code == 404


def test_the_execution_is_a_link_for_who_may_see_it(admin_client: Client) -> None:
    make_job("nightly")
    execution = make_execution("nightly")
    session = make_session(execution_id=execution.pk)
    link = reverse("admin:jobs_jobexecution_change", args=[execution.pk])
    assert link in admin_client.get(url_of(session)).text
    text = client_with("view_syncsession").get(url_of(session)).text
    assert f"#{execution.pk}" in text
    assert link not in text
    execution.delete()
    assert link not in admin_client.get(url_of(session)).text


def test_of_very_many_records_the_first_are_shown_and_the_rest_counted(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_page, "MOST_RECORDS", 3)
    session = make_session()
    for number in range(5):
        make_record(session, f"i{number}", "completed")
    make_record(session, "z", "failed")
    page = admin_client.get(url_of(session))
    assert [one["name"] for one in page.context["records"]] == ["z", "i0", "i1"]
    assert "3 more are not shown; those that failed come first." in page.text


def test_the_list_says_what_failed_and_how_long_it_took(admin_client: Client) -> None:
    make_session(
        "partial", instances_total=3, instances_failed=1, totals={"total_bytes": 1536}, error="Odd."
    )
    text = admin_client.get(reverse("admin:estate_syncsession_changelist")).text
    for words in ("3 instances", "1 failed", "1.5 KiB", "took 1 min 30 s", "Odd."):
        assert words in text, words


def test_an_empty_list_says_so(admin_client: Client) -> None:
    url = reverse("admin:estate_syncsession_changelist")
    assert "No sync has run yet." in admin_client.get(url).text
    make_session()
    assert "None is like that." in admin_client.get(url, {"status__exact": "failed"}).text
