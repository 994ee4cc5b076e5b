"""What can be done to a job: enable, disable, pause, resume, run."""

from __future__ import annotations

from collections.abc import Callable

from django.utils.translation import gettext as _
from rest_framework.request import Request

from jobs.api.endpoint import Endpoint
from jobs.api.envelope import Answer
from jobs.api.etag import IF_MATCH, expected_version
from jobs.api.job import JobScoped
from jobs.api.job_serializers import JobDetailSerializer, PauseBody, RunBody
from jobs.api.run import ACCEPTED, RunView
from jobs.control import job
from jobs.models import Job

SWITCHED = Endpoint(shows=JobDetailSerializer, headers=(IF_MATCH,), answer_headers=("ETag",))


class JobSwitch(JobScoped):
    """The actions that take nothing but the job."""

    rights = {"POST": "manage_job"}

    def switched(self, job_id: str, switch: Callable[..., Job], message: str) -> Answer:
        self.job(job_id)
        self.body()
        switch(job_id, actor=self.actor, expected_version=expected_version(self.request))
        return self.shown(job_id, message % {"id": job_id})


class JobEnable(JobSwitch):
    @SWITCHED.but(action="job.enable")
    def post(self, request: Request, job_id: str) -> Answer:
        """Switch a job on. What was due meanwhile is not run."""
        return self.switched(job_id, job.enable, _("The job “%(id)s” is enabled."))


class JobDisable(JobSwitch):
    @SWITCHED.but(action="job.disable")
    def post(self, request: Request, job_id: str) -> Answer:
        """Switch a job off for good."""
        return self.switched(job_id, job.disable, _("The job “%(id)s” is disabled."))


class JobResume(JobSwitch):
    @SWITCHED.but(action="job.resume")
    def post(self, request: Request, job_id: str) -> Answer:
        """End the pause of a job. What was due meanwhile is not run."""
        return self.switched(job_id, job.resume, _("The job “%(id)s” goes on."))


class JobPause(JobScoped):
    rights = {"POST": "manage_job"}

    @SWITCHED.but(action="job.pause", body=PauseBody)
    def post(self, request: Request, job_id: str) -> Answer:
        """Hold a job until it is resumed, or `until` a moment."""
        until = self.body(zone=self.job(job_id).zone)["until"]
        expected = expected_version(request)
        job.pause(job_id, actor=self.actor, until=until, expected_version=expected)
        message = _("The job “%(id)s” is paused until %(until)s.") if until else None
        message = message or _("The job “%(id)s” is paused.")
        return self.shown(job_id, message % {"id": job_id, "until": until})


class JobRun(JobScoped, RunView):
    rights = {"POST": "run_job"}

    @ACCEPTED.but(action="job.run", body=RunBody)
    def post(self, request: Request, job_id: str) -> Answer:
        """Queue one run of a job now; its schedule stays as it is.

        Disabled, paused and finished jobs can be run, too. To give other arguments than the
        job's takes the right to manage it, unless its function allows that to everybody.
        """
        if (answer := self.replayed()) is not None:
            return answer
        found = self.job(job_id)
        body = self.body()
        return self.run(found, body.get("kwargs"), force=body["force"])
