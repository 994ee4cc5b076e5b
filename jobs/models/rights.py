"""Who may do what with which job.

Three rights, of which the higher ones contain the lower: manage, run, view. They are held
for all jobs (Django's model permissions, by user or group) or for one (django-guardian's
direct tables, so that a grant goes with its job).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from django.contrib.auth.models import Permission
from django.db import models
from django.db.models import Q, QuerySet
from guardian.models import GroupObjectPermissionBase, UserObjectPermissionBase

from jobs.models.job import Job

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser, User

Right = Literal["view_job", "run_job", "manage_job"]

IMPLIED_BY: dict[Right, tuple[Right, ...]] = {
    "view_job": ("view_job", "run_job", "manage_job"),
    "run_job": ("run_job", "manage_job"),
    "manage_job": ("manage_job",),
}
"""Each right, and the rights that contain it."""

_LIMIT = "_right_limit"


class JobUserPermission(UserObjectPermissionBase):
    content_object = models.ForeignKey(Job, on_delete=models.CASCADE)

    class Meta(UserObjectPermissionBase.Meta):
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.user_id} {self.permission_id} {self.content_object_id}"


class JobGroupPermission(GroupObjectPermissionBase):
    content_object = models.ForeignKey(Job, on_delete=models.CASCADE)

    class Meta(GroupObjectPermissionBase.Meta):
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.group_id} {self.permission_id} {self.content_object_id}"


def limit(user: User, most: Right) -> None:
    """From here on this object of a user holds no right beyond `most`, as the scope of a token
    has it."""
    setattr(user, _LIMIT, most)


def is_within_limit(user: User | AnonymousUser, right: Right) -> bool:
    """Whether whoever is logged in as `user` was left the use of `right`, should he hold it."""
    return getattr(user, _LIMIT, "manage_job") in IMPLIED_BY[right]


def has_right(user: User | AnonymousUser, right: Right, job_id: str | None = None) -> bool:
    """Whether the user holds `right` on all jobs or, with `job_id`, on that one."""
    if not user.is_active or not is_within_limit(user, right):
        return False
    if any(user.has_perm(f"jobs.{name}") for name in IMPLIED_BY[right]):
        return True
    return job_id is not None and _granted(user, right).filter(pk=job_id).exists()


def has_right_anywhere(user: User | AnonymousUser, right: Right) -> bool:
    """Whether the user holds `right` on all jobs, or on at least one.

    Looked up once for each user object, as Django does with `has_perm`: a page asks for it at
    every link and button.
    """
    known: dict[Right, bool] = user.__dict__.setdefault("_rights_anywhere", {})
    if right not in known:
        known[right] = has_right(user, right) or _granted(user, right).exists()
    return known[right]


def visible_job_ids(
    user: User | AnonymousUser, right: Right = "view_job"
) -> QuerySet[Job, str] | None:
    """A subquery of the ids of jobs on which the user holds `right`; None means all of them."""
    if has_right(user, right):
        return None
    return _granted(user, right).values_list("pk", flat=True)


def _granted(user: User | AnonymousUser, right: Right) -> QuerySet[Job]:
    """Jobs on which the right was granted one by one, to the user or to one of their groups."""
    if not user.is_active or user.pk is None or not is_within_limit(user, right):
        return Job.objects.none()
    permissions = Permission.objects.filter(
        content_type__app_label="jobs", codename__in=IMPLIED_BY[right]
    ).values("pk")
    by_user = JobUserPermission.objects.filter(user_id=user.pk, permission__in=permissions)
    by_group = JobGroupPermission.objects.filter(group__user=user.pk, permission__in=permissions)
    return Job.objects.filter(
        Q(pk__in=by_user.values("content_object_id"))
        | Q(pk__in=by_group.values("content_object_id"))
    )
