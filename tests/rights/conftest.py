"""Everybody who asks, and a row of everything that is asked for."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Group, User
from rest_framework.test import APIClient

from jobs.estate.models import Account, DatabaseInstance, PartitionPolicy, SyncSession
from jobs.models import Job, Scope, Status
from jobs.models.rights import Right
from tests.api.conftest import JsonClient
from tests.api.conftest import _tasks as _tasks  # the tasks of these jobs
from tests.estate.api.rows import make_estate
from tests.estate.conftest import fake as fake
from tests.estate.conftest import folder as folder
from tests.estate.fakes import FakeAdapter
from tests.factories import (
    grant,
    make_builtin,
    make_channel,
    make_execution,
    make_job,
    make_rule,
    make_token,
    make_user,
)

ClientOf = Callable[[str], APIClient]

GROUPS = {
    "viewer": "Scheduler viewers",
    "operator": "Scheduler operators",
    "manager": "Scheduler managers",
}
GRANTS: dict[str, tuple[Right, str]] = {
    "viewer_of_it": ("view_job", "report"),
    "operator_of_it": ("run_job", "report"),
    "manager_of_it": ("manage_job", "report"),
    "manager_of_another": ("manage_job", "other"),
}


@pytest.fixture
def ids(db: None, folder: object, fake: FakeAdapter) -> dict[str, int]:
    """The ids that stand in the paths."""
    make_job("report")
    make_job("other")
    make_user(name="ann")
    make_builtin("collect_database_sizes")
    make_estate("main")
    DatabaseInstance.objects.update(engine="fake", host="main")
    fake.listings["main"] = ()
    return {
        "execution": make_execution("report", status=Status.FAILED).pk,
        "instance": DatabaseInstance.objects.get(name="main").pk,
        "account": Account.objects.get().pk,
        "session": SyncSession.objects.get().pk,
        "policy": PartitionPolicy.objects.get().pk,
        "channel": make_channel("unused").pk,
        "rule": make_rule(make_channel("used")).pk,
    }


@pytest.fixture
def client_of(ids: dict[str, int]) -> ClientOf:
    """A client on which one of `WHO` is logged in."""

    def log_in(who: str) -> APIClient:
        client = JsonClient()
        if who == "nobody":
            return client
        if "token" in who:
            owner = _user("operator_of_it" if who == "run_token_of_it" else "manager")
            _token, text = make_token(owner, scope=Scope(who.partition("_")[0]))
            client.credentials(HTTP_AUTHORIZATION=f"Token {text}")
        else:
            client.force_login(_user(who))
        return client

    return log_in


def _user(who: str) -> User:
    user = make_user(name=who, is_staff=True)
    if who in GROUPS:
        user.groups.add(Group.objects.get(name=GROUPS[who]))
    if who in GRANTS:
        right, job_id = GRANTS[who]
        grant(user, right, Job.objects.get(pk=job_id))
    return user
