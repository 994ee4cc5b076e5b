"""Who may do what with which job.

Three rights, of which the higher ones contain the lower: manage, run, view. They are held
for all jobs (Django's model permissions, by user or group) or for one (django-guardian's
direct tables, so that a grant goes with its job).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from django.contrib.auth.models import Permission
from django.db import models
from django.db.models import QuerySet
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

MOST_PLANNED = 5000
"""Ids that are given to the database one by one."""

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
    return job_id is not None and _granted(user, right, job_id).exists()


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
) -> QuerySet[Any, str] | None:
    """A subquery of the ids of jobs on which the user holds `right`; None means all of them."""
    return None if has_right(user, right) else _granted(user, right)


def planned(ids: QuerySet[Any, str]) -> QuerySet[Any, str] | list[str]:
    """The ids themselves if they are few, for a condition on a table of millions.

    A database cannot guess what a subquery gives: PostgreSQL then reads history backwards
    until it has a page, and for a job that runs once a year reads it all.
    """
    few = list(ids[: MOST_PLANNED + 1])
    return few if len(few) <= MOST_PLANNED else ids


def _granted(
    user: User | AnonymousUser, right: Right, job_id: str | None = None
) -> QuerySet[Any, str]:
    """Ids of the jobs, or of the one, on which the right was granted to the user or to one of
    their groups."""
    if not user.is_active or user.pk is None or not is_within_limit(user, right):
        return Job.objects.none().values_list("pk", flat=True)
    permissions = Permission.objects.filter(
        content_type__app_label="jobs", codename__in=IMPLIED_BY[right]
    ).values("pk")
    by_user = JobUserPermission.objects.filter(user_id=user.pk, permission__in=permissions)
    by_group = JobGroupPermission.objects.filter(group__user=user.pk, permission__in=permissions)
    ids = []
    for grants in (by_user, by_group):
        on = grants if job_id is None else grants.filter(content_object=job_id)
        ids.append(on.values_list("content_object_id", flat=True))
    return ids[0].union(ids[1])
