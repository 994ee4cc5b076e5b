"""Paths below the scheduler's prefix; each works with and without a slash at its end."""

from __future__ import annotations

from typing import Any

from django.urls import URLPattern, re_path

from jobs.estate.api import (
    account,
    aggregate,
    database,
    finding,
    instance,
    policy,
    session,
    snapshot,
    sync,
)

app_name = "estate"

ID = "(?P<pk>[0-9]{1,18})"


def api(pattern: str, view: Any, name: str) -> URLPattern:
    found: URLPattern = re_path(rf"^api/estate/{pattern}/?$", view.as_view(), name=name)
    return found


urlpatterns = [
    api("instances", instance.InstanceList, "instances"),
    api(f"instances/{ID}", instance.InstanceDetail, "instance"),
    api(f"instances/{ID}/test", instance.InstanceTest, "instance_test"),
    api("sync", sync.SyncStart, "sync"),
    api("databases", database.DatabaseList, "databases"),
    api("snapshots", snapshot.SnapshotList, "snapshots"),
    api("aggregates", aggregate.AggregateList, "aggregates"),
    api("accounts", account.AccountList, "accounts"),
    api(f"accounts/{ID}", account.AccountDetail, "account"),
    api("account-changes", account.AccountChangeList, "account_changes"),
    api("sessions", session.SessionList, "sessions"),
    api(f"sessions/{ID}", session.SessionDetail, "session"),
    api("findings", finding.FindingList, "findings"),
    api("policies", policy.PolicyList, "policies"),
    api(f"policies/{ID}", policy.PolicyDetail, "policy"),
]
