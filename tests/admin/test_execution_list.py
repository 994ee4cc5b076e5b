from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from jobs.admin import paging
from jobs.models import JobExecution, Source, Status
from tests.admin.conftest import logged_in, staff
from tests.admin.pages import EXECUTIONS, execution_url, press
from tests.factories import grant, make_execution, make_job


def shown(client: Client, **query: str) -> set[JobExecution]:
    return set(client.get(EXECUTIONS, query).context["cl"].result_list)


def test_executions_are_filtered_and_searched(viewer: Client) -> None:
    old = datetime.now(UTC) - timedelta(days=3)
    make_job("nightly")
    ended = make_execution("nightly", finished_at=old)
    failed = make_execution("nightly", status=Status.FAILED, source=Source.MANUAL)
    going = make_execution("gone", job_name="Vanished", status=Status.RUNNING)

    assert shown(viewer, status__exact="failed") == {failed}
    assert shown(viewer, source__exact="manual") == {failed}
    assert shown(viewer, within="24h") == {failed, going}
    assert shown(viewer, within="7d") == {ended, failed, going}
    assert shown(viewer, within="nonsense") == {ended, failed, going}
    assert shown(viewer, q="NIGHT") == {ended, failed}
    assert shown(viewer, q="vanish") == {going}
    assert shown(viewer, q="gon") == {going}
    assert shown(viewer, job__id__exact="nightly") == {ended, failed}


def test_only_executions_of_visible_jobs_are_shown(db: None) -> None:
    user = staff()
    grant(user, "view_job", make_job("mine"))
    mine, other = make_execution("mine"), make_execution("other")
    client = logged_in(user)

    assert shown(client) == {mine}
    assert client.get(execution_url(mine)).status_code == 200
    assert client.get(execution_url(other)).status_code == 302
    assert press(client, other, "retry").status_code == 404
    assert press(client, mine, "retry").status_code == 403


def test_a_large_table_is_not_counted(viewer: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pain 21."""
    monkeypatch.setattr(paging, "MOST_ROWS", 3)
    for _ in range(5):
        make_execution("nightly")

    with CaptureQueriesContext(connection) as captured:
        page = viewer.get(EXECUTIONS)

    assert "The first 3 executions" in page.content.decode()
    counts = [query["sql"] for query in captured if "COUNT(" in query["sql"].upper()]
    counts = [sql for sql in counts if "jobs_jobexecution" in sql and "status" not in sql]
    assert counts
    assert all("LIMIT 4" in sql for sql in counts)


def test_the_list_costs_the_same_for_1_and_for_100_executions(viewer: Client) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            viewer.get(EXECUTIONS)
        return len(captured)

    make_job("nightly")
    make_execution("nightly")
    queries()
    one = queries()
    for number in range(99):
        make_execution("nightly" if number % 2 else f"gone{number}")

    assert queries() == one


def test_the_list_does_not_read_large_columns(viewer: Client) -> None:
    make_execution("nightly", traceback="x")
    with CaptureQueriesContext(connection) as captured:
        viewer.get(EXECUTIONS)
    assert not any("traceback" in query["sql"] for query in captured)


@pytest.mark.parametrize("term", ["gone", "Vanished", "gon", "vanish"])
def test_a_job_that_has_gone_is_found_by_its_name_and_id(viewer: Client, term: str) -> None:
    execution = make_execution("gone", job_name="Vanished")
    make_execution("nightly")

    assert shown(viewer, q=term) == {execution}
    assert shown(viewer, job__id__exact="gone") == {execution}


def test_a_number_finds_its_execution(viewer: Client) -> None:
    execution = make_execution("nightly")
    make_execution("nightly")
    assert shown(viewer, q=str(execution.pk)) == {execution}
    assert shown(viewer, q=f"#{execution.pk}") == {execution}


@pytest.mark.parametrize("term", ["%", "_", "\\", "'", "²", "9" * 30, "#", "\ud800", "🐘", "  "])
def test_no_search_is_an_error(viewer: Client, term: str) -> None:
    make_execution("nightly")
    assert viewer.get(EXECUTIONS, {"q": term.encode("utf-8", "replace")}).status_code == 200


@pytest.mark.parametrize(
    "name", ["status__exact", "source__exact", "job__id__exact", "within", "q", "p"]
)
@pytest.mark.parametrize("value", ["nonsense", "🐘", "x" * 5000])
def test_no_filter_is_an_error(viewer: Client, name: str, value: str) -> None:
    make_execution("nightly")
    assert viewer.get(EXECUTIONS, {name: value}).status_code == 200


@pytest.mark.parametrize("lookup", ["error__icontains", "job_name__icontains", "traceback__regex"])
def test_what_would_read_the_whole_table_is_refused(viewer: Client, lookup: str) -> None:
    """Pain 21."""
    assert viewer.get(EXECUTIONS, {lookup: "x"}).status_code == 400


def test_a_search_reads_no_more_than_the_latest_executions_for_names(viewer: Client) -> None:
    """Pain 21."""
    make_execution("nightly")
    with CaptureQueriesContext(connection) as captured:
        viewer.get(EXECUTIONS, {"q": "nightly"})
    by_name = [
        query["sql"] for query in captured if '"job_name"' in query["sql"].partition("WHERE")[2]
    ]
    assert by_name
    assert all('"jobs_jobexecution"."id" >' in sql for sql in by_name)


def test_an_empty_field_of_the_form_narrows_nothing(viewer: Client) -> None:
    execution = make_execution("nightly")
    empty = {"q": "", "status__exact": "", "source__exact": "", "job__id__exact": "", "within": ""}
    page = viewer.get(EXECUTIONS, empty)
    assert list(page.context["cl"].result_list) == [execution]
    assert not page.context["cl"].is_narrowed


def test_a_verdict_is_kept_while_the_others_are_chosen(viewer: Client) -> None:
    page = viewer.get(EXECUTIONS, {"status__exact": "failed", "within": "7d"})
    assert page.context["cl"].kept == [("status__exact", "failed")]
    urls = {tab["value"]: tab["url"] for tab in page.context["cl"].tabs}
    assert urls["missed"] == "?status__exact=missed&within=7d"
    assert urls[None] == "?within=7d"


def test_the_list_says_why_and_how_long(viewer: Client) -> None:
    make_execution("a", status=Status.FAILED, error="ValueError: no such table\nLINE 1")
    make_execution(
        "b", status=Status.MISSED, started_at=None, occurrence_count=7, reason="Too late."
    )
    page = viewer.get(EXECUTIONS).content.decode()
    for part in ("ValueError: no such table", "took 2.00 s", "Too late.", "7 occurrences"):
        assert part in page
    assert "LINE 1" not in page


def test_an_empty_list_says_what_will_stand_there(viewer: Client) -> None:
    assert "Nothing has run yet." in viewer.get(EXECUTIONS).content.decode()
    assert "No execution is like that." in viewer.get(EXECUTIONS, {"q": "x"}).content.decode()


def test_suggested_jobs_are_those_that_one_may_see(db: None) -> None:
    user = staff()
    grant(user, "view_job", make_job("mine"))
    make_job("other")
    page = logged_in(user).get(EXECUTIONS)
    assert [pk for pk, _name in page.context["suggested"]] == ["mine"]


def test_the_list_takes_at_most_15_queries(viewer: Client) -> None:
    make_job("nightly")
    make_execution("nightly")
    every = {
        "q": "nightly",
        "status__exact": "succeeded",
        "job__id__exact": "nightly",
        "within": "24h",
    }
    with CaptureQueriesContext(connection) as captured:
        viewer.get(EXECUTIONS, every)
    assert len(captured) <= 15


@pytest.mark.parametrize(
    ("query", "index"),
    [
        ({"status__exact": "failed"}, "execution_unsuccessful_idx"),
        ({"source__exact": "manual"}, "execution_asked_idx"),
        ({"job__id__exact": "nightly"}, "execution_job_idx"),
        ({"status__exact": "succeeded", "job__id__exact": "nightly"}, "execution_job_idx"),
        ({"q": "nightly"}, "execution_job_idx"),
    ],
)
def test_every_filter_has_an_index_that_is_in_order(
    viewer: Client, query: dict[str, str], index: str
) -> None:
    """Pain 21. SQLite takes a partial index for no condition that it cannot read off its text."""
    if connection.vendor != "postgresql" and index != "execution_job_idx":
        pytest.skip("for servers with a long history")
    make_job("nightly")
    make_execution("nightly", status=query.get("status__exact", "failed"), source="manual")
    with CaptureQueriesContext(connection) as captured:
        viewer.get(EXECUTIONS, query)
    (statement,) = [sql for sql in (one["sql"] for one in captured) if "error_start" in sql]
    assert index in plan(statement)


def plan(statement: str) -> str:
    with connection.cursor() as cursor:
        if connection.vendor != "postgresql":
            cursor.execute(f"EXPLAIN QUERY PLAN {statement}")
        else:
            # As if the table were large.
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute("SET LOCAL enable_bitmapscan = off")
            cursor.execute(f"EXPLAIN {statement}")
        return "\n".join(str(row) for row in cursor.fetchall())
