from __future__ import annotations

import json
from typing import Any

import pytest

from jobs.errors import InvalidArguments
from jobs.estate.adapters.accounts import Account, AccountListing
from jobs.estate.adapters.errors import InstanceError
from jobs.registry import get_task
from jobs.tasks.accounts import sync_accounts
from tests.estate.conftest import fake  # noqa: F401
from tests.estate.fakes import FakeAdapter, failing

pytestmark = pytest.mark.django_db

ANA = Account("ana", can_login=True)
BEN = Account("ben", can_login=True)


def test_it_returns_what_became_of_every_instance_as_json(
    fake: FakeAdapter,  # noqa: F811
) -> None:
    fake.instance("main")
    fake.instance("bad")
    fake.account_listings["bad"] = failing(InstanceError("The disk is on fire."))
    fake.account_listings["main"] = AccountListing((ANA,))
    sync_accounts()
    fake.account_listings["main"] = AccountListing((BEN,))
    result: dict[str, Any] = json.loads(json.dumps(sync_accounts()))
    bad, main = result["instances"]
    assert (result["status"], result["accounts"], result["changes"]) == ("partial", 1, 2)
    assert main.pop("seconds") >= 0
    assert main == {
        "name": "main",
        "status": "completed",
        "accounts": 1,
        "added": 1,
        "changed": 0,
        "removed": 1,
        "error": "",
    }
    assert (bad["status"], bad["error"]) == ("failed", "The disk is on fire.")


def test_only_the_instances_that_were_asked_for_are_read(
    fake: FakeAdapter,  # noqa: F811
) -> None:
    for name in ("a", "b"):
        fake.instance(name, tags=[name])
        fake.account_listings[name] = AccountListing((ANA,))
    task = get_task("sync_accounts")
    assert str(task.label) == "Account sync"
    for arguments in ({"instances": ["b"]}, {"tags": ["b"]}, {"engines": ["fake"], "tags": ["b"]}):
        result = task.call([], arguments)
        assert [instance["name"] for instance in result["instances"]] == ["b"]


@pytest.mark.parametrize(("name", "value"), [("concurrency", 0), ("concurrency", 65), ("tags", 1)])
def test_arguments_that_make_no_sense_are_refused_when_the_job_is_saved(
    name: str, value: Any
) -> None:
    with pytest.raises(InvalidArguments) as caught:
        get_task("sync_accounts").arguments.bind([], {name: value})
    assert list(caught.value.errors) == [f"kwargs.{name}"]
