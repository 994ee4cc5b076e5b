from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from jobs.models import Source, Status
from tests.api.answers import refused, succeeded
from tests.api.conftest import BASE, Login
from tests.factories import grant, make_execution, make_job, make_user

EXECUTIONS = BASE + "executions"


def test_executions_are_shown_newest_first(viewer: APIClient) -> None:
    old, new = make_execution("a"), make_execution("gone", warning="Half of it.")
    shown = succeeded(viewer.get(EXECUTIONS))
    assert [row["id"] for row in shown] == [new.pk, old.pk]
    assert shown[0]["job_id"] == "gone"
    assert shown[0]["warning"] == "Half of it."
    assert shown[0]["duration_s"] == 2.0
    assert shown[0]["waited_s"] > 0
    assert "traceback" not in shown[0]


def test_pages_follow_the_last_id(viewer: APIClient) -> None:
    made = [make_execution("a").pk for _ in range(5)]
    first = viewer.get(EXECUTIONS, {"limit": 2})
    assert [row["id"] for row in succeeded(first)] == [made[4], made[3]]
    assert first.json()["meta"] == {"limit": 2, "next_before": made[3]}
    second = viewer.get(EXECUTIONS, {"limit": 3, "before": made[3]})
    assert [row["id"] for row in succeeded(second)] == made[2::-1]
    assert second.json()["meta"]["next_before"] is None


def test_pages_may_begin_with_the_oldest(viewer: APIClient) -> None:
    made = [make_execution("a").pk for _ in range(3)]
    first = viewer.get(EXECUTIONS, {"limit": 2, "ordering": "id"})
    assert [row["id"] for row in succeeded(first)] == made[:2]
    assert first.json()["meta"] == {"limit": 2, "next_after": made[1]}
    second = viewer.get(EXECUTIONS, {"limit": 2, "ordering": "id", "after": made[1]})
    assert [row["id"] for row in succeeded(second)] == made[2:]
    assert second.json()["meta"]["next_after"] is None


def test_filter_by_job_status_and_source(viewer: APIClient) -> None:
    failed = make_execution("a", status=Status.FAILED)
    manual = make_execution("a", source=Source.MANUAL)
    other = make_execution("b")
    for query, expected in [
        ({"job": "a"}, [manual.pk, failed.pk]),
        ({"job": "b"}, [other.pk]),
        ({"job": "none"}, []),
        ({"status": "failed"}, [failed.pk]),
        ({"source": "manual"}, [manual.pk]),
        ({"job": "b", "status": "failed"}, []),
        ({"job": "a", "status": "failed,succeeded"}, [manual.pk, failed.pk]),
    ]:
        assert [row["id"] for row in succeeded(viewer.get(EXECUTIONS, query))] == expected


def test_filter_by_function_executor_and_who_asked(viewer: APIClient) -> None:
    plain = make_execution("a", function="send_report")
    asked = make_execution("a", function="open_report", executor="processes", requested_by="ana")
    for query, expected in [
        ({"function": "send_report"}, [plain.pk]),
        ({"executor": "processes"}, [asked.pk]),
        ({"executor": "processes,threads"}, [asked.pk, plain.pk]),
        ({"requested_by": "ana"}, [asked.pk]),
        ({"requested_by": "Ana"}, []),
    ]:
        assert [row["id"] for row in succeeded(viewer.get(EXECUTIONS, query))] == expected


def test_filter_by_the_time_of_the_occurrence(viewer: APIClient) -> None:
    noon = datetime(2030, 1, 2, 12, tzinfo=UTC)
    early, late = (
        make_execution("a", scheduled_for=noon + timedelta(hours=hours)).pk for hours in (0, 2)
    )
    for query, expected in [
        ({"since": "2030-01-02T12:00:00Z"}, [late, early]),
        ({"since": "2030-01-02T12:00:01Z"}, [late]),
        ({"since": "2030-01-02T14:00:00+02:00", "until": "2030-01-02T12:00:00"}, [early]),
        ({"until": "2030-01-02"}, []),
    ]:
        assert [row["id"] for row in succeeded(viewer.get(EXECUTIONS, query))] == expected


def test_the_cost_is_the_same_for_1_and_200(viewer: APIClient) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            succeeded(viewer.get(EXECUTIONS, {"limit": 500}))
        return len(queries)

    make_execution("a", retry_of=make_execution("a"))
    few = cost()
    for _ in range(200):
        make_execution("a")
    assert few == cost() <= 5


def test_only_executions_of_jobs_that_one_may_see_are_there(login: Login) -> None:
    user = make_user()
    grant(user, "view_job", make_job("mine"))
    make_job("other")
    mine = make_execution("mine")
    make_execution("other")
    make_execution("gone")
    make_execution(None)
    client = login(user)
    assert [row["id"] for row in succeeded(client.get(EXECUTIONS))] == [mine.pk]
    assert succeeded(client.get(EXECUTIONS, {"job": "other"})) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("status", "done"),
        ("source", "magic"),
        ("before", "0"),
        ("before", "-1"),
        ("before", str(2**63)),
        ("before", "x"),
        ("limit", "0"),
        ("limit", "501"),
        ("job", "x" * 101),
        ("job", "a\x00b"),
        ("job", ""),
        ("after", "-1"),
        ("ordering", "duration_s"),
    ],
)
def test_a_bad_query_is_named(viewer: APIClient, name: str, value: str) -> None:
    refused(viewer.get(EXECUTIONS, {name: value}), 400, "validation_error", field=name)


def test_the_largest_id_is_no_crash(viewer: APIClient) -> None:
    assert succeeded(viewer.get(EXECUTIONS, {"before": 2**63 - 1})) == []
