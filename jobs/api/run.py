"""Asking for a run: who may with which arguments, and the answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from django.contrib.auth.models import AnonymousUser, User
from django.urls import reverse
from django.utils.translation import gettext as _

from jobs.api.envelope import Answer
from jobs.control.audit import differing
from jobs.errors import Forbidden
from jobs.models import Job, JobExecution
from jobs.models.rights import has_right
from jobs.registry import find_task


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


def accepted(execution: JobExecution) -> Answer:
    """The answer to a request for a run: where to look for what becomes of it."""
    url = reverse("scheduler:execution", args=[execution.pk])
    return Answer(
        {"execution_id": execution.pk, "url": url, "status": execution.status},
        _("“%(name)s” is queued as execution %(id)s.")
        % {"name": execution.job_name, "id": execution.pk},
        status=HTTPStatus.ACCEPTED,
        headers={"Location": url},
    )
