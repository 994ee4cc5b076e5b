"""Partitions are made and detached as policies say, once, and nothing else is."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date
from typing import Any

import pytest
from django.utils import timezone

from jobs.errors import Invalid
from jobs.estate.adapters.errors import InstanceError
from jobs.estate.adapters.partitions import Partition, PartitionedTable
from jobs.estate.models import (
    DatabaseInstance,
    Interval,
    PartitionPolicy,
    SessionStatus,
    SyncSession,
)
from jobs.estate.services.partition_changes import create_by_policy, detach_by_policy
from jobs.estate.services.partition_periods import CalendarPeriods
from jobs.estate.services.sync import EveryInstanceFailed
from tests.estate.fake_partitions import FakePartitions, table
from tests.estate.fakes import NotedExecution

pytestmark = pytest.mark.django_db


def this_month() -> date:
    return timezone.localdate(timezone=UTC).replace(day=1)


def recent(
    *, name: str = "events", behind: int = 6, ahead: int = 0, **fields: Any
) -> PartitionedTable:
    """By the month: so many before this one and after it."""
    calendar = CalendarPeriods(Interval.MONTH, is_day=True)
    current = calendar.index_of(this_month())
    parts = [
        Partition(f"{name}_{period.lower:%Y_%m}", "public", period.lower, period.upper)
        for period in calendar.between(current - behind, current + ahead)
    ]
    return table(parts, name=name, **fields)


def month_name(number: int, name: str = "events") -> str:
    """Of the month that comes so many after this one."""
    calendar = CalendarPeriods(Interval.MONTH, is_day=True)
    return f"{name}_{calendar.start(calendar.index_of(this_month()) + number):%Y_%m}"


def follow(instance: DatabaseInstance, **fields: Any) -> PartitionPolicy:
    values = {
        "database": "shop",
        "schema": "public",
        "table": "events",
        "interval": "month",
        "premake": 2,
        **fields,
    }
    return PartitionPolicy.objects.create(instance=instance, **values)


def told(session: SyncSession, instance: str = "main") -> list[dict[str, Any]]:
    tables: list[dict[str, Any]] = session.records.get(instance_name=instance).details["tables"]
    return tables


def test_partitions_are_made_by_the_user_for_changes_and_only_once(
    partition_server: FakePartitions,
    execution: NotedExecution,
    caplog: pytest.LogCaptureFixture,
) -> None:
    follow(partition_server.instance("main", recent()))
    with caplog.at_level("INFO", "jobs.estate.services.partition_changes"):
        session = create_by_policy()
    made = [month_name(1), month_name(2)]
    assert session.status == SessionStatus.COMPLETED
    assert session.records.get().items_created == 2
    [found] = told(session)
    assert (found["table"], found["partitions"]) == ("shop.public.events", made)
    assert [text.split()[1] for text in found["statements"]] == made
    assert partition_server.users == ["changer"]
    [line] = [each for each in caplog.records if each.msg == "Partitions changed"]
    assert line.statements == found["statements"]  # type: ignore[attr-defined]
    assert partition_server.names("main")[-2:] == made
    again = create_by_policy()
    assert told(again) == []
    assert len(partition_server.executed) == 1
    assert execution.warnings == []


def test_a_dry_run_tells_the_statements_and_runs_none(
    partition_server: FakePartitions, execution: NotedExecution
) -> None:
    follow(partition_server.instance("main", recent()), retention=3)
    for change, word in ((create_by_policy, "create"), (detach_by_policy, "detach")):
        session = change(dry_run=True)
        [found] = told(session)
        assert found["statements"]
        assert all(text.startswith(word) for text in found["statements"])
        record = session.records.get()
        assert (record.items_created, record.items_removed) == (0, 0)
        assert record.details["dry_run"] is True
    assert partition_server.executed == []


def test_what_is_past_its_retention_is_detached_and_only_once(
    partition_server: FakePartitions, execution: NotedExecution
) -> None:
    follow(partition_server.instance("main", recent(behind=5)), retention=3)
    session = detach_by_policy()
    assert told(session)[0]["statements"] == [
        f"detach {month_name(-5)}",
        f"detach {month_name(-4)}",
    ]
    assert session.records.get().items_removed == 2
    assert partition_server.names("main")[0] == month_name(-3)
    assert told(detach_by_policy()) == []
    assert len(partition_server.executed) == 1


def test_an_engine_that_can_only_drop_reports_what_is_old(
    partition_server: FakePartitions, execution: NotedExecution
) -> None:
    partition_server.can_detach = False
    parts = recent(behind=5).partitions
    first = replace(parts[0], lower=None)
    made = table([first, *parts[1:]], schema="")
    follow(partition_server.instance("main", made), schema="", retention=3)
    session = detach_by_policy()
    assert partition_server.executed == []
    [found] = told(session)
    assert (found["statements"], found["partitions"]) == ([], [])
    [problem] = found["problems"]
    assert month_name(-5) in problem
    assert month_name(-4) in problem
    [warning] = execution.warnings
    assert problem in warning


def test_nothing_is_done_to_a_table_without_an_active_policy(
    partition_server: FakePartitions, execution: NotedExecution
) -> None:
    instance = partition_server.instance("main", recent(), recent(name="other"))
    follow(instance, retention=1)
    follow(instance, table="other", retention=1, is_active=False)
    create_by_policy()
    detach_by_policy()
    statements = " ".join(text for _database, texts in partition_server.executed for text in texts)
    assert "events_" in statements
    assert "other_" not in statements


def test_only_instances_with_a_policy_are_visited_unless_they_are_named(
    partition_server: FakePartitions, execution: NotedExecution
) -> None:
    follow(partition_server.instance("main", recent()))
    follow(partition_server.instance("asleep", recent(), is_active=False))
    follow(partition_server.instance("idle", recent()), is_active=False)
    assert set(create_by_policy().records.values_list("instance_name", flat=True)) == {"main"}
    session = create_by_policy(instances=["idle"])
    assert session.records.get().items_seen == 0
    with pytest.raises(Invalid):
        create_by_policy(instances=["asleep"])


def test_without_any_policy_the_run_says_so(
    partition_server: FakePartitions, execution: NotedExecution
) -> None:
    partition_server.instance("main", recent())
    assert create_by_policy().instances_total == 0
    assert "No active instance has an active partition policy." in execution.warnings


def test_an_instance_without_a_user_for_changes_fails_and_the_others_go_on(
    partition_server: FakePartitions, execution: NotedExecution
) -> None:
    follow(partition_server.instance("locked", recent(), change_username=""))
    follow(partition_server.instance("main", recent()))
    session = create_by_policy()
    assert session.status == SessionStatus.PARTIAL
    assert session.records.get(instance_name="locked").error == (
        "“locked” has no user for changes, so nothing is changed on it."
    )
    assert len(partition_server.executed) == 1


def test_a_table_that_cannot_be_changed_keeps_no_other_from_it(
    partition_server: FakePartitions, execution: NotedExecution
) -> None:
    instance = partition_server.instance("main", recent(), recent(name="other"))
    follow(instance)
    follow(instance, table="other")
    partition_server.refuses["events"] = InstanceError("The table is locked.")
    session = create_by_policy()
    assert session.status == SessionStatus.COMPLETED
    events, other = told(session)
    assert (events["partitions"], events["problems"]) == ([], ["The table is locked."])
    assert len(other["partitions"]) == 2
    assert execution.warnings == ["main: shop.public.events: The table is locked."]


def test_an_instance_on_which_every_change_failed_fails(
    partition_server: FakePartitions, execution: NotedExecution
) -> None:
    follow(partition_server.instance("main", recent()))
    partition_server.refuses["events"] = InstanceError("The table is locked.")
    with pytest.raises(EveryInstanceFailed, match=r"shop\.public\.events: The table is locked\."):
        create_by_policy()
    assert SyncSession.objects.get().records.get().items_created == 0


def test_no_password_for_changes_is_in_the_error_of_an_unexpected_failure(
    partition_server: FakePartitions, execution: NotedExecution, folder: Any
) -> None:
    instance = partition_server.instance("main", recent())
    instance.set_change_password("hunter2-hunter2")
    instance.save()
    follow(instance)
    partition_server.refuses["events"] = RuntimeError("wrong password hunter2-hunter2")
    with pytest.raises(EveryInstanceFailed, match="wrong password"):
        create_by_policy()
    assert "hunter2" not in SyncSession.objects.get().records.get().error


def test_policies_that_cannot_be_followed_are_warned_of(
    partition_server: FakePartitions, execution: NotedExecution
) -> None:
    instance = partition_server.instance(
        "main", recent(), recent(name="other"), unread={"secret": "no right"}
    )
    follow(instance, interval="day")
    follow(instance, table="gone")
    follow(instance, table="other", schema="")
    follow(instance, database="secret")
    session = create_by_policy()
    assert session.status == SessionStatus.COMPLETED
    assert partition_server.users == [], "there was nothing to change"
    problems = {each["table"]: each["problems"] for each in told(session)}
    assert problems == {
        "shop.public.events": ["Its newest partitions go by month, the policy by day."],
        "shop.public.gone": ["There is no partitioned table of this name (any more)."],
        "shop.other": ["There is none in the schema “”, but in: public."],
        "secret.public.events": ["Its database could not be read: no right"],
    }
    [warning] = execution.warnings
    assert all(sentence in warning for [sentence] in problems.values())


def test_two_tables_whose_cut_names_are_alike_do_not_get_partitions_of_one_name(
    partition_server: FakePartitions, execution: NotedExecution
) -> None:
    long = "n" * 61
    both = [table(name=f"{long}{end}", kind="day") for end in "ab"]
    instance = partition_server.instance("main", *both)
    for each in both:
        follow(instance, table=each.name, premake=0)
    session = create_by_policy()
    made = [name for each in told(session) for name in each["partitions"]]
    assert len(made) == 1
    assert "No name is free" in execution.warnings[0]


def test_a_leftovers_name_is_not_used_again(
    partition_server: FakePartitions, execution: NotedExecution
) -> None:
    made = recent(leftovers=(month_name(1).upper(),))
    follow(partition_server.instance("main", made), premake=1)
    assert "No name is free" in told(create_by_policy())[0]["problems"][0]
    assert partition_server.executed == []
