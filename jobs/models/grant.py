"""`Grant`: who holds which right, on one job or on all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from django.contrib.auth.models import Group, Permission, User
from django.db.models import QuerySet

from jobs.models.rights import JobGroupPermission, JobUserPermission, Right

WORDS: dict[Right, str] = {"view_job": "view", "run_job": "run", "manage_job": "manage"}
"""The rights from the lowest to the highest, as programs and the audit name them."""


@dataclass(frozen=True, slots=True)
class Grant:
    """The highest right of a user or group; the lower ones are contained in it."""

    kind: Literal["user", "group"]
    name: str
    right: Right
    is_active: bool = True
    """False for a user who may not log in, to whom it is of no use now."""
    is_superuser: bool = False
    """Holds every right without being given any."""


def permissions() -> QuerySet[Permission]:
    """Django's rows of the three rights."""
    return Permission.objects.filter(content_type__app_label="jobs", codename__in=WORDS)


def grants_on(job_id: str) -> list[Grant]:
    """Rights on this job alone: of groups, then of users, by name."""
    return [
        *_of_groups(JobGroupPermission.objects.filter(content_object=job_id)),
        *_of_users(JobUserPermission.objects.filter(content_object=job_id)),
    ]


def grants_on_all() -> list[Grant]:
    """Rights on all jobs: of groups, of users, and of superusers, each by name. Who holds theirs
    by a group alone is not among the users."""
    users = User.user_permissions.through.objects.exclude(user__is_superuser=True)
    superusers = User.objects.filter(is_superuser=True).order_by("username")
    return [
        *_of_groups(Group.permissions.through.objects.all()),
        *_of_users(users),
        *(
            Grant("user", name, "manage_job", is_active, is_superuser=True)
            for name, is_active in superusers.values_list("username", "is_active")
        ),
    ]


def _of_groups(rows: QuerySet[Any]) -> list[Grant]:
    return [Grant("group", name, right) for (name,), right in _highest(rows, "group__name")]


def _of_users(rows: QuerySet[Any]) -> list[Grant]:
    highest = _highest(rows, "user__username", "user__is_active")
    return [Grant("user", name, right, is_active) for (name, is_active), right in highest]


def _highest(rows: QuerySet[Any], *holder: str) -> list[tuple[tuple[Any, ...], Right]]:
    """Of rows of one right each, the highest of each holder."""
    order = list(WORDS)
    found = rows.filter(permission__in=permissions()).values_list(*holder, "permission__codename")
    lowest_first = sorted(found, key=lambda row: order.index(row[-1]))
    return sorted({tuple(who): right for *who, right in lowest_first}.items())
