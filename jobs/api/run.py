"""To ask for a run, and the answer to who does."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, TypedDict

from django.contrib.auth.models import AnonymousUser, User
from django.urls import reverse
from django.utils.translation import gettext as _

from jobs.api.endpoint import Endpoint
from jobs.api.envelope import Answer
from jobs.control import execution
from jobs.control.audit import Actor
from jobs.control.rights import require_right_to_run
from jobs.errors import Forbidden
from jobs.models import Job, JobExecution


class QueuedRun(TypedDict):
    """`url` is where to look for what becomes of it."""

    execution_id: int
    url: str
    status: str


ACCEPTED = Endpoint(
    shows=QueuedRun,
    status=HTTPStatus.ACCEPTED,
    answer_headers=("Location",),
    raises=(execution.JobBusy, execution.JobBroken, Forbidden),
)
"""The endpoint of whatever asks for a run."""


def start(
    user: User | AnonymousUser,
    job: Job,
    *,
    kwargs: Mapping[str, Any] | None,
    force: bool,
    actor: Actor,
) -> Answer:
    """Queue one run of a job that the user may run; `kwargs`, if given, stand in place of its
    own. Raises Forbidden where that takes more, and what `run_now` raises."""
    own = job.kwargs if kwargs is None else kwargs
    require_right_to_run(user, job, args=job.args, kwargs=own, force=force)
    return accepted(execution.run_now(job.pk, actor=actor, kwargs=kwargs, force=force))


def accepted(queued: JobExecution) -> Answer:
    """The answer to a request for a run: where to look for what becomes of it."""
    url = reverse("scheduler:execution", args=[queued.pk])
    data: QueuedRun = {"execution_id": queued.pk, "url": url, "status": queued.status}
    return Answer(
        data,
        _("“%(name)s” is queued as execution %(id)s.") % {"name": queued.job_name, "id": queued.pk},
        status=HTTPStatus.ACCEPTED,
        headers={"Location": url},
    )
