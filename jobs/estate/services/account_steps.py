"""What a reading does to the row of each account, and what there is to tell of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from jobs.estate.adapters import accounts as read
from jobs.estate.models.account import Account
from jobs.estate.models.account_change import AccountChange, AccountChangeKind
from jobs.estate.models.instance import DatabaseInstance
from jobs.estate.services.account_difference import difference, flags_of, merged
from jobs.estate.services.account_state import grants_of_json, memberships_of_json, state_of

TOLD = (
    "is_role",
    "can_login",
    "is_superuser",
    "is_locked",
    "has_password",
    "expires_at",
    "state",
    "raw",
    "flags",
    "removed_at",
)
"""The columns that a reading decides."""


@dataclass(frozen=True, slots=True)
class Step:
    """`row` as it is to be, which may be as it was, and the change, where there is one."""

    row: Account
    is_to_write: bool
    change: AccountChange | None


@dataclass(frozen=True, slots=True)
class Reading:
    """The circumstances of a reading. `now` in UTC; of databases, those whose grants could not
    be read, and those whose grants could be read for the first time."""

    instance: DatabaseInstance
    now: datetime
    has_hosts: bool
    unread: frozenset[str] = frozenset()
    learned: frozenset[str] = frozenset()

    def steps(
        self, accounts: Iterable[read.Account], stored: Mapping[tuple[str, str], Account]
    ) -> Iterator[Step]:
        """One for each account that is there or was. Changes the rows, and saves nothing."""
        seen = set()
        for account in accounts:
            key = (account.name, account.host)
            seen.add(key)
            row = stored.get(key)
            if row is None:
                yield self._add(account)
            elif row.removed_at is not None:
                yield self._bring_back(row, account)
            else:
                yield self._compare(row, account)
        for key, row in stored.items():
            if key not in seen and row.removed_at is None:
                yield self._remove(row)

    def _add(self, account: read.Account) -> Step:
        row = Account(
            instance=self.instance, name=account.name, host=account.host, first_seen=self.now
        )
        after = self._tell(row, account, None)
        found = difference(None, after)
        return Step(row, True, self._change(row, AccountChangeKind.ADDED, found, row.flags))

    def _bring_back(self, row: Account, account: read.Account) -> Step:
        """It may be another of the same name, so nothing of the old one is taken for granted."""
        before = known(row)
        row.removed_at = None
        after = self._tell(row, account, None)
        found = difference(before, after, apart=self.unread | self.learned)
        return Step(row, True, self._change(row, AccountChangeKind.REAPPEARED, found, row.flags))

    def _compare(self, row: Account, account: read.Account) -> Step:
        columns, flags, before = _told(row), row.flags, known(row)
        after = self._tell(row, account, before)
        found = difference(before, after, apart=self.learned)
        gained = [flag for flag in row.flags if flag not in flags]
        change = self._change(row, AccountChangeKind.CHANGED, found, gained) if found else None
        return Step(row, _told(row) != columns, change)

    def _remove(self, row: Account) -> Step:
        row.removed_at = self.now
        found = difference(known(row), None)
        return Step(row, True, self._change(row, AccountChangeKind.REMOVED, found, []))

    def _tell(
        self, row: Account, account: read.Account, before: read.Account | None
    ) -> read.Account:
        """Put onto the row what is known now, which is returned."""
        after = merged(before, account, self.unread)
        row.is_role = after.is_role
        row.can_login = after.can_login
        row.is_superuser = after.is_superuser
        row.is_locked = after.is_locked
        row.has_password = after.has_password
        row.expires_at = after.expires_at
        row.state = state_of(after, sorted(account.unread))
        row.raw = dict(account.raw)
        row.flags = flags_of(after, has_hosts=self.has_hosts)
        row.last_seen = self.now
        return after

    def _change(
        self, row: Account, kind: AccountChangeKind, found: dict[str, Any], flags: list[str]
    ) -> AccountChange:
        return AccountChange(
            account=row,
            instance=self.instance,
            at=self.now,
            kind=kind,
            difference=found,
            flags=flags,
        )


def known(row: Account) -> read.Account:
    """What was known of an account when it was last read."""
    state = row.state
    return read.Account(
        name=row.name,
        host=row.host,
        is_role=row.is_role,
        can_login=row.can_login,
        is_superuser=row.is_superuser,
        is_locked=row.is_locked,
        has_password=row.has_password,
        expires_at=row.expires_at,
        never_expires=state["never_expires"],
        attributes=state["attributes"],
        memberships=memberships_of_json(state["memberships"]),
        grants=grants_of_json(state["grants"]),
        raw=row.raw,
        unread=frozenset(state["unknown"]),
    )


def _told(row: Account) -> tuple[Any, ...]:
    return tuple(getattr(row, name) for name in TOLD)
