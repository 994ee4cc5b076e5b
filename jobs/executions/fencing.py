"""The lease as everything that dispatches must check it: same holder, same epoch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from django.utils.translation import gettext as _

from jobs.errors import Conflict
from jobs.executions.database import from_database, is_postgresql


class LeaseLost(Conflict):
    """Another scheduler leads now; nothing may be dispatched by this one."""

    code = "lease_lost"

    def __init__(self, holder: str) -> None:
        self.holder = holder
        super().__init__(
            _("The lease is held by %(holder)s now.") % {"holder": holder or _("nobody")}
        )


@dataclass(frozen=True, slots=True)
class Lease:
    """What a leader has: its own id, the lease's epoch, and when it took it (UTC)."""

    holder: str
    epoch: int
    since: datetime


@contextmanager
def bounded(limit_s: float) -> Iterator[CursorWrapper]:
    """A transaction that nobody can hang: every write of the scheduler's loop is in one.

    On PostgreSQL the server ends it when a statement takes longer than `limit_s` or waits for
    a lock for half of that, or when this process is frozen in the middle of it. On SQLite the
    busy timeout bounds the wait for the write lock.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        if is_postgresql():
            cursor.execute(f"SELECT {LIMITS}", limits(limit_s))
        yield cursor


@contextmanager
def leading(lease: Lease, limit_s: float) -> Iterator[tuple[CursorWrapper, datetime]]:
    """A `bounded` transaction that holds the lease to its end; and the database's time (UTC).

    Raises LeaseLost if another has it. On SQLite the immediate transaction is the lock.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        if is_postgresql():
            cursor.execute(
                f"SELECT holder, epoch, clock_timestamp(), {LIMITS} "
                "FROM jobs_schedulerlease WHERE id = 1 FOR UPDATE",
                limits(limit_s),
            )
        else:
            cursor.execute("SELECT holder, epoch, NULL FROM jobs_schedulerlease WHERE id = 1")
        row = cursor.fetchone()
        if row is None or (row[0], row[1]) != (lease.holder, lease.epoch):
            raise LeaseLost(row[0] if row else "")
        yield cursor, from_database(row[2]) or datetime.now(UTC)


LIMITS = (
    "set_config('idle_in_transaction_session_timeout', %s, true), "
    "set_config('statement_timeout', %s, true), set_config('lock_timeout', %s, true)"
)


def limits(limit_s: float) -> list[str]:
    """The values of LIMITS."""
    whole, half = str(max(int(limit_s * 1000), 2)), str(max(int(limit_s * 500), 1))
    return [whole, whole, half]
