"""The lease as everything that dispatches must check it: same holder, same epoch."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

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


def hold(cursor: CursorWrapper, lease: Lease, *, frozen_limit_s: float) -> datetime:
    """Lock the lease's row until the transaction ends; the database's time (UTC).

    Raises LeaseLost if another has it. On PostgreSQL the server ends this transaction by
    itself when the process is frozen in the middle of it for `frozen_limit_s`; on SQLite the
    immediate transaction is the lock.
    """
    if is_postgresql():
        limit = str(int(frozen_limit_s * 1000))
        cursor.execute(
            "SELECT holder, epoch, clock_timestamp(), "
            "set_config('idle_in_transaction_session_timeout', %s, true), "
            "set_config('statement_timeout', %s, true) "
            "FROM jobs_schedulerlease WHERE id = 1 FOR UPDATE",
            [limit, limit],
        )
    else:
        cursor.execute("SELECT holder, epoch, NULL FROM jobs_schedulerlease WHERE id = 1")
    row = cursor.fetchone()
    if row is None or (row[0], row[1]) != (lease.holder, lease.epoch):
        raise LeaseLost(row[0] if row else "")
    return from_database(row[2]) or datetime.now(UTC)
