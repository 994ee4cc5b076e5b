"""What is different about an account, and what is not known to be."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from jobs.estate.adapters.accounts import Account, Grant, Membership
from jobs.estate.services.account_difference import READ, SINGLE, difference, flags_of, merged
from jobs.estate.services.account_state import (
    grants_as_json,
    grants_of_json,
    memberships_as_json,
    memberships_of_json,
)

CHRISTMAS = datetime(2026, 12, 25, tzinfo=UTC)
SELECT = Grant("table", ("sales", "public", "orders"), "SELECT")
INSERT = Grant("table", ("sales", "public", "orders"), "INSERT")
CONNECT = Grant("database", ("sales",), "CONNECT")
PROCESS = Grant("server", (), "PROCESS")
ANA = Account(
    "ana",
    can_login=True,
    is_superuser=False,
    is_locked=False,
    has_password=True,
    expires_at=CHRISTMAS,
    never_expires=False,
    attributes={"create_role": False, "connection_limit": None},
    memberships=(Membership("readers"),),
    grants=(CONNECT, SELECT),
)


def after(**changes: Any) -> dict[str, Any]:
    """The difference between Ana as she was and as she is read now."""
    return difference(ANA, merged(ANA, replace(ANA, **changes)))


def test_every_field_of_an_account_but_its_name_is_compared() -> None:
    assert {field.name for field in fields(Account)} - {"name", "host", "raw", "unread"} == READ


def test_what_is_the_same_has_no_difference() -> None:
    assert after() == {}
    assert after(raw={"oid": 17}) == {}


@pytest.mark.parametrize(
    ("field", "value", "before", "now"),
    [
        ("is_role", True, False, True),
        ("can_login", False, True, False),
        ("is_superuser", True, False, True),
        ("is_locked", True, False, True),
        ("has_password", False, True, False),
        ("never_expires", True, False, True),
        ("expires_at", None, CHRISTMAS.isoformat(), None),
    ],
)
def test_a_field_that_changed_is_told_as_before_and_after(
    field: str, value: Any, before: Any, now: Any
) -> None:
    """Pain 41. A lock and a missing password are seen."""
    assert after(**{field: value}) == {field: {"before": before, "after": now}}


def test_a_difference_is_json() -> None:
    found = after(
        expires_at=datetime(2027, 1, 1, tzinfo=UTC), grants=(INSERT,), memberships=(), is_role=True
    )
    assert json.loads(json.dumps(found)) == found


def test_an_attribute_that_changed_is_told_under_its_own_name() -> None:
    assert after(attributes={"create_role": True, "connection_limit": 0}) == {
        "create_role": {"before": False, "after": True},
        "connection_limit": {"before": None, "after": 0},
    }


def test_an_attribute_that_was_not_told_before_is_a_change_only_when_it_is_on() -> None:
    told = {**ANA.attributes, "replication": False, "bypass_row_security": True}
    assert after(attributes=told) == {"bypass_row_security": {"before": None, "after": True}}
    assert difference(replace(ANA, attributes=told), ANA) == {
        "bypass_row_security": {"before": True, "after": None}
    }


def test_grants_are_told_as_added_and_removed_down_to_the_table() -> None:
    """Pain 41. Rights on tables are rights too, and names stand as the server has them."""
    odd = Grant("table", ("Sales 'é'", "Public", "Or.ders"), "SELECT")
    assert after(grants=(CONNECT, INSERT, odd)) == {
        "grants": {
            "added": [
                {
                    "scope": "table",
                    "path": ["Sales 'é'", "Public", "Or.ders"],
                    "is_grantable": False,
                    "privileges": ["SELECT"],
                },
                {
                    "scope": "table",
                    "path": ["sales", "public", "orders"],
                    "is_grantable": False,
                    "privileges": ["INSERT"],
                },
            ],
            "removed": [
                {
                    "scope": "table",
                    "path": ["sales", "public", "orders"],
                    "is_grantable": False,
                    "privileges": ["SELECT"],
                }
            ],
        }
    }


def test_a_grant_option_is_another_grant() -> None:
    found = after(grants=(CONNECT, replace(SELECT, is_grantable=True)))["grants"]
    assert [grant["is_grantable"] for grant in found["added"]] == [True]
    assert [grant["is_grantable"] for grant in found["removed"]] == [False]


def test_the_order_in_which_a_server_lists_things_is_no_difference() -> None:
    readers = (Membership("writers", is_admin=True), Membership("readers"))
    before = merged(None, replace(ANA, memberships=readers, grants=(SELECT, CONNECT)))
    now = merged(None, replace(ANA, memberships=readers[::-1], grants=(CONNECT, SELECT)))
    assert before == now
    assert difference(before, now) == {}


def test_a_membership_with_another_option_is_told() -> None:
    found = after(memberships=(Membership("readers", is_admin=True),))["memberships"]
    assert (found["added"][0]["is_admin"], found["removed"][0]["is_admin"]) == (True, False)


def test_a_membership_option_that_a_newer_server_begins_to_tell_is_no_change() -> None:
    told = replace(ANA, memberships=(Membership("readers", inherits=True, may_set=True),))
    assert difference(ANA, told) == {}
    assert difference(told, ANA) == {}
    revoked = replace(ANA, memberships=(Membership("readers", inherits=True, may_set=False),))
    assert list(difference(told, revoked)) == ["memberships"]


@pytest.mark.parametrize("field", sorted(READ))
def test_what_could_not_be_read_stays_as_it_was_and_is_no_change(field: str) -> None:
    """Pain 35. A failed query is no history of revoked rights."""
    blank = replace(Account("ana"), unread=frozenset({field}))
    now = merged(ANA, blank)
    assert getattr(now, field) == getattr(ANA, field)
    assert now.unread == frozenset()
    assert field not in difference(ANA, now)


@pytest.mark.parametrize("field", sorted(READ))
def test_what_is_read_for_the_first_time_is_no_change(field: str) -> None:
    never = merged(None, replace(ANA, unread=frozenset({field})))
    assert never.unread == {field}
    assert getattr(never, field) == getattr(Account("ana"), field)
    again = merged(never, replace(ANA, unread=frozenset({field})))
    assert again == never
    assert difference(never, merged(again, ANA)) == {}


@pytest.mark.parametrize("field", sorted({*SINGLE} - {"is_role", "expires_at"}))
def test_not_known_is_never_a_difference(field: str) -> None:
    unknown = replace(ANA, **{field: None})
    assert difference(ANA, unknown) == {}
    assert difference(unknown, ANA) == {}


def test_an_expiry_that_is_not_known_is_no_difference_to_one_that_is() -> None:
    unknown = replace(ANA, expires_at=None, never_expires=None)
    assert difference(ANA, unknown) == {}
    assert difference(unknown, ANA) == {}


def test_in_a_database_that_could_not_be_read_nothing_is_revoked() -> None:
    """Pain 35. The others are compared all the same."""
    elsewhere = Grant("table", ("stock", "public", "parts"), "SELECT")
    before = replace(ANA, grants=(CONNECT, PROCESS, SELECT, elsewhere))
    now = merged(before, replace(ANA, grants=(CONNECT,)), {"sales"})
    assert now.grants == (CONNECT, SELECT)
    removed = difference(before, now)["grants"]["removed"]
    assert [grant["path"] for grant in removed] == [[], ["stock", "public", "parts"]]


def test_grants_in_databases_set_apart_are_not_compared() -> None:
    server = replace(ANA, grants=(PROCESS,))
    found = difference(server, replace(ANA, grants=(CONNECT, SELECT)), apart={"sales"})
    assert found == {"grants": {"removed": grants_as_json([PROCESS])}}


def test_of_a_new_account_it_is_told_what_it_has() -> None:
    found = difference(None, replace(ANA, is_superuser=True))
    assert found == {
        "can_login": {"after": True},
        "is_superuser": {"after": True},
        "has_password": {"after": True},
        "expires_at": {"after": CHRISTMAS.isoformat()},
        "memberships": {"added": memberships_as_json(ANA.memberships)},
        "grants": {"added": grants_as_json(ANA.grants)},
    }


def test_of_a_gone_account_it_is_told_what_it_had() -> None:
    found = difference(ANA, None)
    assert found["can_login"] == {"before": True}
    assert found["grants"] == {"removed": grants_as_json(ANA.grants)}
    assert "is_superuser" not in found


NOTHING_KNOWN = Account("ana", host="%")
LOGS_IN = Account("ana", host="10.0.0.1", can_login=True)


@pytest.mark.parametrize(
    ("account", "flags"),
    [
        (NOTHING_KNOWN, []),
        (LOGS_IN, []),
        (replace(LOGS_IN, is_superuser=True), ["superuser"]),
        (replace(LOGS_IN, grants=(SELECT,)), []),
        (replace(LOGS_IN, grants=(replace(SELECT, is_grantable=True),)), ["grant_option"]),
        (replace(LOGS_IN, memberships=(Membership("r", is_admin=True),)), ["grant_option"]),
        (replace(LOGS_IN, has_password=False), ["no_password"]),
        (replace(LOGS_IN, has_password=False, is_locked=True), []),
        (replace(LOGS_IN, has_password=False, can_login=False), []),
        (replace(LOGS_IN, has_password=False, can_login=None), []),
        (replace(LOGS_IN, never_expires=True), ["never_expires"]),
        (replace(LOGS_IN, never_expires=True, can_login=False), []),
        (replace(LOGS_IN, host="%"), ["any_host"]),
        (replace(LOGS_IN, host=""), ["any_host"]),
        (replace(LOGS_IN, host="%.example.com"), []),
        (replace(LOGS_IN, host="%", can_login=False), []),
        (replace(LOGS_IN, host="%", is_locked=True), []),
        (
            replace(LOGS_IN, host="%", is_superuser=True, has_password=False, never_expires=True),
            ["any_host", "never_expires", "no_password", "superuser"],
        ),
    ],
)
def test_flags_are_raised_by_what_is_known_alone(account: Account, flags: list[str]) -> None:
    assert flags_of(account, has_hosts=True) == flags


def test_where_accounts_have_no_hosts_an_empty_one_is_no_wildcard() -> None:
    assert flags_of(replace(LOGS_IN, host="")) == []


def test_grants_come_back_from_json_as_they_were() -> None:
    given = {replace(SELECT, is_grantable=True), SELECT, INSERT, CONNECT, PROCESS}
    stored = json.loads(json.dumps(grants_as_json(given)))
    assert grants_of_json(stored) == tuple(sorted(given))
    assert len(stored) == 4


def test_memberships_come_back_from_json_as_they_were() -> None:
    given = (Membership("a", True, None, False), Membership("b"))
    assert memberships_of_json(json.loads(json.dumps(memberships_as_json(given)))) == given
