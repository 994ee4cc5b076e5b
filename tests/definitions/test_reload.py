"""The forced reload, and its undo."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django_apscheduler.models import DjangoJob

from jobs import definitions
from jobs.control import execution
from jobs.control import job as control
from jobs.control.audit import Actor
from jobs.definitions import NothingToUndo
from jobs.models import (
    BUILTIN_IDS,
    AuditEvent,
    Job,
    JobExecution,
    JobGroupPermission,
    JobSnapshot,
    JobUserPermission,
    LoadedDefinition,
    Revision,
)
from tests.definitions.conftest import item

pytestmark = pytest.mark.django_db
Write = Callable[..., Path]
BUILTIN = sorted(BUILTIN_IDS)
CUSTOM = {
    "id": "mine",
    "name": "Mine",
    "function": "beep",
    "trigger_type": "interval",
    "trigger_params": {"hours": 5},
    "kwargs": {"a": [1, {"b": "é"}]},
}


def rows() -> dict[str, list[dict[str, Any]]]:
    """Everything that an undo must bring back."""
    models = (Job, DjangoJob, LoadedDefinition, JobUserPermission, JobGroupPermission)
    return {
        model.__name__: [
            {key: bytes(value) if key == "job_state" else value for key, value in row.items()}
            for row in model._base_manager.order_by("pk").values()
        ]
        for model in models
    }


@pytest.fixture
def edited(write: Write, actor: Actor) -> None:
    """Loaded jobs of which some were edited, one was deleted, and a custom one with rights."""
    write(item("a"), item("b"), item("c"), item("d"))
    definitions.ensure(actor)
    control.change("a", {"name": "Other", "trigger_params": {"hour": 9}}, actor=actor)
    control.pause("b", actor=actor, until=datetime.now(UTC) + timedelta(days=1))
    control.disable("c", actor=actor)
    control.delete("d", actor=actor)
    control.create(CUSTOM, actor=actor)
    user = User.objects.create_user("bob")
    group = Group.objects.create(name="dbas")
    run = Permission.objects.get(codename="run_job")
    for job_id in ("a", "mine"):
        JobUserPermission.objects.create(user=user, permission=run, content_object_id=job_id)
    JobGroupPermission.objects.create(group=group, permission=run, content_object_id="mine")


def test_reload_puts_defined_jobs_back_in_place_and_deletes_the_others(
    edited: None, actor: Actor
) -> None:
    anchor = Job.objects.get(pk="a").anchor
    created = Job.objects.get(pk="a").created_at
    result = definitions.reload(actor)
    assert result.as_dict() | {"plan": None} == {
        "deleted": ["mine"],
        "reloaded": sorted([*"abcd", *BUILTIN]),
        "deleted_count": 1,
        "reloaded_count": 4 + len(BUILTIN),
        "dry_run": False,
        "warnings": [],
        "plan": None,
    }
    assert [change.job_id for change in result.plan.changed] == ["a", "b", "c"]
    assert result.plan.unchanged == tuple(BUILTIN)
    a, b, c = Job.objects.filter(pk__in="abc").order_by("pk")
    assert (a.name, a.trigger_params["hour"], a.created_at) == ("Nightly", "3", created)
    assert a.anchor > anchor
    assert not b.is_paused
    assert b.paused_until is None
    assert c.is_enabled
    for job_id in "abcd":
        assert DjangoJob.objects.get(pk=job_id).next_run_time is not None
    assert JobUserPermission.objects.get().content_object_id == "a"
    assert not DjangoJob.objects.filter(pk="mine").exists()
    assert definitions.plan_load(force=True).changes_jobs is False


def test_reload_is_recorded_job_by_job_and_wakes_the_leader_once(
    edited: None, actor: Actor
) -> None:
    events, revision = AuditEvent.objects.count(), Revision.objects.get().number
    definitions.reload(actor)
    found = list(AuditEvent.objects.order_by("id").values_list("action", "job_id")[events:])
    assert found == [
        ("job.delete", "mine"),
        ("job.create", "d"),
        ("job.change", "a"),
        ("job.change", "b"),
        ("job.change", "c"),
        ("definitions.reload", ""),
    ]
    assert Revision.objects.get().number == revision + 1
    summary = AuditEvent.objects.get(action="definitions.reload")
    assert summary.after == {"added": ["d"], "changed": ["a", "b", "c"], "deleted": ["mine"]}


def test_reload_never_touches_history(edited: None, actor: Actor) -> None:
    execution.run_now("mine", actor=actor)
    before = list(JobExecution.objects.values())
    definitions.reload(actor)
    definitions.undo(actor)
    assert list(JobExecution.objects.values()) == before
    assert JobExecution.objects.get().job_id == "mine"


def test_keep_custom_leaves_what_is_not_defined(edited: None, actor: Actor) -> None:
    before = Job.objects.filter(pk="mine").values().get()
    result = definitions.reload(actor, keep_custom=True)
    assert result.deleted == ()
    assert [(kept.job_id, kept.reason.value) for kept in result.plan.kept] == [("mine", "custom")]
    assert Job.objects.filter(pk="mine").values().get() == before


def test_dry_run_says_the_same_and_changes_nothing(edited: None, actor: Actor) -> None:
    before = rows()
    dry = definitions.reload(actor, dry_run=True)
    assert rows() == before
    assert not JobSnapshot.objects.exists()
    done = definitions.reload(actor)
    assert done.as_dict() == dry.as_dict() | {"dry_run": False}


def test_reload_without_a_file_deletes_nothing(
    edited: None, tasks_file: Path, actor: Actor
) -> None:
    tasks_file.unlink()
    result = definitions.reload(actor)
    assert result.deleted == ()
    assert {kept.reason.value for kept in result.plan.kept} == {"unreadable"}
    assert result.warnings


def test_a_deleted_jobs_definition_is_forgotten_so_that_the_file_can_bring_it_back(
    write: Write, actor: Actor
) -> None:
    write(item("a"), item("b"))
    definitions.ensure(actor)
    write(item("a"))
    assert definitions.reload(actor).deleted == ("b",)
    write(item("a"), item("b"))
    assert [change.job_id for change in definitions.ensure(actor).plan.added] == ["b"]


def test_a_broken_job_whose_task_is_back_is_mended(edited: None, actor: Actor) -> None:
    Job.objects.filter(pk="a").update(problem="Gone.")
    definitions.reload(actor)
    assert Job.objects.get(pk="a").problem == ""
    assert DjangoJob.objects.get(pk="a").next_run_time is not None


def test_undo_restores_every_row_exactly(edited: None, actor: Actor) -> None:
    before = rows()
    definitions.reload(actor)
    assert rows() != before
    plan = definitions.undo(actor).plan
    assert rows() == before
    assert [change.job_id for change in plan.deleted] == ["d"]
    assert [change.job_id for change in plan.added] == ["mine"]
    assert AuditEvent.objects.filter(action="definitions.undo").count() == 1


def test_undo_removes_what_was_made_since_and_says_so(edited: None, actor: Actor) -> None:
    before = rows()
    definitions.reload(actor)
    control.create(CUSTOM | {"id": "later"}, actor=actor)
    control.change("a", {"name": "Later"}, actor=actor)
    standing = rows()
    dry = definitions.undo(actor, dry_run=True)
    assert rows() == standing
    assert [change.job_id for change in dry.plan.deleted] == ["d", "later"]
    assert definitions.undo(actor).plan == dry.plan
    assert rows() == before


def test_undo_twice_is_a_conflict(edited: None, actor: Actor) -> None:
    with pytest.raises(NothingToUndo):
        definitions.undo(actor)
    definitions.reload(actor)
    definitions.undo(actor)
    before = rows()
    for dry_run in (True, False):
        with pytest.raises(NothingToUndo, match="nothing to undo"):
            definitions.undo(actor, dry_run=dry_run)
    assert rows() == before


def test_reloading_twice_still_undoes_to_before_the_first(edited: None, actor: Actor) -> None:
    before = rows()
    definitions.reload(actor)
    definitions.reload(actor)
    assert JobSnapshot.objects.count() == 1
    definitions.undo(actor)
    assert rows() == before


def test_a_run_that_was_due_meanwhile_is_not_fired_by_undo(edited: None, actor: Actor) -> None:
    past = datetime.now(UTC) - timedelta(minutes=5)
    DjangoJob.objects.filter(pk__in=["a", "mine"]).update(next_run_time=past)
    definitions.reload(actor)
    result = definitions.undo(actor)
    for job_id in ("a", "mine"):
        moment = DjangoJob.objects.get(pk=job_id).next_run_time
        assert moment is not None
        assert moment > datetime.now(UTC)
    assert "a, mine" in result.warnings[0]


def test_undo_leaves_the_schedule_of_jobs_that_are_as_they_were(edited: None, actor: Actor) -> None:
    definitions.reload(actor)
    due = datetime.now(UTC) - timedelta(seconds=1)
    DjangoJob.objects.filter(pk="cleanup_logs").update(next_run_time=due)
    definitions.undo(actor)
    assert DjangoJob.objects.get(pk="cleanup_logs").next_run_time == due


def test_a_right_whose_holder_has_gone_is_left_out_of_undo(edited: None, actor: Actor) -> None:
    definitions.reload(actor)
    User.objects.get(username="bob").delete()
    result = definitions.undo(actor)
    assert "2 rights" in result.warnings[0]
    assert JobGroupPermission.objects.get().content_object_id == "mine"
    assert not JobUserPermission.objects.exists()


def test_only_the_last_ten_snapshots_are_kept(write: Write, actor: Actor) -> None:
    for number in range(12):
        write(item("a", hour=str(number)))
        definitions.reload(actor)
    assert JobSnapshot.objects.count() == 10
    definitions.undo(actor)
    assert Job.objects.get(pk="a").trigger_params["hour"] == "10"


def test_a_failure_half_way_changes_nothing(
    edited: None, actor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, snapshots = rows(), JobSnapshot.objects.count()

    def fail() -> None:
        raise RuntimeError

    monkeypatch.setattr(definitions, "bump_revision", fail)
    with pytest.raises(RuntimeError):
        definitions.reload(actor)
    assert (rows(), JobSnapshot.objects.count()) == (before, snapshots)
