from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from django_apscheduler.models import DjangoJob

from jobs.control import job as control
from jobs.control.audit import Actor
from jobs.control.schedule import MARKER, trigger_of
from jobs.errors import Invalid, JobNotFound
from jobs.models import AuditEvent, Job, JobState, JobUserPermission
from jobs.models.audit import Via
from jobs.registry import scheduled_task
from jobs.triggers import next_fire
from tests.control.conftest import revision
from tests.factories import ACTOR, grant, make_builtin, make_execution, make_job, make_user

pytestmark = pytest.mark.django_db

ANA = Actor(name="ana", via=Via.API, address="192.0.2.7")
ANOTHER = {"hour": "4"}


def next_run(job_id: str) -> datetime | None:
    return DjangoJob.objects.get(pk=job_id).next_run_time


def expected_run(job_id: str, *, after: datetime | None = None) -> datetime | None:
    return next_fire(trigger_of(Job.objects.get(pk=job_id)), after or datetime.now(UTC))


def make_due(job_id: str) -> datetime:
    """As if the scheduler had not looked for an hour."""
    due = datetime.now(UTC) - timedelta(hours=1)
    DjangoJob.objects.filter(pk=job_id).update(next_run_time=due)
    return due


# --- Each change, and its traces ----------------------------------------------------------


def test_creating_a_job_writes_both_rows_an_audit_event_and_the_revision() -> None:
    job = control.create(
        {
            "id": "report",
            "name": " Report ",
            "function": "send_report",
            "kwargs": {"days": 3},
            "trigger_type": "cron",
            "trigger_params": {"hour": 3},
            "timezone": "Asia/Tokyo",
        },
        actor=ANA,
    )
    stored = Job.objects.get(pk="report")
    assert (stored.name, stored.kwargs, stored.version) == ("Report", {"days": 3}, 1)
    assert stored.trigger_params == job.trigger_params == {"hour": "3"}
    schedule = DjangoJob.objects.get(pk="report")
    assert bytes(schedule.job_state) == MARKER
    assert schedule.next_run_time == expected_run("report")
    assert schedule.next_run_time.astimezone(stored.zone).hour == 3
    event = AuditEvent.objects.get()
    assert (event.actor, event.via, event.address) == ("ana", "api", "192.0.2.7")
    assert (event.action, event.job_id, event.target) == ("job.create", "report", "Report")
    assert event.before is None
    assert event.after["kwargs"] == {"days": 3}
    assert revision() == 1


CHANGES = [
    ("change", {"changes": {"name": "Other"}}, {"name"}),
    ("change", {"changes": {"trigger_params": ANOTHER}}, {"trigger_params"}),
    ("disable", {}, {"is_enabled"}),
    ("pause", {}, {"is_paused"}),
    ("pause", {"until": datetime(2098, 1, 1, tzinfo=UTC)}, {"is_paused", "paused_until"}),
]


@pytest.mark.parametrize(("action", "arguments", "fields"), CHANGES)
def test_a_change_writes_what_differs_and_a_second_one_like_it_nothing(
    action: str, arguments: dict[str, Any], fields: set[str], nothing_changes: Any
) -> None:
    job = make_job(timezone="UTC")
    before, number = Job.objects.get(), revision()
    changed = getattr(control, action)(job.pk, **arguments, actor=ANA)
    event = AuditEvent.objects.first()
    assert event is not None
    assert (event.actor, event.via, event.action) == ("ana", "api", f"job.{action}")
    assert event.before.keys() == event.after.keys() == fields
    assert revision() == number + 1
    stored = Job.objects.get()
    assert stored.version == changed.version == before.version + 1
    assert stored.updated_at > before.updated_at
    with nothing_changes():
        getattr(control, action)(job.pk, **arguments, actor=ANA)


@pytest.mark.parametrize(("there", "back"), [("disable", "enable"), ("pause", "resume")])
def test_switching_there_and_back_restores_the_schedule(
    there: str, back: str, nothing_changes: Any
) -> None:
    job = make_job()
    armed = next_run(job.pk)
    with nothing_changes():
        getattr(control, back)(job.pk, actor=ANA)
    getattr(control, there)(job.pk, actor=ANA)
    assert next_run(job.pk) is None
    getattr(control, back)(job.pk, actor=ANA)
    assert next_run(job.pk) == armed
    assert AuditEvent.objects.count() == 3


def test_deleting_a_job_keeps_its_history_and_a_job_of_its_id_finds_it_again() -> None:
    job = make_job("report")
    execution = make_execution("report")
    grant(make_user(), "run_job", job)
    control.delete("report", actor=ANA)
    assert not Job.objects.exists()
    assert not DjangoJob.objects.exists()
    assert not JobUserPermission.objects.exists(), "rights go with the job"
    execution.refresh_from_db()
    assert execution.job_id == "report"
    event = AuditEvent.objects.first()
    assert event is not None
    assert (event.action, event.after, event.before["function"]) == (
        "job.delete",
        None,
        "send_report",
    )
    assert list(make_job("report").executions.all()) == [execution]


def test_deleting_twice_is_an_error_that_changes_nothing(nothing_changes: Any) -> None:
    make_job("report")
    control.delete("report", actor=ANA)
    with nothing_changes(), pytest.raises(JobNotFound, match="There is no job “report”"):
        control.delete("report", actor=ANA)


@pytest.mark.parametrize("action", ["enable", "disable", "pause", "resume", "delete"])
@pytest.mark.parametrize("job_id", ["gone", "", "a\x00b", "\ud800", "report\n", "ü", "x" * 10_000])
def test_a_job_that_is_not_there_is_a_clear_error(
    action: str, job_id: str, nothing_changes: Any
) -> None:
    make_job("report")
    with nothing_changes(), pytest.raises(JobNotFound):
        getattr(control, action)(job_id, actor=ANA)
    with nothing_changes(), pytest.raises(JobNotFound):
        control.change(job_id, {"name": "x"}, actor=ANA)


# --- Schedules (pains 16 and 18) ----------------------------------------------------------


@pytest.mark.parametrize(("there", "back"), [("disable", "enable"), ("pause", "resume")])
def test_nothing_that_was_due_meanwhile_fires_when_a_job_goes_on(there: str, back: str) -> None:
    job = make_job(trigger_type="interval", trigger_params={"seconds": 10})
    make_due(job.pk)
    getattr(control, there)(job.pk, actor=ANA)
    getattr(control, back)(job.pk, actor=ANA)
    armed = next_run(job.pk)
    assert armed is not None
    assert armed > datetime.now(UTC) - timedelta(seconds=1)


def test_changing_the_trigger_works_out_the_next_run_anew() -> None:
    job = make_job(trigger_params={"cron_expression": "0 3 * * *"}, timezone="UTC")
    control.change(job.pk, {"trigger_params": {"cron_expression": "30 5 * * *"}}, actor=ANA)
    armed = next_run(job.pk)
    assert armed is not None
    assert (armed.hour, armed.minute) == (5, 30)


def test_a_new_trigger_keeps_the_jobs_time_zone() -> None:
    job = make_job(timezone="Asia/Kolkata")
    control.change(job.pk, {"trigger_params": {"hour": 5}}, actor=ANA)
    armed, stored = next_run(job.pk), Job.objects.get()
    assert stored.timezone == "Asia/Kolkata"
    assert armed is not None
    assert armed.astimezone(stored.zone).hour == 5


def test_changing_the_zone_alone_works_out_the_next_run_anew() -> None:
    job = make_job(trigger_params={"hour": 5}, timezone="UTC")
    control.change(job.pk, {"timezone": " Asia/Kolkata "}, actor=ANA)
    armed = next_run(job.pk)
    assert armed is not None
    assert (armed.hour, armed.minute) == (23, 30)
    assert Job.objects.get().timezone == "Asia/Kolkata"


def test_editing_a_paused_job_keeps_it_paused() -> None:
    job = make_job()
    control.pause(job.pk, actor=ANA)
    control.change(job.pk, {"trigger_params": ANOTHER}, actor=ANA)
    assert Job.objects.get().is_paused
    assert next_run(job.pk) is None


def test_editing_what_is_not_the_schedule_leaves_a_due_job_due() -> None:
    job = make_job(trigger_type="interval", trigger_params={"hours": 1})
    anchor, due = job.anchor, make_due(job.pk)
    control.change(job.pk, {"name": "Other", "kwargs": {"days": 1}, "timeout": 5}, actor=ANA)
    assert next_run(job.pk) == due
    assert Job.objects.get().anchor == anchor


def test_an_interval_counts_from_when_its_trigger_was_changed() -> None:
    job = make_job(trigger_type="interval", trigger_params={"hours": 1})
    changed = control.change(job.pk, {"trigger_params": {"hours": 2}}, actor=ANA)
    assert changed.anchor > job.anchor
    assert next_run(job.pk) == changed.anchor + timedelta(hours=2)


def test_writing_the_same_trigger_otherwise_changes_nothing(nothing_changes: Any) -> None:
    job = make_job(trigger_params={"hour": 3})
    with nothing_changes():
        control.change(
            job.pk, {"trigger_params": {"cron_hour": 3}, "trigger_type": "cron"}, actor=ANA
        )


def test_a_job_that_is_paused_until_a_moment_is_armed_for_the_first_occurrence_after_it() -> None:
    job = make_job(trigger_params={"hour": 3, "minute": 0}, timezone="UTC")
    until = datetime(2030, 6, 1, 3, tzinfo=UTC)
    control.pause(job.pk, actor=ANA, until=until)
    assert next_run(job.pk) == until + timedelta(days=1)
    control.change(job.pk, {"trigger_params": {"hour": 4, "minute": 0}}, actor=ANA)
    assert next_run(job.pk) == until + timedelta(hours=1)
    control.resume(job.pk, actor=ANA)
    assert next_run(job.pk) == expected_run(job.pk)


def test_the_same_pause_said_in_another_zone_changes_nothing(nothing_changes: Any) -> None:
    job = make_job()
    until = datetime(2030, 6, 1, 3, tzinfo=UTC)
    control.pause(job.pk, actor=ANA, until=until)
    with nothing_changes():
        control.pause(job.pk, actor=ANA, until=until.astimezone(timezone(timedelta(hours=9))))


@pytest.mark.parametrize(
    "until",
    [
        datetime(2090, 1, 1),  # noqa: DTZ001
        datetime(2020, 1, 1, tzinfo=UTC),
        datetime(2100, 1, 1, tzinfo=UTC),
        datetime.max.replace(tzinfo=timezone(-timedelta(hours=12))),
    ],
    ids=["naive", "past", "after the end", "beyond UTC"],
)
def test_a_pause_until_no_usable_moment_is_refused(until: datetime, nothing_changes: Any) -> None:
    job = make_job()
    with nothing_changes(), pytest.raises(Invalid) as refused:
        control.pause(job.pk, actor=ANA, until=until)
    assert list(refused.value.errors) == ["until"]


def test_a_one_shot_job_that_has_fired_can_be_renamed_but_not_set_to_the_past() -> None:
    job = make_job(trigger_type="date", trigger_params={"run_date": "2090-01-01T00:00:00+00:00"})
    past = {"run_date": "2020-01-01T00:00:00+00:00"}
    Job.objects.update(trigger_params=past, timezone="UTC")
    DjangoJob.objects.update(next_run_time=None)
    control.change(job.pk, {"name": "Done", "trigger_params": past}, actor=ANA)
    written_otherwise = {"run_date": "2020-01-01 00:00"}
    control.change(job.pk, {"name": "Gone", "trigger_params": written_otherwise}, actor=ANA)
    assert Job.objects.get().name == "Gone"
    with pytest.raises(Invalid, match="has passed"):
        control.change(job.pk, {"trigger_params": {"run_date": "2021-01-01"}}, actor=ANA)
    control.disable(job.pk, actor=ANA)
    control.enable(job.pk, actor=ANA)
    assert next_run(job.pk) is None
    assert Job.objects.get().state_at(datetime.now(UTC), None) == JobState.FINISHED


# --- What counts as a difference ----------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new"), [({"n": 1}, {"n": True}), ({"n": 1}, {"n": 1.0}), ({"n": [0]}, {"n": [False]})]
)
def test_values_that_python_takes_for_equal_are_still_a_change(
    old: dict[str, Any], new: dict[str, Any]
) -> None:
    job = make_job(function="take_anything", kwargs=old)
    control.change(job.pk, {"kwargs": new}, actor=ANA)
    (stored,) = Job.objects.get().kwargs.values()
    assert repr(stored) == repr(new["n"])
    event = AuditEvent.objects.first()
    assert event is not None
    assert repr(event.after["kwargs"]) == repr(new)


def test_the_same_object_in_another_order_is_no_change(nothing_changes: Any) -> None:
    job = make_job(function="take_anything", kwargs={"a": 1, "b": {"c": 1, "d": 2}})
    with nothing_changes():
        control.change(job.pk, {"kwargs": {"b": {"d": 2, "c": 1}, "a": 1}}, actor=ANA)


def test_what_the_caller_does_with_its_data_later_does_not_reach_the_job() -> None:
    given: dict[str, Any] = {"deep": [1]}
    job = make_job(function="take_anything", kwargs=given)
    given["deep"].append(2)
    assert job.kwargs == {"deep": [1]}
    changed = control.change(job.pk, {"kwargs": given}, actor=ANA)
    given["deep"].append(3)
    assert changed.kwargs == {"deep": [1, 2]}


def test_arguments_are_kept_as_json_gives_them_back() -> None:
    job = make_job(function="take_anything", args=(1, (2,)), kwargs={"x": (3,)})
    assert (job.args, job.kwargs) == ([1, [2]], {"x": [3]})


def test_a_backslash_before_u0000_is_text_and_no_nul() -> None:
    job = make_job(function="take_anything", kwargs={"x": "\\u0000", "y": "\\\\u0000"})
    assert Job.objects.get(pk=job.pk).kwargs == {"x": "\\u0000", "y": "\\\\u0000"}


def test_audit_keeps_before_and_after_of_nested_values() -> None:
    job = make_job(function="take_anything", kwargs={"x": {"y": [1]}})
    control.change(job.pk, {"kwargs": {"x": {"y": [1, 2]}}}, actor=ANA)
    event = AuditEvent.objects.first()
    assert event is not None
    assert event.before == {"kwargs": {"x": {"y": [1]}}}
    assert event.after == {"kwargs": {"x": {"y": [1, 2]}}}


# --- Built-in jobs (pains 24 and 34) ------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "x"},
        {"description": "x"},
        {"function": "take_anything"},
        {"kwargs": {"days": 2}},
        {"args": [1], "function": "take_anything"},
        {"name": "x", "timeout": 5},
    ],
)
def test_what_makes_up_a_builtin_job_cannot_be_changed(
    changes: dict[str, Any], nothing_changes: Any
) -> None:
    make_builtin()
    with nothing_changes(), pytest.raises(control.BuiltinProtected, match="is built in"):
        control.change("cleanup_logs", changes, actor=ANA)


def test_trigger_switch_and_policies_of_a_builtin_job_can_be_changed() -> None:
    make_builtin()
    control.change(
        "cleanup_logs",
        {"trigger_params": ANOTHER, "timezone": "UTC", "is_enabled": False, "timeout": 5},
        actor=ANA,
    )
    control.change("cleanup_logs", {"max_instances": 2, "name": "cleanup_logs"}, actor=ANA)
    for action in ("enable", "pause", "resume", "disable"):
        getattr(control, action)("cleanup_logs", actor=ANA)


def test_a_builtin_job_cannot_be_deleted(nothing_changes: Any) -> None:
    make_builtin()
    with nothing_changes(), pytest.raises(control.BuiltinProtected, match="disable it"):
        control.delete("cleanup_logs", actor=ANA)


def test_the_id_of_a_builtin_job_cannot_be_taken_by_another(nothing_changes: Any) -> None:
    with nothing_changes(), pytest.raises(Invalid, match="id of a built-in job"):
        make_job("sync_accounts")
    make_builtin("sync_accounts")
    with nothing_changes(), pytest.raises(control.JobExists):
        make_job("sync_accounts")


# --- Broken jobs --------------------------------------------------------------------------


@pytest.fixture
def broken() -> Job:
    """A job whose task has gone, as the leader marks it."""
    from jobs.control.schedule import repair

    job = make_job("broken")
    Job.objects.filter(pk="broken").update(function="gone", kwargs={"old": 1})
    repair(["broken"], now=datetime.now(UTC))
    job.refresh_from_db()
    assert job.problem
    return job


@pytest.mark.parametrize("action", ["disable", "pause"])
def test_a_broken_job_can_be_switched(broken: Job, action: str) -> None:
    getattr(control, action)("broken", actor=ANA)
    getattr(control, {"disable": "enable", "pause": "resume"}[action])("broken", actor=ANA)
    stored = Job.objects.get()
    assert stored.problem
    assert next_run("broken") is None


def test_a_broken_job_can_be_deleted(broken: Job) -> None:
    control.delete("broken", actor=ANA)
    assert not Job.objects.exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "Renamed"},
        {"timeout": 9, "is_enabled": False},
        {"trigger_params": ANOTHER, "function": "gone"},
    ],
)
def test_what_is_not_broken_of_a_broken_job_can_be_changed(
    broken: Job, changes: dict[str, Any]
) -> None:
    control.change("broken", changes, actor=ANA)
    stored = Job.objects.get()
    assert {name: getattr(stored, name) for name in changes} == changes
    assert stored.problem == broken.problem
    assert next_run("broken") is None


def test_new_arguments_of_a_task_that_has_gone_cannot_be_judged_so_are_refused(
    broken: Job, nothing_changes: Any
) -> None:
    with nothing_changes(), pytest.raises(Invalid) as refused:
        control.change("broken", {"kwargs": {}}, actor=ANA)
    assert list(refused.value.errors) == ["function"]


def test_the_change_that_mends_a_job_takes_its_problem_away_and_arms_it(broken: Job) -> None:
    control.change("broken", {"function": "send_report", "kwargs": {}}, actor=ANA)
    assert Job.objects.get().problem == ""
    told = AuditEvent.objects.filter(action="job.change").latest("pk")
    assert (told.before["problem"], told.after["problem"]) == (broken.problem, "")
    assert next_run("broken") == expected_run("broken")


def test_any_change_notices_that_the_task_has_come_back(broken: Job) -> None:
    scheduled_task(name="gone")(lambda old=None: None)
    control.change("broken", {"name": "Back"}, actor=ANA)
    assert Job.objects.get().problem == ""
    assert next_run("broken") == expected_run("broken")


def test_a_job_with_a_trigger_that_cannot_be_built_can_be_renamed_and_mended() -> None:
    job = make_job()
    Job.objects.update(trigger_params={"hour": "99"})
    control.change(job.pk, {"name": "Renamed"}, actor=ANA)
    assert "99" in Job.objects.get().problem
    assert next_run(job.pk) is None
    control.change(job.pk, {"trigger_params": {"hour": 9}}, actor=ANA)
    assert Job.objects.get().problem == ""
    assert next_run(job.pk) == expected_run(job.pk)


# --- Versions -----------------------------------------------------------------------------


def test_a_change_of_what_somebody_else_has_changed_is_refused(nothing_changes: Any) -> None:
    job = make_job()
    control.change(job.pk, {"name": "First"}, actor=ANA, expected_version=1)
    with nothing_changes(), pytest.raises(control.VersionConflict, match="version 2, not 1"):
        control.change(job.pk, {"name": "Second"}, actor=ANA, expected_version=1)


def test_the_id_of_a_job_is_fixed(nothing_changes: Any) -> None:
    job = make_job("one")
    with nothing_changes(), pytest.raises(Invalid, match="fixed"):
        control.change("one", {"id": "two"}, actor=ANA)
    control.change("one", {"id": "one", "name": job.name}, actor=ACTOR)
