"""Which right a request needs, as the view's `rights` say by method.

What somebody may not see is not there (404), which is the querysets' part; what somebody may
see and not do is forbidden (403), which is the part of these. A method without a right is
one that the view does not have, and falls through to its 405.
"""

from __future__ import annotations

from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from jobs.models import Job, JobExecution
from jobs.models.rights import Right, has_right, has_right_anywhere, is_within_limit


class OnAllJobs(BasePermission):
    """The right on all jobs: for what is about more than one."""

    def has_permission(self, request: Request, view: Any) -> bool:
        right = _needed(request, view)
        self.message = refusal(request, right)
        return right is None or has_right(request.user, right)


class OnAnyJob(BasePermission):
    """The right on at least one job: for lists, which show those that one may see."""

    def has_permission(self, request: Request, view: Any) -> bool:
        right = _needed(request, view)
        self.message = refusal(request, right)
        return right is None or has_right_anywhere(request.user, right)


class OnThisJob(BasePermission):
    """The right on the job, or on the job of the execution, that the path names."""

    def has_object_permission(self, request: Request, view: Any, obj: Job | JobExecution) -> bool:
        right = _needed(request, view)
        self.message = refusal(request, right)
        job_id = obj.pk if isinstance(obj, Job) else obj.job_id
        # Who may not view it has not found it.
        return right in (None, "view_job") or has_right(request.user, right, job_id)


def is_beyond_scope(request: Request, right: Right) -> bool:
    """Whether the token that was sent takes away the use of `right`."""
    return not is_within_limit(request.user, right)


def beyond_scope() -> str:
    return _("The scope of this token does not allow that.")


def refusal(request: Request, right: Right | None) -> str | Promise:
    if right is not None and is_beyond_scope(request, right):
        return beyond_scope()
    return NEEDED[right] if right else ""


NEEDED: dict[Right, Promise] = {
    "view_job": gettext_lazy("You need the right to view jobs for this."),
    "run_job": gettext_lazy("You need the right to run jobs for this."),
    "manage_job": gettext_lazy("You need the right to manage jobs for this."),
}


def _needed(request: Request, view: Any) -> Right | None:
    found: Right | None = view.rights.get("GET" if request.method == "HEAD" else request.method)
    return found
