"""What can be done to a job: enable, disable, pause, resume, run."""

from __future__ import annotations

from collections.abc import Callable

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework.request import Request

from jobs.api.envelope import Answer
from jobs.api.job import JobScoped
from jobs.api.job_serializers import PauseBody, RunBody
from jobs.api.run import start
from jobs.api.strict import Nothing
from jobs.control import job
from jobs.models import Job

SWITCHES: dict[str, tuple[Callable[..., Job], Promise]] = {
    "enable": (job.enable, gettext_lazy("The job “%(id)s” is enabled.")),
    "disable": (job.disable, gettext_lazy("The job “%(id)s” is disabled.")),
    "resume": (job.resume, gettext_lazy("The job “%(id)s” goes on.")),
}


class JobSwitch(JobScoped):
    """The actions that take nothing but the job."""

    rights = {"POST": "manage_job"}

    def post(self, request: Request, job_id: str, action: str) -> Answer:
        self.job(job_id)
        self.body(Nothing)
        switch, message = SWITCHES[action]
        switch(job_id, actor=self.actor)
        return self.shown(job_id, str(message) % {"id": job_id})


class JobPause(JobScoped):
    rights = {"POST": "manage_job"}

    def post(self, request: Request, job_id: str) -> Answer:
        until = self.body(PauseBody, zone=self.job(job_id).zone)["until"]
        job.pause(job_id, actor=self.actor, until=until)
        message = _("The job “%(id)s” is paused until %(until)s.") if until else None
        message = message or _("The job “%(id)s” is paused.")
        return self.shown(job_id, message % {"id": job_id, "until": until})


class JobRun(JobScoped):
    """Queue one run now; the schedule stays as it is."""

    rights = {"POST": "run_job"}

    def post(self, request: Request, job_id: str) -> Answer:
        found = self.job(job_id)
        body = self.body(RunBody)
        return start(
            request.user, found, kwargs=body.get("kwargs"), force=body["force"], actor=self.actor
        )
