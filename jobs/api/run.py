"""The answer to who asks for a run."""

from __future__ import annotations

from http import HTTPStatus

from django.urls import reverse
from django.utils.translation import gettext as _

from jobs.api.envelope import Answer
from jobs.models import JobExecution


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
