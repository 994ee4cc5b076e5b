"""What was done to a job is told by the audit alone, where rights are looked at.

Django's own log would go on to tell the name of a job on everybody's front page after their
right on it has gone, and knows nothing of the API.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib.admin import ModelAdmin
from django.contrib.admin.utils import unquote
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse


class JobHistoryAdmin(ModelAdmin):  # type: ignore[type-arg]  # no subscript at run time
    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        job = self.get_object(request, unquote(object_id))
        if job is None:
            raise Http404
        query = urlencode({"job_id": job.pk})
        return HttpResponseRedirect(f"{reverse('admin:jobs_auditevent_changelist')}?{query}")

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Nothing."""

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Nothing."""

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        """Nothing."""
