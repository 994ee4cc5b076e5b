"""Executions: history, live log, cancel and retry."""

from __future__ import annotations

from django.utils.translation import gettext as _
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request

from jobs.api.endpoint import Endpoint
from jobs.api.envelope import Answer
from jobs.api.execution_filters import ExecutionFilters
from jobs.api.execution_serializers import (
    ExecutionDetailSerializer,
    ExecutionSerializer,
    LogLineSerializer,
    LogMeta,
    LogQuery,
    summaries,
)
from jobs.api.page import KeysetMeta
from jobs.api.paging import page_of
from jobs.api.permissions import OnAnyJob, OnThisJob
from jobs.api.run import ACCEPTED, RunView, accepted
from jobs.api.view import ApiView, Listing
from jobs.control import execution as control
from jobs.control.rights import require_right_to_retry
from jobs.errors import ExecutionNotFound, JobNotFound
from jobs.models import ExecutionLog, JobExecution
from jobs.models.execution import JobExecutionQuerySet


class ExecutionScoped(ApiView):
    """A view of executions, which sees only those of jobs that the user may see."""

    permission_classes = [IsAuthenticated, OnThisJob]
    not_found = ExecutionNotFound

    def get_queryset(self) -> JobExecutionQuerySet:
        return JobExecution.objects.visible_to(self.request.user)

    def asked_about(self) -> tuple[str, str]:
        execution_id = self.kwargs.get("execution_id")
        rows = JobExecution.objects.filter(pk=execution_id)
        job_id = rows.values_list("job_id", flat=True).first()
        return job_id or "", f"#{execution_id}"

    def execution(self, execution_id: str) -> JobExecution:
        """The execution of the path; raises ExecutionNotFound, or for a missing right."""
        found = self.get_queryset().filter(pk=execution_id).first()
        if found is None:
            raise ExecutionNotFound(int(execution_id))
        self.check_object_permissions(self.request, found)
        return found


class ExecutionList(ExecutionScoped, Listing):
    permission_classes = [IsAuthenticated, OnAnyJob]
    rights = {"GET": "view_job"}
    filterset = ExecutionFilters

    @Endpoint(query="paging", filters="filterset", shows=[ExecutionSerializer], meta=KeysetMeta)
    def get(self, request: Request) -> Answer:
        """List executions, the newest first.

        The next page is `before` the `next_before` of `meta`.
        """
        rows, query = self.filtered(summaries(self.get_queryset()))
        page, meta = page_of(rows, query)
        return Answer(ExecutionSerializer(page, many=True).data, meta=meta)


class ExecutionDetail(ExecutionScoped):
    rights = {"GET": "view_job"}

    @Endpoint(shows=ExecutionDetailSerializer)
    def get(self, request: Request, execution_id: str) -> Answer:
        """Show an execution, with its result or its error and traceback."""
        found = self.execution(execution_id)
        self.query()
        return Answer(ExecutionDetailSerializer(found).data)


class ExecutionLogList(ExecutionScoped):
    rights = {"GET": "view_job"}

    @Endpoint(query=LogQuery, shows=[LogLineSerializer], meta=LogMeta)
    def get(self, request: Request, execution_id: str) -> Answer:
        """Read the log of an execution, also while it runs.

        Oldest first; ask again `after` the `next_after` of `meta` until `is_finished`.
        """
        execution = self.execution(execution_id)
        query = self.query()
        lines = ExecutionLog.objects.filter(execution_id=execution.pk, pk__gt=query["after"])
        page = list(lines.order_by("pk")[: query["limit"]])
        return Answer(
            LogLineSerializer(page, many=True).data,
            meta={
                "next_after": page[-1].pk if page else query["after"],
                "status": execution.status,
                "is_finished": execution.is_finished,
            },
        )


class ExecutionCancel(ExecutionScoped):
    rights = {"POST": "run_job"}

    @Endpoint(
        action="execution.cancel",
        shows=ExecutionDetailSerializer,
        raises=(control.NotRunning,),
    )
    def post(self, request: Request, execution_id: str) -> Answer:
        """Cancel an execution that waits or runs.

        One that waits is cancelled at once; one that runs is asked to end, and does at its next
        check.
        """
        found = self.execution(execution_id)
        self.body()
        cancelled = control.cancel(found.pk, actor=self.actor)
        message = (
            _("Execution %(id)s is cancelled.")
            if cancelled.is_finished
            else _("Execution %(id)s is asked to end; it does at its next check.")
        )
        return Answer(ExecutionDetailSerializer(cancelled).data, message % {"id": found.pk})


class ExecutionRetry(ExecutionScoped, RunView):
    rights = {"POST": "run_job"}

    @ACCEPTED.but(action="execution.retry", raises=(control.NotRunning, JobNotFound))
    def post(self, request: Request, execution_id: str) -> Answer:
        """Run an execution that has ended again, with its arguments."""
        if (answer := self.replayed()) is not None:
            return answer
        found = self.execution(execution_id)
        self.body()
        require_right_to_retry(request.user, found)
        return accepted(control.retry(found.pk, actor=self.actor, once=self.once))
