"""Who may ask for a run with which arguments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib.auth.models import AnonymousUser, User
from django.utils.translation import gettext as _

from jobs.control.audit import differing
from jobs.errors import Forbidden
from jobs.models import Job, JobExecution
from jobs.models.rights import has_right
from jobs.registry import find_task


def require_right_to_retry(user: User | AnonymousUser, execution: JobExecution) -> None:
    """As `require_right_to_run`, for the arguments of an earlier run; else anybody who may run
    the job could repeat what only a manager could ask for."""
    job = Job.objects.filter(pk=execution.job_id).first()
    if job is not None:
        require_right_to_run(user, job, args=execution.args, kwargs=execution.kwargs, force=False)


def require_right_to_run(
    user: User | AnonymousUser,
    job: Job,
    *,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    force: bool,
) -> None:
    """Raises Forbidden for what takes more than the right to run the job as it stands."""
    task = find_task(job.function)
    own = {"args": job.args, "kwargs": job.kwargs}
    is_other = differing(own, {"args": args, "kwargs": kwargs})
    is_open = not is_other or (task is not None and task.allow_kwargs_override)
    if (is_open and not force) or has_right(user, "manage_job", job.pk):
        return
    raise Forbidden(
        _("Only who manages “%(id)s” may force a run.") % {"id": job.pk}
        if force
        else _(
            "Only who manages “%(id)s” may run it with other arguments than its own, "
            "because %(function)s does not allow that."
        )
        % {"id": job.pk, "function": job.function}
    )
