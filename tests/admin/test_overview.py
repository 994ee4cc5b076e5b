from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from jobs.admin.overview import ZOOMS
from jobs.models import JobExecution, Status
from tests.admin.conftest import logged_in, staff
from tests.admin.pages import execution_url, job_url
from tests.factories import grant, make_execution, make_job, make_leader

OVERVIEW = "/admin/overview/"
LIVE = "/admin/overview/live/"


def ended(job_id: str, status: str = Status.SUCCEEDED, hours_ago: float = 1, **fields: Any) -> Any:
    moment = datetime.now(UTC) - timedelta(hours=hours_ago)
    given = {"started_at": moment, "finished_at": moment + timedelta(seconds=2)}
    return make_execution(job_id, status=status, **{**given, **fields})


def cards(client: Client) -> dict[str, Any]:
    return {card.label: card for card in client.get(OVERVIEW).context["cards"]}


def test_the_addresses_have_names() -> None:
    assert (reverse("overview"), reverse("overview_live")) == (OVERVIEW, LIVE)


def test_it_stands_first_on_the_index_and_beside_every_page(viewer: Client) -> None:
    for url in ("/admin/", OVERVIEW):
        page = viewer.get(url).content.decode()
        assert 0 < page.index(f'href="{OVERVIEW}"') < page.index("/admin/jobs/jobexecution/")


def test_who_sees_no_job_sees_no_overview(db: None) -> None:
    nobody = logged_in(staff())
    for url in (OVERVIEW, LIVE):
        assert nobody.get(url).status_code == 403
        assert Client().get(url).status_code == 302
    assert OVERVIEW not in nobody.get("/admin/").content.decode()


@pytest.mark.parametrize("url", [OVERVIEW, LIVE])
def test_it_is_only_read(viewer: Client, url: str) -> None:
    assert viewer.post(url).status_code == 405


def test_the_numbers_of_a_day_are_told_beside_the_one_before(viewer: Client) -> None:
    for _number in range(3):
        ended("job")
    ended("job", Status.FAILED)
    ended("job", Status.TIMED_OUT)
    ended("job", Status.MISSED, occurrence_count=7)
    ended("job", Status.FAILED, hours_ago=30)
    ended("job", Status.SKIPPED, hours_ago=30, occurrence_count=4)

    found = cards(viewer)

    assert (found["Failed"].value, found["Failed"].change) == ("2", "▲ 1 more than the day before")
    assert [text for text, _url in found["Failed"].notes] == ["1 failed", "1 timed out"]
    assert found["Missed"].value == "7"
    assert found["Skipped"].change == "▼ 4 fewer than the day before"
    assert found["Success rate"].value == "60 %"


def test_a_rate_is_not_rounded_up_to_all(viewer: Client) -> None:
    ended("job", Status.FAILED)
    JobExecution.objects.bulk_create(
        JobExecution(
            job_id="job",
            job_name="job",
            status=Status.SUCCEEDED,
            source="manual",
            scheduled_for=datetime.now(UTC),
            queued_at=datetime.now(UTC),
            finished_at=datetime.now(UTC) - timedelta(seconds=5),
        )
        for _number in range(2000)
    )
    assert cards(viewer)["Success rate"].value == "99.9 %"


def test_the_leader_s_figures_are_shown(viewer: Client) -> None:
    make_leader(figures={"workers": 5, "busy_workers": 2, "lateness_p99_s": 0.031})
    found = cards(viewer)
    assert found["Busy workers"].value == "2 / 5"
    assert found["Lateness p99"].value == "0.03 s"


def test_the_timeline_leads_to_runs_and_jobs(viewer: Client) -> None:
    job = make_job("nightly", name="<Nightly>")
    execution = ended("nightly", Status.FAILED)

    page = viewer.get(OVERVIEW).content.decode()

    assert f'href="{execution_url(execution)}"' in page
    assert f'href="{job_url(job)}"' in page
    assert "&lt;Nightly&gt;" in page
    assert f"#{execution.pk} failed" in page
    assert "UTC" in page


@pytest.mark.parametrize(("zoom", "runs"), [("1h", 1), ("6h", 2), ("24h", 3), ("7d", 4)])
def test_the_zoom_reaches_back_as_far_as_it_says(viewer: Client, zoom: str, runs: int) -> None:
    for hours in (0.5, 5, 20, 150):
        ended("job", hours_ago=hours)
    page = viewer.get(OVERVIEW, {"zoom": zoom}).content.decode()
    lane = page.partition("<ol")[2].partition("</ol>")[0]
    assert lane.count("<a href") == runs
    assert f'?zoom={zoom}" aria-current="true"' in page
    assert f"{LIVE}?zoom={zoom}" in page


@pytest.mark.parametrize("zoom", ["", "9y", "<b>", "24h&x"])
def test_another_zoom_is_the_usual_one(viewer: Client, zoom: str) -> None:
    page = viewer.get(OVERVIEW, {"zoom": zoom})
    assert page.context["zoom"] == "24h"


def test_the_live_part_is_a_part_of_the_page(viewer: Client) -> None:
    ended("job")
    part = viewer.get(LIVE).content.decode()
    names = set(re.findall(r'data-part="(\w+)"', part))
    assert names == set(re.findall(r'data-part="(\w+)"', viewer.get(OVERVIEW).content.decode()))
    assert names == {"strip", "numbers", "timeline", "failing", "waiting", "slowest"}
    assert "<html" not in part


def test_what_fails_says_why(viewer: Client) -> None:
    make_job("nightly")
    execution = ended("nightly", Status.FAILED, error="ValueError: no such table\nmore")
    (row,) = viewer.get(OVERVIEW).context["failing"]
    assert row["why"] == "The task raised ValueError: no such table"
    assert row["url"] == execution_url(execution)
    (waiting,) = viewer.get(OVERVIEW).context["waiting"]
    assert (waiting["since"], waiting["url"]) == ("never", job_url("nightly"))


def test_an_empty_overview_says_so(viewer: Client) -> None:
    page = viewer.get(OVERVIEW).content.decode()
    for sentence in (
        "Nothing ran in this time, and nothing is due.",
        "Nothing has failed.",
        "Nothing has ended.",
        "The last run of every job was a success.",
        "nothing has ended",
    ):
        assert sentence in page


def test_a_viewer_of_one_job_learns_nothing_of_others(db: None) -> None:
    user = staff()
    grant(user, "view_job", make_job("mine", name="Mine"))
    make_job("other", name="Other")
    for job_id in ("mine", "other", "gone"):
        ended(job_id, Status.FAILED, job_name=job_id.capitalize(), error=f"{job_id} broke")

    page = logged_in(user).get(OVERVIEW)

    assert page.context["cards"][0].value == "1"
    text = page.content.decode()
    assert "Mine" in text
    for word in ("Other", "Gone", "other broke", "gone broke"):
        assert word not in text


def test_it_takes_as_many_queries_for_1_job_as_for_30(viewer: Client) -> None:
    def queries(zoom: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            viewer.get(OVERVIEW, {"zoom": zoom})
        return len(captured)

    make_leader()
    ended(make_job("one").pk, Status.FAILED)
    queries("24h")
    one = queries("24h")
    for number in range(29):
        ended(make_job(f"job-{number}").pk, Status.FAILED if number % 3 else Status.SUCCEEDED)
    assert {queries(zoom) for zoom in ZOOMS} == {one}
    assert one <= 25
