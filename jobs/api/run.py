"""To ask for a run, and the answer to who does."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, TypedDict

from django.urls import reverse
from django.utils.translation import gettext as _

from jobs.api.endpoint import Endpoint
from jobs.api.envelope import Answer
from jobs.api.idempotency import KEY, REPLAYED_HEADER, once_of, replayed_header
from jobs.api.view import ApiView
from jobs.control import execution
from jobs.control.once import Once
from jobs.control.rights import require_right_to_run
from jobs.errors import Forbidden
from jobs.models import Job, JobExecution, Status
from jobs.models.rights import is_within_limit


class QueuedRun(TypedDict):
    """`url` is where to look for what becomes of it."""

    execution_id: int
    url: str
    status: str


ACCEPTED = Endpoint(
    shows=QueuedRun,
    status=HTTPStatus.ACCEPTED,
    headers=(KEY,),
    answer_headers=("Location", REPLAYED_HEADER),
    raises=(execution.JobBusy, execution.JobBroken, Forbidden),
)
"""The endpoint of whatever asks for a run."""


class RunView(ApiView):
    """A view whose POST queues a run: at first it asks whether that was `replayed`.

    With an `Idempotency-Key`, the same request of the same user is carried out once: sent again
    it gets the first answer, also when the job is busy by then, or gone.
    """

    once: Once | None = None

    def replayed(self) -> Answer | None:
        """The answer that this request got already, if it did."""
        self.once = once_of(self)
        if self.once is None or not is_within_limit(self.request.user, "run_job"):
            return None
        earlier = self.once.earlier(JobExecution)
        if earlier is None or not self._may_see(earlier):
            return None
        return accepted(earlier)

    def _may_see(self, execution: JobExecution) -> bool:
        """Whether the right was not taken away since; there is none on a job that has gone."""
        if not Job.objects.filter(pk=execution.job_id).exists():
            return True
        visible = JobExecution.objects.visible_to(self.request.user)
        return visible.filter(pk=execution.pk).exists()

    def run(self, job: Job, kwargs: Mapping[str, Any] | None, *, force: bool) -> Answer:
        """Queue one run of a job that the user may run; `kwargs`, if given, stand in place of its
        own. Raises Forbidden where that takes more, and what `run_now` raises."""
        own = job.kwargs if kwargs is None else kwargs
        require_right_to_run(self.request.user, job, args=job.args, kwargs=own, force=force)
        queued = execution.run_now(
            job.pk, actor=self.actor, kwargs=kwargs, force=force, once=self.once
        )
        return accepted(queued)


def accepted(queued: JobExecution) -> Answer:
    """Where to look for what becomes of the run; the same answer however late it is repeated."""
    url = reverse("scheduler:execution", args=[queued.pk])
    data: QueuedRun = {"execution_id": queued.pk, "url": url, "status": Status.QUEUED.value}
    return Answer(
        data,
        _("“%(name)s” is queued as execution %(id)s.") % {"name": queued.job_name, "id": queued.pk},
        status=HTTPStatus.ACCEPTED,
        headers={"Location": url, **replayed_header(is_replayed=queued.is_replayed)},
    )
