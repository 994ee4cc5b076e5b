"""Accounts through readings that succeed, fail and tell only half."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from jobs.estate.adapters.accounts import Account, AccountListing, Grant, Membership
from jobs.estate.adapters.base import ServerInfo
from jobs.estate.adapters.errors import EmptyAccountListing, InstanceError
from jobs.estate.models import Account as Row
from jobs.estate.models import (
    AccountChange,
    DatabaseInstance,
    RecordStatus,
    SyncRecord,
    SyncSession,
)
from jobs.estate.services import accounts
from jobs.estate.services.accounts import Listed, store, sync_accounts
from jobs.estate.services.sync import EveryInstanceFailed, Outcome
from tests.estate.conftest import sqlite_instance
from tests.estate.fakes import FakeAdapter, NotedExecution, failing

pytestmark = pytest.mark.django_db

MONDAY = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
TUESDAY = MONDAY + timedelta(days=1)
WEDNESDAY = MONDAY + timedelta(days=2)
THURSDAY = MONDAY + timedelta(days=3)

SELECT = Grant("table", ("sales", "public", "orders"), "SELECT")
ANA = Account("ana", can_login=True, is_superuser=False, has_password=True, never_expires=False)
BEN = Account("ben", can_login=True, is_superuser=False, has_password=True, never_expires=False)


@pytest.fixture
def instance(fake: FakeAdapter) -> DatabaseInstance:
    return fake.instance("main")


def take(instance: DatabaseInstance, now: datetime, *accounts: Account, **unread: str) -> Outcome:
    listed = Listed(AccountListing(accounts, unread), ServerInfo("fake", "1.0"))
    return store(instance, listed, now)


def counts(outcome: Outcome) -> tuple[int, int, int, int]:
    return outcome.seen, outcome.created, outcome.updated, outcome.removed


def changes() -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (change.account.name, change.kind, change.difference)
        for change in AccountChange.objects.select_related("account").order_by("id")
    ]


def test_the_first_reading_of_an_instance_is_no_change(instance: DatabaseInstance) -> None:
    outcome = take(instance, MONDAY, ANA, BEN)
    assert counts(outcome) == (2, 2, 0, 0)
    assert outcome.totals == {"accounts": 2, "changes": 0}
    assert not AccountChange.objects.exists()


def test_an_account_is_stored_as_it_was_read(instance: DatabaseInstance) -> None:
    """Pain 41. A lock, a missing password, rights on tables and the case of names are kept."""
    expires_at = datetime(2026, 12, 24, 12, tzinfo=UTC)
    name = "Ana 'Ö' \"x\".y"
    odd = Grant("table", ("Sales", "Pub lic", "Or.ders"), "SELECT", is_grantable=True)
    read = Account(
        name,
        host="%.example.com",
        is_role=False,
        can_login=True,
        is_superuser=None,
        is_locked=True,
        has_password=False,
        expires_at=expires_at,
        never_expires=False,
        attributes={"plugin": "ed25519"},
        memberships=(Membership("readers", inherits=True),),
        grants=(odd,),
        raw={"User": name},
    )
    take(instance, MONDAY, read)
    row = Row.objects.get()
    assert (row.name, row.host, str(row)) == (name, "%.example.com", f"{name}@%.example.com")
    assert (row.can_login, row.is_superuser, row.is_locked) == (True, None, True)
    assert (row.has_password, row.expires_at) == (False, expires_at)
    assert (row.first_seen, row.last_seen, row.removed_at) == (MONDAY, MONDAY, None)
    assert row.raw == {"User": name}
    assert row.state == {
        "never_expires": False,
        "attributes": {"plugin": "ed25519"},
        "memberships": [{"role": "readers", "is_admin": False, "inherits": True, "may_set": None}],
        "grants": [
            {
                "scope": "table",
                "path": ["Sales", "Pub lic", "Or.ders"],
                "is_grantable": True,
                "privileges": ["SELECT"],
            }
        ],
        "unread": [],
        "unknown": [],
    }
    assert row.flags == ["grant_option"]


def test_reading_the_same_again_is_no_change(instance: DatabaseInstance) -> None:
    listing = (ANA, replace(ANA, host="%"), replace(ANA, name="ANA", grants=(SELECT,)))
    take(instance, MONDAY, *listing)
    assert counts(take(instance, TUESDAY, *listing[::-1])) == (3, 0, 0, 0)
    assert changes() == []
    assert set(Row.objects.values_list("first_seen", "last_seen")) == {(MONDAY, TUESDAY)}


def test_a_role_that_is_made_superuser_is_exactly_that_change(
    instance: DatabaseInstance,
) -> None:
    take(instance, MONDAY, ANA, BEN)
    outcome = take(instance, TUESDAY, replace(ANA, is_superuser=True), BEN)
    assert counts(outcome) == (2, 0, 1, 0)
    assert outcome.totals == {"accounts": 2, "changes": 1}
    assert changes() == [
        ("ana", "changed", {"is_superuser": {"before": False, "after": True}}),
    ]
    change = AccountChange.objects.get()
    assert (change.at, change.flags, change.instance) == (TUESDAY, ["superuser"], instance)
    assert Row.objects.get(name="ana").flags == ["superuser"]


def test_a_flag_that_an_account_had_before_is_not_gained_again(
    instance: DatabaseInstance,
) -> None:
    take(instance, MONDAY, replace(ANA, is_superuser=True))
    take(instance, TUESDAY, replace(ANA, is_superuser=True, has_password=False))
    assert AccountChange.objects.get().flags == ["no_password"]
    assert Row.objects.get().flags == ["no_password", "superuser"]


def test_a_new_account_is_told_with_what_it_has(instance: DatabaseInstance) -> None:
    take(instance, MONDAY, ANA)
    assert counts(take(instance, TUESDAY, ANA, replace(BEN, is_superuser=True))) == (2, 1, 0, 0)
    change = AccountChange.objects.get()
    assert (change.account.name, change.kind, change.flags) == ("ben", "added", ["superuser"])
    assert change.difference["is_superuser"] == {"after": True}
    assert Row.objects.get(name="ben").first_seen == TUESDAY


def test_a_dropped_account_is_told_once_with_what_it_had(instance: DatabaseInstance) -> None:
    take(instance, MONDAY, ANA, replace(BEN, grants=(SELECT,)))
    assert counts(take(instance, TUESDAY, ANA)) == (1, 0, 0, 1)
    assert counts(take(instance, WEDNESDAY, ANA)) == (1, 0, 0, 0)
    ben = Row.objects.get(name="ben")
    assert (ben.last_seen, ben.removed_at) == (MONDAY, TUESDAY)
    [(name, kind, found)] = changes()
    assert (name, kind) == ("ben", "removed")
    assert found["grants"]["removed"][0]["privileges"] == ["SELECT"]


def test_a_re_created_account_reappears_on_its_row(instance: DatabaseInstance) -> None:
    """Pain 42. Nothing of it meets the unique key of its removed twin."""
    take(instance, MONDAY, ANA, replace(BEN, grants=(SELECT,), is_superuser=True))
    ben = Row.objects.get(name="ben")
    take(instance, TUESDAY, ANA)
    assert counts(take(instance, WEDNESDAY, ANA, replace(BEN, is_superuser=True))) == (2, 0, 1, 0)
    again = Row.objects.get(name="ben")
    assert (again.pk, again.removed_at) == (ben.pk, None)
    assert (again.first_seen, again.last_seen) == (MONDAY, WEDNESDAY)
    change = AccountChange.objects.get(kind="reappeared")
    assert change.account == again
    assert list(change.difference) == ["grants"]
    assert change.flags == ["superuser"], "it is back, and so is what it may do"
    assert counts(take(instance, THURSDAY, ANA, replace(BEN, is_superuser=True))) == (2, 0, 0, 0)


def test_of_a_re_created_account_nothing_of_the_old_one_is_taken_for_granted(
    instance: DatabaseInstance,
) -> None:
    readers = (Membership("readers"),)
    take(
        instance,
        MONDAY,
        ANA,
        replace(BEN, has_password=False, grants=(SELECT,), memberships=readers),
    )
    take(instance, TUESDAY, ANA)
    unread = frozenset({"has_password", "memberships"})
    back = replace(BEN, has_password=None, unread=unread)
    take(instance, WEDNESDAY, ANA, back, sales="no right")
    ben = Row.objects.get(name="ben")
    assert (ben.has_password, ben.flags, ben.state["grants"]) == (None, [], [])
    assert AccountChange.objects.get(kind="reappeared").difference == {}


def test_an_empty_listing_removes_nothing(instance: DatabaseInstance) -> None:
    """Pain 35."""
    take(instance, MONDAY, ANA)
    with pytest.raises(EmptyAccountListing, match="no account"):
        take(instance, TUESDAY)
    assert Row.objects.get().removed_at is None


def test_a_failed_or_empty_listing_fails_its_instance_and_removes_nothing(
    fake: FakeAdapter, execution: NotedExecution
) -> None:
    """Pain 35. Nor does it count as a success with zero accounts."""
    for name in ("empty", "failed", "good"):
        fake.instance(name)
        fake.account_listings[name] = AccountListing((ANA,))
    sync_accounts()
    fake.account_listings.update(
        empty=AccountListing(()), failed=failing(InstanceError("The disk is on fire."))
    )
    session = sync_accounts()
    statuses = dict(session.records.values_list("instance_name", "status"))
    assert statuses == {"empty": "failed", "failed": "failed", "good": "completed"}
    assert session.status == "partial"
    assert "listed no account" in execution.warnings[0]
    assert Row.objects.present().count() == 3
    assert not AccountChange.objects.exists()


def test_when_no_instance_can_be_read_the_run_fails(
    fake: FakeAdapter, instance: DatabaseInstance, execution: NotedExecution
) -> None:
    fake.account_listings["main"] = AccountListing(())
    with pytest.raises(EveryInstanceFailed, match="no account"):
        sync_accounts()


def test_one_instances_listing_removes_nothing_of_another(
    fake: FakeAdapter, instance: DatabaseInstance
) -> None:
    take(fake.instance("other"), MONDAY, ANA)
    take(instance, TUESDAY, BEN)
    assert Row.objects.present().count() == 2


def test_a_field_that_could_not_be_read_is_no_history_of_revoked_rights(
    instance: DatabaseInstance,
) -> None:
    """Pain 35. It is recorded as unread, and a change is seen as soon as it is read again."""
    rich = replace(ANA, grants=(SELECT,), memberships=(Membership("readers"),))
    take(instance, MONDAY, rich)
    blind = replace(ANA, has_password=None, unread=frozenset({"grants", "memberships"}))
    outcome = take(instance, TUESDAY, blind)
    assert changes() == []
    assert outcome.details["unread_fields"] == {"grants": 1, "memberships": 1}
    assert outcome.warning == "Not read of every account: memberships, grants."
    row = Row.objects.get()
    assert row.state["unread"] == ["grants", "memberships"]
    assert row.state["unknown"] == []
    assert row.state["grants"][0]["privileges"] == ["SELECT"]
    take(instance, WEDNESDAY, replace(rich, grants=()))
    [(_name, kind, found)] = changes()
    assert (kind, list(found)) == ("changed", ["grants"])


def test_a_field_that_is_read_for_the_first_time_is_no_change(
    instance: DatabaseInstance,
) -> None:
    blind = replace(ANA, grants=(), unread=frozenset({"grants"}))
    take(instance, MONDAY, blind)
    take(instance, TUESDAY, blind)
    assert Row.objects.get().state["unknown"] == ["grants"]
    take(instance, WEDNESDAY, replace(ANA, grants=(replace(SELECT, is_grantable=True),)))
    assert changes() == []
    assert Row.objects.get().flags == ["grant_option"]
    take(instance, THURSDAY, replace(ANA, grants=()))
    assert [kind for _name, kind, _found in changes()] == ["changed"]


def test_a_hidden_password_is_recorded_without_a_warning(instance: DatabaseInstance) -> None:
    hidden = replace(ANA, has_password=None, unread=frozenset({"has_password"}))
    outcome = take(instance, MONDAY, hidden)
    assert outcome.warning == ""
    assert outcome.details["unread_fields"] == {"has_password": 1}
    assert Row.objects.get().has_password is None


def test_grants_in_a_database_that_could_not_be_read_stay_as_they_were(
    instance: DatabaseInstance,
) -> None:
    """Pain 35."""
    other = Grant("table", ("stock", "public", "parts"), "SELECT")
    take(instance, MONDAY, replace(ANA, grants=(SELECT, other)))
    outcome = take(instance, TUESDAY, ANA, sales="“watcher” needs CONNECT on “sales”.")
    assert outcome.warning == "Grants not read in: sales."
    assert outcome.details["unread"] == {"sales": "“watcher” needs CONNECT on “sales”."}
    [(_name, _kind, found)] = changes()
    assert [grant["path"][0] for grant in found["grants"]["removed"]] == ["stock"]
    assert "added" not in found["grants"]
    take(instance, WEDNESDAY, ANA)
    assert [grant["path"][0] for grant in changes()[1][2]["grants"]["removed"]] == ["sales"]


def record(instance: DatabaseInstance, outcome: Outcome) -> None:
    """What a pass leaves behind of a reading."""
    session = SyncSession.objects.create(category="account", source="manual", started_at=MONDAY)
    SyncRecord.objects.create(
        session=session,
        instance=instance,
        instance_name=instance.name,
        status=RecordStatus.COMPLETED,
        details=outcome.details,
    )


def test_what_is_found_in_a_database_that_could_never_be_read_before_is_no_change(
    instance: DatabaseInstance,
) -> None:
    """Pain 35. Else to grant the watcher CONNECT would make a history of the others' rights."""
    granted = replace(ANA, grants=(SELECT,))
    for day in (MONDAY, TUESDAY):
        record(instance, take(instance, day, ANA, sales="no right"))
    record(instance, take(instance, WEDNESDAY, granted))
    assert changes() == []
    assert Row.objects.get().state["grants"][0]["privileges"] == ["SELECT"]
    record(instance, take(instance, THURSDAY, ANA))
    assert [kind for _name, kind, _found in changes()] == ["changed"]


def test_a_database_that_is_unread_at_times_is_compared_when_it_is_read(
    instance: DatabaseInstance,
) -> None:
    record(instance, take(instance, MONDAY, ANA))
    record(instance, take(instance, TUESDAY, ANA, sales="its turn did not come"))
    record(instance, take(instance, WEDNESDAY, replace(ANA, grants=(SELECT,))))
    assert [list(found) for _name, _kind, found in changes()] == [["grants"]]


def test_changes_are_linked_to_the_session_that_noticed_them(
    fake: FakeAdapter, instance: DatabaseInstance, execution: NotedExecution
) -> None:
    fake.account_listings["main"] = AccountListing((ANA,))
    sync_accounts()
    fake.account_listings["main"] = AccountListing((ANA, BEN))
    session = sync_accounts()
    assert session.category == "account"
    assert session.totals == {"accounts": 2, "changes": 1}
    assert AccountChange.objects.get().session == session
    assert session.records.get().details["version"] == "1.0"


def test_what_never_was_read_is_remembered_from_pass_to_pass(
    fake: FakeAdapter, instance: DatabaseInstance, execution: NotedExecution
) -> None:
    fake.account_listings["main"] = AccountListing((ANA,), {"sales": "no right"})
    sync_accounts()
    fake.account_listings["main"] = failing(InstanceError("The disk is on fire."))
    with pytest.raises(EveryInstanceFailed):
        sync_accounts()
    fake.account_listings["main"] = AccountListing((replace(ANA, grants=(SELECT,)),))
    sync_accounts()
    assert changes() == []


def test_an_instance_whose_engine_has_no_accounts_is_skipped(
    fake: FakeAdapter, instance: DatabaseInstance, folder: Any, execution: NotedExecution
) -> None:
    (folder / "file").touch()
    sqlite_instance(folder / "file")
    fake.account_listings["main"] = AccountListing((ANA,))
    session = sync_accounts()
    assert dict(session.records.values_list("instance_name", "status")) == {
        "main": "completed",
        "file": "skipped",
    }
    assert session.status == "completed"


@pytest.mark.parametrize(("has_hosts", "flags"), [(True, ["any_host"]), (False, [])])
def test_a_wildcard_host_is_flagged_where_accounts_have_hosts(
    fake: FakeAdapter, instance: DatabaseInstance, has_hosts: bool, flags: list[str]
) -> None:
    fake.has_hosts = has_hosts  # type: ignore[misc]
    take(instance, MONDAY, ANA)
    assert Row.objects.get().flags == flags


def test_a_listing_that_cannot_be_stored_leaves_everything_as_it_was(
    fake: FakeAdapter,
    instance: DatabaseInstance,
    execution: NotedExecution,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Pain 42. A batch that fails is a failure, and nothing of those before it stands."""
    monkeypatch.setattr(accounts, "BATCH", 1)
    fake.account_listings["main"] = AccountListing((ANA,))
    sync_accounts()
    broken = replace(BEN, raw={"seen": MONDAY})
    fake.account_listings["main"] = AccountListing((replace(ANA, is_superuser=True), broken))
    with pytest.raises(EveryInstanceFailed, match="TypeError"):
        sync_accounts()
    assert Row.objects.get().is_superuser is False
    assert not AccountChange.objects.exists()


def test_accounts_are_found_by_a_flag(instance: DatabaseInstance) -> None:
    take(instance, MONDAY, replace(ANA, is_superuser=True), replace(BEN, has_password=False))
    for flag, names in [("superuser", ["ana"]), ("no_password", ["ben"]), ("any_host", [])]:
        assert [row.name for row in Row.objects.flagged(flag)] == names
    assert not Row.objects.flagged("no%password").exists()
    assert not Row.objects.flagged("super").exists()


def many(count: int) -> list[Account]:
    return [
        replace(
            ANA,
            name=f"role {number}",
            memberships=(Membership("readers"),),
            grants=tuple(
                Grant("table", ("sales", "public", f"t{table}"), "SELECT") for table in range(5)
            ),
            raw={"oid": number},
        )
        for number in range(count)
    ]


def test_an_unchanged_reading_costs_the_same_statements_for_few_and_for_many(
    fake: FakeAdapter, instance: DatabaseInstance
) -> None:
    other = fake.instance("other")
    take(instance, MONDAY, ANA)
    take(other, MONDAY, *many(2000))
    with CaptureQueriesContext(connection) as few:
        take(instance, TUESDAY, ANA)
    with CaptureQueriesContext(connection) as lots:
        take(other, TUESDAY, *many(2000))
    assert len(few) == len(lots) < 10


def test_twenty_thousand_accounts_are_written_in_batches(
    instance: DatabaseInstance, django_assert_max_num_queries: Any
) -> None:
    listing = many(20_000)
    batch = min(accounts.BATCH, connection.ops.bulk_batch_size([None] * 17, listing))
    with django_assert_max_num_queries(20_000 // batch + 20):
        take(instance, MONDAY, *listing)
    assert Row.objects.count() == 20_000
    superusers = [replace(account, is_superuser=True) for account in listing[:10]]
    with django_assert_max_num_queries(10):
        outcome = take(instance, TUESDAY, *superusers, *listing[10:-1])
    assert counts(outcome) == (19_999, 0, 10, 1)
    assert AccountChange.objects.count() == 11
