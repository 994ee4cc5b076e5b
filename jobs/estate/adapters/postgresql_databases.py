"""The databases of a PostgreSQL server, and what each of them says when it is asked in turn."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from django.utils.translation import gettext as _

from jobs.estate.adapters.errors import DatabaseNotFound, InstanceError, NotReached
from jobs.estate.adapters.postgresql_connection import Transaction, connected_beside

T = TypeVar("T")

SYSTEM_DATABASES = frozenset(
    {"template0", "template1", "rdsadmin", "cloudsqladmin", "azure_maintenance", "azure_sys"}
)
"""By name, not by `datistemplate`: a template of one's own takes space that one wants to see."""

RESERVE_S = 2.0
"""How long before a visit's end no further connection is begun: psycopg waits so long at least."""

LEAST_S = 0.5
"""What a database is given at least, out of the reserve if need be: less were a turn wasted."""


@dataclass(frozen=True, slots=True)
class DatabaseEntry:
    """A row of `pg_database`. `is_home` is the one that the visit is connected to."""

    oid: int
    name: str
    is_home: bool
    is_open: bool
    """`datallowconn`."""
    may_connect: bool
    may_measure: bool

    @property
    def is_system(self) -> bool:
        return self.name in SYSTEM_DATABASES

    @property
    def is_worth_asking(self) -> bool:
        """One of the system's is left alone: who is connected to template1 hinders others."""
        return self.is_home or not self.is_system

    def obstacle(self, username: str) -> str:
        """Why it cannot be asked, or ""."""
        if not self.is_open:
            return _("“%(name)s” lets nobody connect.") % {"name": self.name}
        if not self.may_connect:
            return _("“%(username)s” needs CONNECT on “%(name)s”.") % {
                "username": username,
                "name": self.name,
            }
        return ""


@dataclass(frozen=True, slots=True)
class Answers(Generic[T]):
    """By database. `unread` says why of those that gave no answer; one that has been dropped
    meanwhile is in neither."""

    read: dict[str, T]
    unread: dict[str, str]


def list_databases(home: Transaction) -> list[DatabaseEntry]:
    """Every one of the server, in one statement."""
    rows = home.rows(
        "SELECT oid, datname, datname = current_database(), datallowconn,"
        " coalesce(has_database_privilege(oid, 'CONNECT'), false),"
        " coalesce(has_database_privilege(oid, 'CONNECT'), false)"
        " OR pg_has_role('pg_read_all_stats', 'USAGE')"
        " FROM pg_database"
    )
    return [DatabaseEntry(*row) for row in rows]


def ask_all(home: Transaction, question: Callable[[Transaction], T]) -> Answers[T]:
    """Ask every database but the system's, in an order of chance: where the time is too short
    for all, it is not always the same that go unread."""
    entries = list_databases(home)
    random.shuffle(entries)
    return ask_each(home, entries, question)


def ask_each(
    home: Transaction, entries: Iterable[DatabaseEntry], question: Callable[[Transaction], T]
) -> Answers[T]:
    """Connect to one database after another and ask it, until the time of `home` is nearly over.

    None may take more than half of what is left, so that a stuck one does not starve the others.
    Raises InstanceError only where `home` itself is lost.
    """
    asked = [entry for entry in entries if entry.is_worth_asking]
    answers: Answers[T] = Answers({}, {})
    for place, entry in enumerate(asked, start=1):
        try:
            answers.read[entry.name] = _ask(home, entry, question, is_last=place == len(asked))
        except DatabaseNotFound:
            continue
        except InstanceError as error:
            if home.connection.closed:
                raise
            answers.unread[entry.name] = error.message
    return answers


def _ask(
    home: Transaction,
    entry: DatabaseEntry,
    question: Callable[[Transaction], T],
    *,
    is_last: bool,
) -> T:
    obstacle = "" if entry.is_home else entry.obstacle(home.target.username)
    if obstacle:
        raise InstanceError(obstacle)
    left_s = home.left_s - min(RESERVE_S, home.target.statement_timeout_s / 2)
    if left_s <= 0:
        raise NotReached(home.target.statement_timeout_s)
    share_s = left_s if is_last else max(left_s / 2, LEAST_S)
    if entry.is_home:
        here = home.within(share_s)
        with here.in_words(), here.aside():
            return question(here)
    with connected_beside(home, entry.name, share_s) as there:
        there.begin()
        with there.in_words():
            return question(there)
