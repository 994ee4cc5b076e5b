"""The outbox of alerts: verdicts that may matter, noted in the transaction that writes them.

What becomes of them is worked out later, by the leader (`jobs.alerts`), so that a tick pays for
one statement, and for none while there is no rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from django.db.backends.utils import CursorWrapper

from jobs.executions.database import in_list, list_parameter
from jobs.models.alert import TROUBLES
from jobs.models.execution import Source, Status


def note_verdicts(cursor: CursorWrapper, execution_ids: Sequence[int]) -> None:
    """Note those of the executions, whose verdicts were just written, that may matter to a rule.

    Failures, unless they are tried again: then it is the last attempt that counts. Successes, if
    anything is wrong with their jobs: an incident, or a failure that is yet to be judged or is
    among these executions. As the rows stand, so nothing that another process has decided
    otherwise.
    """
    if execution_ids:
        ids = list_parameter(execution_ids)
        cursor.execute(_insert(), [ids, ids])


_TROUBLES = ", ".join(f"'{status.value}'" for status in sorted(TROUBLES))


@cache
def _insert() -> str:
    return (
        "INSERT INTO jobs_alertevent (execution_id, job_id, status, at) "
        "SELECT e.id, e.job_id, e.status, e.finished_at FROM jobs_jobexecution e "
        f"WHERE {in_list('e.id', 'bigint')} AND e.job_id IS NOT NULL AND ("
        f"(e.status IN ({_TROUBLES}) AND NOT EXISTS (SELECT 1 FROM jobs_jobexecution r "
        f"WHERE r.retry_of_id = e.id AND r.source = '{Source.RETRY.value}'))"
        f" OR (e.status = '{Status.SUCCEEDED.value}' AND ("
        "EXISTS (SELECT 1 FROM jobs_alertincident i "
        "WHERE i.job_id = e.job_id AND i.closed_at IS NULL)"
        " OR EXISTS (SELECT 1 FROM jobs_alertevent v WHERE v.job_id = e.job_id)"
        f" OR e.job_id IN (SELECT o.job_id FROM jobs_jobexecution o "
        f"WHERE {in_list('o.id', 'bigint')} AND o.status IN ({_TROUBLES})))))"
    )
