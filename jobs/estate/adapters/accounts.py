"""Accounts as every engine tells of them: one vocabulary, and the server's own words beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

Scope = Literal["server", "database", "schema", "table", "column", "routine", "default"]


@dataclass(frozen=True, slots=True, order=True)
class Grant:
    """One privilege, in the server's own word and in upper case, as in SELECT.

    `path` leads to what it is on: nothing for the server, else database, schema (where the
    engine has any), table, column. With scope `default` it is what is granted on objects that
    are yet to be made, and `path` ends in their kind.
    """

    scope: Scope
    path: tuple[str, ...]
    privilege: str
    is_grantable: bool = False


@dataclass(frozen=True, slots=True, order=True)
class Membership:
    """In a role; None where the engine knows no such option or does not tell."""

    role: str
    is_admin: bool = False
    inherits: bool | None = None
    may_set: bool | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """A user or role, its name exactly as the server has it. None is "not known", never guessed.

    `host` is MySQL's part after the @, else empty. `raw` is what the catalog said, JSON, and
    never a password or its hash. `attributes` are further properties by their plain name, as in
    {"create_role": True}. `unread` names the fields of this class that could not be read.
    """

    name: str
    host: str = ""
    is_role: bool = False
    can_login: bool | None = None
    is_superuser: bool | None = None
    is_locked: bool | None = None
    has_password: bool | None = None
    expires_at: datetime | None = None
    """When it can log in no longer, or has to have a new password; None: never, or not known."""
    never_expires: bool | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)
    memberships: tuple[Membership, ...] = ()
    grants: tuple[Grant, ...] = ()
    raw: Mapping[str, Any] = field(default_factory=dict)
    unread: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class AccountListing:
    """Every account of a server. `unread` says of which databases the grants could not be read,
    and why; what was granted there is as it was, as far as is known."""

    accounts: tuple[Account, ...]
    unread: Mapping[str, str] = field(default_factory=dict)
