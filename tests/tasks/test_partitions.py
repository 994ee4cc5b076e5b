from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine

from jobs.errors import InvalidArguments
from jobs.estate.models import PartitionPolicy
from jobs.registry import get_task
from jobs.tasks.partitions import cleanup_partitions, create_partitions, monitor_partition_health
from tests.estate.conftest import partition_server  # noqa: F401
from tests.estate.fake_partitions import OUT_OF_LUCK, FakePartitions, failing, months, table

pytestmark = pytest.mark.django_db


def server_with(server: FakePartitions) -> None:
    """One server whose table ends with the year 2020, and one that is out of luck."""
    old = table(months("2020-01", "2020-12"))
    instance = server.instance("main", old, tags=["production"])
    PartitionPolicy.objects.create(
        instance=instance,
        database="shop",
        schema="public",
        table="events",
        interval="month",
        premake=1,
        retention=1,
    )
    server.instance("broken")
    server.listings["broken"] = failing(OUT_OF_LUCK)


def test_health_is_told_as_json(partition_server: FakePartitions) -> None:  # noqa: F811
    server_with(partition_server)
    # Not on the last day of a month, when the lack of the next partition is an error as well.
    with time_machine.travel(datetime(2026, 3, 15, 12, tzinfo=UTC)):
        result: dict[str, Any] = json.loads(json.dumps(monitor_partition_health()))
    broken, main = result["instances"]
    assert isinstance(result["session_id"], int)
    assert result["status"] == "partial"
    assert result["totals"]["errors"] == 1
    assert main.pop("seconds") >= 0
    assert main == {
        "name": "main",
        "status": "completed",
        "tables": 1,
        "new": 2,
        "resolved": 0,
        "findings": 2,
        "error": "",
    }
    assert (broken["status"], broken["findings"]) == ("failed", None)
    assert broken["error"] == OUT_OF_LUCK.message


def test_only_what_is_chosen_is_looked_at(partition_server: FakePartitions) -> None:  # noqa: F811
    server_with(partition_server)
    for chosen in ({"instances": ["main"]}, {"tags": ["production"]}):
        [main] = monitor_partition_health(**chosen)["instances"]
        assert main["name"] == "main"
    assert monitor_partition_health(engines=["sqlite"])["instances"] == []


def test_changes_are_told_as_json_with_their_statements(
    partition_server: FakePartitions,  # noqa: F811
) -> None:
    server_with(partition_server)
    for change, word in ((create_partitions, "create"), (cleanup_partitions, "detach")):
        dry: dict[str, Any] = json.loads(json.dumps(change(dry_run=True)))
        assert dry["dry_run"] is True
        real = change()
        assert real["dry_run"] is False
        for result in (dry, real):
            [main] = result["instances"]
            [events] = main["tables"]
            assert events["table"] == "shop.public.events"
            assert events["statements"]
            assert all(text.startswith(f"{word} ") for text in events["statements"])
    made, gone = partition_server.executed
    assert [len(made[1]), len(gone[1])] == [3, 12]


@pytest.mark.parametrize(
    ("task", "arguments"),
    [
        ("monitor_partition_health", {"concurrency": 0}),
        ("monitor_partition_health", {"concurrency": 65}),
        ("create_partitions", {"dry_run": "yes please"}),
        ("create_partitions", {"instances": "main"}),
        ("cleanup_partitions", {"dry_run": 2}),
        ("cleanup_partitions", {"drop": True}),
    ],
)
def test_arguments_that_make_no_sense_are_refused_when_the_job_is_saved(
    task: str, arguments: dict[str, Any]
) -> None:
    with pytest.raises(InvalidArguments) as caught:
        get_task(task).arguments.bind([], arguments)
    assert [key.split(".")[1] for key in caught.value.errors] == list(arguments)


def test_what_changes_servers_is_never_scheduled_by_itself() -> None:
    for task in ("create_partitions", "cleanup_partitions"):
        assert get_task(task).trigger_type is None
    assert str(get_task("monitor_partition_health").label) == "Partition health"
