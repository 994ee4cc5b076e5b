"""What an account may do, as JSON: grants together by what they are on, so that it can be read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

from jobs.estate.adapters.accounts import Account, Grant, Membership

GrantJson = Mapping[str, Any]
"""`scope`, `path`, `is_grantable`, and the `privileges` that are so granted."""


def grants_as_json(grants: Iterable[Grant]) -> list[dict[str, Any]]:
    def place(grant: Grant) -> tuple[str, tuple[str, ...], bool]:
        return grant.scope, grant.path, grant.is_grantable

    return [
        {
            "scope": scope,
            "path": list(path),
            "is_grantable": is_grantable,
            "privileges": sorted(grant.privilege for grant in there),
        }
        for (scope, path, is_grantable), there in groupby(sorted(grants, key=place), key=place)
    ]


def grants_of_json(rows: Iterable[GrantJson]) -> tuple[Grant, ...]:
    return tuple(
        sorted(
            Grant(row["scope"], tuple(row["path"]), privilege, row["is_grantable"])
            for row in rows
            for privilege in row["privileges"]
        )
    )


def memberships_as_json(memberships: Iterable[Membership]) -> list[dict[str, Any]]:
    return [
        {
            "role": membership.role,
            "is_admin": membership.is_admin,
            "inherits": membership.inherits,
            "may_set": membership.may_set,
        }
        for membership in memberships
    ]


def memberships_of_json(rows: Iterable[Mapping[str, Any]]) -> tuple[Membership, ...]:
    return tuple(Membership(**row) for row in rows)


def state_of(account: Account, unread: Sequence[str]) -> dict[str, Any]:
    """What has no column of its own. `unread` names what the last reading could not tell, and
    `unknown` what none has told so far."""
    return {
        "never_expires": account.never_expires,
        "attributes": dict(account.attributes),
        "memberships": memberships_as_json(account.memberships),
        "grants": grants_as_json(account.grants),
        "unread": list(unread),
        "unknown": sorted(account.unread),
    }
