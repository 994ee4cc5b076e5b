"""Why a job ran at a moment, or did not."""

from __future__ import annotations

from django.utils import timezone as django_timezone
from django.utils.translation import gettext_lazy as _
from rest_framework.request import Request

from jobs.api.endpoint import Endpoint
from jobs.api.envelope import Answer
from jobs.api.job import JobScoped
from jobs.api.strict import Query, Text
from jobs.errors import Invalid, JobNotFound
from jobs.executions.database import database_now
from jobs.explain.answer import ExplanationData
from jobs.explain.why import explain
from jobs.models.rights import has_right
from jobs.triggers.moments import LONGEST, read_told


class ExplainQuery(Query):
    at = Text(
        required=False,
        max_length=LONGEST,
        help_text=_(
            "The moment, as 2026-12-31T03:00 (that minute, in the server's zone), "
            "2026-12-31T03:00:00Z (that second) or 2h ago. Without it: now."
        ),
    )


class JobExplain(JobScoped):
    rights = {"GET": "view_job"}

    @Endpoint(query=ExplainQuery, shows=ExplanationData)
    def get(self, request: Request, job_id: str) -> Answer:
        """Explain why a job ran at a moment, or did not.

        Without `at`: how it stands now, when it runs next, and what became of its last
        occurrence. Jobs that are deleted are explained to who may view all.
        """
        is_seen = self.get_queryset().filter(pk=job_id).exists()
        if not is_seen and not has_right(request.user, "view_job"):
            raise JobNotFound(job_id)
        text, now = self.query().get("at"), database_now()
        zone = django_timezone.get_default_timezone()
        try:
            told = read_told(text, now=now, zone=zone) if text is not None else None
        except ValueError as error:
            raise Invalid({"at": [str(error)]}) from None
        return Answer(explain(job_id, told, now=now).as_data())
