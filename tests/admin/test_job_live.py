from __future__ import annotations

import json
import zlib
from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from jobs.control import job as control
from jobs.demo.many import make_many_executions, make_many_jobs
from jobs.models import Job, Status
from tests.admin.conftest import logged_in, staff
from tests.admin.pages import JOBS
from tests.factories import ACTOR, grant, make_execution, make_job, make_jobs, make_leader

LIVE = JOBS + "live/"
STRIP = JOBS + "strip/"


def ask(client: Client, rows: Any, **headers: str) -> Any:
    body = json.dumps({"rows": rows})
    return client.post(LIVE, body, content_type="application/json", headers=headers)


def known(client: Client) -> dict[str, str]:
    """What a page that is open has."""
    return {row["id"]: row["revision"] for row in client.get(JOBS).context["rows"]}


def test_nothing_is_sent_while_nothing_happens(manager: Client) -> None:
    make_job("nightly")
    make_execution("nightly")
    answer = ask(manager, known(manager)).json()
    assert answer.pop("now") > 0
    assert answer == {"rows": {}, "gone": []}


def test_a_hundred_new_rows_weigh_less_than_a_page(manager: Client) -> None:
    now = datetime.now(UTC)
    make_many_executions(make_many_jobs(100, now, Random(1)), 2000, now, Random(1))
    answer = ask(manager, dict.fromkeys(known(manager), ""))
    assert len(answer.json()["rows"]) == 100
    assert len(answer.content) < 220_000


@pytest.mark.parametrize("status", Status)
def test_a_row_is_sent_when_it_runs_or_ran(manager: Client, status: Status) -> None:
    make_job("nightly")
    make_job("other")
    before = known(manager)
    make_execution("nightly", status=status)
    rows = ask(manager, before).json()["rows"]
    assert list(rows) == ["nightly"]
    assert rows["nightly"]["revision"] != before["nightly"]
    assert 'class="sc-bars' in rows["nightly"]["cells"]["last_runs"]


def test_a_row_is_sent_when_it_is_changed_and_says_its_new_state(manager: Client) -> None:
    make_job("nightly")
    before = known(manager)
    control.pause("nightly", actor=ACTOR)
    row = ask(manager, before).json()["rows"]["nightly"]
    assert row["state"] == "paused"
    assert "nightly/do/resume/" in row["cells"]["controls"]
    assert ask(manager, {"nightly": row["revision"]}).json()["rows"] == {}


def test_a_progress_is_sent(manager: Client) -> None:
    make_job("nightly")
    execution = make_execution("nightly", status=Status.RUNNING)
    before = known(manager)
    type(execution).objects.update(progress_done=3, progress_total=10)
    assert "3/10" in ask(manager, before).json()["rows"]["nightly"]["cells"]["next_run"]


def test_jobs_that_are_gone_are_named(manager: Client) -> None:
    make_job("nightly")
    before = known(manager)
    control.delete("nightly", actor=ACTOR)
    assert ask(manager, before).json()["gone"] == ["nightly"]


def test_a_job_that_one_may_not_see_is_as_gone_as_one_that_never_was(db: None) -> None:
    user = staff()
    grant(user, "view_job", make_job("mine"))
    make_job("secret")
    answer = ask(logged_in(user), {"mine": "", "secret": "", "never": ""}).json()
    assert list(answer["rows"]) == ["mine"]
    assert answer["gone"] == ["never", "secret"]
    assert "button" not in answer["rows"]["mine"]["cells"]["controls"]


@pytest.mark.parametrize("rights", [("manage_job",), ("view_job",)])
def test_a_hundred_rows_cost_five_queries_and_30_kb(db: None, rights: tuple[Any, ...]) -> None:
    client = logged_in(staff(*rights))
    ids = [job.pk for job in make_jobs(100)]
    for job_id in ids:
        make_execution(job_id, status=Status.FAILED)
    rows = dict.fromkeys(ids, "")  # all of them are new
    ask(client, rows)
    with CaptureQueriesContext(connection) as queries:
        answer = ask(client, rows, accept_encoding="gzip")
    assert len(queries) <= 5
    assert answer.headers["Content-Encoding"] == "gzip"
    assert len(answer.content) < 30_000
    sent = json.loads(zlib.decompress(answer.content, wbits=31))
    assert len(sent["rows"]) == 100


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"7",
        b'{"rows": 7}',
        b'{"rows": ["nightly"]}',
        b'{"row": {}}',
        b"\xff",
        b"[" * 100_000,
        json.dumps({"rows": {str(n): "" for n in range(201)}}).encode(),
        b'{"rows": {"a\\u0000b": ""}}',
        b'{"rows": {"a\\ud800b": ""}}',
    ],
)
def test_nonsense_is_a_bad_request(manager: Client, body: bytes) -> None:
    answer = manager.post(LIVE, body, content_type="application/json")
    assert answer.status_code == 400


def test_revisions_may_be_anything(manager: Client) -> None:
    make_job("nightly")
    for nonsense in (None, 7, [], {"a": 1}, "x" * 1000):
        assert list(ask(manager, {"nightly": nonsense}).json()["rows"]) == ["nightly"]


def test_it_is_asked_by_post_and_only_by_who_is_logged_in(manager: Client) -> None:
    assert manager.get(LIVE).status_code == 405
    assert ask(Client(), {}).status_code == 302
    assert Client().get(STRIP).status_code == 302
    assert manager.post(STRIP).status_code == 405


def test_it_takes_a_proof_that_the_page_is_ours(manager: Client) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = manager.cookies
    assert ask(strict, {}).status_code == 403


def test_the_strip_and_the_tabs_come_for_the_list_as_it_is_narrowed(manager: Client) -> None:
    make_leader(host="db-ops-1")
    make_job("nightly")
    make_job("off", is_enabled=False)
    html = manager.get(STRIP, {"state": "disabled"}).content.decode()
    assert "Running on db-ops-1" in html
    assert 'href="?state=disabled"' in html
    assert html.count("aria-current") == 1
    assert '<span class="sc-count">2</span>' in html
    assert "<html" not in html


def test_the_strip_of_somebody_with_one_job_counts_that_job(db: None) -> None:
    user = staff()
    grant(user, "view_job", make_job("mine"))
    make_job("secret")
    make_leader()
    html = logged_in(user).get(STRIP).content.decode()
    assert "secret" not in html
    assert '<span class="sc-count">1</span>' in html
    assert Job.objects.count() == 2


@pytest.mark.parametrize(
    "query",
    [
        "unknown=1",
        "p=9999",
        "p=x",
        "q=%00",
        "q=%ED%A0%80",
        "state=%00",
        "state=no",
        "o=99",
        "function=%00",
        "trigger_type=%00",
    ],
)
def test_lists_that_cannot_be_are_refused_in_words_and_never_with_an_error(
    manager: Client, query: str
) -> None:
    make_jobs(101)
    assert manager.get(f"{JOBS}?{query}").status_code in (200, 302, 400)
    assert manager.get(f"{STRIP}?{query}").status_code in (200, 400)
