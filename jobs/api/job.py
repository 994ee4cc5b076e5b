"""Jobs: list, create, show, change, delete."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from django.db.models import F
from django.http import HttpResponseBase, HttpResponseNotModified
from django.urls import reverse
from django.utils.translation import gettext as _
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request

from jobs.api.endpoint import Component, Endpoint
from jobs.api.envelope import Answer
from jobs.api.etag import IF_MATCH, IF_NONE_MATCH, etag, expected_version, is_known
from jobs.api.idempotency import KEY, REPLAYED_HEADER, once_of, replayed_header
from jobs.api.job_filters import JobFilters, JobPage
from jobs.api.job_id import create_by_function
from jobs.api.job_serializers import JobDetailSerializer, JobSerializer
from jobs.api.page import PageMeta
from jobs.api.paging import page_meta, stretch_of
from jobs.api.permissions import OnAllJobs, OnAnyJob, OnThisJob
from jobs.api.view import ApiView, Listing
from jobs.api.wire import read_job, read_trigger
from jobs.control import job as control
from jobs.errors import Forbidden, JobNotFound, NotFound
from jobs.executions.job_rows import job_rows, page_of_jobs
from jobs.models import Job
from jobs.models.job import JobQuerySet

CREATED = Endpoint(
    action="job.create",
    shows=JobDetailSerializer,
    status=HTTPStatus.CREATED,
    headers=(KEY,),
    answer_headers=("ETag", "Location", REPLAYED_HEADER),
    raises=(control.JobExists,),
)
CHANGED = Endpoint(
    action="job.change",
    shows=JobDetailSerializer,
    headers=(IF_MATCH,),
    answer_headers=("ETag",),
    raises=(control.BuiltinProtected,),
)


class JobScoped(ApiView):
    """A view of jobs, which sees only those that the user may see."""

    permission_classes = [IsAuthenticated, OnThisJob]
    not_found = JobNotFound

    def get_queryset(self) -> JobQuerySet:
        return Job.objects.visible_to(self.request.user)

    def job(self, job_id: str) -> Job:
        """The job of the path; raises JobNotFound, or for a missing right."""
        found = self.get_queryset().filter(pk=job_id).first()
        if found is None:
            raise JobNotFound(job_id)
        self.check_object_permissions(self.request, found)
        return found

    def shown(
        self,
        job_id: str,
        message: str | None = None,
        *,
        status: HTTPStatus = HTTPStatus.OK,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """A job as it stands now."""
        found = job_rows([job_id])
        if not found:  # deleted meanwhile
            raise JobNotFound(job_id)
        (job,) = found
        data = JobDetailSerializer(job).data
        headers = {"ETag": etag(job.version), **(headers or {})}
        return Answer(data, message, status=status, headers=headers)


class JobList(JobScoped, Listing):
    rights = {"GET": "view_job", "POST": "manage_job"}
    filterset = JobFilters
    paging = JobPage

    def get_permissions(self) -> list[Any]:
        # A right on one job shows a list of that one; to create takes the right on all.
        scope = OnAllJobs() if self.request.method == "POST" else OnAnyJob()
        return [IsAuthenticated(), scope]

    @Endpoint(
        query="paging",
        filters="filterset",
        shows=[JobSerializer],
        meta=PageMeta,
        raises=(NotFound,),
    )
    def get(self, request: Request) -> Answer:
        """List the jobs that you may see.

        Without `ordering` by id. The next page has the next number; `meta` counts them.
        """
        jobs, query = self.filtered(self.get_queryset())
        offset, limit = stretch_of(query)
        page, count = page_of_jobs(_ordered(jobs, query["ordering"]), offset=offset, limit=limit)
        return Answer(JobSerializer(page, many=True).data, meta=page_meta(query, count))

    @CREATED.but(body=Component("NewJob"))
    def post(self, request: Request) -> Answer:
        """Create a job.

        The parameters of its trigger stand in `trigger_params`, or flat in the body.
        """
        sent = read_job(self.json_object())
        with sent.naming_fields():
            return self.created(control.create(sent.fields, actor=self.actor, once=once_of(self)))

    def created(self, job: Job) -> Answer:
        """The job as it stands now, however late the answer is repeated."""
        message = _("The job “%(id)s” is created.") % {"id": job.pk}
        url = reverse("scheduler:job", args=[job.pk])
        headers = {"Location": url, **replayed_header(is_replayed=job.is_replayed)}
        return self.shown(job.pk, message, status=HTTPStatus.CREATED, headers=headers)


class JobByFunction(JobList):
    http_method_names = ["post"]
    rights = {"POST": "manage_job"}

    @CREATED.but(body=Component("NewJobByFunction"))
    def post(self, request: Request) -> Answer:
        """Create a job from a function's name.

        Without an `id` it gets one made from that name, such as `send_report-2`.
        """
        sent = read_job(self.json_object())
        with sent.naming_fields():
            job = create_by_function(sent.fields, actor=self.actor, once=once_of(self))
            return self.created(job)


class JobDetail(JobScoped):
    rights = {
        "GET": "view_job",
        "PUT": "manage_job",
        "PATCH": "manage_job",
        "DELETE": "manage_job",
    }

    @Endpoint(shows=JobDetailSerializer, headers=(IF_NONE_MATCH,), answer_headers=("ETag",))
    def get(self, request: Request, job_id: str) -> HttpResponseBase:
        """Show a job, with its next occurrences and its last executions."""
        found = self.job(job_id)
        self.query()
        if is_known(request, found.version):
            return HttpResponseNotModified(headers={"ETag": etag(found.version)})
        return self.shown(job_id)

    @CHANGED.but(body=Component("Trigger"), raises=(Forbidden,))
    def put(self, request: Request, job_id: str) -> Answer:
        """Change the trigger of a built-in job.

        Any other job is changed by PATCH.
        """
        if not self.job(job_id).is_builtin:
            raise Forbidden(
                _("PUT changes the trigger of built-in jobs only; change “%(id)s” by PATCH.")
                % {"id": job_id}
            )
        sent = read_trigger(self.json_object())
        with sent.naming_fields():
            return self.changed(job_id, sent.fields)

    @CHANGED.but(body=Component("JobChanges"))
    def patch(self, request: Request, job_id: str) -> Answer:
        """Change fields of a job; those that are absent stay as they are.

        Of a built-in job its trigger, its switch and its policies.
        """
        self.job(job_id)
        sent = read_job(self.json_object())
        with sent.naming_fields():
            return self.changed(job_id, sent.fields)

    def changed(self, job_id: str, changes: dict[str, Any]) -> Answer:
        expected = expected_version(self.request)
        control.change(job_id, changes, actor=self.actor, expected_version=expected)
        return self.shown(job_id, _("The job “%(id)s” is changed.") % {"id": job_id})

    @Endpoint(action="job.delete", headers=(IF_MATCH,), raises=(control.BuiltinProtected,))
    def delete(self, request: Request, job_id: str) -> Answer:
        """Delete a job; its history stays.

        A built-in job cannot be deleted, but disabled.
        """
        self.job(job_id)
        self.body()
        control.delete(job_id, actor=self.actor, expected_version=expected_version(request))
        message = _("The job “%(id)s” is deleted; its history stays.") % {"id": job_id}
        return Answer(None, message)


def _ordered(jobs: Any, ordering: str) -> Any:
    name = ordering.removeprefix("-")
    if name == "id":
        return jobs.order_by(ordering)
    if name == "next_run_time":
        jobs = jobs.with_next_run()
    field = F(name)
    order = field.desc(nulls_last=True) if ordering != name else field.asc(nulls_last=True)
    return jobs.order_by(order, "id")
