"""The short address of the scheduler."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse_lazy
from django.views.decorators.http import require_safe

from jobs.models.rights import has_right_anywhere


@require_safe
@login_required(login_url=reverse_lazy("admin:login"))
def home(request: HttpRequest) -> HttpResponse:
    """To the admin's page of jobs."""
    if not has_right_anywhere(request.user, "view_job"):
        raise PermissionDenied
    return redirect("admin:jobs_job_changelist")
