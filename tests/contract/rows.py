"""What the examples of the description speak of, under the same ids."""

from __future__ import annotations

from django.utils import timezone

from jobs.estate.models import Account, DatabaseInstance, PartitionPolicy, SyncSession
from jobs.models import AlertRule, Status
from jobs.registry import isolated_registry, scheduled_task
from tests.estate.api.rows import STATE, make_estate
from tests.factories import (
    make_builtin,
    make_channel,
    make_execution,
    make_job,
    make_leader,
    make_log_line,
)


def make_rows() -> None:
    """The values are those of `jobs.api.openapi.values`."""
    now = timezone.now()
    with isolated_registry():
        from tests.contract.tasks import anything

        scheduled_task(allow_kwargs_override=True)(anything)
        for job_id in ("collect_database_sizes", "sync_accounts", "monitor_partition_health"):
            make_builtin(job_id, function="anything")
        make_job("nightly", function="anything", max_instances=100)
    make_leader()
    failed = make_execution("nightly", pk=4711, function="anything", status=Status.FAILED)
    make_log_line(failed)
    make_estate("another")
    # A port where nobody listens.
    instance = DatabaseInstance.objects.create(
        pk=7, name="main", engine="postgresql", host="127.0.0.1", port=9, username="schedcore"
    )
    Account.objects.create(
        pk=7, instance=instance, name="report", state=STATE, first_seen=now, last_seen=now
    )
    SyncSession.objects.create(pk=7, category="capacity", source="manual", started_at=now)
    PartitionPolicy.objects.create(
        pk=7, instance=instance, database="shop", table="orders", interval="month"
    )
    team = make_channel("team", pk=7)
    rule = AlertRule.objects.create(pk=7, name="Nightly jobs", pattern="nightly", changed_at=now)
    rule.channels.set([team])
