"""What is different about an account, and what deserves a second look. Pure: values in, values out.

Nothing that is not known ever counts as different: neither what could not be read, nor what is
read for the first time.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from jobs.estate.adapters.accounts import Account, Grant, Membership
from jobs.estate.models.account import Flag
from jobs.estate.services.account_state import grants_as_json, memberships_as_json

SINGLE = (
    "is_role",
    "can_login",
    "is_superuser",
    "is_locked",
    "has_password",
    "expires_at",
    "never_expires",
)
READ = frozenset({*SINGLE, "attributes", "memberships", "grants"})
"""The fields of an account that a reading may fail to tell."""

NO_DATABASES: frozenset[str] = frozenset()


def merged(
    before: Account | None, read: Account, unread_databases: Collection[str] = NO_DATABASES
) -> Account:
    """What is known after a reading: what it told, and for the rest what was known before.

    In a database of which the grants could not be read none is taken for revoked. `unread` of
    the answer names the fields that have never been told.
    """
    known = before or Account(read.name, read.host, unread=READ)
    unread = read.unread & READ
    kept = {name: getattr(known, name) for name in unread}
    merged = replace(read, **kept, unread=unread & known.unread)
    grants = set(merged.grants)
    if unread_databases and known.grants:
        grants.update(grant for grant in known.grants if _is_in(grant, unread_databases))
    return replace(
        merged,
        memberships=tuple(sorted(merged.memberships, key=lambda membership: membership.role)),
        grants=tuple(sorted(grants)),
    )


def difference(
    before: Account | None,
    after: Account | None,
    *,
    apart: Collection[str] = NO_DATABASES,
) -> dict[str, Any]:
    """By field: `before` and `after`; of memberships and grants, `added` and `removed`. JSON.

    Attributes stand beside the fields under their own names. Of an account that is new or gone
    it is what it has or had. The grants in the databases `apart` are not compared.
    """
    if before is None or after is None:
        return _whole(before, "before", "removed") | _whole(after, "after", "added")
    if before == after:
        return {}
    unknown = before.unread | after.unread
    found: dict[str, Any] = {}
    if "attributes" not in unknown:
        found |= _of_attributes(before.attributes, after.attributes)
    for name in SINGLE:
        old, new = getattr(before, name), getattr(after, name)
        if old != new and name not in unknown and _knows(before, name) and _knows(after, name):
            found[name] = {"before": _json(old), "after": _json(new)}
    if "memberships" not in unknown:
        found |= _of_lists(
            "memberships",
            memberships_as_json(_without(after.memberships, before.memberships)),
            memberships_as_json(_without(before.memberships, after.memberships)),
        )
    if "grants" not in unknown:
        old_grants, new_grants = (
            {grant for grant in account.grants if not _is_in(grant, apart)}
            for account in (before, after)
        )
        found |= _of_lists(
            "grants",
            grants_as_json(new_grants - old_grants),
            grants_as_json(old_grants - new_grants),
        )
    return found


def flags_of(account: Account, *, has_hosts: bool = False) -> list[str]:
    """Sorted. What is not known raises none, and about its login only who can log in has any."""
    logs_in = account.can_login is True and account.is_locked is not True
    raised = {
        Flag.SUPERUSER: account.is_superuser is True,
        Flag.GRANT_OPTION: any(grant.is_grantable for grant in account.grants)
        or any(membership.is_admin for membership in account.memberships),
        Flag.NO_PASSWORD: logs_in and account.has_password is False,
        Flag.NEVER_EXPIRES: logs_in and account.never_expires is True,
        Flag.ANY_HOST: logs_in and has_hosts and not account.host.strip("%"),
    }
    return sorted(flag.value for flag, is_raised in raised.items() if is_raised)


def _whole(account: Account | None, side: str, list_side: str) -> dict[str, Any]:
    """All that it has; what it has not, and what is not known, goes without saying."""
    if account is None:
        return {}
    values = {**account.attributes, **{name: getattr(account, name) for name in SINGLE}}
    lists = {
        "memberships": memberships_as_json(account.memberships),
        "grants": grants_as_json(account.grants),
    }
    return {name: {side: _json(value)} for name, value in values.items() if value} | {
        name: {list_side: rows} for name, rows in lists.items() if rows
    }


def _of_attributes(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """One that is not told at all is as good as off: else a newer version of this program, which
    reads more of them, would find every account changed."""
    found = {}
    for name in sorted({*before, *after}):
        old, new = before.get(name), after.get(name)
        is_off_and_untold = (name not in before and not new) or (name not in after and not old)
        if old != new and not is_off_and_untold:
            found[name] = {"before": _json(old), "after": _json(new)}
    return found


def _of_lists(name: str, added: list[Any], removed: list[Any]) -> dict[str, Any]:
    sides = {side: rows for side, rows in (("added", added), ("removed", removed)) if rows}
    return {name: sides} if sides else {}


def _without(
    memberships: Iterable[Membership], others: Iterable[Membership]
) -> Iterable[Membership]:
    by_role: dict[str, list[Membership]] = {}
    for other in others:
        by_role.setdefault(other.role, []).append(other)
    return [one for one in memberships if not any(_same(one, o) for o in by_role.get(one.role, []))]


def _same(one: Membership, other: Membership) -> bool:
    """An option that a server began or ceased to tell, as at an upgrade, makes no other of it."""
    return one.is_admin == other.is_admin and all(
        getattr(one, option) == getattr(other, option)
        or None in (getattr(one, option), getattr(other, option))
        for option in ("inherits", "may_set")
    )


def _knows(account: Account, name: str) -> bool:
    if name == "expires_at":
        return account.expires_at is not None or account.never_expires is not None
    return getattr(account, name) is not None


def _is_in(grant: Grant, databases: Collection[str]) -> bool:
    return bool(grant.path) and grant.path[0] in databases


def _json(value: Any) -> Any:
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value
