from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import translation
from rest_framework.test import APIClient

from jobs.control import job as control
from jobs.models import Job, Status
from tests.api.answers import refused, succeeded
from tests.api.conftest import BASE, Login
from tests.factories import (
    ACTOR,
    grant,
    make_builtin,
    make_execution,
    make_group,
    make_job,
    make_jobs,
    make_user,
)

JOBS = BASE + "jobs"


def ids(response: Any) -> list[str]:
    return [job["id"] for job in succeeded(response)]


def test_list_shows_every_field_of_a_job(viewer: APIClient) -> None:
    make_job("report", name="Report", description="Weekly", kwargs={"days": 3}, timeout=60)
    last = make_execution("report")
    make_execution("report", status=Status.RUNNING, started_at=None)
    (job,) = succeeded(viewer.get(JOBS))
    assert job["id"] == "report"
    assert job["name"] == "Report"
    assert job["description"] == "Weekly"
    assert job["function"] == "send_report"
    assert job["args"] == []
    assert job["kwargs"] == {"days": 3}
    assert job["trigger_type"] == "cron"
    assert job["trigger_params"] == {"cron_expression": "0 3 * * *"}
    assert "03:00" in job["trigger_text"]
    assert job["timezone"]
    assert job["state"] == "scheduled"
    assert job["problem"] == ""
    assert job["enabled"] is True
    assert job["is_builtin"] is False
    assert job["next_run_time"].endswith("Z")
    assert job["paused_until"] is None
    assert job["running"] == 1
    assert job["version"] == 1
    assert job["policies"]["own"]["timeout"] == 60
    assert job["policies"]["own"]["max_instances"] is None
    assert job["policies"]["effective"]["max_instances"] == 1
    assert job["last_execution"]["id"] > last.pk
    assert job["last_execution"].keys() == {"id", "status", "started_at", "duration_s"}


def test_list_is_sorted_by_id_and_counted(viewer: APIClient) -> None:
    for job_id in ("b", "c", "a"):
        make_job(job_id)
    response = viewer.get(JOBS)
    assert ids(response) == ["a", "b", "c"]
    assert response.json()["meta"] == {"count": 3, "page": 1, "page_size": 500, "pages": 1}


def test_empty_list_is_a_success(viewer: APIClient) -> None:
    assert ids(viewer.get(JOBS)) == []


def test_list_costs_the_same_number_of_queries_for_1_and_1000_jobs(viewer: APIClient) -> None:
    def cost() -> tuple[int, int]:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            found = ids(viewer.get(JOBS, {"page_size": 1000}))
        return len(found), len(queries)

    make_jobs(1)
    one, few = cost()
    Job.objects.all().delete()
    make_jobs(1000)
    many, same = cost()
    assert (one, many) == (1, 1000)
    assert few == same <= 8


def test_object_rights_cost_a_fixed_number_of_queries(login: Login) -> None:
    jobs = make_jobs(50)
    user = make_user()
    client = login(user)

    def cost() -> tuple[int, int]:
        with CaptureQueriesContext(connection) as queries:
            found = ids(client.get(JOBS))
        return len(found), len(queries)

    grant(user, "view_job", jobs[0])
    one, few = cost()
    for job in jobs[1:40]:
        grant(user, "run_job", job)
    many, same = cost()
    assert (one, many) == (1, 40)
    assert few == same <= 9


def test_somebody_with_a_right_on_one_job_sees_that_one_only(login: Login) -> None:
    mine, _other = make_job("mine"), make_job("other")
    user = make_user()
    grant(user, "run_job", mine)
    response = login(user).get(JOBS)
    assert ids(response) == ["mine"]
    assert response.json()["meta"]["count"] == 1


def test_rights_come_by_group_too(login: Login) -> None:
    make_job("report")
    user = make_user()
    user.groups.add(make_group("view_job"))
    assert ids(login(user).get(JOBS)) == ["report"]


def test_pages_are_cut_and_the_last_one_is_named(viewer: APIClient) -> None:
    for job_id in ("a", "b", "c"):
        make_job(job_id)
    response = viewer.get(JOBS, {"page": 2, "page_size": 2})
    assert ids(response) == ["c"]
    assert response.json()["meta"] == {"count": 3, "page": 2, "page_size": 2, "pages": 2}
    assert "2" in refused(viewer.get(JOBS, {"page": 3, "page_size": 2}), 404)["message"]


def test_filter_by_state(viewer: APIClient) -> None:
    now = datetime.now(UTC)
    make_job("on")
    make_job("off", is_enabled=False)
    make_job("held")
    control.pause("held", actor=ACTOR)
    make_job("held-until")
    control.pause("held-until", actor=ACTOR, until=now + timedelta(days=1))
    make_job("broken")
    Job.objects.filter(pk="broken").update(problem="Its task has gone.")
    assert ids(viewer.get(JOBS, {"state": "scheduled"})) == ["on"]
    assert ids(viewer.get(JOBS, {"state": "disabled"})) == ["off"]
    assert ids(viewer.get(JOBS, {"state": "paused"})) == ["held", "held-until"]
    assert ids(viewer.get(JOBS, {"state": "broken"})) == ["broken"]
    assert ids(viewer.get(JOBS, {"state": "finished"})) == []
    assert ids(viewer.get(JOBS, {"state": "broken,disabled"})) == ["broken", "off"]


def test_filter_by_function_and_trigger_type(viewer: APIClient) -> None:
    make_job("a", function="open_report")
    make_job("b", trigger_type="interval", trigger_params={"hours": 1})
    assert ids(viewer.get(JOBS, {"function": "open_report"})) == ["a"]
    assert ids(viewer.get(JOBS, {"trigger_type": "interval"})) == ["b"]
    assert ids(viewer.get(JOBS, {"function": "no_such"})) == []
    assert ids(viewer.get(JOBS, {"trigger_type": "cron,interval"})) == ["a", "b"]


def test_filter_by_executor_and_whether_it_is_built_in(viewer: APIClient) -> None:
    make_builtin("cleanup_logs")
    make_job("mine", executor="processes")
    assert ids(viewer.get(JOBS, {"is_builtin": "true"})) == ["cleanup_logs"]
    assert ids(viewer.get(JOBS, {"is_builtin": "false"})) == ["mine"]
    assert ids(viewer.get(JOBS, {"executor": "processes"})) == ["mine"]


@pytest.mark.parametrize("text", ["nightly", "Backup", "DISKS", "open_rep", "夜间"])
def test_search_looks_at_id_name_description_and_function(viewer: APIClient, text: str) -> None:
    make_job("nightly-1", name="Backup 夜间", description="All the disks", function="open_report")
    make_job("other")
    assert ids(viewer.get(JOBS, {"q": text})) == ["nightly-1"]


def test_search_takes_signs_of_a_pattern_as_they_are(viewer: APIClient) -> None:
    make_job("a", name="100 %")
    make_job("b", name="100")
    assert ids(viewer.get(JOBS, {"q": "%"})) == ["a"]
    assert ids(viewer.get(JOBS, {"q": ""})) == ["a", "b"]


def test_ordering_puts_jobs_that_stand_still_last(viewer: APIClient) -> None:
    make_job("c", name="1", trigger_params={"cron_expression": "0 0 1 1 *"})
    make_job("a", name="3", is_enabled=False)
    make_job("b", name="2", trigger_type="interval", trigger_params={"seconds": 5})
    assert ids(viewer.get(JOBS, {"ordering": "name"})) == ["c", "b", "a"]
    assert ids(viewer.get(JOBS, {"ordering": "-name"})) == ["a", "b", "c"]
    assert ids(viewer.get(JOBS, {"ordering": "-id"})) == ["c", "b", "a"]
    assert ids(viewer.get(JOBS, {"ordering": "next_run_time"})) == ["b", "c", "a"]
    assert ids(viewer.get(JOBS, {"ordering": "-next_run_time"})) == ["c", "b", "a"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("state", "asleep"),
        ("state", ""),
        ("state", "broken,"),
        ("trigger_type", "weekly"),
        ("is_builtin", "1"),
        ("executor", "rockets"),
        ("ordering", "secret"),
        ("page", "0"),
        ("page", "-1"),
        ("page", "one"),
        ("page", "1.5"),
        ("page_size", "0"),
        ("page_size", "1001"),
        ("q", "x" * 201),
        ("q", "a\x00b"),
        ("function", "a\x00b"),
        ("colour", "red"),
        ("format", "xml"),
    ],
)
def test_a_bad_query_is_named(viewer: APIClient, name: str, value: str) -> None:
    refused(viewer.get(JOBS, {name: value}), 400, "validation_error", field=name)


def test_limits_are_told_in_the_language_of_the_request(viewer: APIClient) -> None:
    told: dict[str, list[Any]] = {}
    for language in ("de", "en", "fr", "de"):
        with translation.override(language):
            answer = viewer.get(JOBS, {"page": "0"})
            told.setdefault(language, []).append(refused(answer, 400, field="page")["errors"])
    assert told["de"][0] == told["de"][1] != told["en"][0] != told["fr"][0]
    assert told["en"] == [{"page": ["Ensure this value is greater than or equal to 1."]}]


@pytest.mark.parametrize("page", ["1000000000", "9" * 30, "9" * 5000])
def test_a_page_beyond_all_pages_is_no_crash(viewer: APIClient, page: str) -> None:
    assert viewer.get(JOBS, {"page": page}).status_code in (400, 404)


def test_a_parameter_given_twice_is_refused(viewer: APIClient) -> None:
    refused(viewer.get(JOBS + "?state=paused&state=broken"), 400, field="state")


def test_the_path_works_with_a_slash_and_without(viewer: APIClient) -> None:
    make_job("a")
    assert ids(viewer.get(JOBS)) == ids(viewer.get(JOBS + "/")) == ["a"]
