"""To watch a run from outside: its log lines, its progress, its verdict, and its next attempts.

Only reads. Whoever stops watching stops nothing else.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from django.db import Error as DatabaseFault
from django.db import connection
from django.utils.translation import gettext as _

from jobs.executions.database import database_now
from jobs.health.findings import leadership
from jobs.health.processes import living
from jobs.models import ExecutionLog, JobExecution, Source

LOOK_EVERY_S = 0.4
ASK_HEALTH_EVERY_S = 4.0
"""The first time after that, too: what may only be slow is no trouble."""
LINES_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class News:
    """What one look has found: the run as it is now, what it said since the last, and what is
    wrong with who should run it (each sentence once)."""

    execution: JobExecution
    lines: list[ExecutionLog] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    is_ended: bool = False
    """It has its verdict, and all that it said was read."""
    following: JobExecution | None = None
    """Its next attempt, once it has ended."""


class Watch:
    """Looks again and again at an execution, and then at each attempt that follows it."""

    def __init__(self, execution: JobExecution, *, after: int = 0) -> None:
        """Log lines up to the id `after` are known."""
        self.execution = execution
        self._after = after
        self._ask_health_at = time.monotonic() + ASK_HEALTH_EVERY_S
        self._told: set[str] = set()

    def news(self) -> Iterator[News]:
        """Ends after the last attempt's verdict. While the database is away, it tries again."""
        while True:
            try:
                found = self._look()
            except DatabaseFault as fault:
                connection.close()
                found = News(self.execution, troubles=self._new({"database": _away(fault)}))
            yield found
            if found.following is not None:
                self.execution, self._after = found.following, 0
            elif found.is_ended:
                return
            elif len(found.lines) < LINES_AT_ONCE:
                time.sleep(LOOK_EVERY_S)

    def _look(self) -> News:
        # The verdict before the lines: so none of the last is overlooked.
        self.execution.refresh_from_db()
        rows = ExecutionLog.objects.filter(execution_id=self.execution.pk, pk__gt=self._after)
        lines = list(rows.order_by("pk")[:LINES_AT_ONCE])
        following, troubles = None, []
        is_ended = self.execution.is_finished and len(lines) < LINES_AT_ONCE
        if is_ended:
            # It was written with the verdict.
            retries = JobExecution.objects.filter(retry_of=self.execution.pk, source=Source.RETRY)
            following = retries.first()
        else:
            troubles = self._troubles()
        self._after = lines[-1].pk if lines else self._after
        return News(self.execution, lines, troubles, is_ended, following)

    def _troubles(self) -> list[str]:
        if time.monotonic() < self._ask_health_at:
            return []  # and what is wrong goes on
        self._ask_health_at = time.monotonic() + ASK_HEALTH_EVERY_S
        now = database_now()
        found = leadership(living(now).leader, now)
        return self._new({one.code: f"{one.message} {one.fix}" for one in found})

    def _new(self, sentences: Mapping[str, str]) -> list[str]:
        """Of sentences by what they are about, those that begin; what goes on is told once."""
        new = [sentence for code, sentence in sentences.items() if code not in self._told]
        self._told = set(sentences)
        return new


def _away(fault: Exception) -> str:
    error = str(fault).strip().partition("\n")[0]
    return _("The database does not answer; trying again. (%(error)s)") % {"error": error}
