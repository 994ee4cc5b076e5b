"""The ordinary load at every start."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.db import connection
from django.utils import translation
from django.utils.translation import gettext_lazy
from django_apscheduler.models import DjangoJob

from jobs import definition_items, definitions
from jobs.conf import DEFAULT_TASKS_FILE
from jobs.control import job as control
from jobs.control.audit import Actor
from jobs.models import BUILTIN_IDS, AuditEvent, Job, LoadedDefinition, Revision
from jobs.registry import scheduled_task
from tests.definitions.conftest import item

Write = Callable[..., Path]
BUILTIN = BUILTIN_IDS


def reasons(plan: definitions.Plan) -> dict[str, str]:
    return {kept.job_id: kept.reason.value for kept in plan.kept}


def test_the_jobs_in_code_are_those_of_the_shipped_file() -> None:
    shipped = yaml.safe_load(DEFAULT_TASKS_FILE.read_text(encoding="utf-8"))
    assert shipped == {"default_tasks": [dict(one) for one in definition_items.FALLBACK]}
    assert {one["id"] for one in definition_items.FALLBACK} == BUILTIN_IDS
    assert definitions.load().warnings == ()


@pytest.mark.django_db
def test_first_start_loads_everything_with_its_schedule_and_a_trace(
    write: Write, actor: Actor
) -> None:
    write(item("a"), item("b", more="enabled: false, timeout: 5, description: Why"))
    result = definitions.ensure(actor)
    assert result.reloaded == ("a", "b", *sorted(BUILTIN))
    assert set(Job.objects.values_list("pk", flat=True)) == {"a", "b"} | BUILTIN
    assert DjangoJob.objects.get(pk="a").next_run_time is not None
    assert DjangoJob.objects.get(pk="b").next_run_time is None
    b = Job.objects.get(pk="b")
    assert (b.is_enabled, b.timeout, b.description, b.version) == (False, 5, "Why", 1)
    actions = list(AuditEvent.objects.order_by("id").values_list("action", flat=True))
    assert actions == ["job.create"] * 7 + ["definitions.load"]
    assert Revision.objects.get().number == 1


@pytest.mark.django_db
def test_second_start_changes_nothing_and_takes_no_lock(
    write: Write, actor: Actor, django_assert_num_queries: Any
) -> None:
    write(item("a"))
    definitions.ensure(actor)
    events = AuditEvent.objects.count()
    with django_assert_num_queries(2):
        result = definitions.ensure(actor)
    assert result.plan.unchanged == ("a", *sorted(BUILTIN))
    assert AuditEvent.objects.count() == events
    assert Revision.objects.get().number == 1


@pytest.mark.django_db
def test_plan_and_dry_run_write_nothing(write: Write, actor: Actor) -> None:
    write(item("a"))
    assert [change.job_id for change in definitions.plan_load().added] == ["a", *sorted(BUILTIN)]
    assert definitions.ensure(actor, dry_run=True).is_dry_run
    assert not Job.objects.exists()


@pytest.mark.django_db
def test_new_items_are_added_and_unedited_jobs_follow_the_file(write: Write, actor: Actor) -> None:
    write(item("a"))
    definitions.ensure(actor)
    before = DjangoJob.objects.get(pk="a").next_run_time
    write(item("a", hour="7"), item("b"))
    plan = definitions.ensure(actor).plan
    assert [change.job_id for change in plan.added] == ["b"]
    (change,) = plan.changed
    assert change.before == {"trigger_params": {"hour": "3", "minute": "0"}}
    assert change.after == {"trigger_params": {"hour": "7", "minute": "0"}}
    assert Job.objects.get(pk="a").version == 2
    assert DjangoJob.objects.get(pk="a").next_run_time != before
    event = AuditEvent.objects.get(action="job.change")
    assert event.after == change.after
    assert definitions.ensure(actor).plan.changed == ()


@pytest.mark.django_db
def test_a_job_edited_by_hand_is_left_also_when_the_file_changes(
    write: Write, actor: Actor
) -> None:
    write(item("a"))
    definitions.ensure(actor)
    control.change("a", {"name": "Mine"}, actor=actor)
    assert reasons(definitions.ensure(actor).plan) == {"a": "edited"}
    write(item("a", hour="7"))
    assert reasons(definitions.ensure(actor).plan) == {"a": "edited"}
    assert Job.objects.get(pk="a").name == "Mine"
    assert Job.objects.get(pk="a").trigger_params["hour"] == "3"


@pytest.mark.django_db
def test_a_job_put_back_by_hand_follows_the_file_again(write: Write, actor: Actor) -> None:
    write(item("a"))
    definitions.ensure(actor)
    control.change("a", {"name": "Mine"}, actor=actor)
    write(item("a", hour="7"))
    definitions.ensure(actor)
    control.change("a", {"name": "Nightly"}, actor=actor)
    definitions.ensure(actor)
    assert Job.objects.get(pk="a").trigger_params["hour"] == "7"


@pytest.mark.django_db
def test_a_job_edited_to_what_the_file_says_later_counts_as_loaded(
    write: Write, actor: Actor
) -> None:
    write(item("a"))
    definitions.ensure(actor)
    control.change("a", {"name": "New"}, actor=actor)
    write(item("a").replace("Nightly", "New"))
    assert "a" in definitions.ensure(actor).plan.unchanged
    assert LoadedDefinition.objects.get(pk="a").definition["name"] == "New"


@pytest.mark.django_db
def test_a_restart_switches_and_resumes_nothing_but_brings_the_new_trigger(
    write: Write, actor: Actor
) -> None:
    write(item("a"), item("b"))
    definitions.ensure(actor)
    control.disable("a", actor=actor)
    control.pause("b", actor=actor)
    plan = definitions.ensure(actor).plan
    assert reasons(plan) == {"a": "switched"}
    assert "b" in plan.unchanged
    write(item("a", hour="7"), item("b", hour="7"))
    definitions.ensure(actor)
    for job in Job.objects.filter(pk__in=["a", "b"]):
        assert job.trigger_params["hour"] == "7"
        assert DjangoJob.objects.get(pk=job.pk).next_run_time is None
    assert not Job.objects.get(pk="a").is_enabled
    assert Job.objects.get(pk="b").is_paused


@pytest.mark.django_db
def test_a_job_deleted_by_hand_stays_deleted_and_a_builtin_comes_back(
    write: Write, actor: Actor
) -> None:
    write(item("a"))
    definitions.ensure(actor)
    control.delete("a", actor=actor)
    control.remove(Job.objects.get(pk="cleanup_logs"))
    plan = definitions.ensure(actor).plan
    assert reasons(plan) == {"a": "deleted"}
    assert [change.job_id for change in plan.added] == ["cleanup_logs"]


@pytest.mark.django_db
def test_without_any_job_everything_is_loaded_again(write: Write, actor: Actor) -> None:
    write(item("a"))
    definitions.ensure(actor)
    Job.objects.all().delete()
    definitions.ensure(actor)
    assert Job.objects.filter(pk="a").exists()


@pytest.mark.django_db
def test_a_custom_job_of_the_same_id_is_left(write: Write, actor: Actor) -> None:
    data = {"id": "a", "name": "Mine", "function": "beep"}
    trigger = {"trigger_type": "interval", "trigger_params": {"seconds": 5}}
    control.create(data | trigger, actor=actor)
    write(item("a"))
    plan = definitions.ensure(actor).plan
    assert reasons(plan) == {"a": "custom"}
    assert Job.objects.get(pk="a").name == "Mine"
    assert not LoadedDefinition.objects.filter(pk="a").exists()


@pytest.mark.django_db
def test_a_job_that_the_file_has_no_more_is_left_with_a_note(write: Write, actor: Actor) -> None:
    write(item("a"))
    definitions.ensure(actor)
    write("{}", text="default_tasks: []")
    assert reasons(definitions.ensure(actor).plan) == {"a": "dropped"}


@pytest.mark.django_db
def test_a_job_with_a_past_run_date_is_loaded_and_finished(write: Write, actor: Actor) -> None:
    write(
        "{id: x, name: X, function: beep, trigger_type: date, "
        "trigger_params: {run_date: 2020-01-02}}"
    )
    definitions.ensure(actor)
    assert DjangoJob.objects.get(pk="x").next_run_time is None
    assert Job.objects.get(pk="x").problem == ""


def test_a_default_trigger_makes_an_item_unless_the_file_has_one(write: Write) -> None:
    @scheduled_task(
        label="Send it",
        trigger_type="interval",
        trigger_params={"minutes": 5},
        timezone="Asia/Tokyo",
    )
    def send() -> None:
        """Send what
        has come.

        More.
        """

    write(item("a"))
    found = definitions.load().items["send"]
    assert (found["name"], found["description"]) == ("Send it", "Send what has come.")
    assert (found["trigger_type"], found["timezone"]) == ("interval", "Asia/Tokyo")
    write(item("send"))
    assert definitions.load().items["send"]["trigger_type"] == "cron"


def test_a_bad_default_trigger_is_refused_by_the_name_of_its_task(write: Write) -> None:
    @scheduled_task(trigger_type="cron", trigger_params={"hour": 99})
    def send(*, to: str) -> None:
        """Send."""

    write(item("a"))
    with pytest.raises(definitions.DefinitionsInvalid) as caught:
        definitions.load()
    assert sorted(caught.value.errors) == [
        "@scheduled_task (send).kwargs.to",
        "@scheduled_task (send).trigger_params.hour",
    ]


def test_a_label_is_stored_in_the_servers_language_whoever_loads(write: Write) -> None:
    @scheduled_task(label=gettext_lazy("Yes"), trigger_type="interval", trigger_params={"days": 1})
    def send() -> None:
        """Send."""

    write(item("a"))
    with translation.override("de"):
        assert definitions.load().items["send"]["name"] == "Yes"


@pytest.mark.django_db
def test_without_a_file_the_builtin_jobs_come_from_code_with_a_lasting_warning(
    tasks_file: Path, actor: Actor
) -> None:
    result = definitions.ensure(actor)
    assert set(Job.objects.values_list("pk", flat=True)) == BUILTIN
    assert "no file" in result.warnings[0]
    assert definitions.warnings() == list(result.warnings)
    tasks_file.write_text("default_tasks: []")
    assert definitions.warnings() == []
    tasks_file.write_text("default_tasks: [1]")
    (sentence,) = definitions.warnings()
    assert "default_tasks[0]" in sentence
    tasks_file.unlink()
    assert "no file" in definitions.warnings()[0]


def test_warnings_are_cheap_while_the_file_does_not_change(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(item("a"))
    assert definitions.warnings() == []
    monkeypatch.setattr(definition_items, "load", lambda: pytest.fail("read again"))
    assert definitions.warnings() == []


def test_a_file_that_may_not_be_read_is_one_that_is_missing(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(item("a"))

    def refuse(*args: object, **kwargs: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(type(path), "open", refuse)
    found = definitions.load()
    assert set(found.items) == BUILTIN
    assert "Permission denied" in found.warnings[0]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("round_", range(3))
def test_processes_that_start_at_once_load_every_job_once(
    write: Write, actor: Actor, round_: int
) -> None:
    write(*(item(f"job{number}") for number in range(20)))
    barrier = threading.Barrier(4)
    failures: list[BaseException] = []

    def start() -> None:
        try:
            barrier.wait(10)
            definitions.ensure(actor)
        except BaseException as error:
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert failures == []
    assert Job.objects.count() == DjangoJob.objects.count() == 20 + len(BUILTIN)
    assert AuditEvent.objects.filter(action="job.create").count() == 20 + len(BUILTIN)
    assert AuditEvent.objects.filter(action="definitions.load").count() == 1
    assert Revision.objects.get().number == 1


@pytest.mark.django_db(transaction=True)
def test_an_edit_made_while_a_load_begins_is_not_lost(
    write: Write, actor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(item("a"))
    definitions.ensure(actor)
    write(item("a", hour="7"))
    alone = definitions._alone

    def edited_first(run: Any) -> Any:
        control.change("a", {"name": "Mine"}, actor=actor)
        return alone(run)

    monkeypatch.setattr(definitions, "_alone", edited_first)
    assert reasons(definitions.ensure(actor).plan) == {"a": "edited"}
    assert Job.objects.get(pk="a").name == "Mine"


@pytest.mark.django_db(transaction=True)
def test_a_job_made_by_hand_while_a_load_inserts_it_is_left(
    write: Write, actor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(item("a"))
    made = {"id": "a", "name": "Mine", "function": "beep"}
    trigger = {"trigger_type": "interval", "trigger_params": {"seconds": 5}}
    genuine = definitions._standing
    calls = []

    def made_meanwhile(*, locked: bool = False, **options: Any) -> Any:
        standing = genuine(locked=locked, **options)
        if not locked:
            return standing
        calls.append(1)
        if len(calls) == 1:
            if connection.vendor == "sqlite":  # whose one writer we are
                raise definitions.IntegrityError
            thread = threading.Thread(target=make)
            thread.start()
            thread.join(10)
        return standing

    def make() -> None:
        control.create(made | trigger, actor=actor)
        connection.close()

    if connection.vendor == "sqlite":
        make()
    monkeypatch.setattr(definitions, "_standing", made_meanwhile)
    assert reasons(definitions.ensure(actor).plan) == {"a": "custom"}
    assert len(calls) == 2
