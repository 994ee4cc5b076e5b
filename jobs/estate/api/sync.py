"""Start a sync now, of all instances or of chosen ones."""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request

from jobs.api.envelope import Answer
from jobs.api.job import JobScoped
from jobs.api.permissions import OnThisJob
from jobs.api.run import ACCEPTED, RunView
from jobs.api.strict import Choice, Strict, Text
from jobs.errors import JobNotFound
from jobs.estate.adapters.registry import UnknownEngine
from jobs.estate.api.view import Need, OnTheEstate
from jobs.estate.models import DatabaseInstance
from jobs.estate.services.choice import Choice as ChosenBy
from jobs.estate.services.choice import chosen_instances

JOBS = {
    "capacity": "collect_database_sizes",
    "accounts": "sync_accounts",
    "partitions": "monitor_partition_health",
}
"""The built-in jobs, whose run it is."""

MOST = 1000


def names(**kwargs: Any) -> serializers.ListField:
    child = Text(max_length=100)
    return serializers.ListField(
        child=child, required=False, allow_empty=False, max_length=MOST, **kwargs
    )


class SyncBody(Strict):
    """Without a choice, as the job stands."""

    what = Choice(list(JOBS))
    instances = names()
    engines = names()
    tags = names()


class SyncStart(JobScoped, RunView):
    """A choice takes the right to give that job other arguments than its own."""

    permission_classes = [IsAuthenticated, OnThisJob, OnTheEstate]
    rights = {"POST": "run_job"}
    needs: ClassVar[dict[str, Need]] = {"POST": "view"}
    model = DatabaseInstance

    @ACCEPTED.but(action="job.run", body=SyncBody, raises=(JobNotFound, UnknownEngine))
    def post(self, request: Request) -> Answer:
        """Start a sync now, of all active instances or of chosen ones.

        It runs as the built-in job of its kind. A choice takes the right to manage that job.
        """
        if (answer := self.replayed()) is not None:
            return answer
        body = self.body()
        job = self.job(JOBS[body.pop("what")])
        chosen_instances(ChosenBy(**body))  # for what is wrong with it
        kwargs = {**job.kwargs, **body} if body else None
        return self.run(job, kwargs, force=False)
