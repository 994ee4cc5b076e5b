"""The rows of the list of jobs: read by one statement, each with what the user may do with it."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2s
from typing import Any

from django.contrib.auth.models import User
from django.db.models import BooleanField, ExpressionWrapper, Q, Value
from django.db.models.expressions import Combinable

from jobs.admin.bars import MOST
from jobs.executions import last_runs
from jobs.executions.database import database_clock
from jobs.models import Job
from jobs.models.rights import Right, visible_job_ids


def read_rows(user: User, ids: Sequence[str]) -> list[Any]:
    """Those of the jobs that the user may see, in the order of `ids`.

    Beside what `with_schedule` and `with_running` tell, each has `runs` (`LastRun`, the newest
    first), `may_run`, `may_manage`, the time `seen_at` which it was read, and `revision`, which
    differs when the row has to be shown anew.
    """
    now = database_clock()
    rows: Any = (
        Job.objects.visible_to(user)
        .filter(pk__in=ids)
        .with_schedule(now)
        .with_running()
        .annotate(
            seen_at=now,
            last_runs=last_runs.last_runs(MOST),
            may_run=_may(user, "run_job"),
            may_manage=_may(user, "manage_job"),
        )
    )
    found = {job.pk: job for job in rows}
    for job in found.values():
        job.runs = last_runs.read(job.last_runs)
        job.revision = _revision(job)
    return [found[key] for key in ids if key in found]


def _may(user: User, right: Right) -> Combinable:
    held = visible_job_ids(user, right)
    if held is None:
        return Value(True)
    return ExpressionWrapper(Q(pk__in=held), output_field=BooleanField())


def _revision(job: Any) -> str:
    """Of all that a row shows but the time that passes."""
    shown = (
        *(job.version, job.state, job.problem, job.next_run_time, job.running),
        *(job.last_runs, job.may_run, job.may_manage),
    )
    return blake2s(repr(shown).encode("utf-8", "backslashreplace"), digest_size=6).hexdigest()
