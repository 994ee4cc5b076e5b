"""Every path and every method, as everybody: one table, in which nothing may be missing."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import URLPattern

from jobs.estate.api.urls import urlpatterns
from jobs.estate.models import Account, DatabaseInstance, PartitionPolicy, SyncSession
from tests.api.answers import refused
from tests.api.conftest import JsonClient
from tests.estate.api.conftest import BASE, Holder
from tests.estate.api.rows import make_estate
from tests.estate.fakes import FakeAdapter

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("folder")]

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
NEW_INSTANCE = {"name": "n", "engine": "mysql", "host": "h", "port": 1, "username": "u"}
NEW_POLICY = {"instance": "main", "database": "d", "table": "t", "interval": "day"}

TABLE: dict[str, tuple[str, str, dict[str, tuple[Any, int]]]] = {
    "instances": (
        "instances",
        "databaseinstance",
        {"GET": (None, 200), "POST": (NEW_INSTANCE, 201)},
    ),
    "instance": (
        "instances/{instance}",
        "databaseinstance",
        {"GET": (None, 200), "PATCH": ({"port": 7}, 200), "DELETE": (None, 200)},
    ),
    "instance_test": ("instances/{instance}/test", "databaseinstance", {"POST": (None, 200)}),
    "databases": ("databases", "database", {"GET": (None, 200)}),
    "snapshots": ("snapshots", "databasesizesnapshot", {"GET": (None, 200)}),
    "aggregates": ("aggregates", "sizeaggregate", {"GET": (None, 200)}),
    "accounts": ("accounts", "account", {"GET": (None, 200)}),
    "account": ("accounts/{account}", "account", {"GET": (None, 200)}),
    "account_changes": ("account-changes", "accountchange", {"GET": (None, 200)}),
    "sessions": ("sessions", "syncsession", {"GET": (None, 200)}),
    "session": ("sessions/{session}", "syncsession", {"GET": (None, 200)}),
    "findings": ("findings", "partitionfinding", {"GET": (None, 200)}),
    "policies": (
        "policies",
        "partitionpolicy",
        {"GET": (None, 200), "POST": (NEW_POLICY, 201)},
    ),
    "policy": (
        "policies/{policy}",
        "partitionpolicy",
        {"GET": (None, 200), "PATCH": ({"premake": 5}, 200), "DELETE": (None, 200)},
    ),
}
MANAGED = {"databaseinstance", "partitionpolicy", "database"}
CELLS = [(name, method) for name in TABLE for method in METHODS]


def ids() -> dict[str, int]:
    return {
        "instance": DatabaseInstance.objects.get(name="main").pk,
        "account": Account.objects.get().pk,
        "session": SyncSession.objects.get().pk,
        "policy": PartitionPolicy.objects.get().pk,
    }


def test_no_path_is_missing_from_the_table() -> None:
    names = {pattern.name for pattern in urlpatterns if isinstance(pattern, URLPattern)}
    assert names - {"sync"} == TABLE.keys()  # which has a test module of its own


@pytest.mark.parametrize(("name", "method"), CELLS)
def test_who_may_do_what(holder: Holder, fake: FakeAdapter, name: str, method: str) -> None:
    make_estate("main")
    DatabaseInstance.objects.update(engine="fake", host="main")
    fake.listings["main"] = ()
    path, model, methods = TABLE[name]
    url = BASE + path.format(**ids())
    body, ok = methods.get(method, (None, 405))
    is_reading = method == "GET"

    def status_for(client: JsonClient) -> int:
        answer = getattr(client, method.lower())(url, body)
        if answer.status_code >= 400:
            refused(answer, answer.status_code)
        return answer.status_code

    assert status_for(JsonClient()) == 401
    bare = 403 if method in methods else 405
    every_other = [
        f"{right}_{other}"
        for right in ("view", "manage")
        for other in {entry[1] for entry in TABLE.values()}
        if other != model
    ]
    assert status_for(holder(*every_other)) == bare
    assert status_for(holder(f"view_{model}")) == (ok if is_reading else bare)
    if model in MANAGED:
        assert status_for(holder(f"manage_{model}")) == ok
