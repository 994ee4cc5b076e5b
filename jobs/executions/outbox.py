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
        cursor.execute(_insert(), [list_parameter(execution_ids)])


_TROUBLES = ", ".join(f"'{status.value}'" for status in sorted(TROUBLES))


@cache
def _insert() -> str:
    # Written so that a database cannot begin with the history's failures or retries, of which
    # there may be a million: the batch stands by itself, and LIMIT keeps a look-up one.
    return (
        "WITH batch AS MATERIALIZED ("
        "SELECT id, job_id, status, finished_at FROM jobs_jobexecution "
        f"WHERE {in_list('id', 'bigint')} AND job_id IS NOT NULL) "
        "INSERT INTO jobs_alertevent (execution_id, job_id, status, at) "
        "SELECT b.id, b.job_id, b.status, b.finished_at FROM batch b WHERE "
        f"(b.status IN ({_TROUBLES}) AND (SELECT r.id FROM jobs_jobexecution r "
        f"WHERE r.retry_of_id = b.id AND r.source = '{Source.RETRY.value}' LIMIT 1) IS NULL)"
        f" OR (b.status = '{Status.SUCCEEDED.value}' AND ("
        "EXISTS (SELECT 1 FROM jobs_alertincident i "
        "WHERE i.job_id = b.job_id AND i.closed_at IS NULL)"
        " OR EXISTS (SELECT 1 FROM jobs_alertevent v WHERE v.job_id = b.job_id)"
        f" OR b.job_id IN (SELECT o.job_id FROM batch o WHERE o.status IN ({_TROUBLES}))))"
    )
