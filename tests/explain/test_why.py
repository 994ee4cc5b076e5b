"""What holds for every explanation: its cost, its form, and what control really writes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from jobs.control import job as control
from jobs.errors import JobNotFound
from jobs.executions.database import database_now
from jobs.explain.answer import CODES, Explanation
from jobs.explain.why import explain
from jobs.models import AuditEvent, Status
from jobs.triggers import TriggerType
from jobs.triggers.moments import SECOND, Told, read_told
from tests.explain.test_situations import SITUATIONS, World, asked_at, skipped, told
from tests.explain.world import NOW, utc
from tests.factories import ACTOR, make_job
from tests.overview.test_plans import plan

pytestmark = pytest.mark.django_db

HISTORY = ("jobs_jobexecution", "jobs_auditevent", "jobs_leaderterm")
MOST_QUERIES = 15


def test_every_verdict_has_a_code() -> None:
    assert set(Status.values) <= set(CODES)


def test_the_table_meets_every_code_that_is_an_answer() -> None:
    met = {situation.code for situation in SITUATIONS}
    answers = set(CODES[: CODES.index("due") + 1])
    assert answers - met == {"failed", "timed_out", "being_claimed"}


@pytest.mark.parametrize("at", [None, "03-01 03:00Z", "03-01 04:15Z", "03-09 03:00Z"])
def test_it_reads_a_fixed_number_of_statements_however_long_the_history_is(
    at: str | None,
) -> None:
    world = World()
    skipped(world)
    asked = asked_at(at)
    with CaptureQueriesContext(connection) as few:
        explain(World.id, asked, now=NOW)
    for hour in range(5, 24):
        world.row(f"03-01 {hour:02}:00")
        world.pause(f"03-02 {hour:02}:00")
        world.resume(f"03-02 {hour:02}:30")
    with CaptureQueriesContext(connection) as many:
        explain(World.id, asked, now=NOW)
    assert len(few) == len(many) <= MOST_QUERIES


@pytest.mark.parametrize("at", [None, "03-01 03:00Z"])
def test_no_statement_reads_a_whole_table_that_grows(at: str | None) -> None:
    skipped(World())
    with CaptureQueriesContext(connection) as captured:
        explain(World.id, asked_at(at), now=NOW)
    about = [query["sql"] for query in captured if any(table in query["sql"] for table in HISTORY)]
    assert len(about) >= 5
    for statement in about:
        steps = plan(statement)
        whole = [step for step in steps if step.startswith("SCAN jobs_") or "Seq Scan on" in step]
        assert not whole, (statement, steps)


def test_requests_and_retries_about_a_moment_are_found_by_their_own_index() -> None:
    skipped(World())
    with CaptureQueriesContext(connection) as captured:
        explain(World.id, asked_at("03-01 03:00Z"), now=NOW)
    (statement,) = [
        query["sql"]
        for query in captured
        if "jobs_jobexecution" in query["sql"] and "BETWEEN" in query["sql"]
    ]
    assert "execution_asked_when_idx" in " ".join(plan(statement))


def test_there_is_nothing_to_tell_of_what_never_was() -> None:
    for asked in (None, Told(NOW, False, SECOND)):
        with pytest.raises(JobNotFound):
            explain("never", asked, now=NOW)


def test_data_is_what_the_sentences_say() -> None:
    found = told(skipped, "03-01 03:00Z")
    data = found.as_data()
    assert (data["code"], data["sentence"]) == (found.answer.code, found.answer.sentence)
    assert data["occurrence"] == utc("03-01 03:00")
    assert (data["occurrence_before"], data["occurrence_after"]) == (
        utc("03-01 02:00"),
        utc("03-01 04:00"),
    )
    blocked = next(one for one in data["statements"] if one["code"] == "blocked_by")
    assert (blocked["at"], blocked["until"]) == (utc("03-01 01:00"), utc("03-01 03:20"))
    assert blocked["execution_id"] is not None


# -- As control and the audit really write it ----------------------------------------------


def at(moment: datetime, job_id: str = "real") -> Explanation:
    return explain(job_id, Told(moment, False, SECOND), now=database_now())


def every_hour() -> dict[str, Any]:
    return {"trigger_type": "interval", "trigger_params": {"hours": 1}}


def tomorrow(job: Any) -> datetime:
    """An occurrence that lies ahead."""
    ahead: datetime = job.anchor + timedelta(hours=24)
    return ahead.astimezone(UTC)


def test_who_disabled_it_is_read_from_the_audit_that_control_writes() -> None:
    job = make_job("real", **every_hour())
    control.disable("real", actor=ACTOR)
    found = at(tomorrow(job))
    assert (found.answer.code, found.answer.who) == ("disabled", "tester")
    event = AuditEvent.objects.get(action="job.disable")
    assert found.answer.event_id == event.pk


def test_a_pause_is_read_with_its_end() -> None:
    job = make_job("real", **every_hour())
    until = tomorrow(job) + timedelta(hours=2)
    control.pause("real", actor=ACTOR, until=until)
    found = at(tomorrow(job))
    assert (found.answer.code, found.answer.until) == ("paused", until)
    assert at(tomorrow(job) + timedelta(hours=3)).answer.code == "due"


def test_a_trigger_that_was_changed_is_told_as_it_was() -> None:
    job = make_job("real", **every_hour())
    before = database_now()
    control.change("real", {"trigger_type": "cron", "trigger_params": {"hour": 3}}, actor=ACTOR)
    found = at(before)
    assert found.nearest.trigger_text == "Every hour"
    changed = next(one for one in found.statements if one.code == "trigger_changed")
    assert "Every day at 03:00" in changed.sentence
    assert job.trigger_type == TriggerType.INTERVAL


def test_a_job_that_was_deleted_and_made_again_is_told_by_its_times() -> None:
    make_job("real", **every_hour())
    control.delete("real", actor=ACTOR)
    between = database_now()
    make_job("real", **every_hour())
    assert at(between).answer.code == "deleted"
    assert at(between - timedelta(days=1)).answer.code == "not_yet_created"
    assert explain("real", None, now=database_now()).answer.code in ("due", "no_leader")


def test_what_a_person_wrote_stands_in_a_sentence_as_it_is() -> None:
    def build(w: World) -> None:
        w.job(name="100 % %(id)s {x}")
        w.change("02-20 09:00", "job.disable", actor="%(who)s %s", is_enabled=False)

    found = told(build, "03-01 03:00Z")
    assert "%(who)s %s did that" in found.answer.sentence
    assert found.job_name == "100 % %(id)s {x}"


@pytest.mark.parametrize("moment", ["1900-01-01T00:00Z", "1969-12-31T23:59Z", "9998-12-31T23:59Z"])
def test_the_ends_of_time_do_no_harm(moment: str) -> None:
    def build(w: World) -> None:
        w.job()

    asked = read_told(moment, now=NOW, zone=ZoneInfo("UTC"))
    build(World())
    assert explain(World.id, asked, now=NOW).answer.code in ("not_yet_created", "finished")


def test_where_too_much_was_changed_since_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    for room in ("evidence", "past"):
        monkeypatch.setattr(f"jobs.explain.{room}.MOST_EVENTS", 3)

    def build(w: World) -> None:
        w.job()
        for day in (10, 11):
            w.pause(f"02-{day} 09:00")
            w.resume(f"02-{day} 10:00")
        w.row("02-05 03:00")
        w.row("03-01 03:00")

    build(World())
    for at_text, is_certain in (("02-05 03:00Z", False), ("03-01 03:00Z", True)):
        found = explain(World.id, asked_at(at_text), now=NOW)
        assert found.answer.code == "succeeded"
        assert ("uncertain" in [one.code for one in found.statements]) != is_certain
