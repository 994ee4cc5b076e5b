"""Which executions are attempts at the same thing: retries, and runs that somebody repeated."""

from __future__ import annotations

from django.db import connection

LONGEST = 50
"""Attempts of a chain that are told of, and steps back to its first one."""


def attempts_of(execution_id: int) -> list[int]:
    """Ids of the first attempt and of all that followed it, oldest first; at most 50.

    An attempt that was removed ends the chain: what came before it is not found.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH RECURSIVE earlier (id, retry_of_id, steps) AS ("
            "SELECT id, retry_of_id, 0 FROM jobs_jobexecution WHERE id = %s "
            "UNION ALL SELECT e.id, e.retry_of_id, steps + 1 FROM jobs_jobexecution e "
            "JOIN earlier ON e.id = earlier.retry_of_id WHERE steps < %s), "
            "later (id) AS ("
            "SELECT * FROM (SELECT id FROM earlier ORDER BY steps DESC LIMIT 1) AS first "
            "UNION ALL SELECT e.id FROM jobs_jobexecution e "
            "JOIN later ON e.retry_of_id = later.id) "
            "SELECT id FROM later LIMIT %s",
            [execution_id, LONGEST, LONGEST],
        )
        return sorted(row[0] for row in cursor.fetchall())
